//! Verifying a token.

use portcullis::Loaded;
use portcullis_core::{UnixTime, VerifiedClaims};
use portcullis_token::TokenError;

use crate::failure::Failure;

/// Verifies `token` as the service would, at `now`: the claims, or why it is refused.
pub(crate) fn verify(
    loaded: &Loaded,
    token: &str,
    now: UnixTime,
) -> Result<Result<VerifiedClaims, TokenError>, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| Failure::cannot("the runtime", error))?;
    match runtime.block_on(loaded.verifier.verify(token, now)) {
        Err(error @ (TokenError::Unavailable { .. } | TokenError::StatusUnavailable { .. })) => {
            Err(Failure::cannot("the issuer", error))
        }
        result => Ok(result),
    }
}
