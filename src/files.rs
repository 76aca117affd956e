//! Reading the TOML files that people write, with errors that say where and what would have been right.

mod checker;
mod content;
mod context;

use std::fmt;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub(crate) use checker::Checker;
pub(crate) use content::Content;
use serde::de::DeserializeOwned;

use crate::fleet::nearest;

/// A place in a file, as editors count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// Line, from 1.
    pub line: usize,
    /// Character in the line, from 1.
    pub column: usize,
}

/// What is wrong with a file, and where: `worlds/x.toml:12:1: unknown key …`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct FileError {
    /// The file as it was named, or the name that no file goes by.
    pub file: Arc<str>,
    /// Where in it; none where it is not about a place in it.
    pub place: Option<Place>,
    /// What was found and what was expected.
    pub message: String,
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(Place { line, column }) => write!(f, "{}:{line}:{column}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

impl FileError {
    /// An error about a file as a whole.
    pub fn of_file(file: &str, message: impl Into<String>) -> Self {
        Self { file: file.into(), place: None, message: message.into() }
    }
}

/// A text with the name of the file that it came from. A clone shares both.
#[derive(Clone, PartialEq, Eq)]
pub struct Source {
    name: Arc<str>,
    text: Arc<str>,
}

/// The largest file that is read: a world of 65 535 clusters has some 10 MB.
const LARGEST: u64 = 64 << 20;

impl Source {
    /// A text and the name that errors give it.
    pub fn new(text: &str, name: &str) -> Self {
        Self { name: name.into(), text: text.into() }
    }

    /// Reads a file.
    ///
    /// # Errors
    /// Where it cannot be read, is not UTF-8, or is larger than 64 MiB.
    pub fn read(path: &Path) -> Result<Self, FileError> {
        let name = path.display().to_string();
        let failed = |error: std::io::Error| FileError::of_file(&name, format!("cannot be read: {error}"));
        if std::fs::metadata(path).map_err(failed)?.len() > LARGEST {
            return Err(FileError::of_file(&name, "is larger than 64 MiB: expected a file written by a person"));
        }
        let bytes = std::fs::read(path).map_err(failed)?;
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
            let place = place(&String::from_utf8_lossy(valid), valid.len());
            let message = "found bytes that are not UTF-8, expected a text file".into();
            FileError { file: name.as_str().into(), place: Some(place), message }
        })?;
        Ok(Self::new(&text, &name))
    }

    /// The name that errors give it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The path that a file names, which is meant from the file's own directory.
    pub fn beside(&self, path: &str) -> PathBuf {
        Path::new(&*self.name).parent().unwrap_or(Path::new("")).join(path)
    }

    /// An error about the bytes of `span`.
    pub fn error(&self, span: &Range<usize>, message: impl Into<String>) -> FileError {
        FileError { file: self.name.clone(), place: Some(place(&self.text, span.start)), message: message.into() }
    }

    /// An error about the character at byte `offset` of the value of the string at `span`; about the string's begin
    /// where escapes make that unclear.
    pub fn error_within(
        &self,
        span: &Range<usize>,
        value: &str,
        offset: usize,
        message: impl Into<String>,
    ) -> FileError {
        let written = self.text.get(span.start + 1..span.start + 1 + value.len());
        let start = if written == Some(value) { span.start + 1 + offset } else { span.start };
        self.error(&(start..start), message)
    }

    /// Reads the text as TOML of the shape of `T`.
    ///
    /// # Errors
    /// What is not TOML, and keys and values that `T` does not know, with their place and the nearest known key.
    pub fn parse<T: DeserializeOwned>(&self) -> Result<T, FileError> {
        toml::from_str(&self.text).map_err(|error| {
            let span = error.span().unwrap_or(0..0);
            self.error(&span, context::explain(&self.text, span.start, error.message()))
        })
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Source({}, {} bytes)", self.name, self.text.len())
    }
}

/// Reads a text as TOML of the shape of `T`; `source_name` stands for it in errors.
///
/// # Errors
/// See [`Source::parse`].
pub fn parse<T: DeserializeOwned>(text: &str, source_name: &str) -> Result<T, FileError> {
    Source::new(text, source_name).parse()
}

/// Reads a file.
///
/// # Errors
/// See [`Source::read`].
pub fn read(path: &Path) -> Result<Source, FileError> {
    Source::read(path)
}

/// The line and column of a byte of a text.
fn place(text: &str, offset: usize) -> Place {
    let mut offset = offset.min(text.len());
    while !text.is_char_boundary(offset) {
        offset -= 1;
    }
    let before = &text[..offset];
    let line_start = before.rfind('\n').map_or(0, |i| i + 1);
    Place { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
}

/// `: did you mean …?`, or what is known where nothing is near and the list is short enough to read.
pub fn suggestion<'a>(found: &str, known: impl IntoIterator<Item = &'a str> + Clone) -> String {
    if let Some(word) = nearest(found, known.clone()) {
        return format!(": did you mean `{word}`?");
    }
    let mut known: Vec<&str> = known.into_iter().collect();
    known.dedup();
    match known.as_slice() {
        [] => String::new(),
        [one] => format!(": expected `{one}`"),
        [first @ .., last] if first.len() < 20 => format!(": expected one of `{}` or `{last}`", first.join("`, `")),
        [first, .., last] => format!(": {} are known, from `{first}` to `{last}`", known.len()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_count_characters_not_bytes() {
        assert_eq!(place("aä\nöx", 6), Place { line: 2, column: 2 });
        assert_eq!(place("aä\nöx", 5), Place { line: 2, column: 1 }, "inside ö");
        assert_eq!(place("", 10), Place { line: 1, column: 1 });
    }
}
