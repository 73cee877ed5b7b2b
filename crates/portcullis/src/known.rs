//! Callers that were here before: what does not change about a token is worked out once, not for each request.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use portcullis_core::{Caller, Session, UnixTime};
use portcullis_token::{KnownToken, TokenHash};
use quick_cache::sync::Cache;

/// The callers behind tokens that were accepted under one bundle.
///
/// Nothing of it decides: on each hit, the times of the token, its status, what was revoked and the proofs of possession are
/// checked again, and the keys of its issuer must still be the same.
pub(crate) struct KnownCallers(Cache<Key, Arc<KnownCaller>>);

/// Policies and limits may see the address, so it is part of who calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) token: TokenHash,
    pub(crate) address: Option<IpAddr>,
}

/// A caller, and what was made for it.
pub(crate) struct KnownCaller {
    caller: Arc<Caller>,
    token: Option<KnownToken>,
    session: Mutex<Option<(UnixTime, Arc<Session>)>>,
}

impl KnownCallers {
    pub(crate) fn new() -> Self {
        Self(Cache::new(MAX_CALLERS))
    }

    pub(crate) fn get(&self, key: &Key) -> Option<Arc<KnownCaller>> {
        self.0.get(key)
    }

    pub(crate) fn insert(&self, key: Key, caller: &Arc<KnownCaller>) {
        self.0.insert(key, Arc::clone(caller));
    }
}

impl KnownCaller {
    /// A caller whose credentials are checked as a whole with each request, unless `token` says what need not be.
    pub(crate) fn new(caller: Caller, token: Option<KnownToken>) -> Self {
        Self { caller: Arc::new(caller), token, session: Mutex::new(None) }
    }

    pub(crate) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    pub(crate) fn token(&self) -> Option<&KnownToken> {
        self.token.as_ref()
    }

    /// The session that was made less than `lifetime` ago.
    pub(crate) fn session(&self, now: UnixTime, lifetime: Duration) -> Option<Arc<Session>> {
        let made = self.lock();
        let (at, session) = made.as_ref()?;
        (now.since(*at) < lifetime).then(|| Arc::clone(session))
    }

    /// Keeps `session`, for requests that come with the same token.
    pub(crate) fn keep(&self, session: &Arc<Session>, now: UnixTime) {
        *self.lock() = Some((now, Arc::clone(session)));
    }

    /// A panic cannot leave half a session behind.
    fn lock(&self) -> std::sync::MutexGuard<'_, Option<(UnixTime, Arc<Session>)>> {
        self.session.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KnownCallers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KnownCallers").field(&self.0.len()).finish()
    }
}

/// A few dozen megabytes. Who was not here lately is verified anew, which costs no more than without this.
const MAX_CALLERS: usize = 10_000;
