//! Points in time, as tokens carry them.

use std::fmt;
use std::time::Duration;

/// A point in time in whole seconds since 1970-01-01T00:00:00Z.
///
/// Between 0 and 253402300799 (9999-12-31T23:59:59Z): what RFC 3339 can write and a `NumericDate` (RFC 7519 §2)
/// sensibly holds. Arithmetic saturates at these bounds, so no attacker-chosen date can overflow.
///
/// The engine never asks for the time; whoever calls it says what time it is.
///
/// ```
/// use portcullis_core::UnixTime;
///
/// let noon = UnixTime::from_secs(1_767_268_800).unwrap();
/// assert_eq!(noon.to_string(), "2026-01-01T12:00:00Z");
/// assert!(UnixTime::from_secs(-1).is_none());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UnixTime(i64);

impl UnixTime {
    /// 1970-01-01T00:00:00Z.
    pub const EPOCH: Self = Self(0);

    /// 9999-12-31T23:59:59Z.
    pub const LAST: Self = Self(LAST_SECOND);

    /// The point `secs` seconds after the epoch; `None` outside the years 1970 to 9999.
    #[must_use]
    pub const fn from_secs(secs: i64) -> Option<Self> {
        if secs < 0 || secs > LAST_SECOND { None } else { Some(Self(secs)) }
    }

    /// Seconds since the epoch.
    #[must_use]
    pub const fn as_secs(self) -> i64 {
        self.0
    }

    /// The point `duration` later, cut to whole seconds, at most the last second of the year 9999.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        let secs = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_add(secs).min(LAST_SECOND))
    }

    /// The point `duration` earlier, cut to whole seconds, at least the epoch.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        let secs = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX);
        Self(self.0.saturating_sub(secs).max(0))
    }

    /// How long ago `earlier` was; zero if it lies in the future.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_secs(self.0.saturating_sub(earlier.0).max(0).unsigned_abs())
    }
}

/// RFC 3339 in UTC, the form Cedar's `datetime` reads.
impl fmt::Display for UnixTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (days, second_of_day) = (self.0 / SECONDS_PER_DAY, self.0 % SECONDS_PER_DAY);
        // Days to date in the proleptic Gregorian calendar, counted in eras of 400 years that start on 1 March, so
        // that the leap day is the last day of its year (Hinnant, "chrono-Compatible Low-Level Date Algorithms").
        let z = days + 719_468;
        let (era, day_of_era) = (z / 146_097, z % 146_097);
        let year_of_era = (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month_from_march = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
        let month = if month_from_march < 10 { month_from_march + 3 } else { month_from_march - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        let (hour, minute, second) = (second_of_day / 3_600, second_of_day / 60 % 60, second_of_day % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

const LAST_SECOND: i64 = 253_402_300_799;
const SECONDS_PER_DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_written_as_rfc_3339() {
        for (secs, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_400, "2000-02-29T00:00:00Z"), // a century that is a leap year
            (1_767_226_000, "2026-01-01T00:06:40Z"),
            (4_107_542_399, "2100-02-28T23:59:59Z"), // a century that is not
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST_SECOND, "9999-12-31T23:59:59Z"),
        ] {
            assert_eq!(UnixTime::from_secs(secs).unwrap().to_string(), text);
        }
    }

    #[test]
    fn arithmetic_stops_at_the_bounds() {
        let last = UnixTime::from_secs(LAST_SECOND).unwrap();
        assert_eq!(last.plus(Duration::MAX), last);
        assert_eq!(UnixTime::EPOCH.minus(Duration::MAX), UnixTime::EPOCH);
        assert_eq!(UnixTime::EPOCH.since(last), Duration::ZERO);
        assert!(UnixTime::from_secs(LAST_SECOND + 1).is_none());
    }
}
