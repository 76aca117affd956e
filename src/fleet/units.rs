//! Quantities with their units, as people write and read them: `1 GiB`, `10 Gbit/s`, `30 ms`, `60 %`.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub, SubAssign};
use std::str::FromStr;
use std::time::Duration;

use serde::de::{Deserialize, Deserializer, Visitor};

/// A text that is no quantity of the expected kind.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{found}` is not {what}: expected {expected}")]
pub struct UnitError {
    found: String,
    what: &'static str,
    expected: &'static str,
}

/// An amount of memory or data in bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Bytes(pub u64);

/// A rate in bytes per second; never negative.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Rate(pub f64);

/// A share of a whole: 0.6 is 60 %. May exceed 1 where demand exceeds capacity.
#[derive(Clone, Copy, PartialEq, PartialOrd, Debug, Default)]
pub struct Share(pub f64);

/// A span of time as a file gives it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub struct Span(pub Duration);

/// The number at the start of `text` and what follows it, trimmed.
fn split_number(text: &str) -> Option<(f64, &str)> {
    let text = text.trim();
    let mut end = text.len();
    let bytes = text.as_bytes();
    for (i, c) in text.char_indices() {
        let exponent = (c == 'e' || c == 'E')
            && i > 0
            && bytes.get(i + 1).is_some_and(|n| n.is_ascii_digit() || matches!(n, b'+' | b'-'));
        let sign = matches!(c, '+' | '-') && (i == 0 || matches!(bytes[i - 1], b'e' | b'E'));
        if !(c.is_ascii_digit() || c == '.' || exponent || sign) {
            end = i;
            break;
        }
    }
    let number: f64 = text[..end].parse().ok()?;
    (number.is_finite() && number >= 0.0).then(|| (number, text[end..].trim()))
}

fn byte_factor(unit: &str) -> Option<f64> {
    Some(match unit {
        "B" => 1.0,
        "kB" | "KB" => 1e3,
        "MB" => 1e6,
        "GB" => 1e9,
        "TB" => 1e12,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    })
}

fn bit_factor(unit: &str) -> Option<f64> {
    Some(match unit {
        "bit" => 0.125,
        "kbit" => 125.0,
        "Mbit" => 125e3,
        "Gbit" => 125e6,
        "Tbit" => 125e9,
        _ => return None,
    })
}

impl Bytes {
    /// One mebibyte.
    pub const MIB: Self = Self(1 << 20);
    /// One gibibyte.
    pub const GIB: Self = Self(1 << 30);

    /// `n` mebibytes.
    pub const fn mib(n: u64) -> Self {
        Self(n << 20)
    }

    /// Whole mebibytes, rounded up, as the columns of a snapshot hold them.
    pub const fn to_mib(self) -> u64 {
        self.0.div_ceil(1 << 20)
    }

    /// `self - other`, or nothing where `other` is more.
    #[must_use]
    pub const fn saturating_sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Add for Bytes {
    type Output = Self;
    fn add(self, other: Self) -> Self {
        Self(self.0 + other.0)
    }
}

impl Sub for Bytes {
    type Output = Self;
    fn sub(self, other: Self) -> Self {
        Self(self.0 - other.0)
    }
}

impl AddAssign for Bytes {
    fn add_assign(&mut self, other: Self) {
        self.0 += other.0;
    }
}

impl SubAssign for Bytes {
    fn sub_assign(&mut self, other: Self) {
        self.0 -= other.0;
    }
}

impl Sum for Bytes {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        Self(iter.map(|b| b.0).sum())
    }
}

impl FromStr for Bytes {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        split_number(text).and_then(|(n, unit)| Some(Self((n * byte_factor(unit)?).round() as u64))).ok_or_else(|| {
            UnitError {
                found: text.to_owned(),
                what: "an amount of data",
                expected: "a number and B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, as in \"1 GiB\"",
            }
        })
    }
}

impl FromStr for Rate {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        split_number(text)
            .and_then(|(n, unit)| {
                let unit = unit.strip_suffix("/s")?.trim_end();
                Some(Self(n * byte_factor(unit).or_else(|| bit_factor(unit))?))
            })
            .ok_or_else(|| UnitError {
                found: text.to_owned(),
                what: "a rate",
                expected: "a number and a unit per second, as in \"12.5 MB/s\" or \"10 Gbit/s\"",
            })
    }
}

impl FromStr for Share {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        split_number(text).filter(|(_, unit)| *unit == "%").map(|(n, _)| Self(n / 100.0)).ok_or_else(|| UnitError {
            found: text.to_owned(),
            what: "a share",
            expected: "a percentage, as in \"60 %\"",
        })
    }
}

impl FromStr for Span {
    type Err = UnitError;
    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || UnitError {
            found: text.to_owned(),
            what: "a time span",
            expected: "a number and ns, us, ms, s, m or min, h or d, as in \"30 ms\" or \"1h30m\"",
        };
        let mut rest = text.trim();
        let mut seconds = 0.0;
        if rest.is_empty() {
            return Err(error());
        }
        while !rest.is_empty() {
            let (number, after) = split_number(rest).ok_or_else(error)?;
            let end = after.find(|c: char| !c.is_ascii_alphabetic() && c != 'µ').unwrap_or(after.len());
            seconds += number
                * match &after[..end] {
                    "ns" => 1e-9,
                    "us" | "µs" => 1e-6,
                    "ms" => 1e-3,
                    "s" => 1.0,
                    "m" | "min" => 60.0,
                    "h" => 3600.0,
                    "d" => 86400.0,
                    _ => return Err(error()),
                };
            rest = after[end..].trim_start();
        }
        Duration::try_from_secs_f64(seconds).map(Self).map_err(|_| error())
    }
}

macro_rules! deserialize_from_str {
    ($($name:ident: $expected:literal),*) => {$(
        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                struct Quantity;
                impl Visitor<'_> for Quantity {
                    type Value = $name;
                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        f.write_str($expected)
                    }
                    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<$name, E> {
                        text.parse().map_err(E::custom)
                    }
                }
                deserializer.deserialize_str(Quantity)
            }
        }
    )*};
}
deserialize_from_str!(
    Bytes: "an amount of data with its unit, as in \"1 GiB\"",
    Rate: "a rate with its unit, as in \"12.5 MB/s\" or \"10 Gbit/s\"",
    Share: "a percentage, as in \"60 %\"",
    Span: "a time span with its unit, as in \"30 ms\" or \"1h30m\""
);

/// Three significant figures at most: `1.5`, `12`, `384`.
fn short(f: &mut fmt::Formatter<'_>, value: f64, unit: &str) -> fmt::Result {
    if value >= 9.95 || (value - value.round()).abs() < 0.05 {
        write!(f, "{value:.0} {unit}")
    } else {
        write!(f, "{value:.1} {unit}")
    }
}

/// In the largest binary unit that leaves at least one: `1.5 GiB`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0 as f64;
        for unit in ["B", "KiB", "MiB", "GiB"] {
            if value < 1023.5 {
                return short(f, value, unit);
            }
            value /= 1024.0;
        }
        short(f, value, "TiB")
    }
}

/// In the largest decimal unit that leaves at least one: `12.5 MB/s`.
impl fmt::Display for Rate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut value = self.0;
        for unit in ["B/s", "kB/s", "MB/s"] {
            if value < 999.5 {
                return short(f, value, unit);
            }
            value /= 1000.0;
        }
        short(f, value, "GB/s")
    }
}

/// As a whole percentage: `60 %`.
impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:.0} %", self.0 * 100.0)
    }
}

/// As a person says it: `0.31 s`, `53 s`, `2m 10s`, `1h 05m`.
impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs_f64();
        let whole = seconds.round() as u64;
        if seconds < 0.000_5 {
            write!(f, "0 s")
        } else if seconds < 1.0 {
            write!(f, "{:.0} ms", seconds * 1e3)
        } else if seconds < 9.95 {
            write!(f, "{seconds:.1} s")
        } else if whole < 60 {
            write!(f, "{whole} s")
        } else if whole < 3600 {
            write!(f, "{}m {:02}s", whole / 60, whole % 60)
        } else {
            write!(f, "{}h {:02}m", whole / 3600, whole / 60 % 60)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_design_writes() {
        assert_eq!("1 GiB".parse(), Ok(Bytes(1 << 30)));
        assert_eq!("64 MB".parse(), Ok(Bytes(64_000_000)));
        assert_eq!("1e9 B".parse(), Ok(Bytes(1_000_000_000)));
        assert_eq!("10 Gbit/s".parse(), Ok(Rate(1.25e9)));
        assert_eq!("12500000.0 B/s".parse(), Ok(Rate(12.5e6)));
        assert_eq!("0 B/s".parse(), Ok(Rate(0.0)));
        assert_eq!("30 ms".parse(), Ok(Span(Duration::from_millis(30))));
        assert_eq!("1h30m".parse(), Ok(Span(Duration::from_mins(90))));
        assert_eq!("60 %".parse(), Ok(Share(0.6)));
        assert_eq!("0.1%".parse(), Ok(Share(0.001)));
    }

    #[test]
    fn refuses_what_has_no_unit_and_says_what_it_expected() {
        let error = "12".parse::<Bytes>().unwrap_err().to_string();
        assert_eq!(
            error,
            "`12` is not an amount of data: expected a number and B, kB, MB, GB, TB, KiB, MiB, GiB or TiB, as in \"1 GiB\""
        );
        assert!("1 Gbit".parse::<Rate>().is_err());
        assert!("-1 s".parse::<Span>().is_err());
        assert!("".parse::<Span>().is_err());
        assert!("60".parse::<Share>().is_err());
        assert!("1e999 B".parse::<Bytes>().is_err());
    }

    #[test]
    fn prints_for_people() {
        assert_eq!(Bytes(1 << 30).to_string(), "1 GiB");
        assert_eq!(Bytes(1_610_612_736).to_string(), "1.5 GiB");
        assert_eq!(Rate(12.5e6).to_string(), "12 MB/s");
        assert_eq!(Rate(1.25e9).to_string(), "1.2 GB/s");
        assert_eq!(Span(Duration::from_secs(130)).to_string(), "2m 10s");
        assert_eq!(Span(Duration::from_millis(310)).to_string(), "310 ms");
        assert_eq!(Share(0.62).to_string(), "62 %");
    }
}
