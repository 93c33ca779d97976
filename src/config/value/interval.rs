//! Lengths of time: `500ms`, `10s`, `5m`.

use super::{ValueError, string_value};
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

/// A length of time above zero and up to 366 days.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Interval(Duration);

const UNITS: [(&str, u64); 6] =
    [("d", 86_400_000), ("h", 3_600_000), ("min", 60_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];
const LONGEST_MS: u64 = 366 * 86_400_000;

impl Interval {
    /// `seconds` of time.
    pub const fn seconds(seconds: u32) -> Self {
        Self(Duration::from_secs(seconds as u64))
    }

    /// For timers.
    pub const fn get(self) -> Duration {
        self.0
    }
}

impl FromStr for Interval {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || {
            ValueError::new(
                format!("`{text}` is not a length of time"),
                "write a whole number and ms, s, min, h or d, as in \"30s\" or \"5min\"; at most 366d",
            )
        };
        let digits = text.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.split_at_checked(digits).ok_or_else(wrong)?;
        let number: u64 = number.parse().map_err(|_| wrong())?;
        let (_, factor) = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
        let ms = number.checked_mul(factor).filter(|ms| (1..=LONGEST_MS).contains(ms)).ok_or_else(wrong)?;
        Ok(Self(Duration::from_millis(ms)))
    }
}

impl fmt::Display for Interval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = u64::try_from(self.0.as_millis()).unwrap_or(u64::MAX);
        let (unit, factor) =
            UNITS.into_iter().find(|(_, factor)| ms.is_multiple_of(*factor)).unwrap_or(("ms", 1));
        write!(f, "{}{unit}", ms / factor)
    }
}

string_value!(Interval, "Interval", "A whole number and ms, s, min, h or d.", "500ms", "30s", "5min");
