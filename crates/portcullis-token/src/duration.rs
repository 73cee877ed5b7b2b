//! Durations as settings write them.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use serde::{Deserialize, Deserializer, de};

/// A duration written as a whole number and one unit: `30s`, `5m`, `24h`, `7d`.
///
/// One number and one unit, so that equal durations look alike and nobody has to guess what `5` means.
///
/// ```
/// use std::time::Duration;
/// use portcullis_token::HumanDuration;
///
/// let leeway: HumanDuration = "5m".parse().unwrap();
/// assert_eq!(Duration::from(leeway), Duration::from_secs(300));
/// assert!("5".parse::<HumanDuration>().is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration(Duration);

impl From<HumanDuration> for Duration {
    fn from(duration: HumanDuration) -> Self {
        duration.0
    }
}

/// Writes the largest unit that leaves a whole number.
impl fmt::Display for HumanDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = self.0.as_secs();
        let fitting = UNITS.into_iter().rev().find(|(_, unit)| seconds != 0 && seconds.is_multiple_of(*unit));
        let (name, unit) = fitting.unwrap_or(("s", 1));
        write!(f, "{}{name}", seconds / unit)
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidDuration { text: text.to_owned() };
        let (name, unit) = UNITS.into_iter().find(|(name, _)| text.ends_with(name)).ok_or_else(invalid)?;
        let number = text.strip_suffix(name).unwrap_or_default();
        // `u64::from_str` alone would take a sign.
        if !number.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(invalid());
        }
        let number: u64 = number.parse().map_err(|_| invalid())?;
        number.checked_mul(unit).map(|seconds| Self(Duration::from_secs(seconds))).ok_or_else(invalid)
    }
}

impl<'de> Deserialize<'de> for HumanDuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

/// A text that is not a duration.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a duration; write a whole number and one of s, m, h, d, such as `5m`")]
#[non_exhaustive]
pub struct InvalidDuration {
    /// The text.
    pub text: String,
}

/// Ascending; the names share no ending.
const UNITS: [(&str, u64); 4] = [("s", 1), ("m", 60), ("h", 3_600), ("d", 86_400)];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_and_print() {
        for (text, seconds, printed) in [
            ("0s", 0, "0s"),
            ("30s", 30, "30s"),
            ("90s", 90, "90s"),
            ("60s", 60, "1m"),
            ("24h", 86_400, "1d"),
            ("7d", 604_800, "7d"),
        ] {
            let duration: HumanDuration = text.parse().unwrap();
            assert_eq!(Duration::from(duration), Duration::from_secs(seconds), "{text}");
            assert_eq!(duration.to_string(), printed);
        }
    }

    #[test]
    fn anything_else_is_refused() {
        for text in
            ["", "s", "5", "+5s", "-5s", "5 s", "1h30m", "1.5h", "5M", "5ms", "5w", "999999999999999999d", "５s"]
        {
            assert_eq!(text.parse::<HumanDuration>(), Err(InvalidDuration { text: text.to_owned() }));
        }
    }
}
