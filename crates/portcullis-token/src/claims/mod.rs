//! What the claims of a signed token must say (RFC 7519 §4.1, RFC 9068 §2.2 and §4).

mod answer;
mod form;

use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use crate::error::TokenError;
use crate::excerpt::Excerpt;
use crate::issuer::{Issuer, TokenType};
use form::NumericDate;

pub(crate) use answer::{check_answer, check_form, expiry, issued};

type Claims = Map<String, Value>;

/// Checks everything about a token but its signature: kind, audience, times, and the form of every claim that is used.
pub(crate) fn check(issuer: &Issuer, typ: Option<&str>, claims: &Claims, now: UnixTime) -> Result<(), TokenError> {
    check_type(issuer, typ, claims)?;
    require_claims(claims)?;
    check_audience(issuer, claims)?;
    check_times(issuer, claims, now)?;
    form::check(claims)?;
    refuse_bound(claims)
}

/// Checks a JWT that only wraps an opaque token. What it does not say, the issuer's answer must.
pub(crate) fn check_wrapping(
    issuer: &Issuer,
    typ: Option<&str>,
    claims: &Claims,
    now: UnixTime,
) -> Result<(), TokenError> {
    check_type(issuer, typ, claims)?;
    if claims.contains_key("aud") {
        check_audience(issuer, claims)?;
    }
    check_times(issuer, claims, now)
}

fn refuse_bound(claims: &Claims) -> Result<(), TokenError> {
    // RFC 7800 §3.1 lets a recipient ignore confirmation methods that it does not know. Then a stolen bound token would
    // pass as a bearer token.
    if claims.contains_key("cnf") {
        return Err(TokenError::BindingUnsupported);
    }
    Ok(())
}

/// The issuer that a token says it is from; not yet believed.
pub(crate) fn unverified_issuer(claims: &Claims) -> Result<&str, TokenError> {
    match claims.get("iss") {
        None => Err(TokenError::MissingClaim { claim: "iss" }),
        Some(Value::String(iss)) => Ok(iss),
        Some(_) => Err(TokenError::InvalidClaim { claim: "iss", expected: "a string" }),
    }
}

/// RFC 9068 §4: nothing but an access token is accepted.
fn check_type(issuer: &Issuer, typ: Option<&str>, claims: &Claims) -> Result<(), TokenError> {
    // A media type, so its case does not matter (RFC 7515 §4.1.9).
    let is = |name: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(name));
    if is("at+jwt") || is("application/at+jwt") {
        return Ok(());
    }
    match issuer.token_type {
        TokenType::JwtOrNone if typ.is_none() || is("jwt") || is("application/jwt") => refuse_other_kinds(claims),
        TokenType::JwtOrNone | TokenType::AccessToken => Err(TokenError::WrongType { typ: typ.map(Excerpt::new) }),
    }
}

/// Keeps other tokens of the issuer out where `typ` does not.
fn refuse_other_kinds(claims: &Claims) -> Result<(), TokenError> {
    refuse_marked(claims)?;
    // The audience of an ID token is the client (OpenID Connect Core §2).
    let audiences = if claims.contains_key("aud") { audiences(claims)? } else { Vec::new() };
    for claim in ["client_id", "azp"] {
        let client = claims.get(claim).and_then(Value::as_str);
        if client.is_some_and(|client| audiences.contains(&client)) {
            return Err(TokenError::NotAnAccessToken { claim: "aud" });
        }
    }
    Ok(())
}

/// Refuses what says of itself that it is another kind of token.
fn refuse_marked(claims: &Claims) -> Result<(), TokenError> {
    if let Some(claim) = MARKS_OF_OTHER_KINDS.into_iter().find(|claim| claims.contains_key(*claim)) {
        return Err(TokenError::NotAnAccessToken { claim });
    }
    for (claim, values) in PURPOSES {
        if claims.get(claim).is_some_and(|value| !values.iter().any(|expected| value == expected)) {
            return Err(TokenError::NotAnAccessToken { claim });
        }
    }
    Ok(())
}

fn require_claims(claims: &Claims) -> Result<(), TokenError> {
    match REQUIRED.into_iter().find(|claim| !claims.contains_key(*claim)) {
        Some(claim) => Err(TokenError::MissingClaim { claim }),
        None => Ok(()),
    }
}

/// Exact comparison, no URL normalisation: `https://api.example.com/` is another resource server (RFC 9068 §4).
fn check_audience(issuer: &Issuer, claims: &Claims) -> Result<(), TokenError> {
    let named = audiences(claims)?;
    if issuer.audiences.iter().any(|ours| named.contains(&ours.as_str())) {
        Ok(())
    } else {
        Err(TokenError::WrongAudience)
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

/// The times that are there. Which must be, is for [`require_claims`] to say.
fn check_times(issuer: &Issuer, claims: &Claims, now: UnixTime) -> Result<(), TokenError> {
    // RFC 7519 §4.1.4: "on or after". A fraction of a second is cut off: the token may end early, never late.
    let exp = NumericDate::of(claims, "exp")?.map(NumericDate::floor);
    if let Some(exp) = exp.filter(|exp| now >= exp.plus(issuer.leeway)) {
        return Err(TokenError::Expired { exp, now });
    }
    if let Some(nbf) = NumericDate::of(claims, "nbf")?.map(NumericDate::ceil)
        && now < nbf.minus(issuer.leeway)
    {
        return Err(TokenError::NotYetValid { nbf, now });
    }
    let iat = NumericDate::of(claims, "iat")?;
    if let Some(iat) = iat.map(NumericDate::ceil).filter(|iat| *iat > now.plus(MAX_FUTURE)) {
        return Err(TokenError::IssuedInFuture { iat, now });
    }
    let Some(limit) = issuer.max_lifetime else {
        return Ok(());
    };
    let exp = exp.ok_or(TokenError::MissingClaim { claim: "exp" })?;
    let lifetime = exp.since(iat.ok_or(TokenError::MissingClaim { claim: "iat" })?.floor());
    if lifetime > limit {
        return Err(TokenError::LifetimeTooLong { lifetime, limit });
    }
    Ok(())
}

/// RFC 9068 §2.2.
const REQUIRED: [&str; 7] = ["iss", "exp", "aud", "sub", "client_id", "iat", "jti"];

/// Claims that only other kinds of token have.
const MARKS_OF_OTHER_KINDS: [&str; 9] = [
    "nonce",               // ID token (OpenID Connect Core §2)
    "at_hash",             // ID token
    "c_hash",              // ID token
    "s_hash",              // ID token (FAPI)
    "events",              // logout token, security event (RFC 8417)
    "htm",                 // DPoP proof (RFC 9449)
    "htu",                 // DPoP proof
    "status_list",         // token status list
    "token_introspection", // introspection answer (RFC 9701)
];

/// Claims by which products say what a token is for, and the values that mean "access". They are not standardised.
const PURPOSES: [(&str, &[&str]); 3] = [
    ("typ", &["Bearer", "at+jwt"]), // Keycloak; its `ID`, `Refresh`, `Offline`, `Logout` and `DPoP` are others
    ("token_use", &["access", "access_token"]), // Amazon Cognito; Ory
    ("purpose", &["access_token"]), // Curity
];

/// Clocks of issuers run ahead by seconds, not by minutes.
const MAX_FUTURE: std::time::Duration = std::time::Duration::from_secs(60);
