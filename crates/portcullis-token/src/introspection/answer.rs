//! What an issuer says about a token (RFC 7662 §2.2).

use std::sync::Arc;

use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use crate::claims;
use crate::error::TokenError;
use crate::preset::TokenRules;

/// An answer whose form is right. Whether the token will do is asked at the time of each request.
#[derive(Clone)]
pub(super) enum Answer {
    /// The members, which are used like claims.
    Active(Arc<Map<String, Value>>),
    /// Unknown, expired, revoked, or not for us: the issuer does not say (RFC 7662 §2.2).
    Inactive,
}

impl Answer {
    /// Reads the members of an answer of `issuer`, whose tokens follow `rules`.
    pub(super) fn read(
        issuer: &str,
        rules: &TokenRules,
        mut members: Map<String, Value>,
    ) -> Result<Self, InvalidAnswer> {
        match members.get("active") {
            Some(Value::Bool(true)) => {}
            // Whatever else stands there says nothing.
            Some(Value::Bool(false)) => return Ok(Self::Inactive),
            Some(_) | None => return Err(InvalidAnswer::Active),
        }
        claims::check_form(rules, &members).map_err(InvalidAnswer::Member)?;
        // Optional in an answer. Nobody else could have answered for this issuer.
        members.entry("iss").or_insert_with(|| issuer.into());
        Ok(Self::Active(Arc::new(members)))
    }

    /// When the token ends, if the issuer says so.
    pub(super) fn expires(&self) -> Option<UnixTime> {
        match self {
            Self::Active(members) => claims::expiry(members),
            Self::Inactive => None,
        }
    }
}

/// Why an answer cannot be used. It is the issuer's fault, so the token is not called invalid for it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidAnswer {
    #[error("`active` is not true or false")]
    Active,
    #[error("the answer is malformed: {0}")]
    Member(TokenError),
}
