//! What was used up of limits, at any replica.

use std::fmt;
use std::time::Duration;

use portcullis::{BoxFuture, Charge, Charged, Level, LimitStore, LimitStoreError, Quota};
use redis::Script;

use crate::connection::{MEMORY, Redis};
use crate::failure::RedisFailure;
use crate::script;

/// Counts requests for all replicas together.
///
/// A bucket is one number, the microsecond in which it will be full, by the clock of Redis. It is kept until then, in some 150
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
        call.key(self.redis.key(MEMORY));
        let mut intervals = Vec::with_capacity(charges.len());
        for charge in charges {
            let rate = Rate::new(charge.quota).ok_or_else(|| LimitStoreError::new("the quota takes too long to refill"))?;
            if charge.cost > charge.quota.burst.get() {
                return Err(LimitStoreError::new("the charge is more than the bucket ever holds"));
            }
            call.key(self.redis.key([b"limit:".as_slice(), &charge.bucket].concat()));
            // At most the capacity, which was found not to overflow.
            call.arg(rate.capacity).arg(rate.interval.saturating_mul(charge.cost.into()));
            intervals.push(rate);
        }
        let answer: Vec<i64> = self.redis.run(&call).await.map_err(LimitStoreError::new)?;
        charged(&answer, &intervals).map_err(LimitStoreError::new)
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
    /// `None` if that could not be added to the time of day without losing microseconds.
    fn new(quota: Quota) -> Option<Self> {
        let interval = u64::try_from(quota.interval.as_nanos().div_ceil(1_000)).ok()?.max(1);
        let capacity = interval.checked_mul(quota.burst.get().into())?;
        (capacity <= LONGEST).then_some(Self { interval, capacity })
    }

    fn level(self, full_in: u64, enough_in: u64) -> Level {
        let left = self.capacity.saturating_sub(full_in) / self.interval;
        Level {
            left: u32::try_from(left).unwrap_or(u32::MAX),
            full_in: Duration::from_micros(full_in),
            enough_in: Duration::from_micros(enough_in),
        }
    }
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

