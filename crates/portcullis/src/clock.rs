//! What time it is: the one place that asks the system.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use portcullis_core::UnixTime;

/// Tells the time. Asked once per request, so that everything about one request happens at one time.
///
/// ```
/// use portcullis::{Clock, UnixTime};
///
/// #[derive(Debug)]
/// struct Stopped(UnixTime);
///
/// impl Clock for Stopped {
///     fn now(&self) -> UnixTime {
///         self.0
///     }
/// }
///
/// assert_eq!(Stopped(UnixTime::EPOCH).now(), UnixTime::EPOCH);
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current time. It need not be monotonic.
    fn now(&self) -> UnixTime;
}

impl<C: Clock + ?Sized> Clock for Arc<C> {
    fn now(&self) -> UnixTime {
        C::now(self)
    }
}

/// The clock of the operating system.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct SystemClock;

impl Clock for SystemClock {
    /// A system time before 1970 is reported as 9999, when every token has expired: a broken clock admits nobody.
    fn now(&self) -> UnixTime {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(UnixTime::LAST, since_epoch)
    }
}

fn since_epoch(duration: Duration) -> UnixTime {
    UnixTime::EPOCH.plus(duration)
}
