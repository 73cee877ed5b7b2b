//! A new token: how much does everything cost on top of the signature check, which nobody can avoid?
//!
//! The answer is a ratio, so the two are measured in turns and within milliseconds. In the same turns, `jsonwebtoken` does
//! what it does for a service that picks it: signature, audience, issuer and expiry, into a map of claims.

use std::hint::black_box;

use benches::{
    AUDIENCE, Bench, ISSUER, Person, SignatureAlone, bare_project, claims, engine, must, now, ready, trusted,
};
use jsonwebtoken::{DecodingKey, Validation};
use portcullis_core::{PrincipalFacts, Request, VerifiedClaims};
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use portcullis_token::Verifier;
use serde_json::{Map, Value};

fn main() {
    let bench = Bench::from_arguments(&["signature", "jsonwebtoken", "to claims", "to decision"]);
    for algorithm in SigningAlgorithm::ALL {
        let name = format!("verify/{}", algorithm.as_str());
        if bench.wants(&name) {
            measure(&bench, &name, algorithm);
        }
    }
}

fn measure(bench: &Bench, name: &str, algorithm: SigningAlgorithm) {
    let (engine, project) = (engine(10), bare_project());
    let request = Request::new("GetProject", &project, now());
    let (issuer, verifier) = trusted(algorithm);
    let token = issuer.sign(&claims(Person::Consented));
    let signature = SignatureAlone::of(&issuer, &token);
    let (key, validation) = peer(&issuer);
    let decoded = || jsonwebtoken::decode::<Map<String, Value>>(black_box(&token), &key, &validation);
    assert_eq!(must(decoded()).claims.len(), to_claims(&verifier, &token).claims().len(), "both yield all claims");
    bench.compare(
        name,
        &[
            &|| signature.check(),
            &|| drop(black_box(must(decoded()))),
            &|| drop(black_box(to_claims(&verifier, black_box(&token)))),
            &|| {
                let caller = must(engine.caller(to_claims(&verifier, black_box(&token))));
                let session = must(engine.session_with(caller, &PrincipalFacts::default()));
                assert!(session.decide(&request).is_allow());
            },
        ],
    );
}

/// The same key and rules for `jsonwebtoken`. Its clock is the system's, and the token's time is not, so it is spared one
/// comparison.
fn peer(issuer: &TestIssuer) -> (DecodingKey, Validation) {
    let jwk = must(serde_json::from_value(issuer.jwk()));
    let mut validation = Validation::new(must(issuer.algorithm().as_str().parse()));
    validation.set_audience(&[AUDIENCE]);
    validation.set_issuer(&[ISSUER]);
    validation.validate_exp = false;
    (must(DecodingKey::from_jwk(&jwk)), validation)
}

fn to_claims(verifier: &Verifier, token: &str) -> VerifiedClaims {
    must(ready(verifier.verify(token, now())))
}
