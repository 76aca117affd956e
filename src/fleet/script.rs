//! What is run in guests and on hosts.

use std::sync::Arc;
use std::time::Duration;

/// A command or script to run in a guest or on a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// What it is called: the command, or the script's file name.
    pub title: Arc<str>,
    /// What is run: by `/bin/sh`, or by the interpreter that its first line names after `#!`.
    pub text: Arc<str>,
    /// Its arguments, `$1` and so on to a shell.
    pub arguments: Vec<Arc<str>>,
    /// It is ended where it takes longer.
    pub timeout: Duration,
}

impl Script {
    /// How long a command may take where nobody says.
    pub const TIMEOUT: Duration = Duration::from_secs(60);
    /// The most bytes that a script may have: what Linux takes as one argument is 128 KiB.
    pub const MAX: usize = 64 << 10;

    /// A command line for a shell.
    pub fn command(text: &str) -> Self {
        Self { title: text.trim().into(), text: text.into(), arguments: Vec::new(), timeout: Self::TIMEOUT }
    }
}
