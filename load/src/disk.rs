//! Disk load: blocks written into one file of bounded size, over and over, past the page cache where that works.

use std::fs::{File, OpenOptions};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;

use rustix::fs::OFlags;

use crate::load::{Counters, Load};
use crate::memory::{Block, fill};
use crate::settings::Asked;
use crate::units::{Rate, Refusal};
use crate::worker::Work;

/// Bytes written at once.
const BLOCK: usize = 64 << 10;

/// Blocks in the file, which never gets larger.
const BLOCKS: u64 = 256;

/// How each block begins, so that a file left by a process that was killed is known again and no other is overwritten.
const MARK: &[u8] = b"hemera-load writes here\n";

/// The file that is written to.
#[derive(Debug, Default)]
pub(crate) struct Disk {
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    path: PathBuf,
    file: File,
    /// Whether writes go past the page cache.
    direct: bool,
    block: Block,
    written: u64,
}

impl Open {
    fn new(path: &Path) -> Result<Self, Refusal> {
        let refused = |what: &str, error: std::io::Error| Refusal(format!("cannot {what} {}: {error}", path.display()));
        match OpenOptions::new().write(true).create_new(true).open(path) {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::AlreadyExists => check(path)?,
            Err(error) => return Err(refused("make", error)),
        }
        let mut options = OpenOptions::new();
        options.write(true);
        let flags = i32::try_from(OFlags::DIRECT.bits()).unwrap_or(0);
        // File systems in memory and some over the network refuse it.
        let (file, direct) = match options.clone().custom_flags(flags).open(path) {
            Ok(file) => (file, true),
            Err(_) => (options.open(path).map_err(|error| refused("open", error))?, false),
        };
        let mut block = Block::new(BLOCK);
        fill(block.bytes(), 1);
        block.bytes()[..MARK.len()].copy_from_slice(MARK);
        Ok(Self { path: path.to_owned(), file, direct, block, written: 0 })
    }
}

/// Refuses a file that is not ours to overwrite.
fn check(path: &Path) -> Result<(), Refusal> {
    let refusal = |why: &str| Refusal(format!("{} {why}: name a file that may be made", path.display()));
    if !path.symlink_metadata().is_ok_and(|data| data.is_file()) {
        return Err(refusal("is no plain file"));
    }
    let mut start = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MARK.len() as u64).read_to_end(&mut start));
    match read {
        Ok(_) if start.is_empty() || start == MARK => Ok(()),
        Ok(_) => Err(refusal("is there already and holds something else")),
        Err(error) => Err(refusal(&format!("is there and cannot be read ({error})"))),
    }
}

impl Work for Disk {
    const NAME: &'static str = "disk";
    const QUANTUM: u64 = BLOCK as u64;

    fn rate(asked: &Asked) -> Rate {
        asked.disk
    }

    fn counter(counters: &Counters) -> &AtomicU64 {
        &counters.disk
    }

    fn take_up(&mut self, asked: &Asked, load: &Load) -> Result<(), Refusal> {
        let Some(path) = &asked.file else { return Err(Refusal("no file to write to was named".to_owned())) };
        if self.open.as_ref().is_none_or(|open| open.path != *path) {
            self.put_down(asked, load);
            self.open = Some(Open::new(path)?);
            load.clean_up(path.clone());
        }
        Ok(())
    }

    fn put_down(&mut self, _asked: &Asked, load: &Load) {
        if let Some(open) = self.open.take() {
            load.remove(&open.path);
        }
    }

    fn some(&mut self, _most: u64, _load: &Load) -> Result<u64, Refusal> {
        let Some(open) = &mut self.open else { return Err(Refusal("the file is not open".to_owned())) };
        // Another block each time, as a disk that finds equal ones may not write them.
        open.block.bytes()[MARK.len()..MARK.len() + 8].copy_from_slice(&open.written.to_le_bytes());
        let offset = open.written % BLOCKS * BLOCK as u64;
        let mut write = open.file.write_all_at(open.block.bytes(), offset);
        if open.direct && write.as_ref().is_err_and(|error| error.kind() == ErrorKind::InvalidInput) {
            // Some file systems take the flag and refuse the writes.
            open.file = OpenOptions::new().write(true).open(&open.path).map_err(|error| refused(&open.path, &error))?;
            open.direct = false;
            write = open.file.write_all_at(open.block.bytes(), offset);
        }
        if !open.direct {
            write = write.and_then(|()| open.file.sync_data());
        }
        match write {
            Ok(()) => {
                open.written += 1;
                Ok(BLOCK as u64)
            }
            Err(error) => {
                let refusal = refused(&open.path, &error);
                // Opened anew at the next try; the disk may have come back as another one.
                self.open = None;
                Err(refusal)
            }
        }
    }
}

fn refused(path: &Path, error: &std::io::Error) -> Refusal {
    Refusal(format!("cannot write to {}: {error}", path.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    fn place(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("hemera-load-{}-{name}", std::process::id()))
    }

    #[test]
    fn the_file_is_bounded_and_goes_in_the_end() {
        let load = Load::new();
        let asked = Asked { file: Some(place("bounded")), ..Asked::default() };
        let path = place("bounded");
        let mut disk = Disk::default();
        disk.take_up(&asked, &load).expect("opens");
        for _ in 0..BLOCKS + 3 {
            assert_eq!(disk.some(0, &load), Ok(BLOCK as u64));
        }
        assert_eq!(fs::metadata(&path).expect("there").len(), BLOCKS * BLOCK as u64);
        // As a process that was killed leaves it.
        let mut next = Disk::default();
        next.take_up(&asked, &load).expect("knows it again");
        next.put_down(&asked, &load);
        assert!(!path.exists());
    }

    #[test]
    fn nothing_else_is_overwritten() {
        let path = place("precious");
        fs::write(&path, "a thesis").expect("written");
        for path in [path.clone(), PathBuf::from("/dev/null"), PathBuf::from("/"), place("none/file")] {
            let asked = Asked { file: Some(path.clone()), ..Asked::default() };
            let refusal = Disk::default().take_up(&asked, &Load::new()).expect_err("refused");
            assert!(refusal.0.contains(&path.display().to_string()), "{refusal}");
        }
        assert_eq!(fs::read_to_string(&path).expect("there"), "a thesis");
        fs::remove_file(&path).expect("removed");
    }
}
