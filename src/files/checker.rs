//! Checks that what a file says is in its range, with errors that name the key and the range.

use std::time::Duration;

use toml::Spanned;

use crate::fleet::{Bytes, Rate, Share, Span};

use super::{FileError, Source};

/// The highest rate of a NIC, disk, link or anything else: 10 Tbit/s.
const MAX_RATE: Rate = Rate(1.25e12);

/// A file under examination.
#[derive(Clone, Copy)]
pub(crate) struct Checker<'a> {
    /// The file.
    pub(crate) source: &'a Source,
}

impl Checker<'_> {
    /// An error about a value.
    pub(crate) fn fail<T, V>(self, at: &Spanned<V>, message: impl Into<String>) -> Result<T, FileError> {
        Err(self.source.error(&at.span(), message))
    }

    pub(crate) fn count(self, value: &Spanned<u32>, least: u32, most: u32, key: &str) -> Result<u32, FileError> {
        let count = *value.get_ref();
        if !(least..=most).contains(&count) {
            return self.fail(value, format!("{key}: found {count}, expected {least} to {most}"));
        }
        Ok(count)
    }

    pub(crate) fn bytes(
        self,
        value: &Spanned<Bytes>,
        least: Bytes,
        most: Bytes,
        key: &str,
    ) -> Result<Bytes, FileError> {
        let bytes = *value.get_ref();
        if bytes < least || bytes > most {
            return self.fail(value, format!("{key}: found {bytes}, expected {least} to {most}"));
        }
        Ok(bytes)
    }

    pub(crate) fn rate(self, value: &Spanned<Rate>, key: &str) -> Result<Rate, FileError> {
        if value.get_ref().0 < 1.0 {
            let message = format!("{key}: found {}, expected a rate of at least 1 B/s", value.get_ref());
            return self.fail(value, message);
        }
        self.rate_or_zero(value, key)
    }

    pub(crate) fn rate_or_zero(self, value: &Spanned<Rate>, key: &str) -> Result<Rate, FileError> {
        let rate = *value.get_ref();
        if rate > MAX_RATE {
            return self.fail(value, format!("{key}: found {rate}, expected at most 10 Tbit/s"));
        }
        Ok(rate)
    }

    pub(crate) fn share(self, value: &Spanned<Share>, key: &str) -> Result<Share, FileError> {
        let share = *value.get_ref();
        if share.0 > 1.0 {
            return self.fail(value, format!("{key}: found {share}, expected 0 % to 100 %"));
        }
        Ok(share)
    }

    pub(crate) fn span(
        self,
        value: &Spanned<Span>,
        least: Duration,
        most: Duration,
        key: &str,
    ) -> Result<Duration, FileError> {
        let span = value.get_ref().0;
        if span < least {
            let expected = if least < Duration::from_millis(1) {
                "more than 0 s".into()
            } else {
                format!("at least {}", Span(least))
            };
            return self.fail(value, format!("{key}: found {}, expected {expected}", value.get_ref()));
        }
        if span > most {
            let message = format!("{key}: found {}, expected at most {}", value.get_ref(), Span(most));
            return self.fail(value, message);
        }
        Ok(span)
    }
}
