//! The directory that a run's files go to.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::fleet::COPIES_MARK;

/// The files of every run.
pub const FILES: [&str; 6] =
    ["summary.json", "machine.json", "tasks.csv", "migrations.csv", "samples.csv", "events.jsonl"];
/// What commands wrote: the file of a run that ran some.
pub const OUTPUTS: &str = "outputs.jsonl";
/// The directory of what was copied out of guests and from hosts, of a run that did: `STEP/NAME/FILE` in it.
pub const COPIED: &str = "copied";

/// Why results cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum ResultsError {
    /// The directory holds something else.
    #[error(
        "{}: holds `{found}`, which no run of hemera wrote; give an empty or new directory, or that of an earlier run",
        path.display()
    )]
    Foreign {
        /// The directory.
        path: PathBuf,
        /// A file in it.
        found: String,
    },
    /// There is no such directory and none can be made.
    #[error("{}: expected a directory for the results, or the name of a new one: {why}", path.display())]
    NoDirectory {
        /// What was given.
        path: PathBuf,
        /// What stands against it.
        why: String,
    },
    /// Something could not be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// What.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ResultsError {
    pub(super) fn io(path: &Path, source: impl Into<io::Error>) -> Self {
        Self::Io { path: path.into(), source: source.into() }
    }
}

/// Makes the directory, or makes sure that it is empty or an earlier run's, whose files are then removed: what stays
/// of two runs would read as one.
pub(super) fn prepare(path: &Path) -> Result<(), ResultsError> {
    fs::create_dir_all(path).map_err(|error| {
        // The system's word for it is that the file exists.
        let why = if path.exists() { "this is a file".to_owned() } else { error.to_string() };
        ResultsError::NoDirectory { path: path.into(), why }
    })?;
    // Somebody else's directory may well be called so.
    let copied = path.join(COPIED).join(COPIES_MARK).exists().then_some(COPIED);
    let ours = |name: &str| FILES.contains(&name) || name == OUTPUTS || Some(name) == copied;
    let mut foreign = None;
    for entry in fs::read_dir(path).map_err(|error| ResultsError::io(path, error))? {
        let name = entry.map_err(|error| ResultsError::io(path, error))?.file_name();
        let name = name.to_string_lossy().into_owned();
        if !ours(&name) && foreign.as_ref().is_none_or(|found| name < *found) {
            foreign = Some(name);
        }
    }
    if let Some(found) = foreign
        && !holds_run(path)
    {
        return Err(ResultsError::Foreign { path: path.into(), found });
    }
    for file in FILES.into_iter().chain([OUTPUTS]).map(|name| path.join(name)) {
        match fs::remove_file(&file) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(ResultsError::io(&file, error)),
            _ => {}
        }
    }
    match copied.map(|copied| path.join(copied)) {
        Some(copied) => fs::remove_dir_all(&copied).map_err(|error| ResultsError::io(&copied, error)),
        None => Ok(()),
    }
}

/// Whether an earlier run ended here: there is a summary with a platform's clock in it.
fn holds_run(path: &Path) -> bool {
    fs::read_to_string(path.join("summary.json")).is_ok_and(|text| text.contains("\"clock_s\""))
}
