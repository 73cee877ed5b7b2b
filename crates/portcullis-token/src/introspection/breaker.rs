//! An issuer that is down is left alone.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use portcullis_core::UnixTime;

/// Stops asking after five failures in a row. Every 5 seconds one request asks again; the first answer ends it.
///
/// Whoever is not let through is refused at once, instead of after the time-out.
#[derive(Default)]
pub(super) struct Breaker(Mutex<State>);

#[derive(Default)]
struct State {
    failures: u32,
    /// When it opened, or when the last attempt since then was let through.
    open_since: Option<UnixTime>,
}

impl Breaker {
    /// Lets a request ask, or says how long nobody will.
    pub(super) fn admit(&self, now: UnixTime) -> Result<(), Duration> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(since) = state.open_since {
            if let Some(left) = left(since, now) {
                return Err(left);
            }
            // One attempt: for the others the pause begins anew.
            state.open_since = Some(now);
        }
        Ok(())
    }

    /// The issuer answered.
    pub(super) fn answered(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = State::default();
    }

    /// The issuer did not answer a request of `now`.
    pub(super) fn failed(&self, now: UnixTime) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.failures = state.failures.saturating_add(1);
        if state.failures >= MAX_FAILURES {
            state.open_since = Some(now);
        }
    }
}

/// How much of the pause is left. If it began far in the future, the clock was set back, and it is over.
fn left(since: UnixTime, now: UnixTime) -> Option<Duration> {
    if since.since(now) > PAUSE {
        return None;
    }
    PAUSE.checked_sub(now.since(since)).filter(|left| !left.is_zero())
}

/// One or two fail in every network.
const MAX_FAILURES: u32 = 5;

/// Longer than the time-out of one request, so that attempts never overlap.
const PAUSE: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    fn time(secs: i64) -> UnixTime {
        UnixTime::from_secs(secs).unwrap()
    }

    #[test]
    fn five_failures_in_a_row_open_it_and_one_answer_closes_it() {
        // INT-14
        let breaker = Breaker::default();
        for _ in 0..3 {
            for _ in 0..4 {
                breaker.failed(time(1000));
            }
            assert_eq!(breaker.admit(time(1000)), Ok(()));
            breaker.answered();
        }
        for _ in 0..5 {
            breaker.failed(time(1000));
        }
        assert_eq!(breaker.admit(time(1000)), Err(PAUSE));
        assert_eq!(breaker.admit(time(1003)), Err(Duration::from_secs(2)));
        assert_eq!(breaker.admit(time(1005)), Ok(()), "one attempt");
        assert_eq!(breaker.admit(time(1005)), Err(PAUSE), "and no second");
        breaker.failed(time(1005));
        assert_eq!(breaker.admit(time(1009)), Err(Duration::from_secs(1)));
        assert_eq!(breaker.admit(time(1010)), Ok(()));
        breaker.answered();
        assert_eq!(breaker.admit(time(1010)), Ok(()));
    }

    #[test]
    fn a_clock_that_is_set_back_does_not_keep_it_open() {
        let breaker = Breaker::default();
        for _ in 0..5 {
            breaker.failed(time(100_000));
        }
        assert_eq!(breaker.admit(time(1000)), Ok(()));
    }
}
