//! Files that are copied into guests and to hosts, and back from them.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::Bytes;

/// An empty file of this name lies where a run has put what it copied out: nobody's own directory is taken for it.
pub const COPIES_MARK: &str = ".hemera-copies";

/// A file to copy to each of many places, or from each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileCopy {
    /// What, and which way.
    pub way: Way,
    /// It is given up where it takes longer at a place.
    pub timeout: Duration,
}

/// Which way a file goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// To each place.
    In {
        /// The file here.
        file: PathBuf,
        /// What whoever asked for it calls it.
        name: Arc<str>,
        /// How large it was then.
        size: Bytes,
        /// The SHA-256 of its content then, in hexadecimal: what arrives has it, or does not get its name.
        sum: Arc<str>,
        /// Its whole path there; the directory must be there.
        to: Arc<str>,
        /// Its permissions there, as in `0o755`.
        mode: u32,
    },
    /// From each place.
    Out {
        /// Its whole path there.
        from: Arc<str>,
        /// The directory here in which each VM or host gets one of its own, of its name.
        to: PathBuf,
    },
}

impl FileCopy {
    /// How long a copy may take at a place where nobody says.
    pub const TIMEOUT: Duration = Duration::from_secs(600);
    /// The largest file that is copied into a guest or out of one: it goes through the guest's agent and libvirt in small
    /// pieces. Hosts take and give any.
    pub const GUEST_MAX: Bytes = Bytes(64 << 20);

    /// A file's whole path in a guest or on a host.
    ///
    /// # Errors
    /// What was expected where the text is none.
    pub fn path_there(text: &str) -> Result<Arc<str>, String> {
        let last = text.rsplit('/').next().unwrap_or_default();
        if !text.starts_with('/') || matches!(last, "" | "." | "..") || text.contains('\0') {
            return Err(format!("found {text:?}, expected a file's whole path there, as in \"/root/data\""));
        }
        Ok(text.into())
    }

    /// Permissions as `chmod` takes them in octal.
    ///
    /// # Errors
    /// What was expected where the text is none.
    pub fn mode(text: &str) -> Result<u32, String> {
        match u32::from_str_radix(text, 8) {
            Ok(mode) if mode <= 0o7777 && !text.starts_with('+') => Ok(mode),
            _ => Err(format!("found {text:?}, expected permissions in octal, as in \"755\"")),
        }
    }
}
