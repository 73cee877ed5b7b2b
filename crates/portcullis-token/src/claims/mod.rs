//! What the claims of a signed token must say (RFC 7519 §4.1, RFC 9068 §2.2 and §4).

mod answer;
mod form;
mod kind;
mod times;

use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::issuer::{ForeignAudiences, Issuer};
pub(crate) use form::NumericDate;
pub(crate) use times::Times;

pub(crate) use answer::{check_answer, check_form, expiry, issued};

type Claims = Map<String, Value>;

/// Checks everything about a token but its signature: kind, audience, times, and the form of every claim that is used.
pub(crate) fn check(issuer: &Issuer, typ: Option<&str>, claims: &Claims, now: UnixTime) -> Result<(), TokenError> {
    kind::check(&issuer.rules, typ, claims)?;
    require_claims(issuer, claims)?;
    check_audience(issuer, claims)?;
    Times::of(claims)?.check(issuer.leeway, now)?;
    form::check(&issuer.rules, claims)
}

/// Checks a JWT that only wraps an opaque token. What it does not say, the issuer's answer must.
pub(crate) fn check_wrapping(
    issuer: &Issuer,
    typ: Option<&str>,
    claims: &Claims,
    now: UnixTime,
) -> Result<(), TokenError> {
    kind::check(&issuer.rules, typ, claims)?;
    if claims.contains_key("aud") {
        check_audience(issuer, claims)?;
    }
    Times::of(claims)?.check(issuer.leeway, now)
}

/// The issuer that a token says it is from; not yet believed.
pub(crate) fn unverified_issuer(claims: &Claims) -> Result<&str, TokenError> {
    match claims.get("iss") {
        None => Err(TokenError::MissingClaim { claim: "iss" }),
        Some(Value::String(iss)) => Ok(iss),
        Some(_) => Err(TokenError::InvalidClaim { claim: "iss", expected: "a string" }),
    }
}

fn require_claims(issuer: &Issuer, claims: &Claims) -> Result<(), TokenError> {
    let required = ["iss", "exp", "iat"].into_iter().chain(issuer.rules.required.iter().map(|claim| claim.as_str()));
    match required.into_iter().find(|claim| !claims.contains_key(*claim)) {
        Some(claim) => Err(TokenError::MissingClaim { claim }),
        None => Ok(()),
    }
}

/// Exact comparison, no URL normalisation: `https://api.example.com/` is another resource server (RFC 9068 §4).
fn check_audience(issuer: &Issuer, claims: &Claims) -> Result<(), TokenError> {
    let named = match issuer.rules.audience_if_absent {
        Some(claim) if !claims.contains_key("aud") => vec![stand_in(claim.as_str(), claims)?],
        _ => audiences(claims)?,
    };
    let is_ours = |audience: &&str| issuer.audiences.iter().any(|ours| ours == audience);
    let fits = match issuer.foreign_audiences {
        ForeignAudiences::Accepted => named.iter().any(is_ours),
        ForeignAudiences::Refused => named.iter().all(is_ours),
    };
    if fits { Ok(()) } else { Err(TokenError::WrongAudience) }
}

/// The audience of a product that has no `aud` and says the same in another claim.
fn stand_in<'a>(claim: &'static str, claims: &'a Claims) -> Result<&'a str, TokenError> {
    match claims.get(claim) {
        None => Err(TokenError::MissingClaim { claim: "aud" }),
        Some(Value::String(audience)) => Ok(audience),
        Some(_) => Err(TokenError::InvalidClaim { claim, expected: "a string" }),
    }
}

/// RFC 7519 §4.1.3: one string, or an array of them.
pub(crate) fn audiences(claims: &Claims) -> Result<Vec<&str>, TokenError> {
    let invalid = TokenError::InvalidClaim { claim: "aud", expected: "a string or a non-empty array of strings" };
    match claims.get("aud") {
        None => Err(TokenError::MissingClaim { claim: "aud" }),
        Some(Value::String(audience)) => Ok(vec![audience]),
        Some(Value::Array(items)) if !items.is_empty() => {
            items.iter().map(Value::as_str).collect::<Option<_>>().ok_or(invalid)
        }
        Some(_) => Err(invalid),
    }
}

/// Clocks of issuers run ahead by seconds, not by minutes.
pub(crate) const MAX_FUTURE: std::time::Duration = std::time::Duration::from_secs(60);
