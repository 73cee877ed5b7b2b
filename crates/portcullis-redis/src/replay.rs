//! Which proofs were used, at any replica.

use std::fmt;
use std::num::NonZeroU32;

use portcullis_core::UnixTime;
use portcullis_token::{Recall, ReplayFuture, ReplayStore, ReplayStoreError, UsedProof};
use redis::Script;

use crate::connection::{CLOCK_MARGIN, MEMORY, Redis};
use crate::failure::RedisFailure;
use crate::script;

/// Remembers used DPoP proofs for all replicas: one that was used at one of them is refused at all (RFC 9449 §11.1).
///
/// # Bounds
///
/// Of one key it holds at most 16,384 proofs that are acceptable, for as long as they are and a minute longer, in at most 240
/// octets each. All keys together have the room that Redis has (`maxmemory`). When that is used up, Redis refuses, and so
/// do we.
///
/// # What the store remembers
///
/// Redis notes since when it remembers. If it is started again, or another server takes its place, or it is emptied, that
/// is now, whatever it kept: the last writes may be missing. Proofs made in that second or before are refused with
/// [`Recall::BeforeMemory`], in the same step that would remember them. A proof that a fast clock dated after that, and that
/// was used before, can be repeated once, in the seconds that proofs may lie in the future.
///
/// # Time
///
/// Forgotten is by the clock of Redis, and what that clock may have forgotten is refused. So one that is fast refuses proofs
/// before they expire, and one that is put back by less than a minute accepts nothing twice.
pub struct RedisReplayStore {
    redis: Redis,
    script: Script,
    share: NonZeroU32,
}

impl RedisReplayStore {
    /// The proofs that `redis` remembers.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { redis: redis.clone(), script: Script::new(script::REPLAY), share: SHARE }
    }

    /// Remembers at most `proofs` of one key at a time.
    #[must_use]
    pub fn with_share(mut self, proofs: NonZeroU32) -> Self {
        self.share = proofs;
        self
    }

    async fn ask(&self, proof: &UsedProof) -> Result<Recall, RedisFailure> {
        let mut call = self.script.prepare_invoke();
        call.key(self.redis.key(MEMORY)).key(self.redis.key(format!("proofs:{}", proof.key())));
        call.arg(proof.id().as_slice()).arg(proof.issued().as_secs()).arg(proof.expires().as_secs());
        call.arg(self.share.get()).arg(CLOCK_MARGIN.as_secs());
        let answer: String = self.redis.run(&call).await?;
        match answer.as_str() {
            "new" => Ok(Recall::New),
            "repeated" => Ok(Recall::Repeated),
            "share-exhausted" => Ok(Recall::ShareExhausted),
            "before-memory" => Ok(Recall::BeforeMemory),
            _ => Err(RedisFailure::Unreadable { problem: "an answer about a proof" }),
        }
    }
}

impl ReplayStore for RedisReplayStore {
    /// By the clock of Redis, and not by `now`: that would be another one at each replica.
    fn remember<'a>(&'a self, proof: &'a UsedProof, _now: UnixTime) -> ReplayFuture<'a> {
        Box::pin(async move { self.ask(proof).await.map_err(ReplayStoreError::new) })
    }
}

impl fmt::Debug for RedisReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisReplayStore")
            .field("redis", &self.redis)
            .field("share", &self.share)
            .finish_non_exhaustive()
    }
}

/// As many as a store in memory grants by default.
const SHARE: NonZeroU32 = NonZeroU32::new(16_384).unwrap();
