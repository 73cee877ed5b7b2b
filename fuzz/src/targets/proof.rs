//! The only text that proves possession is the one that the holder of the key signed, and that one only once.

use std::pin::pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use portcullis_token::{MemoryReplayStore, Origin, ProofRequest, ProofVerifier};

use crate::now;

pub(super) fn run(text: &[u8]) {
    let store = Arc::new(MemoryReplayStore::new(now()));
    let verifier = ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], store.clone()).unwrap();
    // Ed25519 signatures are not malleable, and base64url has one spelling for each: not one bit may differ.
    let accepted = proves(&verifier, text);
    assert_eq!(accepted, text == PROOF, "a forgery was accepted, or the fixture no longer verifies");
    assert_eq!(store.len(), usize::from(accepted), "a bad proof was remembered");
    assert_eq!(proves(&verifier, PROOF), !accepted, "a replay was accepted, or the fixture no longer verifies");
}

/// The store answers at once, so the future is ready at once.
fn proves(verifier: &ProofVerifier, text: &[u8]) -> bool {
    let request = ProofRequest::new("GET", "/orders", TOKEN, JKT.parse().unwrap());
    let fields = [text];
    match pin!(verifier.verify(&fields, &request, now())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.is_ok(),
        Poll::Pending => panic!("waited, although the store is in memory"),
    }
}

/// A proof for `GET https://api.example.com/orders` with [`TOKEN`], valid at [`now`].
const PROOF: &[u8] = include_bytes!("../../seeds/proof/signed.jwt");

/// An access token bound to the key of RFC 8032 §7.1, test 2.
const TOKEN: &str = include_str!("../../seeds/proof/access-token.jwt");

const JKT: &str = "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk";
