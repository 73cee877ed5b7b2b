//! A copy of what was revoked, and how it is kept like the others.

use std::collections::HashMap;
use std::num::NonZeroUsize;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use portcullis_core::UnixTime;
use portcullis_token::{Revocation, RevocationList, Target};
use redis::Script;

use super::RevokeError;
use crate::connection::{CLOCK_MARGIN, MEMORY, Redis};
use crate::failure::RedisFailure;
use crate::script;
use crate::target_text::{of_revocation, of_target, to_revocation, to_target};

/// The revocations that this replica knows, and those that Redis does not have yet.
pub(super) struct SharedList {
    redis: Redis,
    revoke: Script,
    changes: Script,
    capacity: NonZeroUsize,
    local: RevocationList,
    /// What was revoked here, and was not written or not confirmed.
    unshared: Mutex<HashMap<Target<'static>, Revocation>>,
    /// When Redis was last asked with success.
    asked: Mutex<Instant>,
}

/// Up to where the list in Redis was read.
#[derive(Debug, Default)]
pub(super) struct Cursor {
    /// Which memory of which server that was.
    memory: String,
    /// The number of the last change that was read.
    version: i64,
    /// Another memory was found: it may lack what is known here.
    lacks: bool,
    /// When what is over was last forgotten here.
    cleared: Option<UnixTime>,
}

/// Changes as Redis answers them.
struct Page {
    memory: String,
    /// By the clock of Redis.
    now: UnixTime,
    version: i64,
    entries: Vec<(Target<'static>, Revocation)>,
}

impl SharedList {
    pub(super) fn new(redis: Redis, capacity: NonZeroUsize) -> Self {
        Self {
            redis,
            revoke: Script::new(script::REVOKE),
            changes: Script::new(script::CHANGES),
            capacity,
            local: RevocationList::new(capacity),
            unshared: Mutex::default(),
            asked: Mutex::new(Instant::now()),
        }
    }

    pub(super) fn local(&self) -> &RevocationList {
        &self.local
    }

    pub(super) fn age(&self) -> Duration {
        lock(&self.asked).elapsed()
    }

    /// Revokes here first, then everywhere.
    pub(super) async fn add(
        &self,
        target: Target<'_>,
        revocation: Revocation,
        now: UnixTime,
    ) -> Result<(), RevokeError> {
        if of_target(&target).is_none() {
            return Err(RevokeError::UnknownTarget);
        }
        let target = target.into_owned();
        let full = RevokeError::Full { capacity: self.capacity };
        self.local.add(target.clone(), revocation, now).map_err(|_| full.clone())?;
        // Noted before it is written: whoever waits for this may go away.
        self.note_unshared(target.clone(), revocation);
        let entry = [(target, revocation)];
        let refused = self.write(&entry).await.map_err(RevokeError::NotShared)?;
        self.note_shared(&entry);
        if refused == 0 { Ok(()) } else { Err(full) }
    }

    /// Reads what was added since `cursor`, and writes what Redis does not have.
    pub(super) async fn exchange(&self, cursor: &mut Cursor) -> Result<(), RedisFailure> {
        let asked = Instant::now();
        let now = loop {
            let page = self.read(cursor).await?;
            if page.memory != cursor.memory {
                // At the start there is nothing that it could lack.
                cursor.lacks |= !cursor.memory.is_empty();
                cursor.memory = page.memory;
            }
            cursor.version = page.version;
            let last = page.entries.len() < PAGE;
            page.entries.into_iter().for_each(|(target, revocation)| self.local.adopt(target, revocation));
            if last {
                break page.now;
            }
        };
        // Whether the rest succeeds or not: everything is known here.
        *lock(&self.asked) = asked;
        if cursor.cleared.is_none_or(|cleared| now.since(cleared) >= CLEAR_EVERY) {
            self.local.forget(now.minus(CLOCK_MARGIN));
            cursor.cleared = Some(now);
        }
        let owed = if cursor.lacks { self.local.entries() } else { self.unshared() };
        let refused = self.write(&owed).await?;
        if refused > 0 {
            tracing::error!(refused, "revocations hold at this replica only, since there is no room for them in redis");
        }
        self.note_shared(&owed);
        cursor.lacks = false;
        Ok(())
    }

    async fn read(&self, cursor: &Cursor) -> Result<Page, RedisFailure> {
        let mut call = self.changes.prepare_invoke();
        call.key(&self.keys());
        call.arg(CLOCK_MARGIN.as_secs()).arg(&cursor.memory).arg(cursor.version).arg(PAGE);
        let (memory, second, version, texts): (String, i64, i64, Vec<String>) = self.redis.run(&call).await?;
        let (pairs, rest) = texts.as_chunks::<2>();
        let read = |[target, revocation]: &[String; 2]| to_target(target).zip(to_revocation(revocation));
        // One that this version cannot read may concern anybody, so that nothing is known any more.
        let entries = pairs.iter().map(read).collect::<Option<Vec<_>>>().filter(|_| rest.is_empty());
        let page = UnixTime::from_secs(second).zip(entries);
        let page = page.map(|(now, entries)| Page { memory, now, version, entries });
        page.ok_or(RedisFailure::Unreadable { problem: "a revocation" })
    }

    /// Writes `entries`, and says how many found no room.
    async fn write(&self, entries: &[(Target<'static>, Revocation)]) -> Result<usize, RedisFailure> {
        let mut refused = 0;
        for page in entries.chunks(PAGE) {
            let mut call = self.revoke.prepare_invoke();
            call.key(&self.keys());
            call.arg(CLOCK_MARGIN.as_secs()).arg(self.capacity.get());
            for (target, revocation) in page {
                let text = of_target(target).ok_or(RedisFailure::Unreadable { problem: "a revocation" })?;
                call.arg(text).arg(&of_revocation(revocation)).arg(revocation.ends().as_secs());
            }
            refused += self.redis.run::<usize>(&call).await?;
        }
        Ok(refused)
    }

    fn keys(&self) -> [Vec<u8>; 4] {
        [MEMORY, "revocations", "revocations:changes", "revocations:ends"].map(|name| self.redis.key(name))
    }

    fn unshared(&self) -> Vec<(Target<'static>, Revocation)> {
        lock(&self.unshared).iter().map(|(target, revocation)| (target.clone(), *revocation)).collect()
    }

    fn note_unshared(&self, target: Target<'static>, revocation: Revocation) {
        lock(&self.unshared).entry(target).or_default().join(revocation);
    }

    /// Whoever revoked more of a target meanwhile writes that, too.
    fn note_shared(&self, written: &[(Target<'static>, Revocation)]) {
        let mut unshared = lock(&self.unshared);
        for (target, revocation) in written {
            if unshared.get(target).is_some_and(|known| known == revocation) {
                unshared.remove(target);
            }
        }
    }
}

/// Each change under a lock is whole.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// How many targets are read or written in one step of Redis: some milliseconds, in which it serves nobody else.
const PAGE: usize = 500;

/// Nobody can ask while what is over is looked for.
const CLEAR_EVERY: Duration = Duration::from_secs(60);
