//! What a caller is told of its limits: the `RateLimit` fields of draft-ietf-httpapi-ratelimit-headers.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use super::store::{Level, Quota};

/// The limits that counted a request, as they stand after it.
#[derive(Debug, Clone, Default)]
pub(crate) struct RateLimit(pub(super) Vec<Remaining>);

/// One limit.
#[derive(Debug, Clone)]
pub(crate) struct Remaining {
    pub(super) name: Arc<str>,
    pub(super) quota: Quota,
    pub(super) level: Level,
    /// Another number for each bucket.
    pub(super) spread: u8,
}

impl RateLimit {
    /// Those of the limits that had too few tokens.
    pub(super) fn into_violated(self) -> Self {
        Self(self.0.into_iter().filter(Remaining::is_violated).collect())
    }

    /// The names of the limits.
    pub(crate) fn names(&self) -> Vec<String> {
        self.0.iter().map(|remaining| remaining.name.to_string()).collect()
    }

    /// When the request would be admitted: when each limit has enough for it.
    pub(crate) fn retry_after(&self) -> Duration {
        Duration::from_secs(self.0.iter().map(Remaining::reset).max().unwrap_or(1))
    }

    /// The names of the limits, and what is left of each.
    pub(crate) fn states(&self) -> impl Iterator<Item = (&str, u32)> {
        self.0.iter().map(|remaining| (&*remaining.name, remaining.level.left))
    }

    /// The limit that is used up first.
    pub(crate) fn tightest(&self) -> Option<(&str, u32)> {
        let tightest = self.0.iter().min_by_key(|remaining| (!remaining.is_violated(), remaining.level.left))?;
        Some((&tightest.name, tightest.level.left))
    }

    /// The fields of an answer, with their values; none if nothing was counted.
    pub(crate) fn fields(&self) -> Vec<(&'static str, String)> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let (mut policies, mut states) = (String::new(), String::new());
        for remaining in &self.0 {
            let Remaining { name, quota, level, .. } = remaining;
            let comma = if policies.is_empty() { "" } else { ", " };
            let window = seconds_up(quota.interval.saturating_mul(quota.burst.get()));
            // Writing to a text does not fail.
            let _ = write!(policies, "{comma}\"{name}\";q={};w={window}", quota.burst);
            let _ = write!(states, "{comma}\"{name}\";r={};t={}", level.left, remaining.reset());
        }
        vec![(POLICY, policies), (STATE, states)]
    }
}

impl Remaining {
    fn is_violated(&self) -> bool {
        !self.level.enough_in.is_zero()
    }

    /// The seconds after which there is more than what is left.
    ///
    /// Who was refused learns when to come back. Who was not learns a time in which to use what is left, so long that this is
    /// no invitation to more than the rate: a bucket that is nearly full is full again at once.
    fn reset(&self) -> u64 {
        let Level { left, full_in, enough_in } = self.level;
        let at_the_rate = self.quota.interval.saturating_mul(left);
        let seconds = seconds_up(if self.is_violated() { enough_in } else { full_in.max(at_the_rate) });
        // So that not all who wait for long come back in one second. A bucket keeps its place: who asks often learns no
        // earlier time.
        if seconds > LONG { seconds + seconds / 10 * u64::from(self.spread) / 255 } else { seconds }
    }
}

/// Whole seconds, at least one, never too early.
fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)).max(1)
}

/// The limits that apply.
pub(crate) const POLICY: &str = "ratelimit-policy";
/// What is left of them.
pub(crate) const STATE: &str = "ratelimit";

/// How many seconds are long enough that callers wait together.
const LONG: u64 = 60;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use super::*;

    fn remaining(interval: Duration, burst: u32, full_in: Duration, enough_in: Duration, spread: u8) -> RateLimit {
        let quota = Quota { interval, burst: NonZeroU32::new(burst).unwrap() };
        let left = burst - u32::try_from(full_in.as_nanos().div_ceil(interval.as_nanos())).unwrap();
        RateLimit(vec![Remaining { name: "a".into(), quota, level: Level { left, full_in, enough_in }, spread }])
    }

    fn state(limit: &RateLimit) -> String {
        limit.fields().into_iter().find(|(name, _)| *name == STATE).unwrap().1
    }

    #[test]
    fn waiting_times_are_whole_seconds_and_never_too_early() {
        // RLM-03, RLM-07
        let second = Duration::from_secs(1);
        for (enough_in, expected) in [(1, 1), (200, 1), (1000, 1), (1001, 2), (59_999, 60)] {
            let enough_in = Duration::from_millis(enough_in);
            let limit = remaining(second * 60, 1, second * 60, enough_in, 255);
            assert_eq!(limit.retry_after(), Duration::from_secs(expected), "{enough_in:?}");
            assert_eq!(state(&limit), format!("\"a\";r=0;t={expected}"));
        }
    }

    #[test]
    fn what_is_left_is_no_invitation_to_more_than_the_rate() {
        // RLM-08
        for (interval, burst) in [(1, 20), (1, 1000), (60, 3), (86_400, 2)] {
            let interval = Duration::from_secs(interval);
            for used in 1..=burst {
                let limit = remaining(interval, burst, interval * used, Duration::ZERO, 0);
                let Remaining { level, .. } = &limit.0[0];
                assert!(u64::from(level.left) * interval.as_secs() <= limit.0[0].reset(), "{limit:?}");
            }
        }
    }

    #[test]
    fn who_waits_for_long_does_not_come_back_with_all_others() {
        // RLM-08
        let day = Duration::from_secs(86_400);
        let resets: Vec<u64> =
            [0, 100, 255].map(|spread| remaining(day, 1, day, day, spread).retry_after().as_secs()).to_vec();
        assert_eq!(resets, [86_400, 89_788, 95_040], "later, but not much, and each bucket at a time of its own");
    }
}
