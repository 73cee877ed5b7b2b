//! The name of one decision.

use std::fmt;

use portcullis_core::UnixTime;
use uuid::{NoContext, Timestamp, Uuid};

/// The id of what was decided about one request: a UUID of version 7 (RFC 9562 §5.7).
///
/// The body of every refusal and the log event of every request carry it. It tells the caller nothing, and the
/// operator everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DecisionId(Uuid);

impl DecisionId {
    /// A fresh id. Its time is the request's, cut to seconds.
    pub(crate) fn new(now: UnixTime) -> Self {
        let seconds = now.as_secs().unsigned_abs();
        Self(Uuid::new_v7(Timestamp::from_unix(NoContext, seconds, 0)))
    }
}

impl fmt::Display for DecisionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_of_one_second_differ_and_tell_the_second() {
        let now = UnixTime::from_secs(1_767_226_000).unwrap();
        let (one, other) = (DecisionId::new(now), DecisionId::new(now));
        assert_ne!(one, other);
        assert_eq!(one.0.get_version_num(), 7);
        assert_eq!(one.0.get_timestamp().unwrap().to_unix().0, 1_767_226_000);
    }
}
