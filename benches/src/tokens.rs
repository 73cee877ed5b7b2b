//! Callers, as claims and as signed tokens.

use portcullis_core::{UnixTime, VerifiedClaims};
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use portcullis_token::{Algorithm, ClientCredentials, Introspection, Issuer, KeySet, Verifier};
use serde_json::{Value, json};

use crate::must;

/// How much a person has consented to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "the benches need no more")]
pub enum Person {
    /// To reading and writing.
    Consented,
    /// To reading only.
    ReadsOnly,
}

/// The claims of a token with which a person comes.
#[must_use]
pub fn claims(person: Person) -> Value {
    let scope = match person {
        Person::Consented => "openid profile read:projects write:projects",
        Person::ReadsOnly => "openid profile read:projects",
    };
    json!({
        "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "client_id": "web", "jti": "t-1", "scope": scope,
        "iat": NOW - 60, "exp": NOW + 3540, "auth_time": NOW - 60, "acr": "urn:acme:mfa", "org_id": "acme",
        "roles": ["editor", "viewer"],
    })
}

/// The claims of a token with which an agent acts for a person.
#[must_use]
pub fn agent() -> Value {
    let mut claims = claims(Person::Consented);
    if let Some(claims) = claims.as_object_mut() {
        claims.insert("client_id".to_owned(), "scribe".into());
        claims.insert("act".to_owned(), json!({ "sub": "scribe", "sub_profile": "ai_agent" }));
    }
    claims
}

/// The claims as a verifier hands them over.
#[must_use]
pub fn verified(claims: &Value) -> VerifiedClaims {
    VerifiedClaims::assume_verified(ALIAS, claims.as_object().cloned().unwrap_or_default())
}

/// The time of all benches.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn now() -> UnixTime {
    must(UnixTime::from_secs(NOW).ok_or("no such time"))
}

/// An issuer that signs with `algorithm`, and a verifier that trusts it.
///
/// # Panics
///
/// If the fixture is broken.
#[must_use]
pub fn trusted(algorithm: SigningAlgorithm) -> (TestIssuer, Verifier) {
    let issuer = TestIssuer::with_algorithm(ISSUER, algorithm);
    let name: Algorithm = must(algorithm.as_str().parse());
    let keys = must(KeySet::try_from(&issuer.jwks()));
    let verifier = must(Verifier::new([must(Issuer::new(ALIAS, ISSUER, [AUDIENCE], [name], keys))]));
    (issuer, verifier)
}

/// A verifier that asks at `endpoint` about opaque tokens, and believes the answers for as long as it may.
///
/// # Panics
///
/// If the fixture is broken.
#[must_use]
pub fn asking(endpoint: &str) -> Verifier {
    let credentials = must(ClientCredentials::secret("benches", "secret"));
    let introspection = must(Introspection::new(endpoint, credentials));
    let issuer = TestIssuer::new(ISSUER);
    let keys = must(KeySet::try_from(&issuer.jwks()));
    let issuer = must(Issuer::new(ALIAS, ISSUER, [AUDIENCE], [Algorithm::Es256], keys));
    must(Verifier::new([issuer.with_introspection(introspection)]))
}

pub(crate) const ALIAS: &str = "main";

/// Who issues the tokens.
pub const ISSUER: &str = "https://as.example.com";

/// Whom the tokens are for.
pub const AUDIENCE: &str = "https://api.example.com";

const NOW: i64 = 1_767_226_000;
