//! Tokens that their issuer is asked about, at a real HTTP server on this machine.

mod answers;
mod endpoint;
mod load;
mod requests;
mod routing;
mod settings;
mod signed;
mod tokeninfo;

use portcullis_core::VerifiedClaims;
use portcullis_token::{ClientCredentials, Introspection, TokenError, Verifier};
use serde_json::{Value, json};

use crate::mint::*;
use endpoint::Endpoint;

/// An opaque token in the manner of RFC 9449 §6.2: with dots, and no JWT.
const OPAQUE: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

const CLIENT_ID: &str = "rs:1";
const SECRET: &str = "p@ss word/+";

/// What an issuer says about an acceptable token.
fn active() -> Value {
    let mut answer = claims();
    answer["active"] = true.into();
    answer["token_type"] = "Bearer".into();
    answer
}

/// The same, some of it replaced; what is replaced by `null` is left out.
fn active_with(changes: Value) -> Value {
    let mut answer = active();
    for (member, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => answer.as_object_mut().unwrap().remove(member),
            value => answer.as_object_mut().unwrap().insert(member.clone(), value.clone()),
        };
    }
    answer
}

fn inactive() -> Value {
    json!({ "active": false })
}

fn credentials() -> ClientCredentials {
    ClientCredentials::secret(CLIENT_ID, SECRET).unwrap()
}

fn introspection(endpoint: &Endpoint) -> Introspection {
    Introspection::new(&endpoint.url, credentials()).unwrap()
}

/// The test issuer, asked at `endpoint` about opaque tokens.
fn verifier_asking(endpoint: &Endpoint) -> Verifier {
    verifier_with(introspection(endpoint))
}

fn verifier_with(introspection: Introspection) -> Verifier {
    Verifier::new([issuer().with_introspection(introspection)]).unwrap()
}

/// What becomes of an opaque token when the issuer gives this answer.
async fn verify_against(answer: Value) -> Result<VerifiedClaims, TokenError> {
    verifier_asking(&Endpoint::answering(answer)).verify(OPAQUE, time(NOW)).await
}

fn is_unavailable(result: &Result<VerifiedClaims, TokenError>) -> bool {
    matches!(result, Err(TokenError::Unavailable { .. }))
}
