//! Every algorithm with a real key, alone and against all others.

use portcullis_token::Algorithm;
use serde_json::json;

use crate::mint::*;

const SIGNERS: [(Algorithm, Signer); 10] = [
    (Algorithm::Rs256, Signer::Rs256),
    (Algorithm::Rs384, Signer::Rs384),
    (Algorithm::Rs512, Signer::Rs512),
    (Algorithm::Ps256, Signer::Ps256),
    (Algorithm::Ps384, Signer::Ps384),
    (Algorithm::Ps512, Signer::Ps512),
    (Algorithm::Es256, Signer::Es256),
    (Algorithm::Es384, Signer::Es384),
    (Algorithm::Ed25519, Signer::Ed25519),
    (Algorithm::EdDsa, Signer::Ed25519),
];

#[tokio::test]
async fn a_key_verifies_the_one_algorithm_that_it_is_for() {
    // ALG-02, ALG-04, ALG-13, JWK-07
    for (key_algorithm, key) in SIGNERS {
        // All keys have one name; only this one is there.
        let jwk = key.jwk_with(json!({ "kid": "k", "alg": key_algorithm.as_str() }));
        let verifier = verifier_with(&json!({ "keys": [jwk] }));
        for (named, _) in SIGNERS {
            for (signed, signer) in SIGNERS {
                let header = json!({ "alg": named.as_str(), "typ": "at+jwt", "kid": "k" });
                let result = verifier.verify(&sign_as(signer, &header, &claims()), time(NOW)).await;
                // Two names of one algorithm; a key with the newer name keeps to it.
                let is_named =
                    named == key_algorithm || (named == Algorithm::Ed25519 && key_algorithm == Algorithm::EdDsa);
                let is_signed = format!("{signer:?}") == format!("{key:?}");
                assert_eq!(
                    result.is_ok(),
                    is_named && is_signed,
                    "{key_algorithm} key, {named} named, {signed} signed"
                );
            }
        }
    }
}

#[tokio::test]
async fn keys_of_one_name_are_told_apart_by_what_they_are_for() {
    // JWK-07
    let keys: Vec<_> =
        SIGNERS.iter().map(|(alg, key)| key.jwk_with(json!({ "kid": "k", "alg": alg.as_str() }))).collect();
    // The key `EdDSA` serves the name `Ed25519` too, so beside a key for that name it would be one too many.
    let verifier = verifier_with(&json!({ "keys": keys[..9] }));
    for (algorithm, signer) in &SIGNERS[..9] {
        let header = json!({ "alg": algorithm.as_str(), "typ": "at+jwt", "kid": "k" });
        let result = verifier.verify(&sign_as(*signer, &header, &claims()), time(NOW)).await;
        assert!(result.is_ok(), "{algorithm}");
    }
}

fn verifier_with(keys: &serde_json::Value) -> portcullis_token::Verifier {
    portcullis_token::Verifier::new([issuer_with(keys, &Algorithm::ALL)]).unwrap()
}
