//! Keys that are fetched when they are needed.
//!
//! Requests read a snapshot. A fetch runs in a task of its own, at most one at a time, and ends by replacing the
//! snapshot or by leaving it as it is; so a request that goes away takes nothing from the others.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use portcullis_core::UnixTime;
use tokio::runtime::Handle;
use tokio::sync::watch;

use super::fetch::Fetcher;
use super::freshness::{Age, Freshness};
use super::{KeySourceError, KeysUnavailable, report};
use crate::http::Network;
use crate::keys::KeySet;

/// The keys of one issuer, from a place that is asked again and again.
pub(super) struct RemoteKeys {
    shared: Arc<Shared>,
}

struct Shared {
    fetcher: Arc<Fetcher>,
    max_stale: Duration,
    /// Never held across an `await`.
    state: RwLock<State>,
    /// Sent to at the end of every fetch.
    ended: watch::Sender<()>,
}

#[derive(Default)]
struct State {
    snapshot: Option<Snapshot>,
    last_attempt: Option<Attempt>,
    /// The last one for the sake of a key that is not in the set.
    last_for_unknown_key: Option<Attempt>,
    is_fetching: bool,
}

struct Snapshot {
    keys: Arc<KeySet>,
    freshness: Freshness,
}

/// The last fetch that ended.
#[derive(Clone, Copy)]
struct Attempt {
    at: UnixTime,
    /// How many in a row have failed, this one included.
    failures: u32,
}

/// Why to fetch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cause {
    /// The keys are missing, or not fresh.
    Age,
    /// A token names a key that is not among them.
    UnknownKey,
}

impl RemoteKeys {
    pub(super) fn new(fetcher: Fetcher) -> Self {
        Self::with(Arc::new(fetcher), DEFAULT_MAX_STALE)
    }

    fn with(fetcher: Arc<Fetcher>, max_stale: Duration) -> Self {
        let (state, ended) = (RwLock::default(), watch::Sender::new(()));
        Self { shared: Arc::new(Shared { fetcher, max_stale, state, ended }) }
    }

    pub(super) fn in_network(&self, network: &Network) -> Result<Self, KeySourceError> {
        Ok(Self::with(Arc::new(self.shared.fetcher.in_network(network)?), self.shared.max_stale))
    }

    pub(super) fn with_max_stale(&self, max_stale: Duration) -> Self {
        Self::with(Arc::clone(&self.shared.fetcher), max_stale)
    }

    pub(super) fn discovered_issuer(&self) -> Option<&str> {
        self.shared.fetcher.discovered_issuer()
    }

    /// The keys at `now`. Fresh ones and stale ones are there at once; otherwise this waits for a fetch.
    pub(super) async fn keys(&self, alias: &str, now: UnixTime) -> Result<Arc<KeySet>, KeysUnavailable> {
        match self.shared.usable(now) {
            Some((keys, Age::Fresh)) => return Ok(keys),
            Some((keys, _)) => {
                self.fetch(Cause::Age, alias, now);
                return Ok(keys);
            }
            None => self.fetched(Cause::Age, alias, now).await,
        }
        let unavailable = || KeysUnavailable { retry_after: self.shared.pause_left(Cause::Age, now) };
        self.shared.usable(now).map(|(keys, _)| keys).ok_or_else(unavailable)
    }

    /// Whether `keys` are those at hand, and need not be fetched again at `now`.
    pub(super) fn are_fresh(&self, keys: &Arc<KeySet>, now: UnixTime) -> bool {
        self.shared.read(|state| {
            let snapshot = state.snapshot.as_ref();
            snapshot.is_some_and(|known| Arc::ptr_eq(&known.keys, keys) && known.freshness.age(now) == Age::Fresh)
        })
    }

    /// Newer keys than `seen`, which lack the key that a token names; `None` if the issuer has none.
    pub(super) async fn newer(
        &self,
        seen: &Arc<KeySet>,
        alias: &str,
        now: UnixTime,
    ) -> Result<Option<Arc<KeySet>>, KeysUnavailable> {
        if self.shared.other_than(seen).is_none() {
            self.fetched(Cause::UnknownKey, alias, now).await;
        }
        match self.shared.other_than(seen) {
            Some(newer) => Ok(Some(newer)),
            // The issuer was asked just now: the key does not exist.
            None if self.shared.last_attempt().is_some_and(|last| last.failures == 0) => Ok(None),
            // It does not answer: nobody knows.
            None => Err(KeysUnavailable { retry_after: self.shared.pause_left(Cause::UnknownKey, now) }),
        }
    }

    /// Waits for the fetch that is under way or due, if there is one.
    async fn fetched(&self, cause: Cause, alias: &str, now: UnixTime) {
        // From before the fetch can end, so that its end cannot be missed.
        let mut ended = self.shared.ended.subscribe();
        if self.fetch(cause, alias, now) {
            // Fails only without a sender, which `shared` holds.
            let _ = ended.changed().await;
        }
    }

    /// Starts a fetch, unless one is under way or it is too early; whether one is under way now.
    fn fetch(&self, cause: Cause, alias: &str, now: UnixTime) -> bool {
        // Without the exclusive lock, since all requests come by here while an issuer is down.
        let (is_fetching, is_due) = self.shared.read(|state| (state.is_fetching, state.is_due(cause, now)));
        if is_fetching || !is_due {
            return is_fetching;
        }
        let Ok(runtime) = Handle::try_current() else {
            tracing::error!(issuer = alias, "keys can be fetched only within a tokio runtime");
            return false;
        };
        {
            let mut state = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
            if state.is_fetching || !state.is_due(cause, now) {
                return state.is_fetching;
            }
            state.is_fetching = true;
        }
        let fetch = Fetch { shared: Arc::clone(&self.shared), alias: alias.to_owned(), cause, now, result: None };
        runtime.spawn(fetch.run());
        true
    }
}

impl Shared {
    /// The keys, unless they have expired.
    fn usable(&self, now: UnixTime) -> Option<(Arc<KeySet>, Age)> {
        self.read(|state| {
            let snapshot = state.snapshot.as_ref()?;
            let age = snapshot.freshness.age(now);
            (age != Age::Expired).then(|| (Arc::clone(&snapshot.keys), age))
        })
    }

    fn other_than(&self, seen: &Arc<KeySet>) -> Option<Arc<KeySet>> {
        self.read(|state| {
            let keys = &state.snapshot.as_ref()?.keys;
            (!Arc::ptr_eq(keys, seen)).then(|| Arc::clone(keys))
        })
    }

    fn last_attempt(&self) -> Option<Attempt> {
        self.read(|state| state.last_attempt)
    }

    fn pause_left(&self, cause: Cause, now: UnixTime) -> Duration {
        self.read(|state| state.pause_left(cause, now)).unwrap_or(FIRST_RETRY)
    }

    fn read<T>(&self, what: impl FnOnce(&State) -> T) -> T {
        // Whoever panicked while writing left a whole state all the same.
        what(&self.state.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl State {
    fn is_due(&self, cause: Cause, now: UnixTime) -> bool {
        let is_fresh = self.snapshot.as_ref().is_some_and(|snapshot| snapshot.freshness.age(now) == Age::Fresh);
        let is_wanted = match cause {
            Cause::Age => !is_fresh, // it may have been fetched since the caller looked
            Cause::UnknownKey => true,
        };
        is_wanted && self.pause_left(cause, now).is_none()
    }

    /// For how long a fetch for `cause` is not started, because there was one just now.
    fn pause_left(&self, cause: Cause, now: UnixTime) -> Option<Duration> {
        let last = self.last_attempt?;
        match cause {
            Cause::Age => last.remaining(last.back_off(), now),
            // The long pause is for what strangers caused. After a fetch for another reason it would only keep out the keys
            // of an issuer that rotates soon after.
            Cause::UnknownKey => {
                let just_fetched = last.remaining(JUST_FETCHED.max(last.back_off()), now);
                let cooling_down = self.last_for_unknown_key.and_then(|last| last.remaining(COOL_DOWN, now));
                just_fetched.max(cooling_down)
            }
        }
    }
}

impl Attempt {
    /// Doubles with each failure, so that an issuer in trouble is not asked harder.
    fn back_off(self) -> Duration {
        match self.failures.checked_sub(1) {
            None => Duration::ZERO,
            Some(doublings) => FIRST_RETRY.saturating_mul(1 << doublings.min(10)).min(LAST_RETRY),
        }
    }

    /// How much of `pause` is left at `now`; `None` if it is over.
    ///
    /// A call may have waited, so its `now` may lie somewhat before the attempt. If it lies far before, the clock was
    /// set back, and waiting for it to catch up could take years.
    fn remaining(self, pause: Duration, now: UnixTime) -> Option<Duration> {
        if self.at.since(now) > pause {
            return None;
        }
        pause.checked_sub(now.since(self.at)).filter(|left| !left.is_zero())
    }
}

/// A fetch under way. However it ends, dropping it says so to those who wait.
struct Fetch {
    shared: Arc<Shared>,
    alias: String,
    cause: Cause,
    now: UnixTime,
    result: Option<Snapshot>,
}

impl Fetch {
    async fn run(mut self) {
        let Self { shared, alias, now, .. } = &self;
        match shared.fetcher.fetch(alias, *now, shared.max_stale).await {
            Ok(fetched) => {
                report(&fetched.keys, alias);
                let freshness = Freshness::new(&fetched.headers, *now, shared.max_stale);
                self.result = Some(Snapshot { keys: Arc::new(fetched.keys), freshness });
            }
            Err(error) => tracing::warn!(issuer = alias, %error, "the keys of an issuer cannot be fetched"),
        }
    }
}

impl Drop for Fetch {
    fn drop(&mut self) {
        {
            let mut state = self.shared.state.write().unwrap_or_else(PoisonError::into_inner);
            state.is_fetching = false;
            let failures = state.last_attempt.map_or(0, |last| last.failures);
            let failures = if self.result.is_some() { 0 } else { failures.saturating_add(1) };
            let attempt = Attempt { at: self.now, failures };
            state.last_attempt = Some(attempt);
            if self.cause == Cause::UnknownKey {
                state.last_for_unknown_key = Some(attempt);
            }
            if let Some(snapshot) = self.result.take() {
                state.snapshot = Some(snapshot);
            }
        }
        self.shared.ended.send_replace(());
    }
}

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let keys = self.shared.read(|state| state.snapshot.as_ref().map(|snapshot| Arc::clone(&snapshot.keys)));
        f.debug_struct("RemoteKeys").field("fetcher", &self.shared.fetcher).field("keys", &keys).finish_non_exhaustive()
    }
}

/// An outage shorter than this is noticed by the log only.
const DEFAULT_MAX_STALE: Duration = Duration::from_secs(60 * 60);

/// Between two fetches for the sake of a key that is not in the set: strangers can name any key.
const COOL_DOWN: Duration = Duration::from_secs(30);

/// A set that was fetched so lately has what the issuer publishes.
const JUST_FETCHED: Duration = Duration::from_secs(5);

/// After the first failure: requests may be waiting for the issuer to come back.
const FIRST_RETRY: Duration = Duration::from_secs(5);

/// The longest pause after many failures.
const LAST_RETRY: Duration = Duration::from_secs(60);
