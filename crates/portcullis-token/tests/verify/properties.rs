//! What holds for every text.

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use portcullis_token::Verifier;
use proptest::prelude::*;
use proptest::sample::Index;
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
    fn a_token_with_one_flipped_bit_is_refused(signer in signer(), place in any::<Index>(), bit in 0_u8..8) {
        let (verifier, token) = (verifier(), sign_as(signer, &signer.header(), &claims()));
        prop_assert!(verify(&verifier, &token).is_ok());
        let mut octets = token.into_bytes();
        let place = place.index(octets.len());
        octets[place] ^= 1 << bit;
        if let Ok(flipped) = String::from_utf8(octets) {
            prop_assert!(verify(&verifier, &flipped).is_err(), "{}", flipped);
        }
    }

    #[test]
    fn a_token_with_one_character_replaced_added_or_left_out_is_refused(signer in signer(), place in any::<Index>(), other in any::<char>()) {
        let token = sign_as(signer, &signer.header(), &claims());
        let place = place.index(token.len());
        let (before, rest) = token.split_at(place);
        let after = &rest[1..];
        let replaced = format!("{before}{other}{after}");
        for text in [replaced, format!("{before}{other}{rest}"), format!("{before}{after}")] {
            prop_assert!(text == token || verify(&verifier(), &text).is_err(), "{}", text);
        }
    }

    #[test]
    fn a_part_of_a_token_is_refused(signer in signer(), from in any::<Index>(), to in any::<Index>()) {
        let token = sign_as(signer, &signer.header(), &claims());
        let (from, to) = (from.index(token.len() + 1), to.index(token.len() + 1));
        let part = &token[from.min(to)..from.max(to)];
        prop_assert!(part == token || verify(&verifier(), part).is_err(), "{}", part);
    }

    #[test]
    fn segments_of_two_tokens_make_no_third(signers in [signer(), signer()], choice in [0_usize..2, 0..2, 0..2]) {
        let ours = sign_as(signers[0], &signers[0].header(), &claims());
        let other = signers[1].header().as_object().unwrap().clone();
        let other = json!({ "x": 1, "alg": other["alg"], "kid": other["kid"], "typ": "at+jwt" });
        let theirs = sign_as(signers[1], &other, &claims_with(json!({ "sub": "user-2", "jti": "t-2" })));
        let segments: [Vec<&str>; 2] = [ours.split('.').collect(), theirs.split('.').collect()];
        let mixed: Vec<&str> = choice.iter().enumerate().map(|(place, token)| segments[*token][place]).collect();
        let is_one_token = choice.iter().all(|token| *token == choice[0]);
        prop_assert_eq!(verify(&verifier(), &mixed.join(".")).is_ok(), is_one_token);
    }

    #[test]
    fn octets_have_one_spelling(signer in signer(), sub in ".{1,9}") {
        // JWS-04: a lenient decoder reads the same octets from all of these.
        let token = sign_as(signer, &signer.header(), &claims_with(json!({ "sub": sub })));
        let verifier = verifier();
        prop_assert!(verify(&verifier, &token).is_ok());
        let segments: Vec<&str> = token.split('.').collect();
        for (place, segment) in segments.iter().enumerate() {
            for respelled in respellings(segment) {
                prop_assert_eq!(LENIENT.decode(&respelled).unwrap(), decode(segment));
                let mut segments = segments.clone();
                segments[place] = &respelled;
                prop_assert!(verify(&verifier, &segments.join(".")).is_err(), "{} {}", place, respelled);
            }
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

#[test]
fn every_beginning_and_every_end_of_one_token_is_refused() {
    let (verifier, token) = (verifier(), sign(&header(), &claims()));
    for place in 1..token.len() {
        let (beginning, end) = token.split_at(place);
        assert!(verify(&verifier, beginning).is_err() && verify(&verifier, end).is_err(), "{place}");
    }
}

/// The other spellings of the octets of `segment`: with padding, and with unused bits set.
fn respellings(segment: &str) -> Vec<String> {
    let (start, last) = segment.split_at(segment.len() - 1);
    let octets = decode(segment);
    let letters =
        ('A'..='Z').chain('a'..='z').chain('0'..='9').chain(['-', '_']).map(|letter| format!("{start}{letter}"));
    let mut other: Vec<String> =
        letters.filter(|text| !text.ends_with(last) && LENIENT.decode(text).is_ok_and(|read| read == octets)).collect();
    let padding = segment.len().next_multiple_of(4) - segment.len();
    other.extend((padding > 0).then(|| format!("{segment}{}", "=".repeat(padding))));
    other
}

fn signer() -> impl Strategy<Value = Signer> {
    prop::sample::select(vec![Signer::Ed25519, Signer::Es256, Signer::Rs256, Signer::Ps256])
}

const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new()
        .with_decode_allow_trailing_bits(true)
        .with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

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
