//! How a world's hosts come by images.

use serde::Deserialize;

use super::{Catalogue, Shape};

/// How VMs' disks come to stand on an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Strategy {
    /// Each host gets a copy before its first VM starts.
    #[default]
    Copy,
    /// All hosts have it in a shared directory, under the path that it has here.
    Shared,
    /// One host gets a copy and lends it by NBD: the others read only what their VMs read.
    Nbd,
}

impl Strategy {
    /// The word for it in files.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Copy => "copy",
            Self::Shared => "shared",
            Self::Nbd => "nbd",
        }
    }
}

/// A world's `[images]`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Settings {
    /// Where images are found by name.
    pub catalogue: Catalogue,
    /// How they come to the hosts.
    pub strategy: Strategy,
    /// Who passes them on to how many.
    pub shape: Shape,
}
