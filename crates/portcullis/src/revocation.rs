//! Asking what was revoked.

use portcullis_core::{Caller, UnixTime};
use portcullis_token::{Presented, Revocations, TokenError};

use crate::refusal::Refusal;

/// Asked about callers and not about tokens: only the profile says which claims name subject, client and actor.
pub(crate) fn refuse_revoked(revocations: &dyn Revocations, caller: &Caller, now: UnixTime) -> Result<(), Refusal> {
    match revocations.is_revoked(&Presented::new(caller), now) {
        Ok(false) => Ok(()),
        Ok(true) => Err(TokenError::Revoked.into()),
        Err(error) => Err(Refusal::Unavailable { retry_after: error.retry_after, reason: error.to_string() }),
    }
}
