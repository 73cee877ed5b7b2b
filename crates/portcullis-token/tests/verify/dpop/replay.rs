//! A proof is used once.

use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair as _};
use portcullis_core::UnixTime;
use portcullis_token::{
    InvalidProof, ProofError, ProofRequest, Recall, ReplayFuture, ReplayStore, ReplayStoreError, UsedProof,
};
use serde_json::json;

use super::*;
use crate::mint::{encode, signing_input, with_signature};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_proof_sent_ten_thousand_times_at_once_is_accepted_once() {
    // DPP-27
    let verifier = Arc::new(verifier());
    let tasks: Vec<_> = (0..64)
        .map(|_| {
            let verifier = Arc::clone(&verifier);
            tokio::spawn(async move {
                let mut accepted = 0;
                for _ in 0..157 {
                    match verify(&verifier, D9).await {
                        Ok(_) => accepted += 1,
                        Err(error) => assert_eq!(error, ProofError::Replayed),
                    }
                    tokio::task::yield_now().await;
                }
                accepted
            })
        })
        .collect();
    let mut accepted = 0;
    for task in tasks {
        accepted += task.await.unwrap();
    }
    assert_eq!(accepted, 1, "of {} attempts", 64 * 157);
}

#[tokio::test]
async fn a_hundred_thousand_bad_proofs_leave_the_store_empty() {
    // DPP-27, JWS-14
    let store = store();
    let verifier = verifier_with(store.clone());
    let stranger = Signer::Ed25519;
    let bad = [
        "nonsense".to_owned(),
        proof(json!({ "typ": "JWT" }), json!({})),
        proof(json!({ "alg": "none" }), json!({})),
        sign_as(stranger, &header_with(json!({ "jwk": stranger.jwk() })), &claims_with(json!({}))),
        sign_as(stranger, &header_with(json!({})), &claims_with(json!({}))),
        proof(json!({}), json!({ "htm": "POST" })),
        proof(json!({}), json!({ "htu": "https://evil.example/orders" })),
        proof(json!({}), json!({ "iat": NOW - 61 })),
        proof(json!({}), json!({ "exp": NOW })),
        proof(json!({}), json!({ "ath": "AAAA" })),
    ];
    for number in 0..100_000 {
        assert!(verify(&verifier, &bad[number % bad.len()]).await.is_err());
    }
    assert_eq!(store.len(), 0);
    assert!(verify(&verifier, D9).await.is_ok());
    assert_eq!(store.len(), 1);
}

#[tokio::test]
async fn who_floods_is_told_to_slow_down_and_others_notice_nothing() {
    // DPP-27
    let store = Arc::new(MemoryReplayStore::new(time(NOW - 600)).with_capacity(16 * 100));
    let verifier = verifier_with(store.clone());
    let flooder = Holder::new(0);
    let mut accepted = 0;
    for number in 0..2_000 {
        match flooder.send(&verifier, number, NOW).await {
            Ok(_) => accepted += 1,
            Err(error) => assert!(error.retry_after().is_some_and(|wait| wait.as_secs() == 70), "{error:?}"),
        }
        if number % 40 == 0 {
            // Fifty others, while the flood goes on.
            let holder = Holder::new(1 + u8::try_from(number / 40).unwrap());
            for jti in 0..5 {
                assert!(holder.send(&verifier, jti, NOW).await.is_ok(), "holder {}", number / 40);
                assert_eq!(holder.send(&verifier, jti, NOW).await, Err(ProofError::Replayed));
            }
        }
    }
    assert_eq!(accepted, 100, "a share");
    assert_eq!(store.len(), 100 + 50 * 5);
    assert!(matches!(flooder.send(&verifier, 2_000, NOW).await, Err(ProofError::Flood { .. })));
    assert!(flooder.send(&verifier, 2_000, NOW + 61).await.is_ok(), "there is room again");
}

#[tokio::test]
async fn a_proof_is_remembered_as_long_as_it_would_be_accepted() {
    // DPP-27
    let holder = Holder::new(1);
    let verifier = verifier();
    let ahead = holder.proof(1, NOW + 10);
    for (at, expected) in [(NOW, Ok(())), (NOW, Err(ProofError::Replayed)), (NOW + 70, Err(ProofError::Replayed))] {
        assert_eq!(holder.send_proof(&verifier, &ahead, at).await.map(drop), expected, "{at}");
    }
    let late = holder.send_proof(&verifier, &ahead, NOW + 71).await;
    assert!(matches!(late, Err(ProofError::Invalid(InvalidProof::TooOld { .. }))), "{late:?}");
}

#[tokio::test]
async fn after_a_start_older_proofs_are_refused() {
    let verifier = verifier_with(Arc::new(MemoryReplayStore::new(time(NOW))));
    let older = proof(json!({}), json!({ "iat": NOW - 1 }));
    assert_eq!(verify(&verifier, &older).await, Err(InvalidProof::BeforeMemory.into()));
    assert!(verify(&verifier, D9).await.is_ok());
}

#[tokio::test]
async fn a_store_that_cannot_answer_refuses_everybody() {
    // DPP-29, GEN-01
    let origin = Origin::new("https://api.example.com").unwrap();
    let verifier = ProofVerifier::new([origin], Arc::new(Unreachable)).unwrap();
    let error = verify(&verifier, D9).await.unwrap_err();
    assert!(matches!(error, ProofError::Unavailable { .. }), "{error:?}");
    assert!(error.retry_after().is_some());
    // It is not asked about bad proofs.
    assert!(matches!(verify(&verifier, "nonsense").await, Err(ProofError::Invalid(_))));
}

#[tokio::test]
async fn a_full_store_refuses_instead_of_forgetting() {
    // DPP-29, GEN-01
    let verifier = verifier_with(Arc::new(MemoryReplayStore::new(time(NOW - 600)).with_capacity(1)));
    assert!(verify(&verifier, D9).await.is_ok());
    let other = Holder::new(1).send(&verifier, 1, NOW).await;
    assert!(matches!(other, Err(ProofError::Unavailable { .. })), "{other:?}");
    assert_eq!(verify(&verifier, D9).await, Err(ProofError::Replayed));
}

#[derive(Debug)]
struct Unreachable;

impl ReplayStore for Unreachable {
    fn remember<'a>(&'a self, _: &'a UsedProof, _: UnixTime) -> ReplayFuture<'a> {
        Box::pin(async { Err::<Recall, _>(ReplayStoreError::new("connection refused")) })
    }
}

/// One of many clients, each with a key and a token bound to it.
struct Holder {
    pair: Ed25519KeyPair,
    token: String,
    key: Thumbprint,
}

impl Holder {
    fn new(number: u8) -> Self {
        let pair = Ed25519KeyPair::from_seed_unchecked(&[number; 32]).unwrap();
        let x = encode(pair.public_key());
        let members = format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{x}"}}"#);
        let key = encode(sha256(&members)).parse().unwrap();
        Self { pair, token: format!("token-{number}"), key }
    }

    fn proof(&self, jti: usize, iat: i64) -> String {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(self.pair.public_key()) });
        let claims = json!({ "jti": format!("p-{jti}"), "iat": iat, "ath": encode(sha256(&self.token)) });
        let input = signing_input(header_with(json!({ "jwk": jwk })).to_string(), claims_with(claims).to_string());
        with_signature(&input, self.pair.sign(input.as_bytes()).as_ref())
    }

    async fn send(&self, verifier: &ProofVerifier, jti: usize, at: i64) -> Result<ProvenKey, ProofError> {
        self.send_proof(verifier, &self.proof(jti, at), at).await
    }

    async fn send_proof(&self, verifier: &ProofVerifier, proof: &str, at: i64) -> Result<ProvenKey, ProofError> {
        let request = ProofRequest::new("GET", "/orders", &self.token, self.key);
        verifier.verify(&[proof.as_bytes()], &request, time(at)).await
    }
}

fn sha256(text: &str) -> impl AsRef<[u8]> {
    aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, text.as_bytes())
}
