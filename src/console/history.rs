//! What was typed before: commands and filters, kept from one console to the next.
//!
//! All of them stand in one file, a line each, `:` before a command and `/` before a filter, as vim writes them. Several
//! consoles append to it at once: each line is one write at the end of the file, under a lock where the file system has
//! locks. Where the file cannot be read or written, there is only what was typed in this console.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::config::real;

/// Lines of each kind that are remembered.
const REMEMBERED: usize = 1000;
/// Longer lines are not kept: nobody types them.
const LONGEST: usize = 4096;
/// How often a lock that somebody else holds is tried again, a millisecond apart. They hold it for one write.
const TRIES: usize = 10;

/// What a line is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Command,
    Filter,
}

impl Kind {
    const fn sign(self) -> char {
        match self {
            Self::Command => ':',
            Self::Filter => '/',
        }
    }
}

/// What was typed before, oldest first.
#[derive(Debug, Default)]
pub(crate) struct History {
    path: Option<PathBuf>,
    commands: Vec<String>,
    filters: Vec<String>,
}

impl History {
    /// What the file in that folder holds; an empty history where there is none.
    pub(crate) fn load(dir: Option<&Path>) -> Self {
        let path = dir.map(|dir| dir.join("history"));
        let mut history = Self { path, ..Self::default() };
        let text = history.path.as_deref().and_then(|path| read(path).ok()).unwrap_or_default();
        for line in text.lines() {
            match (line.strip_prefix(':'), line.strip_prefix('/')) {
                (Some(command), _) => history.keep(Kind::Command, command),
                (_, Some(filter)) => history.keep(Kind::Filter, filter),
                _ => {}
            }
        }
        history
    }

    /// All of a kind, oldest first.
    pub(crate) fn of(&self, kind: Kind) -> &[String] {
        match kind {
            Kind::Command => &self.commands,
            Kind::Filter => &self.filters,
        }
    }

    /// Takes a line up, here and in the file.
    pub(crate) fn add(&mut self, kind: Kind, line: &str) {
        let line = line.trim();
        if line.is_empty() || line.len() > LONGEST || line.contains(char::is_control) {
            return;
        }
        self.keep(kind, line);
        if let Some(path) = &self.path
            && append(path, &format!("{}{line}\n", kind.sign())).is_err()
        {
            // Nothing is lost that matters, and trying again at every line would only be slow.
            self.path = None;
        }
    }

    fn keep(&mut self, kind: Kind, line: &str) {
        let lines = if kind == Kind::Command { &mut self.commands } else { &mut self.filters };
        lines.retain(|l| l != line);
        lines.push(line.to_owned());
        if lines.len() > REMEMBERED {
            lines.remove(0);
        }
    }
}

/// Walking through what was typed before.
#[derive(Debug, Default)]
pub(crate) struct Walk {
    /// How far back one is, and what was typed before one began.
    at: Option<(usize, String)>,
}

impl Walk {
    /// Whether one is somewhere in the past.
    pub(crate) const fn is_under_way(&self) -> bool {
        self.at.is_some()
    }

    /// The line before; `now` is what the line says when one begins.
    pub(crate) fn older(&mut self, lines: &[String], now: &str) -> Option<String> {
        let back = self.at.as_ref().map_or(0, |(back, _)| back + 1);
        let line = lines.iter().rev().nth(back)?.clone();
        let draft = self.at.take().map_or_else(|| now.to_owned(), |(_, draft)| draft);
        self.at = Some((back, draft));
        Some(line)
    }

    /// The line after; at the end what was typed before one began.
    pub(crate) fn newer(&mut self, lines: &[String]) -> Option<String> {
        let (back, draft) = self.at.take()?;
        let Some(back) = back.checked_sub(1) else { return Some(draft) };
        let line = lines.iter().rev().nth(back).cloned();
        self.at = Some((back, draft));
        line
    }

    /// Whoever types something is no longer in the past.
    pub(crate) fn end(&mut self) {
        self.at = None;
    }
}

fn open(path: &Path) -> std::io::Result<File> {
    if let Some(dir) = path.parent() {
        std::fs::create_dir_all(dir)?;
    }
    OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)
}

/// Takes the lock; false where somebody holds it for too long or there are no locks.
fn locked(file: &File) -> bool {
    for _ in 0..TRIES {
        match file.try_lock() {
            Ok(()) => return true,
            Err(TryLockError::WouldBlock) => std::thread::sleep(Duration::from_millis(1)),
            Err(TryLockError::Error(_)) => return false,
        }
    }
    false
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = open(path)?;
    // Without the lock, the line still arrives whole: it is one write at the end.
    if locked(&file) && !is_still(&file, path) {
        // Somebody shortened it meanwhile: the line belongs into the file that stands there now.
        file = open(path)?;
        locked(&file);
    }
    file.write_all(line.as_bytes())
}

/// Whether that file still is the one at that path.
fn is_still(file: &File, path: &Path) -> bool {
    let is = |meta: std::fs::Metadata| (meta.dev(), meta.ino());
    let ours = file.metadata().map(is).ok();
    ours.is_some() && ours == std::fs::metadata(path).map(is).ok()
}

/// Reads the file; one that has grown too long keeps its end.
fn read(path: &Path) -> std::io::Result<String> {
    if !path.exists() {
        return Ok(String::new());
    }
    let mut bytes = Vec::new();
    File::open(path)?.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    if text.lines().count() > 3 * REMEMBERED {
        // A disk that only can be read keeps what it has.
        drop(shorten(path));
    }
    Ok(text)
}

/// Writes the end of the file beside it and puts that in its place, so that a full disk leaves the old one.
fn shorten(path: &Path) -> std::io::Result<()> {
    let path = real(path);
    let mut file = open(&path)?;
    if !locked(&file) || !is_still(&file, &path) {
        return Ok(());
    }
    let mut bytes = Vec::new();
    file.read_to_end(&mut bytes)?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().collect();
    let mut kept = lines[lines.len().saturating_sub(2 * REMEMBERED)..].join("\n");
    kept.push('\n');
    let beside = path.with_extension(std::process::id().to_string());
    // The lock is held until the new file is there: who waits for it looks again which file it is.
    let written = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&beside)
        .and_then(|mut new| new.write_all(kept.as_bytes()).and_then(|()| new.sync_all()))
        .and_then(|()| std::fs::rename(&beside, &path));
    if written.is_err() {
        drop(std::fs::remove_file(&beside));
    }
    written
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn lines_outlive_the_console_and_several_may_write() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path().join("new");
        let (mut one, mut two) = (History::load(Some(&dir)), History::load(Some(&dir)));
        one.add(Kind::Command, "sort cpu");
        two.add(Kind::Filter, "state:failed");
        one.add(Kind::Command, "boot small 3");
        one.add(Kind::Command, "sort cpu");
        let three = History::load(Some(&dir));
        assert_eq!(three.of(Kind::Command), ["boot small 3", "sort cpu"]);
        assert_eq!(three.of(Kind::Filter), ["state:failed"]);
        let mode = std::fs::metadata(dir.join("history")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);
    }

    #[test]
    fn a_long_file_is_shortened_and_a_place_that_cannot_be_written_is_no_history() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("history");
        let text: Vec<String> = (0..5000).map(|i| format!(":op {i}")).collect();
        std::fs::write(&path, text.join("\n")).unwrap();
        let history = History::load(Some(dir.path()));
        assert_eq!((history.commands.len(), history.commands[999].as_str()), (1000, "op 4999"));
        assert_eq!(std::fs::read_to_string(&path).unwrap().lines().count(), 2000);
        // It was put in the place of the old one, and nothing is left beside it.
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1);
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        // A file where the folder should be.
        let mut none = History::load(Some(&path));
        none.add(Kind::Command, "events");
        assert_eq!(none.of(Kind::Command), ["events"]);
    }

    #[test]
    fn walking_goes_back_and_returns_to_what_was_typed() {
        let lines = ["one".to_owned(), "two".to_owned()];
        let mut walk = Walk::default();
        assert_eq!(walk.older(&lines, "dra").as_deref(), Some("two"));
        assert_eq!(walk.older(&lines, "two").as_deref(), Some("one"));
        assert_eq!(walk.older(&lines, "one"), None);
        assert_eq!(walk.newer(&lines).as_deref(), Some("two"));
        assert_eq!(walk.newer(&lines).as_deref(), Some("dra"));
        assert_eq!(walk.newer(&lines), None);
    }
}
