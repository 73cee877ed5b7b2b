//! The claims of a proof, of which the signature was checked (RFC 9449 §4.2).

use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use super::error::InvalidProof;
use super::target_uri::TargetUri;
use crate::claims::NumericDate;
use crate::error::TokenError;

/// What a proof says, in the types that it is compared in.
pub(super) struct ProofClaims<'p> {
    pub(super) jti: &'p str,
    pub(super) htm: &'p str,
    pub(super) htu: TargetUri,
    /// Rounded down where the age is judged, and up where the future is: to the strict side.
    pub(super) iat: NumericDate,
    pub(super) exp: Option<UnixTime>,
    pub(super) nbf: Option<UnixTime>,
    pub(super) ath: &'p str,
    pub(super) nonce: Option<&'p str>,
}

impl<'p> ProofClaims<'p> {
    /// Reads all claims; a claim of the wrong type never counts as absent.
    pub(super) fn read(claims: &'p Map<String, Value>) -> Result<Self, InvalidProof> {
        let jti = required(claims, "jti")?;
        if jti.is_empty() || jti.len() > MAX_JTI_BYTES {
            return Err(TokenError::InvalidClaim { claim: "jti", expected: "1 to 256 bytes" }.into());
        }
        Ok(Self {
            jti,
            htm: required(claims, "htm")?,
            htu: required(claims, "htu")?.parse().map_err(InvalidProof::TargetUri)?,
            iat: NumericDate::of(claims, "iat")?.ok_or(TokenError::MissingClaim { claim: "iat" })?,
            exp: NumericDate::of(claims, "exp")?.map(NumericDate::floor),
            nbf: NumericDate::of(claims, "nbf")?.map(NumericDate::ceil),
            ath: required(claims, "ath")?,
            nonce: string(claims, "nonce")?,
        })
    }
}

fn required<'p>(claims: &'p Map<String, Value>, claim: &'static str) -> Result<&'p str, TokenError> {
    string(claims, claim)?.ok_or(TokenError::MissingClaim { claim })
}

fn string<'p>(claims: &'p Map<String, Value>, claim: &'static str) -> Result<Option<&'p str>, TokenError> {
    match claims.get(claim) {
        None => Ok(None),
        Some(Value::String(value)) => Ok(Some(value)),
        Some(_) => Err(TokenError::InvalidClaim { claim, expected: "a string" }),
    }
}

/// A UUID has 36 (RFC 9449 §4.2 suggests one, or 96 random bits).
const MAX_JTI_BYTES: usize = 256;
