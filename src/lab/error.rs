//! Why a lab could not be started, seen or ended.

use std::path::PathBuf;

/// What went wrong, what was expected, what to do.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The machine does not allow what a lab is made of.
    #[error("this machine cannot run a lab: {0}")]
    Forbidden(String),
    /// Packages are not installed.
    #[error("programs are missing: {programs}; install them with: apt-get install --no-install-recommends {packages}")]
    Missing {
        /// What was looked for.
        programs: String,
        /// The Debian packages that bring it.
        packages: String,
    },
    /// The directory cannot hold a lab.
    #[error("{}: {why}", dir.display())]
    Directory {
        /// The directory.
        dir: PathBuf,
        /// Why not, and what would do.
        why: String,
    },
    /// Another `up` or `down` is at work on the lab.
    #[error(
        "lab {number} is being started or ended by process {process}: wait for it, or end it with `kill {process}`"
    )]
    Busy {
        /// The lab.
        number: u8,
        /// Who works on it.
        process: u32,
    },
    /// Several labs run and none was named.
    #[error("{count} labs are there: name the directory of one (`hemera lab status` lists them), or --all")]
    WhichOne {
        /// How many.
        count: usize,
    },
    /// What is to break is not there or cannot break.
    #[error("{what}: {help}")]
    Fault {
        /// What is wrong.
        what: String,
        /// What would do.
        help: String,
    },
    /// A program of the system failed.
    #[error("`{command}` failed: {said}")]
    Program {
        /// What was run.
        command: String,
        /// What it said.
        said: String,
    },
    /// A file could not be read or written.
    #[error("{}: {error}", path.display())]
    File {
        /// The file or directory.
        path: PathBuf,
        /// What the system said.
        error: std::io::Error,
    },
    /// The disk image could not be built.
    #[error("the disk image cannot be built: {0}")]
    Image(String),
    /// A host's libvirtd did not start.
    #[error("{host} did not come up: expected its libvirtd to answer within {seconds} s; the end of its log:\n{log}")]
    Host {
        /// The host.
        host: String,
        /// How long was waited.
        seconds: u64,
        /// The last lines of its log.
        log: String,
    },
    /// Processes could not be killed.
    #[error("lab {number}: processes {pids} do not end although they were killed; try `hemera lab down` again later")]
    Immortal {
        /// The lab.
        number: u8,
        /// The processes.
        pids: String,
    },
    /// The operator ended it.
    #[error("interrupted; what had been started was taken away again")]
    Interrupted,
}

impl LabError {
    /// An error about a file.
    pub(super) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |error| Self::File { path, error }
    }
}
