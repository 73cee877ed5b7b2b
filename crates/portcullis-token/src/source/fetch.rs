//! One request for a key set.

use super::KeySourceError;
use crate::http::{Endpoint, HttpError, Network};
use crate::keys::{KeySet, KeySetError};

/// Fetches the key set of one issuer.
#[derive(Debug, Clone)]
pub(super) struct Fetcher {
    endpoint: Endpoint,
}

impl Fetcher {
    pub(super) fn new(url: &str, network: Network) -> Result<Self, KeySourceError> {
        Ok(Self { endpoint: Endpoint::new(url, network)? })
    }

    pub(super) async fn fetch(&self) -> Result<KeySet, FetchError> {
        let reply = self.endpoint.get("application/jwk-set+json, application/json", MAX_BODY_BYTES).await?;
        if reply.status != 200 {
            return Err(FetchError::Status(reply.status));
        }
        Ok(KeySet::from_json(&reply.body)?)
    }
}

/// Why a fetch brought no keys. For the log.
#[derive(Debug, thiserror::Error)]
pub(super) enum FetchError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error(transparent)]
    KeySet(#[from] KeySetError),
    #[error("the answer has status {0}, not 200")]
    Status(u16),
}

/// A hundred keys with their certificate chains fit.
const MAX_BODY_BYTES: usize = 512 * 1024;
