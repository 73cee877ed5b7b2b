//! Who signed: the one way from a parsed JWT to a key of its issuer.

use std::sync::Arc;

use portcullis_core::UnixTime;

use crate::error::TokenError;
use crate::excerpt::Excerpt;
use crate::issuer::Issuer;
use crate::jws::{Header, UnverifiedToken};
use crate::keys::KeySet;
use crate::source::KeysUnavailable;

/// Checks that a key of `issuer` signed `token`, with an algorithm that this issuer may use. Returns the keys among which
/// it is.
pub(crate) async fn check(
    issuer: &Issuer,
    token: &UnverifiedToken<'_>,
    now: UnixTime,
) -> Result<Arc<KeySet>, TokenError> {
    let Header { alg, .. } = token.header;
    if !issuer.algorithms.contains(&alg) {
        return Err(TokenError::AlgorithmNotAllowed { alg: Excerpt::new(alg.as_str()) });
    }
    let keys = keys_for(issuer, &token.header, now).await?;
    let key = keys.select(&token.header, &issuer.algorithms)?;
    if key.is_signature(alg, token.signing_input.as_bytes(), &token.signature) {
        Ok(keys)
    } else {
        Err(TokenError::BadSignature)
    }
}

/// Whether `keys` are still those of `issuer`.
///
/// # Errors
///
/// If there are none at hand that may be used.
pub(crate) async fn are_current(issuer: &Issuer, keys: &Arc<KeySet>, now: UnixTime) -> Result<bool, TokenError> {
    issuer.keys.are_current(keys, issuer.alias(), now).await.map_err(|unavailable| unavailable.of(issuer))
}

/// The keys of `issuer`, newer ones if those at hand lack the key that the token names.
async fn keys_for(issuer: &Issuer, header: &Header, now: UnixTime) -> Result<Arc<KeySet>, TokenError> {
    let unavailable = |unavailable: KeysUnavailable| unavailable.of(issuer);
    let keys = issuer.keys.keys(issuer.alias(), now).await.map_err(unavailable)?;
    if keys.select(header, &issuer.algorithms) != Err(TokenError::UnknownKey) {
        return Ok(keys);
    }
    let newer = issuer.keys.newer(&keys, issuer.alias(), now).await.map_err(unavailable)?;
    Ok(newer.unwrap_or(keys))
}

impl KeysUnavailable {
    fn of(self, issuer: &Issuer) -> TokenError {
        TokenError::Unavailable { issuer: issuer.alias().to_owned(), retry_after: self.retry_after }
    }
}
