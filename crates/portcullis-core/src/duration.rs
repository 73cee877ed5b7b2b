//! Durations as people write them in settings and annotations.

use std::time::Duration;

/// Reads a duration such as `"30s"`, `"5m"`, `"24h"` or `"7d"`: a whole number and one unit.
///
/// `None` for anything else; a number without unit is refused because nobody remembers whether it meant seconds.
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::parse_duration;
///
/// assert_eq!(parse_duration("5m"), Some(Duration::from_secs(300)));
/// assert_eq!(parse_duration("300"), None);
/// ```
#[must_use]
pub fn parse_duration(text: &str) -> Option<Duration> {
    let unit = text.chars().next_back()?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => return None,
    };
    let number = text.strip_suffix(unit)?;
    if !number.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    number.parse::<u64>().ok()?.checked_mul(seconds).map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_duration_is_a_whole_number_and_one_unit() {
        for (text, secs) in [("0s", 0), ("90s", 90), ("5m", 300), ("24h", 86_400), ("7d", 604_800)] {
            assert_eq!(parse_duration(text), Some(Duration::from_secs(secs)), "{text}");
        }
        for text in ["", "5", "m", "+5m", "-5m", "5 m", "1.5h", "5min", "1h30m", "99999999999999999999s", "5µ"] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }
}
