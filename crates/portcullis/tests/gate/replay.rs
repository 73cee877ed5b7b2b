//! Proofs of possession under load: each is accepted once, and one client takes nothing from others.

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::{AUTHORIZATION, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, Method};
use portcullis::{Admission, Answer, UnixTime};
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use portcullis_token::{
    MemoryReplayStore, Origin, ProofVerifier, Recall, ReplayFuture, ReplayStore, ReplayStoreError, UsedProof,
};
use serde_json::json;

use crate::service::{NOW, Service};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_ten_thousand_requests_with_one_proof_one_is_let_in() {
    // DPP-27
    let service = Arc::new(with_store(None));
    let holder = Arc::new(Holder::new(&service));
    let replayed = holder.proof("stolen");
    let tasks: Vec<_> = (0..TASKS)
        .map(|task| {
            let (service, holder, replayed) = (Arc::clone(&service), Arc::clone(&holder), replayed.clone());
            tokio::spawn(async move {
                let mut admitted = 0;
                for attempt in 0..10_000 / TASKS + 1 {
                    match holder.send(&service, &replayed).await {
                        Ok(_) => admitted += 1,
                        Err(answer) => assert_eq!(answer.status(), 401),
                    }
                    // Another proof of the same key at the same time is another proof.
                    if attempt % 16 == 0 {
                        let own = holder.proof(&format!("{task}-{attempt}"));
                        assert!(holder.send(&service, &own).await.is_ok(), "{task}-{attempt}");
                    }
                    tokio::task::yield_now().await;
                }
                admitted
            })
        })
        .collect();
    let mut admitted = 0;
    for task in tasks {
        admitted += task.await.unwrap();
    }
    assert_eq!(admitted, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_key_that_floods_is_slowed_down_and_fifty_others_are_not() {
    // DPP-27
    let capacity = 16 * 100;
    let store = Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW - 600).unwrap()).with_capacity(capacity));
    let service = Arc::new(with_store(Some(store.clone())));
    let flooder = Arc::new(Holder::new(&service));
    let floods: Vec<_> = (0..8)
        .map(|task| {
            let (service, flooder) = (Arc::clone(&service), Arc::clone(&flooder));
            tokio::spawn(async move {
                let mut admitted = 0;
                for number in 0..100 {
                    match flooder.send(&service, &flooder.proof(&format!("{task}-{number}"))).await {
                        Ok(_) => admitted += 1,
                        Err(answer) => {
                            assert_eq!(answer.status(), 429);
                            assert_eq!(answer.headers()[RETRY_AFTER], "70");
                        }
                    }
                    tokio::task::yield_now().await;
                }
                admitted
            })
        })
        .collect();
    for number in 0..50 {
        let other = Holder::new(&service);
        for jti in ["one", "two"] {
            let proof = other.proof(jti);
            assert!(other.send(&service, &proof).await.is_ok(), "holder {number}");
            assert_eq!(other.send(&service, &proof).await.unwrap_err().status(), 401, "holder {number}");
        }
    }
    let mut admitted = 0;
    for flood in floods {
        admitted += flood.await.unwrap();
    }
    assert_eq!(admitted, 100, "its share");
    assert_eq!(store.len(), 100 + 50 * 2);
    assert!(store.len() <= capacity);
}

#[tokio::test]
async fn gates_that_share_a_store_accept_a_proof_once_between_them() {
    // DPP-27
    let store = Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW - 600).unwrap()));
    let [one, other] = [(); 2].map(|()| with_store(Some(store.clone())));
    let holder = Holder::new(&one);
    assert!(holder.send(&one, &holder.proof("once")).await.is_ok());
    // The other service has an issuer of its own, so the token is another one. The key and the id are the same.
    let holder = holder.with_token_of(&other);
    assert_eq!(holder.send(&other, &holder.proof("once")).await.unwrap_err().status(), 401);
    assert!(holder.send(&other, &holder.proof("twice")).await.is_ok());
}

#[tokio::test]
async fn a_store_that_does_not_know_lets_nobody_in() {
    // DPP-29, GEN-01
    #[derive(Debug)]
    struct Lost;
    impl ReplayStore for Lost {
        fn remember<'a>(&'a self, _: &'a UsedProof, _: UnixTime) -> ReplayFuture<'a> {
            Box::pin(async { Err::<Recall, _>(ReplayStoreError::new("canary")) })
        }
    }
    let service = with_store(Some(Arc::new(Lost)));
    let holder = Holder::new(&service);
    let answer = holder.send(&service, &holder.proof("p")).await.unwrap_err();
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.headers()[RETRY_AFTER], "2");
    assert!(!answer.body().contains("canary"));
}

/// A service that remembers proofs in `store`, or in a memory of its own.
fn with_store(store: Option<Arc<dyn ReplayStore>>) -> Service {
    let memory = || Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW - 600).unwrap()));
    Service::new(|gate| gate.dpop(proofs_in(store.unwrap_or_else(|| memory()))))
}

fn proofs_in(store: Arc<dyn ReplayStore>) -> ProofVerifier {
    ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], store).unwrap()
}

#[tokio::test]
async fn the_store_that_the_gate_is_given_counts_before_that_of_the_verifier() {
    let memory = || Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW - 600).unwrap()));
    let (own, shared) = (memory(), memory());
    let service = Service::new(|gate| gate.dpop(proofs_in(own.clone())).replay_store(shared.clone()));
    let holder = Holder::new(&service);
    assert!(holder.send(&service, &holder.proof("p")).await.is_ok());
    assert_eq!((own.len(), shared.len()), (0, 1));
}

/// A client with a key, and a token that is bound to it.
struct Holder {
    key: TestIssuer,
    token: String,
}

impl Holder {
    fn new(service: &Service) -> Self {
        let key = TestIssuer::with_algorithm("client", SigningAlgorithm::EdDsa);
        Self { key, token: String::new() }.with_token_of(service)
    }

    fn with_token_of(mut self, service: &Service) -> Self {
        self.token = service.token(&json!({ "cnf": { "jkt": self.jkt() } }));
        self
    }

    fn x(&self) -> String {
        self.key.jwk()["x"].as_str().unwrap().to_owned()
    }

    /// RFC 7638 §3, RFC 8037 §2.
    fn jkt(&self) -> String {
        sha256(&format!(r#"{{"crv":"Ed25519","kty":"OKP","x":"{}"}}"#, self.x()))
    }

    /// A proof for `GET /notes/n1`.
    fn proof(&self, jti: &str) -> String {
        let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": self.x() });
        let claims = json!({
            "jti": jti, "htm": "GET", "htu": "https://api.example.com/notes/n1", "iat": NOW, "ath": sha256(&self.token),
        });
        self.key.sign_with(&json!({ "typ": "dpop+jwt", "alg": "EdDSA", "jwk": jwk }), &claims)
    }

    async fn send(&self, service: &Service, proof: &str) -> Result<Admission, Answer> {
        let mut headers = HeaderMap::new();
        headers.insert(AUTHORIZATION, format!("DPoP {}", self.token).parse().unwrap());
        headers.insert("dpop", HeaderValue::from_str(proof).unwrap());
        service.open_with(&Method::GET, headers).await
    }
}

fn sha256(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}

const TASKS: usize = 64;
