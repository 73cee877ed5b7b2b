//! What a proof must be, whatever it is for.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_token::{
    Algorithm, IgnoredReason, InvalidProof, Malformed, Origin, ProofError, ProofRequest, ProofVerifier, TokenError,
};
use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::mint::{encode, sign_text, signing_input, with_signature};

#[tokio::test]
async fn the_proof_of_the_token_suite_is_accepted_once() {
    // DPP-01, DPP-27
    let verifier = verifier();
    let proven = verify(&verifier, D9).await.unwrap();
    assert_eq!((proven.thumbprint(), proven.jti(), proven.next_nonce()), (&client(), "p-1", None));
    assert_eq!(verify(&verifier, D9).await, Err(ProofError::Replayed));
    // Our own signer agrees with the one that made it.
    assert_eq!(verify(&verifier, &proof(json!({}), json!({}))).await, Err(ProofError::Replayed));
}

#[tokio::test]
async fn the_proofs_of_rfc_9449_fare_as_stated() {
    // DPP-18, DPP-24
    const TOKEN: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
    let bound_to = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse().unwrap();
    let verifier = |origin, now| {
        let store = Arc::new(MemoryReplayStore::new(time(now)));
        ProofVerifier::new([Origin::new(origin).unwrap()], store).unwrap()
    };
    let resource = include_bytes!("../../data/dpop/rfc9449-figure-13.jwt");
    let now = 1_562_262_618;
    let request = ProofRequest::new("GET", "/protectedresource", TOKEN, bound_to);
    let result = verifier("https://resource.example.org", now).verify(&[resource], &request, time(now)).await;
    assert_eq!(result.unwrap().jti(), "e1j3V_bKic8-LAEB");
    // Figure 5 is for a token request: well signed, but without `ath`.
    let token_request = include_bytes!("../../data/dpop/rfc9449-figure-5.jwt");
    let now = 1_562_262_616;
    let request = ProofRequest::new("POST", "/token", TOKEN, bound_to);
    let result = verifier("https://server.example.com", now).verify(&[token_request], &request, time(now)).await;
    assert_eq!(result, Err(jwt(TokenError::MissingClaim { claim: "ath" })));
}

#[tokio::test]
async fn there_is_exactly_one_proof() {
    // DPP-02, DPP-07
    let verifier = verifier();
    let joined = format!("{D9},{D9}");
    let spaced = format!("{D9}, {D9}");
    for (fields, expected) in [
        (&[][..], InvalidProof::Missing),
        (&[D9.as_bytes(), D9.as_bytes()], InvalidProof::Several),
        (&[D9.as_bytes(), b""], InvalidProof::Several),
        (&[joined.as_bytes()], InvalidProof::Several),
        (&[spaced.as_bytes()], InvalidProof::Several),
        (&[b",".as_slice()], InvalidProof::Several),
    ] {
        assert_eq!(verify_fields(&verifier, fields).await, Err(expected.into()));
    }
    assert!(verify(&verifier, D9).await.is_ok(), "none of them used it up");
}

#[tokio::test]
async fn a_proof_is_a_well_formed_jwt() {
    // DPP-08
    let verifier = verifier();
    let huge = proof(json!({}), json!({ "x": "x".repeat(6_100) }));
    assert!(huge.len() > 8 * 1024);
    for text in [
        String::new(),
        "a.b".to_owned(),
        "a.b.c".to_owned(),
        "a.b.c.d.e".to_owned(),
        r#"{"payload":"a.b.c"}"#.to_owned(),
        format!("{D9}="),
        format!(" {D9}"),
        format!("{D9}\n"),
        D9.replace('.', ".."),
        D9.trim_end_matches(|character| character != '.').to_owned(),
        huge,
        sign_text(CLIENT, "[]", "{}"),
        sign_text(CLIENT, header_with(json!({})).to_string(), "[]"),
        sign_text(CLIENT, header_with(json!({})).to_string(), r#"{"jti":"1","jti":"2"}"#),
        proof(json!({ "crit": ["exp"] }), json!({})),
        proof(json!({ "b64": false }), json!({})),
    ] {
        let result = verify(&verifier, &text).await;
        let is_malformed = matches!(result, Err(ProofError::Invalid(InvalidProof::Jwt(TokenError::Malformed(_)))));
        assert!(is_malformed, "{result:?} {text}");
    }
    let result = verify_fields(&verifier, &[b"\xff.\xff.\xff"]).await;
    assert_eq!(result, Err(jwt(TokenError::Malformed(Malformed::Segments))));
}

#[tokio::test]
async fn nothing_may_be_missing() {
    // DPP-09
    let verifier = verifier();
    for parameter in ["typ", "alg", "jwk"] {
        let proof = sign_as(CLIENT, &without(header_with(json!({})), parameter), &claims_with(json!({})));
        assert_invalid(verify(&verifier, &proof).await, parameter);
    }
    for claim in ["jti", "htm", "htu", "iat", "ath"] {
        let proof = sign_as(CLIENT, &header_with(json!({})), &without(claims_with(json!({})), claim));
        assert_eq!(verify(&verifier, &proof).await, Err(jwt(TokenError::MissingClaim { claim })));
        // A claim of another type is not a missing one, and not an empty one either.
        for value in [json!(null), json!([]), json!({}), json!(true)] {
            assert_invalid(verify(&verifier, &proof_with_claim(claim, value)).await, claim);
        }
    }
}

#[tokio::test]
async fn only_the_type_of_proofs_is_accepted() {
    // DPP-10
    for typ in ["dpop+jwt", "DPoP+JWT", "application/dpop+jwt"] {
        assert!(verify(&verifier(), &proof(json!({ "typ": typ }), json!({}))).await.is_ok(), "{typ}");
    }
    for typ in ["JWT", "at+jwt", "", "dpop", "dpop+jwt ", "xdpop+jwt"] {
        let result = verify(&verifier(), &proof(json!({ "typ": typ }), json!({}))).await;
        assert!(matches!(result, Err(ProofError::Invalid(InvalidProof::WrongType { .. }))), "{typ}: {result:?}");
    }
    // An access token is no proof, not even a valid one.
    assert_invalid(verify(&verifier(), T9).await, "T9");
}

#[tokio::test]
async fn only_allowed_asymmetric_algorithms_are_accepted() {
    // DPP-11, FAP-04
    let result = |alg: &str| {
        let proof = proof(json!({ "alg": alg }), json!({}));
        async move { verify(&verifier(), &proof).await }
    };
    for alg in ["none", "None", "HS256", "ES256K", "ES512", "ESP256", "ed25519", "RS256", "ES384"] {
        assert_invalid(result(alg).await, alg);
    }
    // Allowed, but not what this key does.
    for alg in ["ES256", "PS256"] {
        assert_eq!(result(alg).await, Err(jwt(TokenError::KeyMismatch { alg })));
    }
    assert!(result("EdDSA").await.is_ok());
    let verifier = verifier().with_algorithms([Algorithm::Es256]).unwrap();
    assert_eq!(verify(&verifier, D9).await, Err(InvalidProof::AlgorithmNotAllowed { alg: "Ed25519" }.into()));
    assert!(super::verifier().with_algorithms([]).is_err());
}

#[tokio::test]
async fn every_allowed_algorithm_verifies() {
    // DPP-11, DPP-37
    assert_eq!(verifier().algs(), "ES256 Ed25519 EdDSA PS256");
    for (signer, alg) in [
        (Signer::Ed25519, "EdDSA"),
        (Signer::Ed25519, "Ed25519"),
        (Signer::Es256, "ES256"),
        (Signer::Es384, "ES384"),
        (Signer::Rs256, "RS256"),
        (Signer::Ps256, "PS256"),
    ] {
        let header = header_with(json!({ "alg": alg, "jwk": signer.jwk() }));
        let bound_to = thumbprint_of(&signer.jwk());
        let request = ProofRequest::new("GET", "/orders", T9, bound_to);
        let verifier = verifier().with_algorithms(EVERY_ALGORITHM).unwrap();
        let proof = sign_as(signer, &header, &claims_with(json!({})));
        assert!(verifier.verify(&[proof.as_bytes()], &request, time(NOW)).await.is_ok(), "{alg}");
        // DPP-12
        let forged = sign_as(CLIENT, &header, &claims_with(json!({})));
        let result = verifier.verify(&[forged.as_bytes()], &request, time(NOW)).await;
        assert_eq!(result, Err(jwt(TokenError::BadSignature)), "{alg}");
    }
}

#[tokio::test]
async fn a_proof_with_one_flipped_bit_is_refused() {
    // DPP-12
    let verifier = verifier();
    for position in 0..D9.len() {
        for bit in 0..7 {
            let mut octets = D9.as_bytes().to_vec();
            octets[position] ^= 1 << bit;
            assert!(verify_fields(&verifier, &[&octets]).await.is_err(), "bit {bit} of octet {position}");
        }
    }
    assert!(verify(&verifier, D9).await.is_ok());
}

#[tokio::test]
async fn a_signature_of_zeros_is_refused() {
    // DPP-12
    let header = header_with(json!({ "alg": "ES256", "jwk": Signer::Es256.jwk() }));
    let input = signing_input(header.to_string(), claims_with(json!({})).to_string());
    let bound_to = thumbprint_of(&Signer::Es256.jwk());
    let request = ProofRequest::new("GET", "/orders", T9, bound_to);
    let proof = with_signature(&input, &[0; 64]);
    let result = verifier().verify(&[proof.as_bytes()], &request, time(NOW)).await;
    assert_eq!(result, Err(jwt(TokenError::BadSignature)));
}

#[tokio::test]
async fn the_key_is_public_asymmetric_and_sound() {
    // DPP-13, DPP-25
    let verifier = verifier().with_algorithms(EVERY_ALGORITHM).unwrap();
    let rsa_1024 = json!({ "kty": "RSA", "e": "AQAB", "n": encode([0xc5; 128]) });
    for (jwk, expected) in [
        (CLIENT.jwk_with(json!({ "d": "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs" })), IgnoredReason::Secret),
        (CLIENT.jwk_with(json!({ "d": null })), IgnoredReason::Secret),
        (Signer::Rs256.jwk_with(json!({ "p": "AQAB" })), IgnoredReason::Secret),
        (json!({ "kty": "oct", "k": "AQAB" }), IgnoredReason::Secret),
        (json!({ "kty": "oct" }), IgnoredReason::Secret),
        (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AQAB", "priv": "AQAB" }), IgnoredReason::Secret),
        (json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AQAB" }), IgnoredReason::Unsupported),
        (json!({ "kty": "OKP", "crv": "X25519", "x": encode([9; 32]) }), IgnoredReason::Unsupported),
        (json!("key"), IgnoredReason::NotAnObject),
        (json!(null), IgnoredReason::NotAnObject),
        (json!([CLIENT.jwk()]), IgnoredReason::NotAnObject),
        (json!({}), IgnoredReason::Member { member: "kty" }),
        (rsa_1024, IgnoredReason::Unsound),
        (Signer::Es256.jwk_with(json!({ "y": encode([7; 32]) })), IgnoredReason::Unsound), // not on the curve
        (Signer::Ed25519.jwk_with(json!({ "x": encode([0; 32]) })), IgnoredReason::Unsound), // of small order
        (CLIENT.jwk_with(json!({ "use": "enc" })), IgnoredReason::OtherUse),
        (CLIENT.jwk_with(json!({ "alg": "ES256" })), IgnoredReason::Member { member: "alg" }),
    ] {
        let result = verify(&verifier, &proof(json!({ "jwk": jwk }), json!({}))).await;
        assert_eq!(result, Err(InvalidProof::Key(expected).into()), "{jwk}");
    }
}

#[tokio::test]
async fn a_key_keeps_to_the_algorithm_that_it_names() {
    // DPP-11
    let verifier = verifier().with_algorithms(EVERY_ALGORITHM).unwrap();
    let bound_to = thumbprint_of(&Signer::Ps256.jwk());
    let request = ProofRequest::new("GET", "/orders", T9, bound_to);
    for (alg_of_key, accepted) in [("PS256", true), ("RS256", false)] {
        let jwk = Signer::Ps256.jwk_with(json!({ "alg": alg_of_key }));
        let header = header_with(json!({ "alg": "PS256", "jwk": jwk }));
        let proof = sign_as(Signer::Ps256, &header, &claims_with(json!({})));
        let result = verifier.verify(&[proof.as_bytes()], &request, time(NOW)).await;
        assert_eq!(result.is_ok(), accepted, "{alg_of_key}: {result:?}");
    }
}

#[tokio::test]
async fn only_the_key_that_the_token_is_bound_to_proves_anything() {
    // DPP-19
    let stranger = Signer::Ed25519;
    let own_key = sign_as(stranger, &header_with(json!({ "jwk": stranger.jwk() })), &claims_with(json!({})));
    assert_eq!(verify(&verifier(), &own_key).await, Err(ProofError::KeyMismatch));
    // Naming the right key does not help without its signature.
    let claimed = sign_as(stranger, &header_with(json!({})), &claims_with(json!({})));
    assert_eq!(verify(&verifier(), &claimed).await, Err(jwt(TokenError::BadSignature)));
}

#[tokio::test]
async fn what_else_the_header_says_is_ignored() {
    // DPP-24, DPP-26
    for (header, jwk) in [
        (json!({ "kid": "as-1", "jku": "https://evil.example/jwks" }), json!({})),
        (json!({ "x5u": "https://evil.example/x5u", "x5c": ["AA=="], "x5t#S256": "AA" }), json!({})),
        (json!({ "x-note": { "any": ["thing"] } }), json!({})),
        (json!({}), json!({ "kid": "mine", "use": "sig", "key_ops": ["verify"], "alg": "Ed25519", "x-note": 1 })),
    ] {
        let header = header_with(header);
        let header = merged(header, json!({ "jwk": CLIENT.jwk_with(jwk) }));
        let proof = sign_as(CLIENT, &header, &claims_with(json!({})));
        assert!(verify(&verifier(), &proof).await.is_ok(), "{header}");
    }
    // DPP-26: what is critical is not ignored.
    let critical = proof(json!({ "crit": ["x-note"], "x-note": 1 }), json!({}));
    assert_invalid(verify(&verifier(), &critical).await, "crit");
}

#[tokio::test]
async fn errors_and_debug_output_show_no_credential() {
    // GEN-04, GEN-08
    let secrets = ["secret", T9, D9];
    for proof in [
        proof(json!({ "typ": "JWT" }), json!({ "jti": "secret" })),
        proof(json!({}), json!({ "jti": "secret".repeat(50) })),
        proof(json!({}), json!({ "htu": "secret" })),
        proof(json!({}), json!({ "htm": "secret" })),
        proof(json!({}), json!({ "ath": "secret", "jti": "secret" })),
        proof(json!({}), json!({ "iat": "secret" })),
        D9.replacen('.', ".e", 1),
    ] {
        let error = verify(&verifier(), &proof).await.unwrap_err();
        let shown = format!("{error} {error:?} {}", error.description());
        assert!(!secrets.iter().any(|secret| shown.contains(secret)), "{shown}");
        assert!(error.retry_after().is_none() && !error.description().contains(['"', '\\']));
    }
    let shown = format!("{:?}", ProofRequest::new("GET", "/orders", T9, client()));
    assert!(!shown.contains(T9) && shown.contains(CLIENT_JKT), "{shown}");
}

proptest! {
    #[test]
    fn no_text_is_a_proof_without_a_signature_of_the_key(text in any_text()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let result = runtime.block_on(verify(&verifier(), &text));
        prop_assert!(result.is_err(), "{:?}", result);
    }

    #[test]
    fn well_signed_nonsense_never_panics(payload in any::<Vec<u8>>(), members in ".{0,80}") {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        for payload in [payload, format!("{{{members}}}").into_bytes()] {
            let proof = sign_text(CLIENT, header_with(json!({})).to_string(), payload);
            prop_assert!(runtime.block_on(verify(&verifier(), &proof)).is_err());
        }
    }
}

fn any_text() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        "[A-Za-z0-9_-]{0,40}",
        any::<Vec<u8>>().prop_map(encode),
        Just(encode(header_with(json!({})).to_string())),
        Just(encode(claims_with(json!({})).to_string())),
    ];
    prop_oneof![".*", prop::collection::vec(segment, 0..6).prop_map(|segments| segments.join("."))]
}

fn proof_with_claim(claim: &str, value: Value) -> String {
    let mut claims = claims_with(json!({}));
    claims.as_object_mut().unwrap().insert(claim.to_owned(), value);
    sign_as(CLIENT, &header_with(json!({})), &claims)
}

/// RFC 7638 by hand: the keys of the tests have only the required members.
fn thumbprint_of(jwk: &Value) -> Thumbprint {
    let members: BTreeMap<_, _> = jwk.as_object().unwrap().iter().collect();
    let input = serde_json::to_string(&members).unwrap();
    encode(digest(&SHA256, input.as_bytes())).parse().unwrap()
}

fn jwt(error: TokenError) -> ProofError {
    InvalidProof::Jwt(error).into()
}

#[track_caller]
fn assert_invalid(result: Result<ProvenKey, ProofError>, case: &str) {
    assert!(matches!(result, Err(ProofError::Invalid(_))), "{case}: {result:?}");
}
