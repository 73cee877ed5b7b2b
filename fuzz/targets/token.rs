//! The only text that verifies is the one that the issuer signed.
// GEN-10
#![no_main]

use std::pin::pin;
use std::sync::LazyLock;
use std::task::{Context, Poll, Waker};

use libfuzzer_sys::fuzz_target;
use portcullis::Verifier;
use portcullis_fuzz::{SIGNED, TRUSTED_KEY, now, trusting};

fuzz_target!(|text: &str| {
    assert!(verifies(&TRUSTED, SIGNED), "the fixture no longer verifies, so this target proves nothing");
    // Ed25519 signatures are not malleable, and base64url has one spelling for each: not one bit may differ.
    assert!(!verifies(&TRUSTED, text) || text == SIGNED, "a forgery was accepted");
    assert!(!verifies(&FOREIGN, text), "accepted with the key of somebody else");
});

/// Fixed keys are at hand, so the future is ready at once.
fn verifies(verifier: &Verifier, text: &str) -> bool {
    match pin!(verifier.verify(text, now())).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(result) => result.is_ok(),
        Poll::Pending => panic!("waited, although the keys are fixed"),
    }
}

static TRUSTED: LazyLock<Verifier> = LazyLock::new(|| trusting(TRUSTED_KEY));

/// The key of RFC 8032 §7.1, test 2.
static FOREIGN: LazyLock<Verifier> = LazyLock::new(|| trusting("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"));
