//! Proofs of possession (RFC 9449), seen from outside.

mod nonces;
mod proofs;
mod replay;
mod requests;
mod times;

use std::sync::Arc;

use portcullis_token::{
    Algorithm, MemoryReplayStore, Origin, ProofError, ProofRequest, ProofVerifier, ProvenKey, Thumbprint,
};
use serde_json::{Value, json};

use crate::mint::{NOW, Signer, merged, sign_as, time};

/// An access token bound to [`CLIENT`], and a proof for `GET https://api.example.com/orders` with it.
const T9: &str = include_str!("../../data/dpop/t9.jwt");
const D9: &str = include_str!("../../data/dpop/d9.jwt");

/// RFC 8032 §7.1, test 2.
const CLIENT: Signer = Signer::StrangeEd25519;
const CLIENT_JKT: &str = "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk";

fn client() -> Thumbprint {
    CLIENT_JKT.parse().unwrap()
}

/// A store that knows all proofs of the tests.
fn store() -> Arc<MemoryReplayStore> {
    Arc::new(MemoryReplayStore::new(time(NOW - 600)))
}

fn verifier() -> ProofVerifier {
    verifier_with(store())
}

fn verifier_with(store: Arc<MemoryReplayStore>) -> ProofVerifier {
    ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], store).unwrap()
}

/// Verifies `proof` for `GET /orders` with T9.
async fn verify(verifier: &ProofVerifier, proof: &str) -> Result<ProvenKey, ProofError> {
    verify_fields(verifier, &[proof.as_bytes()]).await
}

async fn verify_fields(verifier: &ProofVerifier, fields: &[&[u8]]) -> Result<ProvenKey, ProofError> {
    verifier.verify(fields, &ProofRequest::new("GET", "/orders", T9, client()), time(NOW)).await
}

/// The header of an acceptable proof of [`CLIENT`], some of it replaced.
fn header_with(changes: Value) -> Value {
    merged(json!({ "typ": "dpop+jwt", "alg": "Ed25519", "jwk": CLIENT.jwk() }), changes)
}

/// The claims of D9, some of them replaced.
fn claims_with(changes: Value) -> Value {
    let ath = "UKc5zBMyuxr_ayikG5zL2TNkPB18vB7c22M4WX7JJfA";
    let claims = json!({ "jti": "p-1", "htm": "GET", "htu": "https://api.example.com/orders", "iat": NOW, "ath": ath });
    merged(claims, changes)
}

/// A proof of [`CLIENT`] with this header and these claims.
fn proof(header: Value, claims: Value) -> String {
    sign_as(CLIENT, &header_with(header), &claims_with(claims))
}

fn without(mut object: Value, member: &str) -> Value {
    object.as_object_mut().unwrap().remove(member).unwrap();
    object
}

const EVERY_ALGORITHM: [Algorithm; 10] = Algorithm::ALL;
