//! Where the keys of an issuer come from.

mod discovery;
mod fetch;
mod freshness;
mod remote;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::UnixTime;

use crate::http::{Endpoint, EndpointError, Network};
use crate::keys::{IgnoredReason, KeySet, KeySetError};
use discovery::Discovery;
use fetch::Fetcher;
use remote::RemoteKeys;

/// Where an issuer's keys come from. Never from a token (RFC 8725 §3.10).
///
/// Keys that are fetched live in this way:
///
/// - They are fetched when the first token arrives. A fetch must answer 200 with at most 512 KiB within 5 seconds;
///   redirects are not followed. Without keys, tokens cannot be verified now, which is not the tokens' fault.
/// - They are fresh for as long as the server says (`Cache-Control`, `Expires`; RFC 9111), but at least 5 minutes and
///   at most 24 hours, and up to a tenth less, so that replicas do not ask together.
/// - Then the next token has them fetched again, in the background. A failed fetch leaves them as they are, and is
///   repeated after 5 seconds, then after ever longer, at most a minute.
/// - An hour after they ceased to be fresh ([`KeySource::with_max_stale`]) they are not used any more.
/// - A token that names a key which is not among them has them fetched, at most every 30 seconds, and not within 5 seconds of
///   another fetch.
///
/// One fetch serves all requests that wait for it, and none of them can abort it. A set that cannot be read or has no
/// usable key is a failed fetch.
#[derive(Debug)]
pub struct KeySource(Kind);

#[derive(Debug)]
enum Kind {
    None,
    Fixed(Arc<KeySet>),
    Remote(RemoteKeys),
}

impl KeySource {
    /// Keys that never change.
    #[must_use]
    pub fn fixed(keys: KeySet) -> Self {
        Self(Kind::Fixed(Arc::new(keys)))
    }

    /// No keys: for an issuer whose tokens are all opaque. Its JWTs are refused.
    pub(crate) const fn none() -> Self {
        Self(Kind::None)
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

    /// Keys from this URL.
    ///
    /// # Errors
    ///
    /// If `url` is not https (plain http is accepted for loopback addresses), or has user information or a fragment.
    pub fn url(url: &str) -> Result<Self, KeySourceError> {
        let endpoint = Endpoint::new(url, &Network::default())?;
        Ok(Self(Kind::Remote(RemoteKeys::new(Fetcher::Url(endpoint)))))
    }

    /// Keys from the `jwks_uri` of what `issuer` publishes about itself.
    ///
    /// Metadata are looked for as OAuth (RFC 8414 §3.1) and as OpenID Connect provide. They are kept and fetched again
    /// like keys. `issuer` in them must be the same text; where there are two documents, both must name one `jwks_uri`.
    /// A later change that moves `jwks_uri` to another server is held back and logged as an error until the process
    /// restarts. `signed_metadata` are ignored.
    ///
    /// # Errors
    ///
    /// If `issuer` is no URL as for [`KeySource::url`]: such an issuer has no metadata, so its keys must be stated.
    pub fn discovered(issuer: &str) -> Result<Self, KeySourceError> {
        let discovery = Box::new(Discovery::new(issuer, &Network::default())?);
        Ok(Self(Kind::Remote(RemoteKeys::new(Fetcher::Discovered(discovery)))))
    }

    /// Fetches over `network`. Does nothing to keys that are not fetched.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Client`] if the network's roots are no certificates.
    pub fn with_network(self, network: &Network) -> Result<Self, KeySourceError> {
        Ok(Self(match self.0 {
            Kind::None => Kind::None,
            Kind::Fixed(keys) => Kind::Fixed(keys),
            Kind::Remote(remote) => Kind::Remote(remote.in_network(network)?),
        }))
    }

    /// Uses fetched keys for `max_stale` after they ceased to be fresh, while the issuer does not answer; an hour unless
    /// this is called. Zero bridges no outage at all.
    ///
    /// # Errors
    ///
    /// [`KeySourceError::MaxStaleTooLong`] above 24 hours, [`KeySourceError::NotFetched`] if the keys never change.
    pub fn with_max_stale(self, max_stale: Duration) -> Result<Self, KeySourceError> {
        match self.0 {
            Kind::None | Kind::Fixed(_) => Err(KeySourceError::NotFetched),
            Kind::Remote(_) if max_stale > MAX_STALE => {
                Err(KeySourceError::MaxStaleTooLong { max_stale, limit: MAX_STALE })
            }
            Kind::Remote(remote) => Ok(Self(Kind::Remote(remote.with_max_stale(max_stale)))),
        }
    }

    /// The issuer whose metadata say where the keys are.
    pub(crate) fn discovered_issuer(&self) -> Option<&str> {
        match &self.0 {
            Kind::None | Kind::Fixed(_) => None,
            Kind::Remote(remote) => remote.discovered_issuer(),
        }
    }

    /// The keys to verify a token with, at `now`. `issuer` is for the log.
    pub(crate) async fn keys(&self, issuer: &str, now: UnixTime) -> Result<Arc<KeySet>, KeysUnavailable> {
        match &self.0 {
            // Nobody gets here: the verifier refuses the JWTs of such an issuer. If somebody did, nothing would verify.
            Kind::None => Err(KeysUnavailable { retry_after: MAX_STALE }),
            Kind::Fixed(keys) => Ok(Arc::clone(keys)),
            // In a box, as it is large, and hardly ever waits.
            Kind::Remote(remote) => Box::pin(remote.keys(issuer, now)).await,
        }
    }

    /// Whether `keys` are those that [`KeySource::keys`] returns at `now`.
    pub(crate) async fn are_current(
        &self,
        keys: &Arc<KeySet>,
        issuer: &str,
        now: UnixTime,
    ) -> Result<bool, KeysUnavailable> {
        match &self.0 {
            // Compared in place: to count users of what all threads share would make them wait for each other.
            Kind::Fixed(fixed) => Ok(Arc::ptr_eq(fixed, keys)),
            Kind::Remote(remote) if remote.are_fresh(keys, now) => Ok(true),
            Kind::None | Kind::Remote(_) => Ok(Arc::ptr_eq(&self.keys(issuer, now).await?, keys)),
        }
    }

    /// Whether there is anything to verify with keys.
    pub(crate) fn is_needed(&self) -> bool {
        !matches!(self.0, Kind::None)
    }

    /// Newer keys than `seen`, which lack the key that a token names; `None` if there are none.
    pub(crate) async fn newer(
        &self,
        seen: &Arc<KeySet>,
        issuer: &str,
        now: UnixTime,
    ) -> Result<Option<Arc<KeySet>>, KeysUnavailable> {
        match &self.0 {
            Kind::None | Kind::Fixed(_) => Ok(None),
            Kind::Remote(remote) => remote.newer(seen, issuer, now).await,
        }
    }

    /// Logs the keys that are not used, as far as they are known yet.
    pub(crate) fn report(&self, issuer: &str) {
        match &self.0 {
            Kind::Fixed(keys) => report(keys, issuer),
            Kind::None => {}
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
    /// Keys that the issuer may have withdrawn would be used for too long.
    #[error("a `max_stale` of {max_stale:?} is longer than {limit:?}")]
    MaxStaleTooLong {
        /// The time.
        max_stale: Duration,
        /// The longest time allowed.
        limit: Duration,
    },
    /// A rule for fetching is given for keys that are not fetched.
    #[error("`max_stale` is for keys that are fetched, and these are not")]
    NotFetched,
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

/// As long as fresh keys may be used at most: nobody can want an outage to count for more.
const MAX_STALE: Duration = Duration::from_secs(24 * 60 * 60);
