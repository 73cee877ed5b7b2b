//! Several issuers side by side.

use portcullis_core::VerifiedClaims;
use portcullis_token::{Algorithm, Issuer, KeySource, TokenError, Verifier};
use serde_json::{Value, json};

use crate::mint::*;
use crate::server::{Answer, Server};

/// Two issuers whose keys have one name and whose tokens have one subject.
struct Pair {
    a: Server,
    b: Server,
    verifier: Verifier,
}

impl Pair {
    fn start() -> Self {
        let (a, b) = (Server::start(), Server::start());
        let issuer = |alias: &str, server: &Server, signer: Signer, audience: &str, algorithm| {
            server.serve("/jwks", Answer::json(&json!({ "keys": [signer.jwk_with(json!({ "kid": "1" }))] })));
            let keys = KeySource::url(&server.url("/jwks")).unwrap();
            Issuer::new(alias, server.origin(), [audience], [algorithm], keys).unwrap()
        };
        let issuers = [
            issuer("a", &a, Signer::Ed25519, "https://a.example", Algorithm::EdDsa),
            issuer("b", &b, Signer::StrangeEd25519, "https://b.example", Algorithm::Ed25519),
        ];
        Self { verifier: Verifier::new(issuers).unwrap(), a, b }
    }
}

fn token(signer: Signer, alg: &str, issuer: &Server, audience: &str) -> String {
    let claims: Value = claims_with(json!({ "iss": issuer.origin(), "aud": audience }));
    sign_as(signer, &header_with(json!({ "alg": alg, "kid": "1" })), &claims)
}

#[tokio::test]
async fn issuers_share_nothing() {
    // GEN-11
    let Pair { a, b, verifier } = Pair::start();
    for (token, expected) in [
        (token(Signer::Ed25519, "EdDSA", &a, "https://a.example"), Ok("a")),
        (token(Signer::StrangeEd25519, "Ed25519", &b, "https://b.example"), Ok("b")),
        // B signs in the name of A, and the other way round.
        (token(Signer::StrangeEd25519, "EdDSA", &a, "https://a.example"), Err(TokenError::BadSignature)),
        (token(Signer::Ed25519, "Ed25519", &b, "https://b.example"), Err(TokenError::BadSignature)),
        // What one may do is nothing to the other.
        (token(Signer::Ed25519, "EdDSA", &a, "https://b.example"), Err(TokenError::WrongAudience)),
    ] {
        let claims = verifier.verify(&token, time(NOW)).await;
        assert_eq!(claims.as_ref().map(VerifiedClaims::source), expected.as_ref().copied());
    }
    let other_algorithm = token(Signer::StrangeEd25519, "EdDSA", &b, "https://b.example");
    let result = verifier.verify(&other_algorithm, time(NOW)).await;
    assert!(matches!(result, Err(TokenError::AlgorithmNotAllowed { .. })));
}

#[tokio::test]
async fn an_issuer_that_is_down_takes_no_other_with_it() {
    // GEN-01, GEN-11
    let Pair { a, b, verifier } = Pair::start();
    b.serve("/jwks", Answer::status(500));
    let of_b = verifier.verify(&token(Signer::StrangeEd25519, "Ed25519", &b, "https://b.example"), time(NOW)).await;
    assert!(matches!(of_b, Err(TokenError::Unavailable { issuer, .. }) if issuer == "b"));
    assert!(verifier.verify(&token(Signer::Ed25519, "EdDSA", &a, "https://a.example"), time(NOW)).await.is_ok());
    // Not even the key of A helps B out.
    let signed_by_a = verifier.verify(&token(Signer::Ed25519, "Ed25519", &b, "https://b.example"), time(NOW)).await;
    assert!(matches!(signed_by_a, Err(TokenError::Unavailable { .. })));
}
