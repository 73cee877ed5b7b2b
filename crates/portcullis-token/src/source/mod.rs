//! Where the keys of an issuer come from.

mod fetch;
mod remote;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::UnixTime;

use crate::http::EndpointError;
use crate::keys::{IgnoredReason, KeySet, KeySetError};
use remote::RemoteKeys;

/// Where an issuer's keys come from. Never from a token (RFC 8725 §3.10).
#[derive(Debug)]
pub struct KeySource(Kind);

#[derive(Debug)]
enum Kind {
    Fixed(Arc<KeySet>),
    Remote(RemoteKeys),
}

impl KeySource {
    /// Keys that never change.
    #[must_use]
    pub fn fixed(keys: KeySet) -> Self {
        Self(Kind::Fixed(Arc::new(keys)))
    }

    /// Keys from a file that holds a JWK Set. It is read now, once.
    ///
    /// # Errors
    ///
    /// If the file cannot be read or holds no usable key.
    pub fn file(path: &Path) -> Result<Self, KeySourceError> {
        let unreadable = |error| KeySourceError::File { path: path.to_owned(), error };
        let text = std::fs::read(path).map_err(unreadable)?;
        Ok(Self::fixed(KeySet::from_json(&text)?))
    }

    /// Keys from the issuer's `jwks_uri`.
    ///
    /// They are fetched when the first token arrives, and again when a token names a key that is not among them, at
    /// most every 30 seconds. One fetch serves all requests that wait for it. It must answer 200 within 5 seconds
    /// with at most 512 KiB; redirects are not followed. A failed fetch leaves the keys as they are.
    ///
    /// # Errors
    ///
    /// If `url` is not https (plain http is accepted for loopback addresses), or has user information or a fragment.
    pub fn url(url: &str) -> Result<Self, KeySourceError> {
        Ok(Self(Kind::Remote(RemoteKeys::new(url)?)))
    }

    /// The keys to verify a token with, at `now`. `issuer` is for the log.
    pub(crate) async fn keys(&self, issuer: &str, now: UnixTime) -> Result<Arc<KeySet>, KeysUnavailable> {
        match &self.0 {
            Kind::Fixed(keys) => Ok(Arc::clone(keys)),
            Kind::Remote(remote) => remote.keys(issuer, now).await,
        }
    }

    /// Newer keys than `seen`, which lack the key that a token names; `None` if there are none.
    pub(crate) async fn newer(
        &self,
        seen: &Arc<KeySet>,
        issuer: &str,
        now: UnixTime,
    ) -> Result<Option<Arc<KeySet>>, KeysUnavailable> {
        match &self.0 {
            Kind::Fixed(_) => Ok(None),
            Kind::Remote(remote) => remote.newer(seen, issuer, now).await,
        }
    }

    /// Logs the keys that are not used, as far as they are known yet.
    pub(crate) fn report(&self, issuer: &str) {
        match &self.0 {
            Kind::Fixed(keys) => report(keys, issuer),
            Kind::Remote(_) => {} // done by each fetch
        }
    }
}

impl From<KeySet> for KeySource {
    fn from(keys: KeySet) -> Self {
        Self::fixed(keys)
    }
}

/// Why keys cannot come from this place.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeySourceError {
    /// The URL is not one that keys may be fetched from.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// The file cannot be read.
    #[error("the key file `{}` cannot be read", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
    /// The keys are not usable.
    #[error(transparent)]
    KeySet(#[from] KeySetError),
}

/// There are no keys, or none that are known to be recent enough, and the source does not answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct KeysUnavailable {
    pub(crate) retry_after: Duration,
}

fn report(keys: &KeySet, issuer: &str) {
    for key in keys.ignored() {
        let (index, kid, reason) = (key.index, key.kid.as_ref().map(tracing::field::display), &key.reason);
        match reason {
            // Nothing to act on: sets often hold encryption keys and keys for newer algorithms.
            IgnoredReason::OtherUse | IgnoredReason::Unsupported => {
                tracing::debug!(issuer, index, kid, %reason, "key ignored");
            }
            IgnoredReason::Secret => tracing::error!(issuer, index, kid, %reason, "key ignored"),
            IgnoredReason::Member { .. } | IgnoredReason::NotAnObject | IgnoredReason::Unsound => {
                tracing::warn!(issuer, index, kid, %reason, "key ignored");
            }
        }
    }
}
