//! When a proof is accepted.

use std::time::Duration;

use portcullis_token::{InvalidProof, ProofError, ProofVerifier, ProofVerifierError, TokenError};
use serde_json::{Value, json};

use super::*;

#[tokio::test]
async fn a_proof_is_accepted_up_to_the_last_second_of_its_window() {
    // DPP-17, FAP-06
    let verifier = || verifier().with_window(Duration::from_secs(60), Duration::from_secs(10)).unwrap();
    for (iat, accepted) in [
        (json!(NOW), true),
        (json!(NOW - 60), true),
        (json!(NOW - 61), false),
        (json!(NOW + 10), true),
        (json!(NOW + 11), false),
        // Fractions count to the strict side.
        (json!(NOW as f64 - 59.5), true),
        (json!(NOW as f64 - 60.5), false),
        (json!(NOW as f64 + 10.5), false),
        (json!(0), false),
        (json!(253_402_300_799_i64), false),
    ] {
        let result = verify(&verifier(), &proof(json!({}), json!({ "iat": iat }))).await;
        assert_eq!(result.is_ok(), accepted, "{iat}: {result:?}");
    }
    // These are the defaults.
    for (iat, accepted) in [(NOW - 60, true), (NOW - 61, false), (NOW + 10, true), (NOW + 11, false)] {
        let result = verify(&super::verifier(), &proof(json!({}), json!({ "iat": iat }))).await;
        assert_eq!(result.is_ok(), accepted, "{iat}: {result:?}");
    }
}

#[test]
fn a_window_that_is_too_long_is_refused() {
    // DPP-17, GEN-06
    let with_window = |age, ahead| verifier().with_window(Duration::from_secs(age), Duration::from_secs(ahead));
    assert!(with_window(300, 60).is_ok());
    for (age, ahead) in [(301, 10), (60, 61)] {
        let error: ProofVerifierError = with_window(age, ahead).map(|_: ProofVerifier| ()).unwrap_err();
        assert!(matches!(error, ProofVerifierError::WindowTooLong { .. }));
    }
}

#[tokio::test]
async fn a_time_is_a_number_between_1970_and_9999() {
    // DPP-30
    for claim in ["iat", "exp", "nbf"] {
        for value in
            [json!("x"), json!(NOW.to_string()), json!(null), json!(-1), json!(1e308), json!(i64::MAX), json!([NOW])]
        {
            let result = verify(&verifier(), &with_claim(claim, &value)).await;
            let is_invalid = matches!(
                &result,
                Err(ProofError::Invalid(InvalidProof::Jwt(TokenError::InvalidClaim { claim: found, .. }))) if *found == claim
            );
            assert!(is_invalid, "{claim} {value}: {result:?}");
        }
    }
}

#[tokio::test]
async fn what_a_proof_says_of_its_own_validity_is_honoured() {
    // DPP-30
    for (claim, value, accepted) in [
        ("exp", NOW + 1, true),
        ("exp", NOW, false),
        ("exp", NOW - 1, false),
        ("nbf", NOW, true),
        ("nbf", NOW + 10, true), // as far as clocks may be ahead
        ("nbf", NOW + 11, false),
    ] {
        let result = verify(&verifier(), &with_claim(claim, &json!(value))).await;
        assert_eq!(result.is_ok(), accepted, "{claim} {value}: {result:?}");
    }
}

#[tokio::test]
async fn a_jti_is_a_string_of_bounded_length() {
    // DPP-28
    for jti in [json!(""), json!(7), json!(null), json!(["p"]), json!("j".repeat(257)), json!("é".repeat(129))] {
        let result = verify(&verifier(), &with_claim("jti", &jti)).await;
        assert!(matches!(result, Err(ProofError::Invalid(InvalidProof::Jwt(_)))), "{jti}: {result:?}");
    }
    let megabyte = with_claim("jti", &json!("j".repeat(1 << 20)));
    assert!(matches!(verify(&verifier(), &megabyte).await, Err(ProofError::Invalid(_))));
    assert!(verify(&verifier(), &with_claim("jti", &json!("j".repeat(256)))).await.is_ok());
}

fn with_claim(claim: &str, value: &Value) -> String {
    proof(json!({}), json!({ claim: value }))
}
