//! What is wrong in a theme or keymap file: where it stands, what stands there, and what was probably meant.

use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;
use toml::de::DeValue;

/// Where a file really stands, so that a link to it stays one when another file is put in its place.
pub(crate) fn real(path: &Path) -> PathBuf {
    std::fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}

/// A mistake in a theme or keymap.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}{}: {problem}", line_part(*.line))]
pub struct ConfigError {
    /// The file, or the name of what is built in.
    pub file: String,
    /// Line, from 1; 0 where the file cannot be read at all.
    pub line: usize,
    /// What is wrong and what was expected.
    pub problem: String,
}

/// `:12`; nothing where no line is meant.
fn line_part(line: usize) -> String {
    if line == 0 { String::new() } else { format!(":{line}") }
}

/// A file and its text, for making errors about places in it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Source<'a> {
    pub name: &'a str,
    pub text: &'a str,
}

impl Source<'_> {
    /// An error about the bytes `span` of the text.
    pub(crate) fn error(&self, span: &Range<usize>, problem: impl Into<String>) -> ConfigError {
        ConfigError { file: self.name.to_owned(), line: self.line(span.start), problem: problem.into() }
    }

    /// The line of the byte at `offset`, from 1.
    pub(crate) fn line(&self, offset: usize) -> usize {
        self.text.as_bytes()[..offset.min(self.text.len())].split(|&b| b == b'\n').count()
    }

    /// An error of the TOML reader.
    pub(crate) fn toml(&self, error: &toml::de::Error) -> ConfigError {
        self.error(&error.span().unwrap_or(0..0), error.message().replace('\n', ", "))
    }

    /// What a value that shall be a text says.
    pub(crate) fn string<'v>(&self, value: &'v Spanned<DeValue<'_>>) -> Result<&'v str, ConfigError> {
        value.get_ref().as_str().ok_or_else(|| {
            self.error(&value.span(), format!("found {}, expected a text in quotes", value.get_ref().type_str()))
        })
    }

    /// What a value that shall be `true` or `false` says.
    pub(crate) fn switch(&self, value: &Spanned<DeValue<'_>>) -> Result<bool, ConfigError> {
        value.get_ref().as_bool().ok_or_else(|| {
            self.error(&value.span(), format!("found {}, expected true or false", value.get_ref().type_str()))
        })
    }

    /// What a value that shall be a table holds.
    pub(crate) fn table<'v, 't>(
        &self,
        value: &'v Spanned<DeValue<'t>>,
    ) -> Result<&'v toml::de::DeTable<'t>, ConfigError> {
        value
            .get_ref()
            .as_table()
            .ok_or_else(|| self.error(&value.span(), format!("found {}, expected a table", value.get_ref().type_str())))
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
