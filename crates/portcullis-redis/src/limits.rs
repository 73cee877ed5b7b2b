//! What was used up of limits, at any replica.

use std::fmt;
use std::time::Duration;

use portcullis::{BoxFuture, Charge, Charged, Level, LimitStore, LimitStoreError, Quota};
use redis::{Script, ScriptInvocation};

use crate::connection::{MEMORY, Redis};
use crate::failure::RedisFailure;
use crate::script;

/// Counts requests for all replicas together.
///
/// A bucket is one number, the microsecond in which it will be full, by the clock of Redis. It is kept until then, in some 170
/// octets. Intervals are rounded up to whole microseconds: never more is admitted than the quota says.
///
/// If Redis loses its data, all buckets are full again.
pub struct RedisLimitStore {
    redis: Redis,
    script: Script,
}

impl RedisLimitStore {
    /// The buckets that `redis` holds.
    #[must_use]
    pub fn new(redis: &Redis) -> Self {
        Self { redis: redis.clone(), script: Script::new(script::LIMIT) }
    }

    async fn ask(&self, charges: &[Charge]) -> Result<Charged, LimitStoreError> {
        if charges.is_empty() {
            return Ok(Charged { admitted: true, levels: Vec::new() });
        }
        let mut call = self.script.prepare_invoke();
        let rates = request(&self.redis, charges, &mut call)?;
        let answer: Vec<i64> = self.redis.run(&call).await.map_err(LimitStoreError::new)?;
        charged(&answer, &rates).map_err(LimitStoreError::new)
    }
}

impl LimitStore for RedisLimitStore {
    fn charge<'a>(&'a self, charges: &'a [Charge]) -> BoxFuture<'a, Result<Charged, LimitStoreError>> {
        Box::pin(self.ask(charges))
    }
}

/// A quota in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Rate {
    /// The time in which one token is refilled.
    interval: u64,
    /// The time in which the whole bucket is.
    capacity: u64,
}

impl Rate {
    /// `None` if there is no such rate, or if it could not be added to the time of day without losing microseconds.
    fn new(quota: Quota) -> Option<Self> {
        let interval = u64::try_from(quota.interval.as_nanos().div_ceil(1_000)).ok()?;
        let capacity = interval.checked_mul(quota.burst.get().into())?;
        (interval > 0 && capacity <= LONGEST).then_some(Self { interval, capacity })
    }

    fn level(self, full_in: u64, enough_in: u64) -> Level {
        let left = self.capacity.saturating_sub(full_in).checked_div(self.interval).unwrap_or(0);
        Level {
            left: u32::try_from(left).unwrap_or(u32::MAX),
            full_in: Duration::from_micros(full_in),
            enough_in: Duration::from_micros(enough_in),
        }
    }
}

/// Fills in `call` what the script asks for.
fn request(redis: &Redis, charges: &[Charge], call: &mut ScriptInvocation<'_>) -> Result<Vec<Rate>, LimitStoreError> {
    call.key(redis.key(MEMORY));
    let mut rates = Vec::with_capacity(charges.len());
    for charge in charges {
        let rate = Rate::new(charge.quota)
            .ok_or_else(|| LimitStoreError::new("no time, or too long a time, refills the bucket"))?;
        if charge.cost > charge.quota.burst.get() {
            return Err(LimitStoreError::new("the charge is more than the bucket ever holds"));
        }
        call.key(redis.key([b"limit:".as_slice(), &charge.bucket].concat()));
        // At most the capacity, which was found not to overflow.
        call.arg(rate.capacity).arg(rate.interval.saturating_mul(charge.cost.into()));
        rates.push(rate);
    }
    Ok(rates)
}

fn charged(answer: &[i64], rates: &[Rate]) -> Result<Charged, RedisFailure> {
    let unreadable = RedisFailure::Unreadable { problem: "an answer about limits" };
    let Some((admitted, times)) = answer.split_first() else {
        return Err(unreadable);
    };
    let (pairs, rest) = times.as_chunks::<2>();
    if pairs.len() != rates.len() || !rest.is_empty() {
        return Err(unreadable);
    }
    let level = |(pair, rate): (&[i64; 2], &Rate)| {
        let [full_in, enough_in] = pair.map(u64::try_from);
        Some(rate.level(full_in.ok()?, enough_in.ok()?))
    };
    let levels = pairs.iter().zip(rates).map(level).collect::<Option<Vec<_>>>().ok_or(unreadable)?;
    Ok(Charged { admitted: *admitted == 1, levels })
}

impl fmt::Debug for RedisLimitStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedisLimitStore").field("redis", &self.redis).finish_non_exhaustive()
    }
}

/// A hundred years in microseconds. Added to the time of day it is less than 2^53, up to which the numbers of scripts are
/// exact.
const LONGEST: u64 = 100 * 365 * 86_400 * 1_000_000;

#[cfg(test)]
mod tests {
    use std::num::NonZeroU32;

    use proptest::prelude::*;

    use super::*;
    use crate::connection::RedisSettings;
    use crate::server::RedisServer;

    /// The store, with a clock that stands until it is moved. Buckets are kept for a minute longer, so that Redis' own clock
    /// plays no part.
    struct Store {
        redis: Redis,
        script: Script,
    }

    impl Store {
        async fn charge(&self, now: u64, charges: &[Charge]) -> Charged {
            let mut call = self.script.prepare_invoke();
            let rates = request(&self.redis, charges, &mut call).unwrap();
            call.arg(now / 1_000_000).arg(now % 1_000_000);
            charged(&self.redis.run::<Vec<i64>>(&call).await.unwrap(), &rates).unwrap()
        }
    }

    /// What a bucket is: time flows in until it is full, and charges take it out.
    #[derive(Debug, Clone, Copy)]
    struct Model {
        interval: u64,
        burst: u64,
        /// The microseconds in it.
        level: u64,
    }

    impl Model {
        fn advance(&mut self, by: u64) {
            self.level = (self.level + by).min(self.interval * self.burst);
        }
    }

    fn quota(interval: u64, burst: u32) -> Quota {
        Quota { interval: Duration::from_micros(interval), burst: NonZeroU32::new(burst).unwrap() }
    }

    /// Three buckets, from a few tokens to many, and the times between requests that keep them between empty and full.
    const QUOTAS: [(u64, u32); 3] = [(1_000_000, 3), (333_333, 7), (10_000_007, 1_000)];

    proptest! {
        #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn buckets_are_filled_and_charged_as_a_plain_model_says(
            steps in proptest::collection::vec(
                (0_u64..3_000_000, proptest::collection::vec((0_usize..3, 0_u32..=3), 1..4)),
                1..30,
            ),
        ) {
            // RLM-12
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                let server = RedisServer::start();
                let redis = RedisSettings::new(&server.url()).unwrap().with_timeout(Duration::from_secs(2)).connect().await.unwrap();
                let text = script::LIMIT.replace("redis.call('TIME')", "{ ARGV[#ARGV - 1], ARGV[#ARGV] }");
                let text = text.replace("(full - now) / 1000", "(full - now) / 1000 + 60000");
                let store = Store { redis, script: Script::new(&text) };
                let mut now = 1_767_226_000_000_000;
                let mut models = QUOTAS.map(|(interval, burst)| {
                    Model { interval, burst: burst.into(), level: interval * u64::from(burst) }
                });
                for (pause, wanted) in steps {
                    now += pause;
                    models.iter_mut().for_each(|model| model.advance(pause));
                    let charges: Vec<_> = wanted.iter().map(|(bucket, cost)| {
                        let (interval, burst) = QUOTAS[*bucket];
                        Charge { bucket: [u8::try_from(*bucket).unwrap(); 32], quota: quota(interval, burst), cost: *cost }
                    }).collect();
                    let mut after = models;
                    let mut enough = true;
                    for (bucket, cost) in &wanted {
                        let model = &mut after[*bucket];
                        match model.level.checked_sub(model.interval * u64::from(*cost)) {
                            Some(rest) => model.level = rest,
                            None => enough = false,
                        }
                    }
                    if enough {
                        models = after;
                    }
                    let charged = store.charge(now, &charges).await;
                    prop_assert_eq!(charged.admitted, enough);
                    for ((bucket, _), level) in wanted.iter().zip(&charged.levels) {
                        let model = models[*bucket];
                        prop_assert_eq!(u64::from(level.left), model.level / model.interval);
                        let missing = model.interval * model.burst - model.level;
                        prop_assert_eq!(level.full_in, Duration::from_micros(missing));
                    }
                    prop_assert_eq!(enough, charged.levels.iter().all(|level| level.enough_in.is_zero()));
                }
                Ok(())
            })?;
        }
    }

    #[tokio::test]
    async fn a_clock_that_was_put_back_empties_no_bucket_for_longer_than_it_takes_to_fill_it() {
        let server = RedisServer::start();
        let redis = RedisSettings::new(&server.url()).unwrap().connect().await.unwrap();
        let text = script::LIMIT.replace("redis.call('TIME')", "{ ARGV[#ARGV - 1], ARGV[#ARGV] }");
        let store = Store { redis, script: Script::new(&text) };
        let one = [Charge { bucket: [1; 32], quota: quota(1_000_000, 5), cost: 1 }];
        let now = 1_767_226_000_000_000;
        assert!(store.charge(now, &one).await.admitted);
        let back = store.charge(now - 3_600_000_000, &one).await;
        assert_eq!((back.admitted, back.levels[0].left), (false, 0));
        assert_eq!(back.levels[0].full_in, Duration::from_secs(5));
    }

    #[test]
    fn intervals_are_rounded_so_that_never_more_is_admitted() {
        let rate = |nanos, burst| {
            Rate::new(Quota { interval: Duration::from_nanos(nanos), burst: NonZeroU32::new(burst).unwrap() })
        };
        for (nanos, interval) in [(1, 1), (999, 1), (1_000, 1), (1_001, 2), (333_333_333, 333_334)] {
            assert_eq!(rate(nanos, 3), Some(Rate { interval, capacity: 3 * interval }), "{nanos}");
        }
        assert_eq!(rate(0, 3), None);
    }

    #[test]
    fn what_redis_answers_is_not_believed_blindly() {
        let rates = [Rate { interval: 1_000_000, capacity: 3_000_000 }];
        for answer in [&[][..], &[1], &[1, 0], &[1, 0, 0, 0], &[1, 0, 0, 0, 0], &[1, -1, 0], &[1, 0, -1]] {
            assert!(charged(answer, &rates).is_err(), "{answer:?}");
        }
        assert!(charged(&[1, 2_000_001, 0], &rates).is_ok_and(|charged| charged.levels[0].left == 0));
        assert!(charged(&[2, 0, 0], &rates).is_ok_and(|charged| !charged.admitted));
    }
}
