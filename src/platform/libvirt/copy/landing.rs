//! A file that arrives here.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use sha2::{Digest as _, Sha256};

use crate::fleet::COPIES_MARK;

/// A file that arrives here. Dropped before [`finish`](Self::finish) it leaves nothing.
#[derive(Debug)]
pub(super) struct Landing {
    place: PathBuf,
    part: PathBuf,
    sum: Sha256,
    size: u64,
}

fn at<T>(path: &Path, done: io::Result<T>) -> Result<T, String> {
    done.map_err(|error| format!("{}: {error}", path.display()))
}

impl Landing {
    /// Begins with nothing in it: the file `from` of the VM or host of this name, in a directory of its name in `to`.
    ///
    /// # Errors
    /// Where it cannot be written, with its path.
    pub(super) fn begin(to: &Path, name: &str, from: &str) -> Result<Self, String> {
        if name.contains('/') || matches!(name, "" | "." | "..") {
            return Err(format!("{name:?} makes no directory here"));
        }
        let directory = to.join(name);
        let place = directory.join(from.rsplit('/').next().unwrap_or(from));
        let part = PathBuf::from(format!("{}.hemera-part", place.display()));
        at(&directory, fs::create_dir_all(&directory))?;
        // Where the run's copies lie, for the next run to know them for ours.
        let mark = to.parent().unwrap_or(to).join(COPIES_MARK);
        at(&mark, File::create(&mark))?;
        let landing = Self { place, part, sum: Sha256::new(), size: 0 };
        at(&landing.part, File::create(&landing.part))?;
        Ok(landing)
    }

    /// Adds what came. The file is open only meanwhile: thousands may be under way.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<(), String> {
        at(&self.part, OpenOptions::new().append(true).open(&self.part).and_then(|mut file| file.write_all(bytes)))?;
        self.sum.update(bytes);
        self.size += bytes.len() as u64;
        Ok(())
    }

    /// How many bytes came.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Gives it its name, where this is its SHA-256 there.
    ///
    /// # Errors
    /// Where it is not, or the file cannot be moved to its place.
    pub(super) fn finish(self, sum: &str) -> Result<(), String> {
        let ours = format!("{:x}", self.sum.clone().finalize());
        if ours != sum {
            return Err(format!(
                "what arrived has the SHA-256 {ours}, there it is {sum}: the file has changed meanwhile"
            ));
        }
        at(&self.place, fs::rename(&self.part, &self.place))
    }
}

impl Drop for Landing {
    fn drop(&mut self) {
        // It is not there where the file has its name.
        let _ = fs::remove_file(&self.part);
        // It stays where something else is in it.
        let _ = self.place.parent().map(fs::remove_dir);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_arrives_whole_gets_its_name_and_nothing_else_stays() {
        let folder = tempfile::tempdir().unwrap();
        let to = folder.path().join("3");
        let begin = |name: &str| {
            let mut landing = Landing::begin(&to, name, "/var/log/data").unwrap();
            landing.write(b"a").unwrap();
            landing.write(b"bc").unwrap();
            landing
        };
        let names = |name: &str| -> Vec<String> {
            let entries = fs::read_dir(to.join(name)).into_iter().flatten().flatten();
            entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
        };
        let landing = begin("vm-1");
        assert_eq!((landing.size(), names("vm-1")), (3, vec!["data.hemera-part".into()]));
        landing.finish("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad").unwrap();
        assert_eq!((names("vm-1"), fs::read(to.join("vm-1/data")).unwrap()), (vec!["data".into()], b"abc".to_vec()));
        // The second time the file before stays.
        assert!(begin("vm-1").finish("ba78").unwrap_err().contains("there it is ba78"));
        assert_eq!((names("vm-1"), fs::read(to.join("vm-1/data")).unwrap()), (vec!["data".into()], b"abc".to_vec()));
        drop(begin("vm-2"));
        assert!(!to.join("vm-2").exists());
        assert!(Landing::begin(&to, "..", "/data").is_err());
    }
}
