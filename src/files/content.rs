//! A file's content as it is now, by which a copy of it is checked later.

use std::fs::{self, File};
use std::io;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use sha2::{Digest as _, Sha256};

/// What a file is now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Content {
    /// Its size, in bytes.
    pub(crate) size: u64,
    /// Its SHA-256, in hexadecimal.
    pub(crate) sum: String,
    /// Its permissions, as in `0o755`.
    pub(crate) mode: u32,
}

impl Content {
    /// Reads all of a file, of so many bytes at most.
    ///
    /// # Errors
    /// Why it cannot be read, is no file, or is too large.
    pub(crate) fn of(path: &Path, most: Option<u64>) -> io::Result<Self> {
        let found = fs::metadata(path)?;
        if !found.is_file() {
            return Err(io::Error::other("found no file, expected one; pack directories first"));
        }
        if let Some(most) = most.filter(|most| found.len() > *most) {
            let most = most >> 20;
            let why = format!("found more than {most} MiB, the most that goes into guests (hosts take any)");
            return Err(io::Error::other(why));
        }
        let mut sum = Sha256::new();
        let size = io::copy(&mut File::open(path)?, &mut sum)?;
        Ok(Self { size, sum: format!("{:x}", sum.finalize()), mode: found.permissions().mode() & 0o777 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_size_sum_and_mode() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        fs::write(&file, "abc").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o750)).unwrap();
        let sum = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad".to_owned();
        assert_eq!(Content::of(&file, Some(3)).unwrap(), Content { size: 3, sum, mode: 0o750 });
        fs::write(&file, vec![0; (1 << 20) + 1]).unwrap();
        let why = Content::of(&file, Some(1 << 20)).unwrap_err().to_string();
        assert!(why.starts_with("found more than 1 MiB"), "{why}");
        let why = Content::of(folder.path(), None).unwrap_err().to_string();
        assert!(why.starts_with("found no file"), "{why}");
    }
}
