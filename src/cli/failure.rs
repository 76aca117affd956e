//! Why the program ends without having done what was asked.

use std::fmt::Display;

use super::{BAD_INPUT, FAILED};
use crate::console::ConfigError;
use crate::files::FileError;
use crate::results::ResultsError;
use crate::runtime::RuntimeError;

/// Told to the user on the way out.
#[derive(Debug)]
pub(super) enum Failure {
    /// Files, flags or names that are wrong: each is told in a line of its own.
    Input(Vec<String>),
    /// What was asked for could not be done.
    Work(String),
    /// What nobody foresaw: told with where it came from.
    Unforeseen(color_eyre::Report),
}

impl Failure {
    pub(super) fn input(message: impl Display) -> Self {
        Self::Input(vec![message.to_string()])
    }

    pub(super) fn work(message: impl Display) -> Self {
        Self::Work(message.to_string())
    }

    /// Says it on stderr.
    pub(super) fn tell(&self) {
        match self {
            Self::Input(messages) => messages.iter().for_each(|message| note!("error: {message}")),
            Self::Work(message) => note!("error: {message}"),
            Self::Unforeseen(report) => note!("{report:?}"),
        }
    }

    pub(super) const fn code(&self) -> u8 {
        match self {
            Self::Input(_) => BAD_INPUT,
            Self::Work(_) | Self::Unforeseen(_) => FAILED,
        }
    }
}

impl From<FileError> for Failure {
    fn from(error: FileError) -> Self {
        Self::input(error)
    }
}

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::input(error)
    }
}

impl From<RuntimeError> for Failure {
    fn from(error: RuntimeError) -> Self {
        Self::work(error)
    }
}

impl From<ResultsError> for Failure {
    fn from(error: ResultsError) -> Self {
        Self::work(error)
    }
}
