//! Getting disk images to hosts.
//!
//! An image is found by name or path ([`Catalogue`]) and told from others by its checksum ([`ImageFile`]). A [`Spread`]
//! brings one image to any number of hosts, which may join while it is under way: who gets it from whom is decided by
//! [`plan`], the work is done by OpenSSH and a small script on each host. A host passes on what it has got so far while
//! it still receives the rest, so that a chain of hosts is hardly slower than one of them.
//!
//! On a host an image lies in [`DIRECTORY`], under a name that holds its checksum: another image of the same name does
//! not touch it, and the disks of VMs stand on it safely. What is broken off lies beside it as `….part` and is gone on
//! with; nothing bears the image's name that is not whole and verified.

mod catalogue;
mod checksum;
pub mod plan;
mod progress;
mod settings;
mod shared;
mod spread;
mod taktuk;
mod transfer;

pub use catalogue::{Catalogue, DEFAULT_DIRECTORY};
pub use checksum::ImageFile;
pub use plan::Shape;
pub use progress::{HostProgress, Progress, Stage};
pub use settings::{Settings, Strategy};
pub use shared::shared;
pub use spread::{Arrival, Options, Spread, spread};
#[cfg_attr(not(feature = "libvirt"), expect(unused_imports, reason = "what lends images needs it"))]
pub(crate) use transfer::ssh;
pub use transfer::{DIRECTORY, Target};
