//! Seconds as results write them.

use std::fmt;
use std::time::Duration;

use crate::fleet::Time;

/// Prints nanoseconds as seconds with as many of nine decimals as are needed: `8`, `53.319`. It never passes through
/// a floating-point number, so that the same instant is the same text everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seconds(u64);

impl From<Time> for Seconds {
    fn from(time: Time) -> Self {
        Self(time.0)
    }
}

impl From<Duration> for Seconds {
    fn from(span: Duration) -> Self {
        Self(u64::try_from(span.as_nanos()).unwrap_or(u64::MAX))
    }
}

impl fmt::Display for Seconds {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (whole, mut rest) = (self.0 / 1_000_000_000, self.0 % 1_000_000_000);
        if rest == 0 {
            return write!(f, "{whole}");
        }
        let mut digits = 9;
        while rest % 10 == 0 {
            rest /= 10;
            digits -= 1;
        }
        write!(f, "{whole}.{rest:0digits$}")
    }
}

/// As a JSON number. Exact for runs of up to eleven days, the resolution of such a number beyond.
impl serde::Serialize for Seconds {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if self.0.is_multiple_of(1_000_000_000) {
            serializer.serialize_u64(self.0 / 1_000_000_000)
        } else {
            serializer.serialize_f64(self.0 as f64 / 1e9)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn as_many_decimals_as_are_needed() {
        let text = |nanos| Seconds(nanos).to_string();
        assert_eq!(text(0), "0");
        assert_eq!(text(8_000_000_000), "8");
        assert_eq!(text(53_319_000_000), "53.319");
        assert_eq!(text(1), "0.000000001");
        assert_eq!(text(1_000_000_010), "1.00000001");
        assert_eq!(serde_json::to_string(&Seconds(53_319_000_000)).unwrap(), "53.319");
        assert_eq!(serde_json::to_string(&Seconds(864_000_000_000_001)).unwrap(), "864000.000000001");
    }
}
