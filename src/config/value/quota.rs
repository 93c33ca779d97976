//! Quotas: `200/s`, `20/min`.

use super::{ValueError, string_value};
use std::fmt;
use std::num::NonZeroU32;
use std::str::FromStr;
use std::time::Duration;

/// So many requests in so much time. The bucket holds `count`, and fills again over `per`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Requests.
    pub count: NonZeroU32,
    /// One second, minute, hour or day.
    pub per: Duration,
}

const UNITS: [(&str, u64); 5] = [("s", 1), ("min", 60), ("m", 60), ("h", 3_600), ("d", 86_400)];

impl FromStr for Quota {
    type Err = ValueError;

    fn from_str(text: &str) -> Result<Self, ValueError> {
        let wrong = || {
            ValueError::new(
                format!("`{text}` is not a quota"),
                "write a number from 1, a stroke and s, min, h or d, as in \"200/s\" or \"20/min\"",
            )
        };
        let (count, unit) = text.split_once('/').ok_or_else(wrong)?;
        let count = count.trim().parse().map_err(|_| wrong())?;
        let (_, seconds) = UNITS.into_iter().find(|(name, _)| *name == unit.trim()).ok_or_else(wrong)?;
        Ok(Self { count, per: Duration::from_secs(seconds) })
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = UNITS.into_iter().find(|(_, seconds)| *seconds == self.per.as_secs()).map_or("s", |u| u.0);
        write!(f, "{}/{unit}", self.count)
    }
}

string_value!(
    Quota,
    "Quota",
    "Requests in a time: a number, a stroke and s, min, h or d.",
    "200/s",
    "20/min"
);
