//! Asking what was revoked.

use portcullis_core::UnixTime;
use portcullis_token::{Presented, TokenError};

use crate::gate::Parts;
use crate::refusal::Refusal;

impl Parts {
    /// Asked about callers and not about tokens: only the profile says which claims name subject, client and actor, and only
    /// the bundle in which classes agents are.
    ///
    /// So it is asked when the caller is known, again when its classes are, and last before anything is allowed, as what came
    /// in between may have waited for others.
    pub(crate) fn refuse_revoked<'a>(
        &self,
        presented: impl FnOnce() -> Presented<'a>,
        now: UnixTime,
    ) -> Result<(), Refusal> {
        let Some(revocations) = &self.revocations else {
            return Ok(());
        };
        match revocations.is_revoked(&presented(), now) {
            Ok(false) => Ok(()),
            Ok(true) => Err(TokenError::Revoked.into()),
            Err(error) => Err(Refusal::Unavailable { retry_after: error.retry_after, reason: error.to_string() }),
        }
    }
}
