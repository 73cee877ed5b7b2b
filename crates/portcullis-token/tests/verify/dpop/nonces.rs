//! Nonces of the server.

use std::time::Duration;

use portcullis_token::{NonceKey, NoncePolicy, Nonces, ProofError, ProofRequest, ProofVerifier};
use serde_json::json;

use super::*;

#[tokio::test]
async fn a_proof_without_a_nonce_is_told_the_nonce_to_use() {
    // DPP-09, DPP-31
    let verifier = verifier().with_nonces(NoncePolicy::Required(nonces()));
    let Err(ProofError::UseNonce { nonce }) = verify(&verifier, D9).await else { panic!("a nonce is required") };
    let retry = proof(json!({}), json!({ "nonce": nonce }));
    assert_eq!(verify(&verifier, &retry).await.unwrap().next_nonce(), None);
    // DPP-27: what was refused for want of a nonce was not used up, what was accepted was.
    assert_eq!(verify(&verifier, &retry).await, Err(ProofError::Replayed));
}

#[tokio::test]
async fn a_required_nonce_is_required_again_and_again() {
    // DPP-33
    let verifier = verifier().with_nonces(NoncePolicy::Required(nonces()));
    let nonce = nonces().issue(time(NOW));
    for number in 0..3 {
        let with = proof(json!({}), json!({ "nonce": nonce, "jti": format!("p-{number}") }));
        assert!(verify(&verifier, &with).await.is_ok(), "a nonce may be used many times (DPP-35)");
        assert!(matches!(verify(&verifier, D9).await, Err(ProofError::UseNonce { .. })));
    }
}

#[tokio::test]
async fn only_recent_nonces_of_this_server_count() {
    // DPP-16, DPP-32, DPP-35
    let foreign = Nonces::new(NonceKey::new(&[9; 32]).unwrap(), []);
    for (nonce, accepted) in [
        (nonces().issue(time(NOW)), true),
        (nonces().issue(time(NOW - 60)), true),
        (nonces().issue(time(NOW - 61)), false),
        (nonces().issue(time(NOW)).to_lowercase(), false),
        (foreign.issue(time(NOW)), false),
        (String::new(), false),
        ("n".to_owned(), false),
    ] {
        for policy in [NoncePolicy::Required(nonces()), NoncePolicy::Optional(nonces())] {
            let verifier = verifier().with_nonces(policy);
            let result = verify(&verifier, &proof(json!({}), json!({ "nonce": nonce }))).await;
            match result {
                Ok(_) => assert!(accepted, "{nonce}"),
                Err(ProofError::UseNonce { .. }) => assert!(!accepted, "{nonce}"),
                Err(other) => panic!("{nonce}: {other:?}"),
            }
        }
    }
    let not_a_string = proof(json!({}), json!({ "nonce": 7 }));
    let verifier = verifier().with_nonces(NoncePolicy::Required(nonces()));
    assert!(matches!(verify(&verifier, &not_a_string).await, Err(ProofError::Invalid(_))));
}

#[tokio::test]
async fn a_client_gets_its_next_nonce_before_the_last_one_ends() {
    // DPP-34
    for (nonce, is_due) in [(Some(0), false), (Some(29), false), (Some(30), true), (Some(60), true), (None, true)] {
        let verifier = verifier().with_nonces(NoncePolicy::Optional(nonces()));
        let claims = nonce.map_or(json!({}), |age| json!({ "nonce": nonces().issue(time(NOW - age)) }));
        let proven = verify(&verifier, &proof(json!({}), claims)).await.unwrap();
        let expected = is_due.then(|| nonces().issue(time(NOW)));
        assert_eq!(proven.next_nonce(), expected.as_deref(), "{nonce:?}");
    }
    // Without nonces there is none to get, and none is looked at.
    let proven = verify(&verifier(), &proof(json!({}), json!({ "nonce": "of somebody else" }))).await.unwrap();
    assert_eq!(proven.next_nonce(), None);
}

#[tokio::test]
async fn only_the_holder_of_the_key_is_told_a_nonce() {
    // DPP-36
    let verifier = verifier().with_nonces(NoncePolicy::Required(nonces()));
    let forged = sign_as(Signer::Ed25519, &header_with(json!({})), &claims_with(json!({})));
    let stranger =
        sign_as(Signer::Ed25519, &header_with(json!({ "jwk": Signer::Ed25519.jwk() })), &claims_with(json!({})));
    for proof in [forged, stranger, proof(json!({}), json!({ "htm": "POST" })), proof(json!({}), json!({ "iat": 0 }))] {
        let error = verify(&verifier, &proof).await.unwrap_err();
        assert!(matches!(error, ProofError::Invalid(_) | ProofError::KeyMismatch), "{error:?}");
    }
}

#[tokio::test]
async fn a_nonce_of_one_process_ends_with_it() {
    // What was accepted just before a restart, dated ahead by a fast clock, cannot be repeated after it.
    let started = NOW + 5;
    let process = |started| {
        let key = NonceKey::random().unwrap();
        let verifier = ProofVerifier::new(
            [Origin::new("https://api.example.com").unwrap()],
            Arc::new(MemoryReplayStore::new(time(started))),
        );
        verifier.unwrap().with_nonces(NoncePolicy::Required(Nonces::new(key, [])))
    };
    let (before, after) = (process(NOW - 600), process(started));
    let Err(ProofError::UseNonce { nonce }) = verify(&before, D9).await else { panic!("a nonce is required") };
    let ahead = proof(json!({}), json!({ "iat": NOW + 9, "nonce": nonce }));
    assert!(verify(&before, &ahead).await.is_ok());
    let bound_to = client();
    let request = ProofRequest::new("GET", "/orders", T9, bound_to);
    let result = after.verify(&[ahead.as_bytes()], &request, time(started)).await;
    assert!(matches!(result, Err(ProofError::UseNonce { .. })), "{result:?}");
}

fn nonces() -> Nonces {
    let nonces = Nonces::new(NonceKey::new(&[1; 32]).unwrap(), []);
    nonces.with_lifetime(Duration::from_secs(60)).unwrap()
}
