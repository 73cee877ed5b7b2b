//! Answers as signed JWTs (RFC 9701).

use std::time::Duration;

use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use super::AnswerFormat;
use super::request::MAX_BODY_BYTES;
use crate::claims;
use crate::error::TokenError;
use crate::http::Reply;
use crate::issuer::Issuer;
use crate::jws::UnverifiedToken;
use crate::limits::Limits;
use crate::signature;

/// The members of a signed answer of `issuer` to the client `client_id`.
///
/// The same keys and algorithms count as for tokens.
pub(super) async fn open(
    reply: &Reply,
    issuer: &Issuer,
    client_id: &str,
    now: UnixTime,
) -> Result<Map<String, Value>, InvalidSignedAnswer> {
    // Who may change the answer on its way could also change its content type: there is no second form.
    if !reply.is(AnswerFormat::Signed.media_type()) {
        return Err(InvalidSignedAnswer::NotSigned);
    }
    let text = std::str::from_utf8(&reply.body).map_err(|_| InvalidSignedAnswer::NotSigned)?;
    let mut jwt = UnverifiedToken::parse(text.trim_ascii(), &LIMITS)?;
    let typ = jwt.header.typ.as_deref().unwrap_or_default();
    if !typ.eq_ignore_ascii_case("token-introspection+jwt") && !typ.eq_ignore_ascii_case(SIGNED) {
        return Err(InvalidSignedAnswer::Type);
    }
    signature::check(issuer, &jwt, now).await?;
    check_claims(&jwt.claims, issuer, client_id, now)?;
    // RFC 9701 §5: only what is in here speaks of the token; the rest is about the answer.
    match jwt.claims.remove("token_introspection") {
        Some(Value::Object(members)) => Ok(members),
        _ => Err(InvalidSignedAnswer::Claim("token_introspection")),
    }
}

/// That this answer was made by this issuer, for us, and now.
fn check_claims(
    claims: &Map<String, Value>,
    issuer: &Issuer,
    client_id: &str,
    now: UnixTime,
) -> Result<(), InvalidSignedAnswer> {
    if claims.get("iss").and_then(Value::as_str) != Some(issuer.identifier()) {
        return Err(InvalidSignedAnswer::Claim("iss"));
    }
    // Most issuers know a resource server by its client id, some by its identifier.
    let is_ours = |audience: &&str| *audience == client_id || issuer.audiences.iter().any(|ours| ours == audience);
    if !claims::audiences(claims)?.iter().any(is_ours) {
        return Err(InvalidSignedAnswer::Claim("aud"));
    }
    let iat = claims::issued(claims)?.ok_or(InvalidSignedAnswer::Claim("iat"))?;
    if now.since(iat) > MAX_AGE || iat.since(now) > MAX_AGE {
        return Err(InvalidSignedAnswer::Claim("iat"));
    }
    Ok(())
}

/// Why an answer is not a signed one of this issuer, for us. For the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum InvalidSignedAnswer {
    #[error("`{0}` of the signed answer is not as it must be")]
    Claim(&'static str),
    #[error("the signed answer does not verify: {0}")]
    Jwt(#[from] TokenError),
    #[error("the answer is not `{SIGNED}`, although `signed` demands it")]
    NotSigned,
    #[error("`typ` of the signed answer is not `token-introspection+jwt`")]
    Type,
}

const SIGNED: &str = AnswerFormat::Signed.media_type();

/// An answer is made for the request that asks. What is left is the difference of two clocks.
const MAX_AGE: Duration = Duration::from_secs(60);

/// As for tokens, but an answer holds more.
const LIMITS: Limits = Limits { token_bytes: MAX_BODY_BYTES, ..Limits::DEFAULT };
