//! One fetch of a key set: from a URL that the settings name, or one that the issuer's metadata names.

use std::time::Duration;

use portcullis_core::UnixTime;
use reqwest::header::HeaderMap;
use tokio::time::error::Elapsed;

use super::KeySourceError;
use super::discovery::{Discovery, DiscoveryError};
use crate::http::{Endpoint, HttpError, Network};
use crate::keys::{KeySet, KeySetError};

/// Where the key set of one issuer is fetched.
#[derive(Debug)]
pub(super) enum Fetcher {
    Url(Endpoint),
    Discovered(Box<Discovery>),
}

/// A key set and what the server said about keeping it.
pub(super) struct Fetched {
    pub(super) keys: KeySet,
    pub(super) headers: HeaderMap,
}

impl Fetcher {
    /// The same place, reached by `network`.
    pub(super) fn in_network(&self, network: &Network) -> Result<Self, KeySourceError> {
        Ok(match self {
            Self::Url(endpoint) => Self::Url(Endpoint::new(endpoint.url().as_str(), network)?),
            Self::Discovered(discovery) => Self::Discovered(Box::new(Discovery::new(discovery.issuer(), network)?)),
        })
    }

    /// The issuer whose metadata say where the keys are.
    pub(super) fn discovered_issuer(&self) -> Option<&str> {
        match self {
            Self::Url(_) => None,
            Self::Discovered(discovery) => Some(discovery.issuer()),
        }
    }

    /// `alias` is for the log. `max_stale` bounds how long metadata is used that cannot be fetched again.
    pub(super) async fn fetch(&self, alias: &str, now: UnixTime, max_stale: Duration) -> Result<Fetched, FetchError> {
        tokio::time::timeout(DEADLINE, async {
            match self {
                Self::Url(endpoint) => key_set(endpoint).await,
                Self::Discovered(discovery) => {
                    let metadata = discovery.metadata(alias, now, max_stale).await?;
                    let fetched = key_set(&metadata.jwks_uri).await;
                    if fetched.is_err() {
                        discovery.doubt().await;
                    }
                    fetched
                }
            }
        })
        .await?
    }
}

async fn key_set(endpoint: &Endpoint) -> Result<Fetched, FetchError> {
    let reply = endpoint.get("application/jwk-set+json, application/json", MAX_BODY_BYTES).await?;
    if reply.status != 200 {
        return Err(FetchError::Status(reply.status));
    }
    Ok(Fetched { keys: KeySet::from_json(&reply.body)?, headers: reply.headers })
}

/// Why a fetch brought no keys. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    Discovery(#[from] DiscoveryError),
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    #[error("the answer has status {0}, not 200")]
    Status(u16),
    #[error("metadata and keys did not arrive within {DEADLINE:?}")]
    Slow(#[from] Elapsed),
}

/// A hundred keys with their certificate chains fit.
const MAX_BODY_BYTES: usize = 512 * 1024;

/// For all requests of one fetch together; requests of callers may wait for it.
const DEADLINE: Duration = Duration::from_secs(10);
