//! Quantities with their units, as Hemera's files and commands write them: `64 MiB`, `12.5MB/s`, `60 %`, `500 ms`.

use std::fmt;
use std::time::Duration;

/// Why something was not taken: names it, and says what was expected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal(pub(crate) String);

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Refusal {}

/// An amount of memory or data in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Bytes(pub(crate) u64);

/// A rate in bytes per second; never negative.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub(crate) struct Rate(pub(crate) f64);

/// A share of a whole, 0 to 1.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub(crate) struct Share(pub(crate) f64);

/// How much memory: an amount, or a share of what is free.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Size {
    /// So many bytes.
    Bytes(Bytes),
    /// A share of the memory that is free or already the working set's.
    Share(Share),
}

/// The number at the start of `text`, and what follows it.
fn number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let end = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    Some((number.parse().ok()?, unit.trim()))
}

/// `off` and a bare 0 need no unit.
fn is_nothing(text: &str) -> bool {
    matches!(text.trim(), "off" | "0")
}

fn factor(unit: &str) -> Option<f64> {
    Some(match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "bit" => 0.125,
        "kbit" => 125.0,
        "Mbit" => 125e3,
        "Gbit" => 125e6,
        _ => return None,
    })
}

impl Bytes {
    fn read(text: &str) -> Option<Self> {
        let (n, unit) = number(text)?;
        (!unit.ends_with("bit")).then_some(Self((n * factor(unit)?).round() as u64))
    }
}

impl Rate {
    /// Reads `12.5 MB/s`, `100 Mbit/s`, `off`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let read = || {
            let (n, unit) = number(text)?;
            Some(Self(n * factor(unit.strip_suffix("/s")?.trim())?))
        };
        if is_nothing(text) { Some(Self(0.0)) } else { read() }.ok_or_else(|| {
            Refusal(format!(
                "`{text}` is not a rate: expected a number and B/s, kB/s, MB/s, GB/s, KiB/s, MiB/s, GiB/s, kbit/s, \
                 Mbit/s or Gbit/s, as in \"12.5 MB/s\", or \"off\""
            ))
        })
    }

    /// Whether this is no load at all.
    pub(crate) fn is_zero(self) -> bool {
        self.0 <= 0.0
    }
}

impl Share {
    fn read(text: &str) -> Option<Self> {
        let (n, unit) = number(text)?;
        (unit == "%" && n <= 100.0).then_some(Self(n / 100.0))
    }

    /// Reads `60 %`, `off`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        if is_nothing(text) { Some(Self(0.0)) } else { Self::read(text) }
            .ok_or_else(|| Refusal(format!("`{text}` is not a share: expected 0 % to 100 %, as in \"60 %\"")))
    }
}

impl Size {
    /// Reads `64 MiB`, `90 %`.
    pub(crate) fn parse(text: &str) -> Result<Self, Refusal> {
        let size = Bytes::read(text).map(Self::Bytes).or_else(|| Share::read(text).map(Self::Share));
        let holds = |size: &Self| *size != Self::Bytes(Bytes(0)) && *size != Self::Share(Share(0.0));
        size.filter(holds).ok_or_else(|| {
            Refusal(format!(
                "`{text}` is not a size: expected a number over 0 and B, kB, MB, GB, KiB, MiB or GiB, or a share of \
                 the free memory, as in \"64 MiB\" or \"90 %\""
            ))
        })
    }
}

/// Reads a span of time over 10 ms: `1s`, `500 ms`, `1 min`.
pub(crate) fn span(text: &str) -> Result<Duration, Refusal> {
    let read = || {
        let (n, unit) = number(text)?;
        let seconds = match unit {
            "ms" => 1e-3,
            "s" => 1.0,
            "min" | "m" => 60.0,
            "h" => 3600.0,
            _ => return None,
        };
        Duration::try_from_secs_f64(n * seconds).ok().filter(|span| *span >= Duration::from_millis(10))
    };
    read().ok_or_else(|| {
        Refusal(format!(
            "`{text}` is not an interval: expected a number and ms, s, min or h of at least 10 ms, as in \"1 s\""
        ))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_are_spoken() {
        assert_eq!(Rate::parse("12.5MB/s"), Ok(Rate(12_500_000.0)));
        assert_eq!(Rate::parse(" 100 Mbit/s "), Ok(Rate(12_500_000.0)));
        assert_eq!(Rate::parse("off"), Ok(Rate(0.0)));
        assert_eq!(Share::parse("60 %"), Ok(Share(0.6)));
        assert_eq!(Size::parse("64MiB"), Ok(Size::Bytes(Bytes(64 << 20))));
        assert_eq!(Size::parse("90 %"), Ok(Size::Share(Share(0.9))));
        assert_eq!(span("500 ms"), Ok(Duration::from_millis(500)));
    }

    #[test]
    fn what_is_no_quantity_is_named() {
        for text in ["", "12", "MB/s", "-3 MB/s", "12 MB", "1.2.3 MB/s", "nan MB/s", "inf MB/s", "12 mb/s"] {
            let refusal = Rate::parse(text).expect_err(text);
            assert!(refusal.0.starts_with(&format!("`{text}` is not a rate: expected")), "{refusal}");
        }
        for text in ["60", "0.6", "101 %", "60 percent"] {
            assert!(Share::parse(text).is_err(), "{text}");
        }
        for text in ["0", "0 B", "0 %", "64", "64 Mbit", "off"] {
            assert!(Size::parse(text).is_err(), "{text}");
        }
        for text in ["0s", "1", "5 ms", "1 day", "99999999999999999999999 h"] {
            assert!(span(text).is_err(), "{text}");
        }
    }
}
