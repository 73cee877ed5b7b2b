//! What was revoked, at any replica.

mod shared;

use std::fmt;
use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{Kind, UnixTime};
use portcullis_token::{Presented, Revocation, Revocations, RevocationsUnavailable, Target};
use tokio::task::JoinHandle;

use crate::connection::Redis;
use crate::failure::RedisFailure;
use shared::{Cursor, SharedList};

/// Revocations of all replicas.
///
/// Each replica has a copy of all of them, so that looking one up asks nobody. It asks Redis every 250 milliseconds for what
/// was added.
///
/// # When Redis is lost
///
/// A copy that is older than 5 seconds may lack something. From then on agents and services get
/// [`RevocationsUnavailable`] (503), be they the subject or the actor: they are many, fast and unattended, so what was revoked
/// is most likely one of them. People go on with what is known. Until then, everybody does.
///
/// What is revoked meanwhile holds at this replica, and is passed on as soon as Redis answers. If Redis comes back without
/// its data, each replica writes down what it knows: nothing is accepted again because Redis forgot it. Only what was
/// revoked in the last quarter of a second before Redis and the one replica that knew of it were both lost is lost too.
///
/// # Bounds
///
/// There is room for the targets that [`RedisRevocations::start`] is told. Revocations are forgotten when the credentials that
/// they concern have expired, the greatest leeway and a minute for clocks included.
pub struct RedisRevocations {
    list: Arc<SharedList>,
    following: JoinHandle<()>,
}

impl RedisRevocations {
    /// The revocations that `redis` holds, with room for `capacity` targets. Follows them in a task of its own, until this is
    /// dropped.
    ///
    /// # Errors
    ///
    /// If they cannot be read: a service that knows nothing of them must not start.
    pub async fn start(redis: &Redis, capacity: NonZeroUsize) -> Result<Self, RedisFailure> {
        let list = Arc::new(SharedList::new(redis.clone(), capacity));
        let mut cursor = Cursor::default();
        list.exchange(&mut cursor).await?;
        let following = tokio::spawn(keep_following(Arc::clone(&list), cursor));
        Ok(Self { list, following })
    }

    /// Revokes `target` until `until`, whenever it was issued. Plain `exp` will do: leeway is added.
    ///
    /// # Errors
    ///
    /// [`RevokeError`] says what holds nevertheless.
    pub async fn revoke(&self, target: Target<'_>, until: UnixTime, now: UnixTime) -> Result<(), RevokeError> {
        self.list.add(target, Revocation { all: Some(until), issued_until: None }, now).await
    }

    /// Revokes, until `until`, what of `target` was issued at `last` or before, or does not say when it was issued.
    ///
    /// # Errors
    ///
    /// [`RevokeError`] says what holds nevertheless.
    pub async fn revoke_issued_until(
        &self,
        last: UnixTime,
        target: Target<'_>,
        until: UnixTime,
        now: UnixTime,
    ) -> Result<(), RevokeError> {
        self.list.add(target, Revocation { all: None, issued_until: Some((last, until)) }, now).await
    }

    /// How long ago Redis was last asked with success. For metrics.
    #[must_use]
    pub fn age(&self) -> Duration {
        self.list.age()
    }

    /// How many targets have revocations. For metrics.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the number is for metrics")]
    pub fn len(&self) -> usize {
        self.list.local().len()
    }
}

impl Revocations for RedisRevocations {
    fn is_revoked(&self, presented: &Presented<'_>, now: UnixTime) -> Result<bool, RevocationsUnavailable> {
        // What is known to be revoked stays so, however old the copy is.
        if self.list.local().is_revoked(presented, now)? {
            return Ok(true);
        }
        let age = self.list.age();
        if age <= STALE_AFTER || is_person(presented.subject.0, presented.actor.map(|(kind, _)| kind)) {
            return Ok(false);
        }
        let reason = format!("they were last read {} seconds ago", age.as_secs());
        Err(RevocationsUnavailable { reason, retry_after: RETRY_AFTER })
    }
}

/// Whether nobody else than a user is involved.
fn is_person(subject: Kind, actor: Option<Kind>) -> bool {
    subject == Kind::User && actor.is_none_or(|actor| actor == Kind::User)
}

impl Drop for RedisRevocations {
    fn drop(&mut self) {
        self.following.abort();
    }
}

/// Whom a service has locked out is nobody's business: only the number shows.
impl fmt::Debug for RedisRevocations {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisRevocations").field("len", &self.len()).field("age", &self.age()).finish_non_exhaustive()
    }
}

/// A revocation does not hold everywhere.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RevokeError {
    /// There is no room for another target, and none of those that hold may be forgotten. It may hold at this replica, and
    /// never will at others. Revoke something larger, such as the subject, the client or the source.
    #[error("there are {capacity} revoked targets already; revoke something larger, such as the client or the source")]
    Full {
        /// The number of targets that there is room for.
        capacity: NonZeroUsize,
    },
    /// It holds at this replica. The others learn of it when Redis answers again, as long as this process lives.
    #[error("revoked at this replica only, until redis answers again: {0}")]
    NotShared(RedisFailure),
    /// This version cannot write down such a target. Nothing was revoked.
    #[error("this version cannot share such a revocation")]
    UnknownTarget,
}

async fn keep_following(list: Arc<SharedList>, mut cursor: Cursor) {
    let mut failing = false;
    loop {
        tokio::time::sleep(ASK_EVERY).await;
        match list.exchange(&mut cursor).await {
            Ok(()) if failing => tracing::info!("revocations are exchanged with other replicas again"),
            Err(error) if !failing => tracing::error!(%error, "revocations cannot be exchanged with other replicas"),
            Ok(()) | Err(_) => continue,
        }
        failing = !failing;
    }
}

/// How long a revocation takes to reach another replica, at most and without the way: well below the second that is promised.
const ASK_EVERY: Duration = Duration::from_millis(250);

/// From then on it is likely that something is missing.
const STALE_AFTER: Duration = Duration::from_secs(5);

const RETRY_AFTER: Duration = Duration::from_secs(1);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_person_is_a_user_for_whom_nobody_else_acts() {
        // GEN-07
        use Kind::{Agent, Service, User};
        for (subject, actor, person) in [
            (User, None, true),
            (User, Some(User), true), // a delegate, such as an assistant in the office
            (User, Some(Agent), false),
            (User, Some(Service), false),
            (Agent, None, false),
            (Service, None, false),
            (Service, Some(User), false),
        ] {
            assert_eq!(is_person(subject, actor), person, "{subject:?} {actor:?}");
        }
    }
}
