//! Buckets in the memory of one process.

use std::cell::Cell;
use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::num::NonZeroU32;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::NoOpMiddleware;
use governor::nanos::Nanos;
use governor::state::{NotKeyed, StateStore};
use governor::{Quota as Rate, RateLimiter};
use tokio::time::Instant;

use super::store::{Charge, Charged, Level, LimitStore, LimitStoreError, Quota};
use crate::directory::BoxFuture;

/// Counts requests in the memory of this process.
///
/// It holds up to 100 000 buckets that are not full, some 12 MB. While there are as many, requests that need a further one
/// are not admitted. A gate that follows another can be given the same store, and goes on counting where that one stopped.
pub struct MemoryLimitStore {
    start: Instant,
    buckets: Mutex<Buckets>,
}

impl MemoryLimitStore {
    /// A store in which all buckets are full.
    #[must_use]
    pub fn new() -> Self {
        Self { start: Instant::now(), buckets: Mutex::new(Buckets::new(CAPACITY)) }
    }

    /// All charges are made under one lock, and nothing waits while it is held.
    pub(super) fn charge_now(&self, charges: &[Charge]) -> Result<Charged, LimitStoreError> {
        let mut buckets = self.buckets.lock().unwrap_or_else(PoisonError::into_inner);
        buckets.charge(charges, self.start.elapsed())
    }
}

impl Default for MemoryLimitStore {
    fn default() -> Self {
        Self::new()
    }
}

impl LimitStore for MemoryLimitStore {
    fn charge<'a>(&'a self, charges: &'a [Charge]) -> BoxFuture<'a, Result<Charged, LimitStoreError>> {
        Box::pin(async { self.charge_now(charges) })
    }
}

impl fmt::Debug for MemoryLimitStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MemoryLimitStore").finish_non_exhaustive()
    }
}

/// All buckets that are not full. Times are nanoseconds since the start of the store.
struct Buckets {
    capacity: usize,
    /// When each will be full.
    full_at: HashMap<Name, u64>,
    /// The same in the order of time: the full ones are forgotten without a look at the others.
    by_time: BTreeSet<(u64, Name)>,
}

type Name = [u8; 32];

impl Buckets {
    fn new(capacity: usize) -> Self {
        Self { capacity, full_at: HashMap::new(), by_time: BTreeSet::new() }
    }

    /// Makes all charges or none, at the time `now`.
    fn charge(&mut self, charges: &[Charge], now: Duration) -> Result<Charged, LimitStoreError> {
        let now = u64::try_from(now.as_nanos()).map_err(LimitStoreError::new)?;
        self.forget_full(now);
        let mut trials = Vec::with_capacity(charges.len());
        for charge in charges {
            let full_in = self.full_at.get(&charge.bucket).map_or(0, |full_at| full_at.saturating_sub(now));
            trials.push(Trial::new(charge, full_in)?);
        }
        self.refuse_without_room(&mut trials, now);
        let admitted = trials.iter().all(|trial| trial.enough_in.is_zero());
        if admitted {
            for (charge, trial) in charges.iter().zip(&trials) {
                self.set(charge.bucket, now.saturating_add(trial.full_in_after), now);
            }
        }
        let level = |(charge, trial): (&Charge, &Trial)| trial.level(charge.quota, admitted);
        Ok(Charged { admitted, levels: charges.iter().zip(&trials).map(level).collect() })
    }

    /// A full bucket is like one that was never used.
    fn forget_full(&mut self, now: u64) {
        while let Some((full_at, name)) = self.by_time.first().copied().filter(|(full_at, _)| *full_at <= now) {
            self.by_time.remove(&(full_at, name));
            self.full_at.remove(&name);
        }
    }

    /// No bucket that is in use makes room for another: who fills the store would get tokens by that.
    fn refuse_without_room(&self, trials: &mut [Trial], now: u64) {
        let is_new = |trial: &&mut Trial| trial.full_in == 0 && trial.full_in_after > 0;
        let room = self.capacity.saturating_sub(self.full_at.len());
        let first = self.by_time.first().map_or(u64::MAX, |(full_at, _)| full_at.saturating_sub(now));
        for trial in trials.iter_mut().filter(is_new).skip(room) {
            trial.enough_in = Duration::from_nanos(first);
            trial.has_room = false;
        }
    }

    fn set(&mut self, name: Name, full_at: u64, now: u64) {
        if full_at <= now {
            return;
        }
        if let Some(before) = self.full_at.insert(name, full_at) {
            self.by_time.remove(&(before, name));
        }
        self.by_time.insert((full_at, name));
    }
}

/// One charge, before it is known what becomes of the others. Times are nanoseconds from now.
struct Trial {
    full_in: u64,
    /// The same if the charge is made.
    full_in_after: u64,
    enough_in: Duration,
    has_room: bool,
}

impl Trial {
    fn new(charge: &Charge, full_in: u64) -> Result<Self, LimitStoreError> {
        let untried = Self { full_in, full_in_after: full_in, enough_in: Duration::ZERO, has_room: true };
        let rate = rate(charge.quota)?;
        let Some(cost) = NonZeroU32::new(charge.cost) else {
            return Ok(untried);
        };
        let cell = Staged { full_in, after: Cell::new(full_in) };
        let limiter = RateLimiter::<_, _, _, NoOpMiddleware<Duration>>::new(rate, cell, Now);
        let tried = limiter.check_n(cost).map_err(LimitStoreError::new)?;
        let enough_in = tried.err().map_or(Duration::ZERO, |refused| refused.wait_time_from(Duration::ZERO));
        Ok(Self { full_in_after: limiter.into_state_store().after.get(), enough_in, ..untried })
    }

    fn level(&self, quota: Quota, made: bool) -> Level {
        let full_in = Duration::from_nanos(if made { self.full_in_after } else { self.full_in });
        if !self.has_room {
            return Level { left: 0, full_in: self.enough_in, enough_in: self.enough_in };
        }
        let missing = full_in.as_nanos().div_ceil(quota.interval.as_nanos().max(1));
        let left = quota.burst.get().saturating_sub(u32::try_from(missing).unwrap_or(u32::MAX));
        Level { left, full_in, enough_in: self.enough_in }
    }
}

/// The quota, if it does not take so long to refill that times would overflow.
fn rate(quota: Quota) -> Result<Rate, LimitStoreError> {
    let window = quota.interval.checked_mul(quota.burst.get());
    let rate = Rate::with_period(quota.interval).filter(|_| window.is_some_and(|window| window <= LONGEST));
    rate.map(|rate| rate.allow_burst(quota.burst))
        .ok_or_else(|| LimitStoreError::new("the quota is not refilled, or not within ten years"))
}

/// The one bucket that a limiter of governor sees: what it writes is made or not, together with the others.
struct Staged {
    full_in: u64,
    after: Cell<u64>,
}

impl StateStore for Staged {
    type Key = NotKeyed;

    fn measure_and_replace<T, F, E>(&self, _: &NotKeyed, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let (outcome, after) = f(Some(self.full_in.into()))?;
        self.after.set(after.into());
        Ok(outcome)
    }
}

/// A clock that says zero: all times are counted from now.
struct Now;

impl Clock for Now {
    type Instant = Duration;

    fn now(&self) -> Duration {
        Duration::ZERO
    }
}

/// Far above what one replica sees within the window of a limit, and small beside its memory.
const CAPACITY: usize = 100_000;

const LONGEST: Duration = Duration::from_secs(10 * 365 * 86_400);

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn charge(bucket: u8, interval: Duration, burst: u32, cost: u32) -> Charge {
        let quota = Quota { interval, burst: NonZeroU32::new(burst).unwrap() };
        Charge { bucket: [bucket; 32], quota, cost }
    }

    fn of_second(bucket: u8, burst: u32) -> Charge {
        charge(bucket, Duration::from_secs(1), burst, 1)
    }

    /// What a bucket is: time flows in until it is full, and charges take it out.
    struct Model {
        time: u128,
        capacity: u128,
        at: Duration,
    }

    impl Model {
        fn take(&mut self, now: Duration, cost: u128) -> bool {
            self.time = (self.time + (now - self.at).as_nanos()).min(self.capacity);
            self.at = now;
            let enough = self.time >= cost;
            self.time -= if enough { cost } else { 0 };
            enough
        }
    }

    proptest! {
        #[test]
        fn what_is_admitted_is_what_flowed_in(
            interval in 1_u64..3_000_000_000,
            burst in 1_u32..20,
            steps in proptest::collection::vec((0_u64..4_000_000_000, 0_u32..20), 1..200),
        ) {
            // RLM-12
            let interval = Duration::from_nanos(interval);
            let capacity = (interval * burst).as_nanos();
            let mut buckets = Buckets::new(10);
            let mut model = Model { time: capacity, capacity, at: Duration::ZERO };
            let (mut now, mut taken) = (Duration::ZERO, 0);
            for (pause, cost) in steps {
                now += Duration::from_nanos(pause);
                let charge = charge(1, interval, burst, cost.min(burst));
                let charged = buckets.charge(std::slice::from_ref(&charge), now).unwrap();
                let cost = interval.as_nanos() * u128::from(charge.cost);
                prop_assert_eq!(charged.admitted, model.take(now, cost));
                taken += if charged.admitted { cost } else { 0 };
                prop_assert!(taken <= capacity + now.as_nanos());
                let level = charged.levels[0];
                prop_assert_eq!(u128::from(level.left), model.time / interval.as_nanos());
                prop_assert_eq!(level.full_in.as_nanos(), capacity - model.time);
                let missing = if charged.admitted { 0 } else { cost - model.time };
                prop_assert_eq!(level.enough_in.as_nanos(), missing);
            }
        }
    }

    #[test]
    fn if_one_bucket_has_too_few_tokens_nothing_is_taken_from_the_others() {
        let mut buckets = Buckets::new(10);
        let both = [of_second(1, 5), of_second(2, 1)];
        let lefts = |charged: &Charged| charged.levels.iter().map(|level| level.left).collect::<Vec<_>>();
        let first = buckets.charge(&both, Duration::ZERO).unwrap();
        assert_eq!((first.admitted, lefts(&first)), (true, vec![4, 0]));
        for _ in 0..3 {
            let refused = buckets.charge(&both, Duration::ZERO).unwrap();
            assert_eq!((refused.admitted, lefts(&refused)), (false, vec![4, 0]));
            let waits: Vec<_> = refused.levels.iter().map(|level| level.enough_in.as_secs()).collect();
            assert_eq!(waits, [0, 1], "who waits is told which bucket lacks tokens");
        }
    }

    #[test]
    fn a_look_costs_nothing() {
        let mut buckets = Buckets::new(1);
        buckets.charge(&[of_second(1, 2)], Duration::ZERO).unwrap();
        for _ in 0..10 {
            let looked = buckets.charge(&[charge(1, Duration::from_secs(1), 2, 0)], Duration::ZERO).unwrap();
            assert_eq!((looked.admitted, looked.levels[0].left), (true, 1));
            let room = buckets.charge(&[charge(2, Duration::from_secs(1), 2, 0)], Duration::ZERO).unwrap();
            assert_eq!((room.admitted, room.levels[0].left), (true, 2), "a look needs no room either");
        }
    }

    #[test]
    fn only_full_buckets_make_room() {
        let mut buckets = Buckets::new(2);
        let mut admitted = |bucket, secs| buckets.charge(&[of_second(bucket, 3)], Duration::from_secs(secs)).unwrap();
        assert!(admitted(1, 0).admitted);
        assert!(admitted(1, 0).admitted);
        assert!(admitted(2, 0).admitted);
        let refused = admitted(3, 0);
        assert!(!refused.admitted);
        assert_eq!(refused.levels[0].enough_in, Duration::from_secs(1), "then bucket 2 is full");
        assert!(admitted(1, 0).admitted, "who has a bucket goes on");
        assert!(!admitted(1, 0).admitted, "and nobody's tokens come back by the others");
        assert!(admitted(3, 1).admitted);
        assert!(!admitted(4, 1).admitted);
        assert_eq!(buckets.full_at.len(), buckets.by_time.len());
    }

    #[test]
    fn a_charge_that_can_never_be_made_is_an_error() {
        let mut buckets = Buckets::new(2);
        for wrong in [
            charge(1, Duration::from_secs(1), 3, 4),
            charge(1, Duration::ZERO, 3, 1),
            charge(1, Duration::ZERO, 3, 0),
            charge(1, Duration::MAX, 3, 1),
            charge(1, Duration::from_secs(86_400), u32::MAX, 1),
        ] {
            assert!(buckets.charge(std::slice::from_ref(&wrong), Duration::ZERO).is_err(), "{wrong:?}");
        }
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn of_many_tasks_exactly_as_many_are_admitted_as_there_are_tokens() {
        // RLM-12
        let store = std::sync::Arc::new(MemoryLimitStore::new());
        let charge = std::sync::Arc::new([charge(1, Duration::from_secs(3600), 10, 1)]);
        let tasks: Vec<_> = (0..100)
            .map(|_| {
                let (store, charge) = (store.clone(), charge.clone());
                tokio::spawn(async move { store.charge(&*charge).await.unwrap().admitted })
            })
            .collect();
        let mut admitted = 0;
        for task in tasks {
            admitted += usize::from(task.await.unwrap());
        }
        assert_eq!(admitted, 10);
    }
}
