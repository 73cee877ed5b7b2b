//! Points in time on the command line.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::UnixTime;

/// The clock of the machine.
pub(crate) fn now() -> UnixTime {
    let elapsed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixTime::EPOCH.plus(elapsed)
}

/// Seconds since 1970, or `2026-01-01T12:00:00Z`.
pub(crate) fn parse_time(text: &str) -> Result<UnixTime, String> {
    let parsed = text.parse().ok().and_then(UnixTime::from_secs).or_else(|| date(text));
    parsed.ok_or_else(|| "write seconds since 1970, or `2026-01-01T12:00:00Z`".to_owned())
}

/// The time that is written as `text`. Dates of this form sort as the times that they mean.
fn date(text: &str) -> Option<UnixTime> {
    let (mut low, mut high) = (0, UnixTime::LAST.as_secs());
    while low < high {
        let middle = low + (high - low) / 2;
        if UnixTime::from_secs(middle)?.to_string().as_str() < text {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    UnixTime::from_secs(low).filter(|time| time.to_string() == text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_as_seconds_and_as_dates() {
        for (text, secs) in [
            ("0", Some(0)),
            ("1767268800", Some(1_767_268_800)),
            ("2026-01-01T12:00:00Z", Some(1_767_268_800)),
            ("9999-12-31T23:59:59Z", Some(253_402_300_799)),
            ("2026-02-30T12:00:00Z", None),
            ("2026-01-01", None),
            ("-1", None),
            ("", None),
        ] {
            assert_eq!(parse_time(text).ok().map(UnixTime::as_secs), secs, "{text}");
        }
    }
}
