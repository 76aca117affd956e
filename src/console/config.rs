//! What is wrong in a theme or keymap file: where it stands, what stands there, and what was probably meant.

use std::ops::Range;

/// A mistake in a theme or keymap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {problem}")]
pub struct ConfigError {
    /// The file, or the name of what is built in.
    pub file: String,
    /// Line, from 1; 0 where the file cannot be read at all.
    pub line: usize,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// A file and its text, for making errors about places in it.
pub(crate) struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// An error about the bytes `span` of the text.
    pub(crate) fn error(&self, span: &Range<usize>, problem: impl Into<String>) -> ConfigError {
        let before = &self.text.as_bytes()[..span.start.min(self.text.len())];
        let line = before.split(|&b| b == b'\n').count();
        ConfigError { file: self.name.to_owned(), line, problem: problem.into() }
    }

    /// An error of the TOML reader.
    pub(crate) fn toml(&self, error: &toml::de::Error) -> ConfigError {
        self.error(&error.span().unwrap_or(0..0), error.message())
    }
}

/// Says that something is unknown, with the nearest of the `known`, or all of them where they are few.
pub(crate) fn unknown<'a>(what: &str, found: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    let known: Vec<&str> = known.into_iter().collect();
    let nearest = known
        .iter()
        .map(|k| (strsim::jaro_winkler(found, k), *k))
        .filter(|(score, _)| *score > 0.75)
        .max_by(|a, b| a.0.total_cmp(&b.0));
    match nearest {
        Some((_, k)) => format!("unknown {what} `{found}`, did you mean `{k}`?"),
        None if known.len() <= 12 => format!("unknown {what} `{found}`, expected one of: {}", known.join(", ")),
        None => format!("unknown {what} `{found}`"),
    }
}

/// The text of a user's file.
pub(crate) fn read(path: &std::path::Path) -> Result<String, ConfigError> {
    std::fs::read_to_string(path).map_err(|error| ConfigError {
        file: path.display().to_string(),
        line: 0,
        problem: format!("cannot be read: {error}"),
    })
}
