//! Keys that are fetched when they are needed.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use portcullis_core::UnixTime;
use tokio::sync::Mutex;

use super::fetch::Fetcher;
use super::{KeySourceError, KeysUnavailable, report};
use crate::http::Network;
use crate::keys::KeySet;

/// The keys behind one URL, with at most one request for them under way.
pub(super) struct RemoteKeys {
    shared: Arc<Shared>,
}

struct Shared {
    fetcher: Fetcher,
    /// What verification uses. Held only to copy or replace the pointer.
    current: RwLock<Option<Arc<KeySet>>>,
    /// Held during a fetch: whoever waits for it finds the answer in `current`.
    last_attempt: Mutex<Option<Attempt>>,
}

#[derive(Clone, Copy)]
struct Attempt {
    at: UnixTime,
    succeeded: bool,
}

impl RemoteKeys {
    pub(super) fn new(url: &str) -> Result<Self, KeySourceError> {
        let fetcher = Fetcher::new(url, Network::Private)?;
        let (current, last_attempt) = (RwLock::new(None), Mutex::new(None));
        Ok(Self { shared: Arc::new(Shared { fetcher, current, last_attempt }) })
    }

    /// The keys; the first caller fetches them.
    pub(super) async fn keys(&self, issuer: &str, now: UnixTime) -> Result<Arc<KeySet>, KeysUnavailable> {
        match self.shared.current() {
            Some(keys) => Ok(keys),
            None => self.refresh(None, issuer, now).await?.ok_or(KeysUnavailable { retry_after: COLD_RETRY }),
        }
    }

    /// Newer keys than `seen`, if the issuer has any and was not asked just now.
    pub(super) async fn newer(
        &self,
        seen: &Arc<KeySet>,
        issuer: &str,
        now: UnixTime,
    ) -> Result<Option<Arc<KeySet>>, KeysUnavailable> {
        self.refresh(Some(Arc::clone(seen)), issuer, now).await
    }

    /// Runs in a task of its own: a client that hangs up while its request waits for keys must not abort the fetch
    /// for the others, or it could keep the service without keys.
    async fn refresh(
        &self,
        seen: Option<Arc<KeySet>>,
        issuer: &str,
        now: UnixTime,
    ) -> Result<Option<Arc<KeySet>>, KeysUnavailable> {
        let (shared, issuer) = (Arc::clone(&self.shared), issuer.to_owned());
        let task = tokio::spawn(async move { shared.refresh(seen.as_ref(), &issuer, now).await });
        // The task fails only when the runtime shuts down.
        task.await.unwrap_or(Err(KeysUnavailable { retry_after: COLD_RETRY }))
    }
}

impl Shared {
    async fn refresh(
        &self,
        seen: Option<&Arc<KeySet>>,
        issuer: &str,
        now: UnixTime,
    ) -> Result<Option<Arc<KeySet>>, KeysUnavailable> {
        let mut last_attempt = self.last_attempt.lock().await;
        let current = self.current();
        if let Some(newer) = current.as_ref().filter(|keys| seen.is_none_or(|seen| !Arc::ptr_eq(keys, seen))) {
            return Ok(Some(Arc::clone(newer))); // fetched while this call waited for its turn
        }
        let pause = if current.is_some() { COOL_DOWN } else { COLD_RETRY };
        if let Some((attempt, remaining)) = last_attempt.and_then(|last| Some((last, last.remaining(pause, now)?))) {
            // After a successful fetch the keys are known to be recent: the token's key does not exist. After a
            // failed one nobody knows.
            return if attempt.succeeded { Ok(None) } else { Err(KeysUnavailable { retry_after: remaining }) };
        }
        match self.fetcher.fetch().await {
            Ok(keys) => {
                report(&keys, issuer);
                let keys = Arc::new(keys);
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&keys));
                *last_attempt = Some(Attempt { at: now, succeeded: true });
                Ok(Some(keys))
            }
            Err(error) => {
                tracing::warn!(issuer, %error, "the keys of an issuer cannot be fetched");
                *last_attempt = Some(Attempt { at: now, succeeded: false });
                Err(KeysUnavailable { retry_after: pause })
            }
        }
    }

    fn current(&self) -> Option<Arc<KeySet>> {
        // A poisoned lock holds a whole pointer all the same.
        self.current.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Attempt {
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

impl fmt::Debug for RemoteKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RemoteKeys")
            .field("fetcher", &self.shared.fetcher)
            .field("current", &self.shared.current())
            .finish_non_exhaustive()
    }
}

/// Between two fetches for the sake of a key that is not in the set: strangers can name any key.
const COOL_DOWN: Duration = Duration::from_secs(30);

/// Between two fetches while there are no keys at all: every request waits for the issuer to come back.
const COLD_RETRY: Duration = Duration::from_secs(5);
