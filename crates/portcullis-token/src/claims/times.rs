//! When a token may be used (RFC 7519 §4.1.4 to §4.1.6).

use std::time::Duration;

use portcullis_core::UnixTime;

use super::{Claims, MAX_FUTURE, NumericDate};
use crate::error::TokenError;

/// The times of a token that are there. Which must be, is for [`super::check`] to say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Times {
    /// A fraction of a second is cut off: the token may end early, never late.
    expires: Option<UnixTime>,
    not_before: Option<UnixTime>,
    issued: Option<UnixTime>,
}

impl Times {
    pub(crate) fn of(claims: &Claims) -> Result<Self, TokenError> {
        Ok(Self {
            expires: NumericDate::of(claims, "exp")?.map(NumericDate::floor),
            not_before: NumericDate::of(claims, "nbf")?.map(NumericDate::ceil),
            issued: NumericDate::of(claims, "iat")?.map(NumericDate::ceil),
        })
    }

    /// Whether the token may be used at `now`, if clocks differ by `leeway`.
    pub(crate) fn check(&self, leeway: Duration, now: UnixTime) -> Result<(), TokenError> {
        // RFC 7519 §4.1.4: "on or after".
        if let Some(exp) = self.expires.filter(|exp| now >= exp.plus(leeway)) {
            return Err(TokenError::Expired { exp, now });
        }
        if let Some(nbf) = self.not_before.filter(|nbf| now < nbf.minus(leeway)) {
            return Err(TokenError::NotYetValid { nbf, now });
        }
        match self.issued.filter(|iat| *iat > now.plus(MAX_FUTURE)) {
            Some(iat) => Err(TokenError::IssuedInFuture { iat, now }),
            None => Ok(()),
        }
    }
}
