//! Waiting for what another process does in its own time.

use std::fmt::Debug;
use std::panic::Location;
use std::time::{Duration, Instant};

/// Asks again until the answer is `wanted`.
///
/// # Panics
///
/// If it is not within `limit`.
#[track_caller]
pub(crate) fn eventually<T, F>(limit: Duration, wanted: &T, ask: impl Fn() -> F) -> impl Future<Output = ()>
where
    T: PartialEq + Debug,
    F: Future<Output = T>,
{
    let (caller, end) = (Location::caller(), Instant::now() + limit);
    async move {
        loop {
            let answer = ask().await;
            if answer == *wanted {
                return;
            }
            assert!(Instant::now() < end, "{caller}: still {answer:?} after {limit:?}, not {wanted:?}");
            tokio::time::sleep(BETWEEN_QUESTIONS).await;
        }
    }
}

const BETWEEN_QUESTIONS: Duration = Duration::from_millis(50);
