//! What an issuer's answer about a token must say (RFC 7662 §2.2). It is believed no further than a signed token.

use portcullis_core::UnixTime;
use serde_json::{Map, Value};

use super::form::{self, NumericDate};
use super::{Times, audiences, check_audience, kind};
use crate::error::TokenError;
use crate::introspection::AbsentAudience;
use crate::issuer::Issuer;
use crate::preset::TokenRules;

/// Checks that an answer of `issuer` about an active token lets it in here and now. An issuer may well call a token
/// active that is meant for another resource server.
pub(crate) fn check_answer(
    issuer: &Issuer,
    claims: &Map<String, Value>,
    absent_audience: AbsentAudience,
    now: UnixTime,
) -> Result<(), TokenError> {
    if claims.get("iss").is_some_and(|iss| iss != issuer.identifier()) {
        return Err(TokenError::InvalidClaim { claim: "iss", expected: "the issuer that was asked" });
    }
    kind::refuse_marked(&issuer.rules, claims)?;
    if claims.contains_key("aud") || absent_audience == AbsentAudience::Refuse {
        check_audience(issuer, claims)?;
    }
    Times::of(claims)?.check(issuer.leeway, now)?;
    check_token_type(claims)
}

/// Checks the form of every member that is read, here or later.
pub(crate) fn check_form(rules: &TokenRules, claims: &Map<String, Value>) -> Result<(), TokenError> {
    form::check(rules, claims)?;
    for date in ["exp", "iat", "nbf"] {
        NumericDate::of(claims, date)?;
    }
    if claims.contains_key("aud") {
        audiences(claims)?;
    }
    if claims.get("token_type").is_some_and(|value| !value.is_string()) {
        return Err(TokenError::InvalidClaim { claim: "token_type", expected: "a string" });
    }
    Ok(())
}

/// The second in which the token ends, if it says so in a form that can be read.
pub(crate) fn expiry(claims: &Map<String, Value>) -> Option<UnixTime> {
    NumericDate::of(claims, "exp").ok().flatten().map(NumericDate::floor)
}

/// The second in which this was issued.
pub(crate) fn issued(claims: &Map<String, Value>) -> Result<Option<UnixTime>, TokenError> {
    Ok(NumericDate::of(claims, "iat")?.map(NumericDate::floor))
}

/// RFC 9449 §6.2: a token is of the type `DPoP` exactly if it is bound to a DPoP key. The case of the type does not
/// matter (RFC 6749 §5.1).
fn check_token_type(claims: &Map<String, Value>) -> Result<(), TokenError> {
    let Some(token_type) = claims.get("token_type").and_then(Value::as_str) else {
        return Ok(());
    };
    let expected = match claims.get("cnf").and_then(|cnf| cnf.get("jkt")) {
        Some(_) => "DPoP",
        None => "Bearer",
    };
    if token_type.eq_ignore_ascii_case(expected) {
        Ok(())
    } else {
        Err(TokenError::InvalidClaim { claim: "token_type", expected: "the type that goes with `cnf`" })
    }
}
