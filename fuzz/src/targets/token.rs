//! The only text that verifies is the one that the issuer signed.
// GEN-10

use std::sync::LazyLock;

use portcullis::Verifier;

use crate::{SIGNED, TRUSTED_KEY, text, trusting, verify};

pub(super) fn run(octets: &[u8]) {
    let text = text(octets);
    assert!(verify(&TRUSTED, SIGNED).is_some(), "the fixture no longer verifies, so this target proves nothing");
    // Ed25519 signatures are not malleable, and base64url has one spelling for each: not one bit may differ.
    assert!(verify(&TRUSTED, text).is_none() || text == SIGNED, "a forgery was accepted");
    assert!(verify(&FOREIGN, text).is_none(), "accepted with the key of somebody else");
}

static TRUSTED: LazyLock<Verifier> = LazyLock::new(|| trusting(TRUSTED_KEY));

/// The key of RFC 8032 §7.1, test 2.
static FOREIGN: LazyLock<Verifier> = LazyLock::new(|| trusting("PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw"));
