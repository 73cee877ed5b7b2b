//! Status lists that are fetched when they are needed.

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use portcullis_core::UnixTime;
use reqwest::Url;

use super::canonical;
use super::list::{MAX_TEXT_BYTES, StatusList, TYPE, UnusableList};
use crate::http::{Endpoint, EndpointError, HttpError, Network};
use crate::issuer::Issuer;

/// The status lists of one issuer, signed with the issuer's own keys.
///
/// # Defaults
///
/// - A list is used for as long as its `ttl` says, but for no less than 30 seconds and no more than one hour; without
///   `ttl` for 5 minutes. Never after its `exp`.
/// - A list that should be fetched again and cannot be is used until it is one hour old. Then its tokens are refused
///   (503).
/// - Lists are fetched from public addresses only.
/// - A list has at most 16 MiB, 8 MiB on the wire. The 16 that were used last are kept.
pub struct StatusLists {
    prefixes: Vec<String>,
    min_age: Duration,
    max_age: Duration,
    network: Network,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

impl StatusLists {
    /// Lists whose address is one of `uris`, or begins with one of them that ends in `/`. A token names no other.
    ///
    /// # Errors
    ///
    /// If there is none, or if one is not an https URL in its usual spelling (plain http is for loopback addresses).
    pub fn new<U: Into<String>>(uris: impl IntoIterator<Item = U>) -> Result<Self, StatusListsError> {
        let prefixes: Vec<String> = uris.into_iter().map(Into::into).collect();
        if prefixes.is_empty() {
            return Err(StatusListsError::NoUri);
        }
        for prefix in &prefixes {
            Endpoint::new(prefix, &Network::default())?;
            if canonical(prefix).is_none() {
                return Err(StatusListsError::Spelling { uri: prefix.clone() });
            }
        }
        let slots = Mutex::default();
        Ok(Self { prefixes, min_age: MIN_AGE, max_age: MAX_AGE, network: Network::default(), slots })
    }

    /// Fetches a list again no earlier than after `min`, and uses none that is older than `max`, whatever its `ttl`.
    ///
    /// # Errors
    ///
    /// If `min` is greater than `max`, or `max` greater than a day: revocations would hardly reach this service.
    pub fn with_ages(mut self, min: Duration, max: Duration) -> Result<Self, StatusListsError> {
        if min > max || max > LONGEST_AGE {
            return Err(StatusListsError::Ages { min, max });
        }
        (self.min_age, self.max_age) = (min, max);
        Ok(self)
    }

    /// Fetches lists over `network`.
    #[must_use]
    pub fn with_network(mut self, network: Network) -> Self {
        self.network = network;
        self
    }

    /// The bounds for the age of a list.
    pub(super) fn ages(&self) -> (Duration, Duration) {
        (self.min_age, self.max_age)
    }

    /// The address `uri`, if it is allowed.
    pub(super) fn allowed(&self, uri: &str) -> Option<Url> {
        let is_allowed = |prefix: &String| uri == prefix || (prefix.ends_with('/') && uri.starts_with(prefix));
        canonical(uri).filter(|_| self.prefixes.iter().any(is_allowed))
    }

    /// The list at `url`, recent enough for `now`.
    pub(super) async fn list(
        &self,
        issuer: &Arc<Issuer>,
        url: Url,
        now: UnixTime,
    ) -> Result<Arc<StatusList>, ListUnavailable> {
        let slot = self.slot(&url, now)?;
        if let Some(fetched) = slot.current().filter(|fetched| now < fetched.fresh_until) {
            return Ok(fetched.list);
        }
        let (issuer, bounds) = (Arc::clone(issuer), (self.min_age, self.max_age));
        // In a task of its own: a client that hangs up while its request waits must not abort the fetch for the others.
        let task = tokio::spawn(async move { slot.refresh(&issuer, bounds, now).await });
        // The task fails only when the runtime shuts down.
        task.await.unwrap_or(Err(ListUnavailable { retry_after: PAUSE }))
    }

    /// The place of the list at `url`. If there are too many, the one that nobody asked for the longest goes.
    fn slot(&self, url: &Url, now: UnixTime) -> Result<Arc<Slot>, ListUnavailable> {
        // Every change is whole, so a poisoned lock holds nothing half done.
        let mut slots = self.slots.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(slot) = slots.get(url.as_str()) {
            slot.used.store(now.as_secs(), Ordering::Relaxed);
            return Ok(Arc::clone(slot));
        }
        if slots.len() >= MAX_LISTS {
            let oldest = slots.iter().min_by_key(|(_, slot)| slot.used.load(Ordering::Relaxed));
            if let Some(uri) = oldest.map(|(uri, _)| uri.clone()) {
                slots.remove(&uri);
            }
        }
        let slot = Arc::new(Slot::new(url, &self.network, now).map_err(|_| ListUnavailable { retry_after: PAUSE })?);
        slots.insert(url.as_str().to_owned(), Arc::clone(&slot));
        Ok(slot)
    }
}

/// One list, with at most one request for it under way.
struct Slot {
    endpoint: Endpoint,
    /// When it was last asked for, in seconds since the epoch.
    used: AtomicI64,
    current: RwLock<Option<Fetched>>,
    /// When the last fetch failed. Held during a fetch: whoever waits for it finds the answer in `current`.
    failed: tokio::sync::Mutex<Option<UnixTime>>,
}

#[derive(Clone)]
struct Fetched {
    list: Arc<StatusList>,
    /// The first second in which it should be fetched again.
    fresh_until: UnixTime,
    /// The first second in which it is no longer used.
    usable_until: UnixTime,
}

impl Slot {
    fn new(url: &Url, network: &Network, now: UnixTime) -> Result<Self, EndpointError> {
        let endpoint = Endpoint::new(url.as_str(), network)?;
        let used = AtomicI64::new(now.as_secs());
        Ok(Self { endpoint, used, current: RwLock::default(), failed: tokio::sync::Mutex::default() })
    }

    fn current(&self) -> Option<Fetched> {
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    async fn refresh(
        &self,
        issuer: &Arc<Issuer>,
        bounds: (Duration, Duration),
        now: UnixTime,
    ) -> Result<Arc<StatusList>, ListUnavailable> {
        let mut failed = self.failed.lock().await;
        let current = self.current();
        if let Some(fetched) = current.as_ref().filter(|fetched| now < fetched.fresh_until) {
            return Ok(Arc::clone(&fetched.list)); // fetched while this call waited for its turn
        }
        let in_hand = current.filter(|fetched| now < fetched.usable_until).map(|fetched| fetched.list);
        // A clock that was set back far must not keep the list away until it has caught up.
        let paused = failed.filter(|at| at.since(now) <= PAUSE && now.since(*at) < PAUSE);
        let fetched = match paused {
            Some(at) => return in_hand.ok_or(ListUnavailable { retry_after: PAUSE.saturating_sub(now.since(at)) }),
            None => self.fetch(issuer, bounds, now).await,
        };
        match fetched {
            Ok(fetched) => {
                let list = Arc::clone(&fetched.list);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(fetched);
                *failed = None;
                Ok(list)
            }
            Err(error) => {
                let (issuer, list) = (issuer.alias(), self.endpoint.url().as_str());
                tracing::warn!(issuer, list, %error, "a status list cannot be fetched");
                *failed = Some(now);
                in_hand.ok_or(ListUnavailable { retry_after: PAUSE })
            }
        }
    }

    async fn fetch(
        &self,
        issuer: &Arc<Issuer>,
        (min_age, max_age): (Duration, Duration),
        now: UnixTime,
    ) -> Result<Fetched, FetchError> {
        let reply = self.endpoint.get("application/statuslist+jwt", MAX_TEXT_BYTES).await?;
        if !(200..300).contains(&reply.status) {
            return Err(FetchError::Status(reply.status));
        }
        if !reply.is(&format!("application/{TYPE}")) {
            return Err(FetchError::MediaType);
        }
        let list = StatusList::verify(&reply.body, issuer, self.endpoint.url().as_str(), now).await?;
        let last = list.expires.unwrap_or(UnixTime::LAST);
        let age = list.ttl.unwrap_or(DEFAULT_AGE).clamp(min_age, max_age);
        let (fresh_until, usable_until) = (now.plus(age).min(last), now.plus(max_age).min(last));
        Ok(Fetched { list: Arc::new(list), fresh_until, usable_until })
    }
}

/// There is no list that is recent enough, and the issuer does not supply one.
#[derive(Debug)]
pub(super) struct ListUnavailable {
    pub(super) retry_after: Duration,
}

/// Why a fetch brought no list. For the log.
#[derive(Debug, thiserror::Error)]
enum FetchError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the answer is not of the type application/statuslist+jwt")]
    MediaType,
    #[error("the answer has status {0}, not 2xx")]
    Status(u16),
    #[error("the list is not usable: {0}")]
    Unusable(#[from] UnusableList),
}

/// Why status lists cannot be used as configured. The operator must change a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StatusListsError {
    /// The bounds for the age of a list exclude each other, or are useless.
    #[error("lists cannot be between {min:?} and {max:?} old; `min_age` is at most `max_age`, and `max_age` one day")]
    Ages {
        /// The lower bound.
        min: Duration,
        /// The upper bound.
        max: Duration,
    },
    /// An address is not one that lists may be fetched from.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// No address is allowed, so no list could ever be fetched.
    #[error("status lists are checked and no address of one is allowed; name them in `uri`")]
    NoUri,
    /// An address is spelled in an unusual way, so that no token would match it.
    #[error("`{uri}` is not in the usual spelling of a URL; write the host in lower case, and at least `/` after it")]
    Spelling {
        /// The address.
        uri: String,
    },
}

impl fmt::Debug for StatusLists {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StatusLists").field("prefixes", &self.prefixes).finish_non_exhaustive()
    }
}

const MIN_AGE: Duration = Duration::from_secs(30);
const DEFAULT_AGE: Duration = Duration::from_secs(5 * 60);
const MAX_AGE: Duration = Duration::from_secs(60 * 60);
const LONGEST_AGE: Duration = Duration::from_secs(24 * 60 * 60);

/// Between two fetches after one that failed.
const PAUSE: Duration = Duration::from_secs(5);

/// Lists per issuer. Each may take 16 MiB, and an issuer that needs more than one mostly fills one after the other.
const MAX_LISTS: usize = 16;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_lists_at_allowed_places_are_fetched() {
        // TSL-03
        let lists = StatusLists::new(["https://status.example.com/lists/", "https://as.example.com/status"]).unwrap();
        for uri in [
            "https://status.example.com/lists/1",
            "https://status.example.com/lists/a/b?c",
            "https://as.example.com/status",
        ] {
            assert!(lists.allowed(uri).is_some(), "{uri}");
        }
        for uri in [
            "",
            "http://169.254.169.254/",
            "http://status.example.com/lists/1",
            "https://status.example.com/",
            "https://status.example.com/list",
            "https://status.example.com.evil.example/lists/1",
            "https://status.example.com@evil.example/lists/1",
            "https://status.example.com/lists/../secret",
            "https://status.example.com/lists/%2e%2e/secret",
            "https://status.example.com/lists\\1",
            "https://STATUS.example.com/lists/1",
            "https://status.example.com:443/lists/1",
            "https://as.example.com/status2",
            "https://as.example.com/status/1",
        ] {
            assert!(lists.allowed(uri).is_none(), "{uri}");
        }
    }

    #[test]
    fn unsafe_settings_are_refused() {
        assert!(matches!(StatusLists::new(Vec::<String>::new()), Err(StatusListsError::NoUri)));
        for uri in ["http://status.example.com/", "https://u:p@status.example.com/", "status.example.com/", "file:///x"]
        {
            assert!(matches!(StatusLists::new([uri]), Err(StatusListsError::Endpoint(_))), "{uri}");
        }
        for uri in ["https://status.example.com", "https://Status.example.com/", "https://status.example.com:443/"] {
            assert!(matches!(StatusLists::new([uri]), Err(StatusListsError::Spelling { .. })), "{uri}");
        }
        let lists = || StatusLists::new(["https://status.example.com/"]).unwrap();
        let minutes = |minutes: u64| Duration::from_secs(minutes * 60);
        assert!(lists().with_ages(minutes(1), minutes(1)).is_ok());
        for (min, max) in [(2, 1), (1, 24 * 60 + 1)] {
            let result = lists().with_ages(minutes(min), minutes(max));
            assert!(matches!(result, Err(StatusListsError::Ages { .. })), "{min} {max}");
        }
    }
}
