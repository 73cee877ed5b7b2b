//! Tokens that are bound to a DPoP key, over gRPC.

use std::sync::Arc;

use portcullis::{Algorithm, MemoryReplayStore, NonceKey, NoncePolicy, Nonces, Origin, ProofVerifier, UnixTime};
use portcullis_testkit::{SigningAlgorithm, TestClient};
use serde_json::{Value, json};
use tonic::Code;

use crate::client::{Client, Refused, assert_refused};
use crate::service::{NOW, Service};

const METHOD: &str = "https://api.example.com/acme.v1.Projects/GetProject";

/// The proofs of clients that see the service at another origin than the one at which it listens.
fn proofs() -> ProofVerifier {
    let store = Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW).unwrap()));
    let verifier = ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], store).unwrap();
    verifier.with_algorithms([Algorithm::Es256]).unwrap()
}

fn token(service: &Service, holder: &TestClient) -> String {
    service.token(&json!({ "cnf": { "jkt": holder.thumbprint() } }))
}

async fn present(service: &Service, token: &str, proof: &str) -> Client {
    service.anybody().await.with("authorization", &format!("DPoP {token}")).with("dpop", proof)
}

#[tokio::test]
async fn a_proof_is_for_post_and_the_method_at_the_configured_origin() {
    // GRP-08, GRP-01
    let service = Service::start_with(|gate| gate.dpop(proofs())).await;
    let holder = TestClient::new(SigningAlgorithm::Es256);
    let token = token(&service, &holder);
    let proof = |method: &str, uri: &str| holder.proof(&holder.claims(method, uri, &token, NOW));
    let good = present(&service, &token, &proof("POST", METHOD)).await;
    assert_eq!(good.ask("GetProject", "p").await.unwrap(), "GetProject p of ann");
    let listening = format!("http://{}/acme.v1.Projects/GetProject", service.address);
    for (method, uri) in [
        ("GET", METHOD),
        ("POST", "https://api.example.com/acme.v1.Projects/ReadProject"),
        ("POST", "https://api.example.com/acme.v1.Projects/getProject"),
        ("POST", "https://api.example.com/"),
        ("POST", listening.as_str()),
    ] {
        let bad = present(&service, &token, &proof(method, uri)).await;
        assert_refused(bad.ask("GetProject", "p").await, Code::Unauthenticated, "INVALID_PROOF");
    }
    assert_eq!(service.projects.calls(), 1);
}

#[tokio::test]
async fn a_bound_token_without_its_proof_is_worth_nothing() {
    // GRP-08: one challenge for each scheme (GRP-05)
    let service = Service::start_with(|gate| gate.dpop(proofs())).await;
    let holder = TestClient::new(SigningAlgorithm::Es256);
    let bearer = format!("Bearer {}", token(&service, &holder));
    let status = service.anybody().await.with("authorization", &bearer).call("GetProject", "p").await.unwrap_err();
    assert_eq!(Refused::of(&status), Refused { code: 16, reason: "INVALID_TOKEN".to_owned() });
    let challenges = status.metadata().get_all("www-authenticate").iter();
    let schemes = challenges.map(|value| value.to_str().unwrap().split(' ').next().unwrap().to_owned());
    assert_eq!(schemes.collect::<Vec<_>>(), ["Bearer", "DPoP"]);
}

#[tokio::test]
async fn a_nonce_comes_in_the_metadata() {
    // GRP-05, GRP-08
    let nonces = Nonces::new(NonceKey::new(&[7; 32]).unwrap(), []);
    let service = Service::start_with(|gate| gate.dpop(proofs().with_nonces(NoncePolicy::Required(nonces)))).await;
    let holder = TestClient::new(SigningAlgorithm::Es256);
    let token = token(&service, &holder);
    let mut claims: Value = holder.claims("POST", METHOD, &token, NOW);
    let status = present(&service, &token, &holder.proof(&claims)).await.call("GetProject", "p").await.unwrap_err();
    assert_eq!(Refused::of(&status), Refused { code: 16, reason: "NONCE_REQUIRED".to_owned() });
    let challenge = status.metadata().get("www-authenticate").unwrap().to_str().unwrap();
    assert!(challenge.starts_with("DPoP ") && challenge.contains("error=\"use_dpop_nonce\""), "{challenge}");
    claims["nonce"] = status.metadata().get("dpop-nonce").unwrap().to_str().unwrap().into();
    claims["jti"] = "another".into();
    let answer = present(&service, &token, &holder.proof(&claims)).await.ask("GetProject", "p").await;
    assert_eq!(answer.unwrap(), "GetProject p of ann");
}
