//! Access tokens and nothing else (RFC 9068 §4).

use serde_json::Value;

use super::{Claims, audiences};
use crate::error::TokenError;
use crate::excerpt::Excerpt;
use crate::issuer::TokenType;
use crate::preset::{ClaimName, ClientAsAudience, TokenRules};

/// Refuses every other kind of token that the issuer may have signed with the same key.
pub(super) fn check(rules: &TokenRules, typ: Option<&str>, claims: &Claims) -> Result<(), TokenError> {
    // A media type, so its case does not matter (RFC 7515 §4.1.9).
    let is = |name: &str| typ.is_some_and(|typ| typ.eq_ignore_ascii_case(name));
    let (is_access_token, is_jwt) = (is("at+jwt") || is("application/at+jwt"), is("jwt") || is("application/jwt"));
    let accepted = match rules.typ {
        TokenType::AccessToken => is_access_token,
        TokenType::Jwt => is_access_token || is_jwt,
        TokenType::Absent => is_access_token || typ.is_none(),
        TokenType::JwtOrNone => is_access_token || is_jwt || typ.is_none(),
        TokenType::Opaque => false,
    };
    if !accepted {
        return Err(TokenError::WrongType { typ: typ.map(Excerpt::new) });
    }
    check_marks(rules, claims)?;
    if is_access_token { Ok(()) } else { refuse_other_kinds(rules, claims) }
}

/// Refuses what says of itself that it is another kind of token, where no `typ` says what it is.
pub(super) fn refuse_marked(rules: &TokenRules, claims: &Claims) -> Result<(), TokenError> {
    check_marks(rules, claims)?;
    refuse_standard_marks(rules, claims)
}

/// What the product itself says about its tokens.
fn check_marks(rules: &TokenRules, claims: &Claims) -> Result<(), TokenError> {
    let marks = rules.foreign.iter().map(|claim| claim.as_str());
    refuse(claims, marks)?;
    for (claim, values) in &rules.purposes {
        expect_purpose(claims, claim.as_str(), |value| values.iter().any(|expected| value == expected))?;
    }
    Ok(())
}

fn refuse_standard_marks(rules: &TokenRules, claims: &Claims) -> Result<(), TokenError> {
    refuse(claims, MARKS_OF_OTHER_KINDS)?;
    let stated = |claim: &str| rules.purposes.keys().any(|stated: &ClaimName| stated.as_str() == claim);
    for (claim, values) in PURPOSES.into_iter().filter(|(claim, _)| !stated(claim)) {
        expect_purpose(claims, claim, |value| values.iter().any(|expected| value == expected))?;
    }
    Ok(())
}

/// Keeps other tokens of the issuer out where `typ` does not.
fn refuse_other_kinds(rules: &TokenRules, claims: &Claims) -> Result<(), TokenError> {
    refuse_standard_marks(rules, claims)?;
    if rules.client_as_audience == ClientAsAudience::Accepted || !claims.contains_key("aud") {
        return Ok(());
    }
    // The audience of an ID token is the client (OpenID Connect Core §2).
    let audiences = audiences(claims)?;
    for claim in ["client_id", "azp"] {
        let client = claims.get(claim).and_then(Value::as_str);
        if client.is_some_and(|client| audiences.contains(&client)) {
            return Err(TokenError::NotAnAccessToken { claim: "aud" });
        }
    }
    Ok(())
}

fn refuse(claims: &Claims, marks: impl IntoIterator<Item = &'static str>) -> Result<(), TokenError> {
    match marks.into_iter().find(|claim| claims.contains_key(*claim)) {
        Some(claim) => Err(TokenError::NotAnAccessToken { claim }),
        None => Ok(()),
    }
}

/// What a token says of its purpose must be the purpose that it is used for.
fn expect_purpose(claims: &Claims, claim: &'static str, fits: impl FnOnce(&Value) -> bool) -> Result<(), TokenError> {
    match claims.get(claim) {
        Some(value) if !fits(value) => Err(TokenError::NotAnAccessToken { claim }),
        _ => Ok(()),
    }
}

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
