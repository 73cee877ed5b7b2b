//! What holds for every text.

use portcullis_token::Verifier;
use proptest::prelude::*;
use serde_json::json;

use crate::mint::*;

proptest! {
    #[test]
    fn no_text_passes_without_a_signature_of_the_issuer(text in any_text()) {
        prop_assert!(verify(&verifier(), &text).is_err());
    }

    #[test]
    fn well_signed_nonsense_never_panics(header in any::<Vec<u8>>(), payload in any::<Vec<u8>>()) {
        prop_assert!(verify(&verifier(), &sign_text(Signer::Ed25519, header, payload)).is_err());
    }

    #[test]
    fn a_key_of_nobody_verifies_nothing(jti in ".*") {
        let claims = claims_with(json!({ "jti": format!("x{jti}") }));
        prop_assert!(verify(&verifier(), &sign(&header(), &claims)).is_ok());
        let stranger = sign_as(Signer::StrangeEd25519, &header(), &claims);
        prop_assert!(verify(&verifier(), &stranger).is_err());
    }

    #[test]
    fn a_token_with_one_flipped_bit_is_refused(signer in 0_usize..3, position in any::<prop::sample::Index>(), bit in 0_u8..8) {
        let (signer, alg, kid) = [
            (Signer::Ed25519, "EdDSA", "as-1"),
            (Signer::Es256, "ES256", "ec"),
            (Signer::Rs256, "RS256", "rsa"),
        ][signer];
        let token = sign_as(signer, &header_with(json!({ "alg": alg, "kid": kid })), &claims());
        let verifier = verifier();
        prop_assert!(verify(&verifier, &token).is_ok());
        let mut octets = token.into_bytes();
        let position = position.index(octets.len());
        octets[position] ^= 1 << bit;
        if let Ok(flipped) = String::from_utf8(octets) {
            prop_assert!(verify(&verifier, &flipped).is_err(), "{}", flipped);
        }
    }
}

#[test]
fn every_single_flipped_bit_of_one_token_is_refused() {
    let (verifier, token) = (verifier(), sign(&header(), &claims()));
    for position in 0..token.len() {
        for bit in 0..7 {
            let mut octets = token.clone().into_bytes();
            octets[position] ^= 1 << bit;
            let flipped = String::from_utf8(octets).unwrap();
            assert!(verify(&verifier, &flipped).is_err(), "bit {bit} of octet {position}");
        }
    }
}

/// Random text, and text that gets further: three segments, some of them JSON objects.
fn any_text() -> impl Strategy<Value = String> {
    let segment = prop_oneof![
        "[A-Za-z0-9_-]{0,40}",
        any::<Vec<u8>>().prop_map(encode),
        Just(encode(header().to_string())),
        Just(encode(claims().to_string())),
        r#"\{"(alg|iss|exp|aud)":("EdDSA"|1|null|\[\]|\{\})\}"#.prop_map(encode),
    ];
    prop_oneof![".*", prop::collection::vec(segment, 0..6).prop_map(|segments| segments.join(".")),]
}

fn verify(verifier: &Verifier, token: &str) -> Result<(), portcullis_token::TokenError> {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    runtime.block_on(verifier.verify(token, time(NOW))).map(|_| ())
}
