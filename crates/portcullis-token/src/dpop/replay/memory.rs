//! A replay store in the memory of one process.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard};

use portcullis_core::UnixTime;

use super::{Recall, ReplayFuture, ReplayStore, ReplayStoreError, UsedProof};
use crate::dpop::thumbprint::Thumbprint;

/// Remembers the proofs that this process has accepted.
///
/// For a service that runs as one process: a second one would accept every proof once more.
///
/// # Bounds
///
/// It holds at most 262,144 proofs, of one key at most 16,384, for as long as they are acceptable (some 70 seconds), in
/// at most 320 bytes each: 80 MiB when full. A key whose share is used up gets [`Recall::ShareExhausted`]. When all is
/// full, new proofs are refused with an error, since the alternative is to forget one. It takes sixteen keys to fill it:
/// who gets tokens for so many is to be limited by what the tokens have in common, such as the subject.
///
/// # Start
///
/// What was accepted before a restart is not known. So a proof made before the start is refused. One that a fast clock
/// dated after the start, and that was sent before, can be repeated in the seconds that proofs may lie in the future:
/// nonces with a key of this process ([`NonceKey::random`](crate::NonceKey::random)) close that gap too, and so does a
/// store that outlives it.
pub struct MemoryReplayStore {
    started: UnixTime,
    capacity: usize,
    share: usize,
    /// The number of proofs in all shards, and of those about to get in.
    held: AtomicUsize,
    /// A key's proofs are in one shard, so that its share is counted under one lock.
    shards: [Mutex<Shard>; SHARDS],
}

impl MemoryReplayStore {
    /// An empty store of a process that started at `started`.
    #[must_use]
    pub fn new(started: UnixTime) -> Self {
        Self {
            started,
            capacity: DEFAULT_CAPACITY,
            share: DEFAULT_CAPACITY / SHARES,
            held: AtomicUsize::new(0),
            shards: std::array::from_fn(|_| Mutex::new(Shard::new())),
        }
    }

    /// Holds at most `proofs`, and of one key a sixteenth of that.
    #[must_use]
    pub fn with_capacity(mut self, proofs: usize) -> Self {
        self.capacity = proofs;
        self.share = (proofs / SHARES).max(1);
        self
    }

    /// The number of proofs held, those included that expired and were not removed yet.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "the number is for metrics")]
    pub fn len(&self) -> usize {
        self.held.load(Ordering::Relaxed)
    }

    fn remember_now(&self, proof: &UsedProof, now: UnixTime) -> Result<Recall, ReplayStoreError> {
        if proof.issued() < self.started {
            return Ok(Recall::BeforeMemory);
        }
        if let Some(recall) = self.insert(proof, now)? {
            return Ok(recall);
        }
        // Full. A shard is cleared when it is used, so others may hold what has expired.
        for shard in &self.shards {
            self.release(lock(shard)?.forget(now));
        }
        self.insert(proof, now)?.ok_or_else(|| ReplayStoreError::new("it is full, and nothing in it has expired"))
    }

    /// `None` if the store is full.
    fn insert(&self, proof: &UsedProof, now: UnixTime) -> Result<Option<Recall>, ReplayStoreError> {
        let mut shard = lock(self.shard(proof.key())?)?;
        self.release(shard.forget(now));
        if let Some(refusal) = shard.refusal(proof, self.share) {
            return Ok(Some(refusal));
        }
        if !self.reserve() {
            return Ok(None);
        }
        shard.insert(proof);
        Ok(Some(Recall::New))
    }

    fn shard(&self, key: &Thumbprint) -> Result<&Mutex<Shard>, ReplayStoreError> {
        let [first, ..] = key.as_bytes();
        self.shards.get(usize::from(*first) % SHARDS).ok_or_else(|| ReplayStoreError::new("there is no shard"))
    }

    fn reserve(&self) -> bool {
        let one_more = |held: usize| (held < self.capacity).then_some(held + 1);
        self.held.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_more).is_ok()
    }

    fn release(&self, forgotten: usize) {
        self.held.fetch_sub(forgotten, Ordering::Relaxed);
    }
}

impl ReplayStore for MemoryReplayStore {
    fn remember<'a>(&'a self, proof: &'a UsedProof, now: UnixTime) -> ReplayFuture<'a> {
        // In the future and not before it: one that is never polled has done nothing.
        Box::pin(async move { self.remember_now(proof, now) })
    }
}

impl fmt::Debug for MemoryReplayStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryReplayStore")
            .field("started", &self.started)
            .field("capacity", &self.capacity)
            .field("held", &self.held)
            .finish_non_exhaustive()
    }
}

type ProofId = [u8; 32];

struct Shard {
    seen: HashSet<ProofId>,
    of_key: HashMap<Thumbprint, usize>,
    by_end: BTreeMap<UnixTime, Vec<(Thumbprint, ProofId)>>,
    /// What expired before this is forgotten. It never goes back: a request that took its time before another one, or a
    /// clock that was put back, must not find room where a proof was.
    forgotten_before: UnixTime,
}

impl Shard {
    fn new() -> Self {
        Self {
            seen: HashSet::new(),
            of_key: HashMap::new(),
            by_end: BTreeMap::new(),
            forgotten_before: UnixTime::EPOCH,
        }
    }

    /// Why `proof` is not to be inserted, if anything.
    fn refusal(&self, proof: &UsedProof, share: usize) -> Option<Recall> {
        if proof.expires() < self.forgotten_before {
            Some(Recall::BeforeMemory)
        } else if self.seen.contains(proof.id()) {
            Some(Recall::Repeated)
        } else if self.of_key.get(proof.key()).is_some_and(|count| *count >= share) {
            Some(Recall::ShareExhausted)
        } else {
            None
        }
    }

    fn insert(&mut self, proof: &UsedProof) {
        self.seen.insert(*proof.id());
        *self.of_key.entry(*proof.key()).or_default() += 1;
        self.by_end.entry(proof.expires()).or_default().push((*proof.key(), *proof.id()));
    }

    /// Forgets what can no longer be accepted; how many that were.
    fn forget(&mut self, now: UnixTime) -> usize {
        self.forgotten_before = self.forgotten_before.max(now);
        let mut forgotten = 0;
        while let Some(second) = self.by_end.first_entry()
            && *second.key() < self.forgotten_before
        {
            for (key, id) in second.remove() {
                self.seen.remove(&id);
                self.uncount(&key);
                forgotten += 1;
            }
        }
        if forgotten > 0 {
            self.shrink();
        }
        forgotten
    }

    fn uncount(&mut self, key: &Thumbprint) {
        if let Some(count) = self.of_key.get_mut(key) {
            *count -= 1;
            if *count == 0 {
                self.of_key.remove(key);
            }
        }
    }

    /// Gives memory back. Otherwise each shard would keep room for the worst that it has seen, one after the other.
    fn shrink(&mut self) {
        if is_mostly_empty(self.seen.capacity(), self.seen.len()) {
            self.seen.shrink_to_fit();
        }
        if is_mostly_empty(self.of_key.capacity(), self.of_key.len()) {
            self.of_key.shrink_to_fit();
        }
    }
}

/// Twice the room that is needed is what growing leaves behind anyway.
fn is_mostly_empty(capacity: usize, len: usize) -> bool {
    capacity > len.saturating_mul(2).saturating_add(64)
}

/// A poisoned lock is an error like any other: nobody knows what the shard holds.
fn lock(shard: &Mutex<Shard>) -> Result<MutexGuard<'_, Shard>, ReplayStoreError> {
    shard.lock().map_err(|_| ReplayStoreError::new("an earlier insertion did not end"))
}

/// More than any machine has threads that insert at one moment.
const SHARDS: usize = 16;

/// 3,700 requests a second over 70 seconds, 230 of them with one key.
const DEFAULT_CAPACITY: usize = 262_144;
const SHARES: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_226_000;

    fn time(secs: i64) -> UnixTime {
        UnixTime::from_secs(secs).unwrap()
    }

    /// A key of its own for each `number`, whose shard is the lowest octet of the number.
    fn key(number: u32) -> Thumbprint {
        let mut octets = [0; 32];
        octets[..4].copy_from_slice(&number.to_le_bytes());
        crate::base64url::encode(&octets).parse().unwrap()
    }

    fn proof(key_number: u32, jti: u32, expires: i64) -> UsedProof {
        UsedProof::new(key(key_number), &jti.to_string(), time(expires - 60), time(expires))
    }

    fn store(capacity: usize) -> MemoryReplayStore {
        MemoryReplayStore::new(time(NOW - 1000)).with_capacity(capacity)
    }

    #[track_caller]
    fn remember(store: &MemoryReplayStore, proof: &UsedProof, now: i64) -> Recall {
        store.remember_now(proof, time(now)).unwrap()
    }

    #[test]
    fn a_proof_is_remembered_until_it_could_no_longer_be_accepted() {
        // DPP-27
        let store = store(64);
        let (first, other) = (proof(1, 1, NOW + 60), proof(1, 2, NOW + 60));
        assert_eq!(remember(&store, &first, NOW), Recall::New);
        assert_eq!(remember(&store, &first, NOW), Recall::Repeated);
        assert_eq!(remember(&store, &other, NOW), Recall::New);
        assert_eq!(remember(&store, &first, NOW + 60), Recall::Repeated, "the last second counts");
        assert_eq!(store.len(), 2);
        assert_eq!(remember(&store, &first, NOW + 61), Recall::BeforeMemory);
        assert_eq!(store.len(), 0);
    }

    #[test]
    fn one_jti_of_two_keys_is_two_proofs() {
        let store = store(64);
        assert_eq!(remember(&store, &proof(1, 1, NOW), NOW), Recall::New);
        assert_eq!(remember(&store, &proof(2, 1, NOW), NOW), Recall::New);
        assert_ne!(proof(1, 1, NOW).id(), proof(2, 1, NOW).id());
    }

    #[test]
    fn a_clock_that_goes_back_revives_no_proof() {
        let store = store(64);
        let used = proof(1, 1, NOW + 60);
        assert_eq!(remember(&store, &used, NOW), Recall::New);
        // Another request, whose time was taken later, makes the store forget.
        assert_eq!(remember(&store, &proof(1, 2, NOW + 121), NOW + 61), Recall::New);
        assert_eq!(remember(&store, &used, NOW + 60), Recall::BeforeMemory);
    }

    #[test]
    fn a_proof_from_before_the_start_is_refused() {
        let store = MemoryReplayStore::new(time(NOW));
        let made_at = |issued| UsedProof::new(key(1), "p", time(issued), time(issued + 60));
        assert_eq!(remember(&store, &made_at(NOW - 1), NOW), Recall::BeforeMemory);
        assert_eq!(remember(&store, &made_at(NOW), NOW), Recall::New);
        assert_eq!(store.len(), 1);
    }

    #[test]
    fn who_floods_fills_a_share_and_takes_nothing_from_others() {
        // Keys 1 and 17 are in one shard.
        let store = store(160);
        let flood = (0..1000).map(|jti| remember(&store, &proof(1, jti, NOW + 60), NOW));
        assert_eq!(flood.filter(|recall| *recall == Recall::New).count(), 10);
        assert_eq!(remember(&store, &proof(1, 1000, NOW + 60), NOW), Recall::ShareExhausted);
        // What it used is still known, and not flood.
        assert_eq!(remember(&store, &proof(1, 0, NOW + 60), NOW), Recall::Repeated);
        assert_eq!(remember(&store, &proof(17, 0, NOW + 60), NOW), Recall::New);
        // There is room again when its proofs have expired.
        assert_eq!(remember(&store, &proof(1, 1000, NOW + 121), NOW + 61), Recall::New);
    }

    #[test]
    fn a_full_store_refuses_and_forgets_nothing() {
        // DPP-29, GEN-01
        let store = store(32);
        for number in 0..32 {
            assert_eq!(remember(&store, &proof(number, 0, NOW + i64::from(number % 2)), NOW), Recall::New);
        }
        assert!(store.remember_now(&proof(99, 0, NOW), time(NOW)).is_err());
        for number in 0..32 {
            assert_eq!(remember(&store, &proof(number, 0, NOW + i64::from(number % 2)), NOW), Recall::Repeated);
        }
        assert_eq!(store.len(), 32);
        // Half of them have expired, in all shards but the one that is used.
        assert_eq!(remember(&store, &proof(99, 0, NOW + 1), NOW + 1), Recall::New);
        assert_eq!(store.len(), 17);
    }

    #[test]
    fn the_memory_for_a_proof_is_bounded_as_documented() {
        let capacity = 6_000;
        let store = store(capacity);
        let mut number = 0;
        // Each round has keys of one shard, so that every shard is the largest once; then keys of all.
        for round in 0..20 {
            let now = NOW + i64::from(round) * 61;
            for _ in 0..capacity {
                number += 1;
                let key = if round < 16 { number << 8 | round } else { number };
                let recall = remember(&store, &proof(key, 0, now + i64::from(number % 60)), now);
                assert_eq!(recall, Recall::New);
            }
            assert_eq!(store.len(), capacity);
            assert!(store.remember_now(&proof(u32::MAX, 0, now), time(now)).is_err());
            let bytes = allocated(&store);
            assert!(bytes <= 320 * capacity + 16 * 60 * 512, "round {round}: {bytes} bytes");
        }
    }

    /// What the collections have allocated: hash tables a control byte for each bucket, of which 7 of 8 are usable.
    fn allocated(store: &MemoryReplayStore) -> usize {
        let table = |capacity: usize, entry: usize| (capacity * 8 / 7).next_power_of_two() * (entry + 1);
        let of_shard = |shard: &Mutex<Shard>| {
            let shard = shard.lock().unwrap();
            let lists: usize = shard.by_end.values().map(|list| list.capacity() * 64).sum();
            table(shard.seen.capacity(), 32) + table(shard.of_key.capacity(), 40) + lists
        };
        store.shards.iter().map(of_shard).sum()
    }
}
