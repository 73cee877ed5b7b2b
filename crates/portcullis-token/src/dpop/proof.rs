//! The text of a proof to its signed claims.

use std::fmt;

use super::claims::ProofClaims;
use super::error::InvalidProof;
use super::thumbprint::Thumbprint;
use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::excerpt::Excerpt;
use crate::jws::UnverifiedToken;
use crate::keys::{IgnoredReason, Key, parse_key};
use crate::limits::Limits;

/// A proof that is well formed and names a sound key. Its claims are not to be seen before the signature is checked.
pub(super) struct Proof<'a> {
    jwt: UnverifiedToken<'a>,
    key: Key,
    thumbprint: Thumbprint,
}

impl<'a> Proof<'a> {
    /// Reads the values of all `DPoP` fields of a request.
    pub(super) fn parse(fields: &[&'a [u8]], algorithms: &[Algorithm]) -> Result<Self, InvalidProof> {
        let jwt = UnverifiedToken::parse(only(fields)?, &LIMITS)?;
        // A media type, so its case does not matter (RFC 7515 §4.1.9).
        let typ = jwt.header.typ.as_deref();
        if !typ.is_some_and(|typ| TYPES.iter().any(|expected| typ.eq_ignore_ascii_case(expected))) {
            return Err(InvalidProof::WrongType { typ: typ.map(Excerpt::new) });
        }
        let alg = jwt.header.alg;
        if !algorithms.contains(&alg) {
            return Err(InvalidProof::AlgorithmNotAllowed { alg: alg.as_str() });
        }
        // `jku`, `x5u`, `x5c` and `kid` of the header are not looked at: a proof brings its key in `jwk` or not at all.
        let jwk = jwt.header.parameters.get("jwk").ok_or(IgnoredReason::Member { member: "jwk" });
        let jwk = jwk.map_err(InvalidProof::Key)?;
        let key = parse_key(jwk).map_err(InvalidProof::Key)?;
        // The key is the client's own, so it serves the algorithm of the proof unless it says otherwise.
        if !key.verifies(alg, &[alg]) {
            return Err(TokenError::KeyMismatch { alg: alg.as_str() }.into());
        }
        let thumbprint = jwk.as_object().and_then(Thumbprint::of);
        let thumbprint = thumbprint.ok_or(InvalidProof::Key(IgnoredReason::Unsupported))?;
        Ok(Self { jwt, key, thumbprint })
    }

    /// The thumbprint of the key in the header. Anybody can write it there.
    pub(super) fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// Checks the signature and reads the claims.
    pub(super) fn signed_claims(&self) -> Result<ProofClaims<'_>, InvalidProof> {
        let UnverifiedToken { header, claims, signing_input, signature } = &self.jwt;
        if !self.key.is_signature(header.alg, signing_input.as_bytes(), signature) {
            return Err(TokenError::BadSignature.into());
        }
        ProofClaims::read(claims)
    }
}

/// A proof is a credential: nothing of it prints.
impl fmt::Debug for Proof<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof").finish_non_exhaustive()
    }
}

/// RFC 9449 §4.3, check 1. Fields of one name may have been joined by commas on the way (RFC 9110 §5.3).
fn only<'a>(fields: &[&'a [u8]]) -> Result<&'a str, InvalidProof> {
    match fields {
        [] => Err(InvalidProof::Missing),
        [field] if field.contains(&b',') => Err(InvalidProof::Several),
        // Replaced characters are not of base64url, so that they end as what they are: no JWT.
        [field] => Ok(std::str::from_utf8(field).unwrap_or("\u{fffd}")),
        _ => Err(InvalidProof::Several),
    }
}

/// RFC 9449 §4.2.
const TYPES: [&str; 2] = ["dpop+jwt", "application/dpop+jwt"];

/// A proof is a key, a signature and a handful of short claims; half a token's size is ample even for RSA. Not a
/// setting: nobody needs longer ones.
const LIMITS: Limits = Limits::DEFAULT.with_token_bytes(8 * 1024);
