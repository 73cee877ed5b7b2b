//! Callers that were here before: what does not change about a token is worked out once, not for each request.

use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use portcullis_core::{Caller, PrincipalFacts, Session, UnixTime};
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
    prepared: Mutex<Option<Prepared>>,
}

/// A session, and what the directory had said when it was made.
#[derive(Clone)]
pub(crate) struct Prepared {
    pub(crate) session: Arc<Session>,
    pub(crate) facts: Arc<PrincipalFacts>,
    pub(crate) at: UnixTime,
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
        Self { caller: Arc::new(caller), token, prepared: Mutex::new(None) }
    }

    pub(crate) fn caller(&self) -> &Arc<Caller> {
        &self.caller
    }

    pub(crate) fn token(&self) -> Option<&KnownToken> {
        self.token.as_ref()
    }

    /// What was prepared less than `lifetime` ago.
    pub(crate) fn prepared(&self, now: UnixTime, lifetime: Duration) -> Option<Prepared> {
        self.lock().as_ref().filter(|prepared| now.since(prepared.at) < lifetime).cloned()
    }

    /// Keeps `prepared` for requests that come with the same token.
    pub(crate) fn keep(&self, prepared: Prepared) {
        *self.lock() = Some(prepared);
    }

    /// A panic cannot leave half of it behind.
    fn lock(&self) -> MutexGuard<'_, Option<Prepared>> {
        self.prepared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl fmt::Debug for KnownCallers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("KnownCallers").field(&self.0.len()).finish()
    }
}

/// A few dozen megabytes. Who was not here lately is verified anew, which costs no more than without this.
const MAX_CALLERS: usize = 10_000;
