//! Limits of traffic: who may ask how often.
//!
//! A request is counted once, after the policies let it in and before its handler runs. All limits that are for it must have
//! enough tokens: else none is charged, and the answer is 429.

mod bucket;
mod limit;
mod memory;
mod rate_limit;
mod store;

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{Bundle, Kind};

use bucket::BucketNames;

use crate::gate::RETRY_AFTER;
use crate::refusal::{Refusal, chain};

pub(crate) use limit::{Class, Counted, Counts, Limit, OnStoreFailure, Part};
pub use memory::MemoryLimitStore;
use rate_limit::Remaining;
pub(crate) use rate_limit::{POLICY, RateLimit, STATE};
pub use store::{Charge, Charged, Level, LimitStore, LimitStoreError, Quota};

/// All limits of a gate, and where they are counted.
pub(crate) struct Limits {
    limits: Vec<Limit>,
    names: BucketNames,
    store: Arc<dyn LimitStore>,
    /// Counts while the store does not, where a limit allows that.
    spare: MemoryLimitStore,
}

impl Limits {
    /// Counts in `store`, which others may share; if there is none, in memory.
    pub(crate) fn new(limits: Vec<Limit>, store: Option<Arc<dyn LimitStore>>) -> Self {
        let (names, store) = match store {
            Some(store) => (BucketNames::shared(), store),
            None => (BucketNames::own(), Arc::new(MemoryLimitStore::new()) as Arc<dyn LimitStore>),
        };
        Self { limits, names, store, spare: MemoryLimitStore::new() }
    }

    /// Warns of traffic that nothing limits, unless there are neither limits nor agents.
    pub(crate) fn warn_of_gaps(&self, bundle: &Bundle) {
        let open: Vec<&str> = self.unlimited(bundle).map(Class::as_str).collect();
        if !open.is_empty() && (!self.limits.is_empty() || bundle.knows(Kind::Agent)) {
            tracing::warn!(target: "portcullis", classes = open.join(", "), "no `[[limit]]` counts the requests of these classes of traffic");
        }
    }

    fn unlimited(&self, bundle: &Bundle) -> impl Iterator<Item = Class> {
        let is_limited = |class: Class| {
            let requests = self.limits.iter().filter(|limit| limit.counts == Counts::Requests);
            requests.into_iter().any(|limit| limit.class.is_none_or(|limited| limited == class))
        };
        let known = Kind::ALL.into_iter().filter(|kind| bundle.knows(*kind)).map(Class::from);
        known.filter(move |class| !is_limited(*class))
    }

    /// Authenticates a request from `peer`, unless too many of its requests failed to.
    ///
    /// No quota of a principal is touched: who sends wrong tokens would use up another's, and learn from it how busy that one
    /// is.
    pub(crate) async fn guard<T>(
        &self,
        peer: Option<IpAddr>,
        authentication: impl Future<Output = Result<T, Refusal>>,
    ) -> Result<T, Refusal> {
        let counted = Counted { peer, ..Counted::default() };
        let due = self.due(Counts::FailedAuthentication, &counted);
        if due.is_empty() {
            return authentication.await;
        }
        self.look(&due).await?;
        match authentication.await {
            Err(refusal) if refusal.is_failed_authentication() => {
                self.charge(&due).await?;
                Err(refusal)
            }
            outcome => outcome,
        }
    }

    /// Counts a request of which the policies said `judged`: as admitted, or as denied.
    ///
    /// A denial does not count against what is admitted. What the handler denies was counted as admitted before.
    pub(crate) async fn settle<T>(
        &self,
        counted: &Counted<'_>,
        judged: Result<T, Refusal>,
    ) -> Result<(T, RateLimit), Refusal> {
        match judged {
            Ok(entry) => Ok((entry, self.charge(&self.due(Counts::Requests, counted)).await?)),
            Err(refusal) if refusal.is_denial() => {
                self.charge(&self.due(Counts::Denials, counted)).await?;
                Err(refusal)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What `counted` costs at the limits that count it as `counts`.
    fn due(&self, counts: Counts, counted: &Counted<'_>) -> Vec<Due<'_>> {
        let concerned = self.limits.iter().filter(|limit| limit.counts == counts && limit.is_for(counted));
        let due = concerned.map(|limit| Due {
            limit,
            charge: Charge {
                bucket: self.names.name(limit, counted),
                quota: limit.quota,
                cost: limit.cost(counted.action),
            },
        });
        due.collect()
    }

    /// Refuses what would be refused if it was charged, without a charge.
    async fn look(&self, due: &[Due<'_>]) -> Result<(), Refusal> {
        let free = |due: &Due<'_>| Charge { cost: 0, ..due.charge.clone() };
        let charged = self.count(due, &due.iter().map(free).collect::<Vec<_>>()).await?;
        let mut found = remaining(due, &charged);
        for Remaining { quota, level, .. } in &mut found.0 {
            if level.left == 0 {
                let others = quota.interval.saturating_mul(quota.burst.get() - 1);
                level.enough_in = level.full_in.saturating_sub(others).max(Duration::from_nanos(1));
            }
        }
        let violated = found.into_violated();
        if violated.names().is_empty() { Ok(()) } else { Err(Refusal::QuotaExceeded(Box::new(violated))) }
    }

    async fn charge(&self, due: &[Due<'_>]) -> Result<RateLimit, Refusal> {
        if due.is_empty() {
            return Ok(RateLimit::default());
        }
        let charges: Vec<Charge> = due.iter().map(|due| due.charge.clone()).collect();
        let charged = self.count(due, &charges).await?;
        let found = remaining(due, &charged);
        if charged.admitted { Ok(found) } else { Err(Refusal::QuotaExceeded(Box::new(found.into_violated()))) }
    }

    /// Asks the store, and does what the limits say if it fails.
    async fn count(&self, due: &[Due<'_>], charges: &[Charge]) -> Result<Charged, Refusal> {
        let charged = tokio::time::timeout(STORE_TIMEOUT, self.store.charge(charges));
        let reason = match Box::pin(charged).await {
            Ok(Ok(charged)) if charged.levels.len() == charges.len() => return Ok(charged),
            Ok(Ok(_)) => "the store of limits did not answer for all charges".to_owned(),
            Ok(Err(error)) => chain(&error),
            Err(_) => "the store of limits did not answer in time".to_owned(),
        };
        let unavailable = |reason| Refusal::Unavailable { retry_after: RETRY_AFTER, reason };
        if due.iter().any(|due| due.limit.on_store_failure == OnStoreFailure::Deny) {
            return Err(unavailable(reason));
        }
        tracing::warn!(target: "portcullis", reason, "a request is counted by this replica alone");
        self.spare.charge_now(charges).map_err(|error| unavailable(chain(&error)))
    }
}

/// A charge, and the limit that it is for.
struct Due<'a> {
    limit: &'a Limit,
    charge: Charge,
}

fn remaining(due: &[Due<'_>], charged: &Charged) -> RateLimit {
    let of = |(due, level): (&Due<'_>, &Level)| {
        let Limit { name, quota, .. } = due.limit;
        let spread = due.charge.bucket.first().copied().unwrap_or_default();
        Remaining { name: name.clone(), quota: *quota, level: *level, spread }
    };
    RateLimit(due.iter().zip(&charged.levels).map(of).collect())
}

impl fmt::Debug for Limits {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limits").field("limits", &self.limits).field("store", &self.store).finish_non_exhaustive()
    }
}

/// How long a store may take. Requests wait for it, and it is as near as a cache.
const STORE_TIMEOUT: Duration = Duration::from_secs(1);
