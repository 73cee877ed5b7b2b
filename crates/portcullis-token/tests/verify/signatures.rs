//! Which signatures count, and of which keys: validly signed tokens for which the key or its use is the point.

use aws_lc_rs::digest;
use aws_lc_rs::signature::{
    ED25519, RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, RsaPublicKeyComponents, UnparsedPublicKey,
};
use portcullis_token::{Algorithm, IgnoredReason, KeySet, TokenError, Verifier};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::mint::*;

#[tokio::test]
async fn every_algorithm_verifies_its_own_signatures_and_no_others() {
    // ALG-01, ALG-02, ALG-04, ALG-06, ALG-09, ALG-15
    for published in Signer::ALL {
        let keys = json!({ "keys": [published.jwk_with(json!({ "kid": "k", "alg": published.alg() }))] });
        let verifier = Verifier::new([issuer_with(&keys, &Algorithm::ALL)]).unwrap();
        for signer in Signer::ALL {
            let honest = sign_as(signer, &header_with(json!({ "alg": signer.alg(), "kid": "k" })), &claims());
            let pretending = sign_as(signer, &header_with(json!({ "alg": published.alg(), "kid": "k" })), &claims());
            let (honest, pretending) =
                (verifier.verify(&honest, time(NOW)).await, verifier.verify(&pretending, time(NOW)).await);
            if signer == published {
                assert!(honest.is_ok() && pretending.is_ok(), "{published:?}");
            } else {
                assert_eq!(honest, Err(TokenError::KeyMismatch { alg: signer.alg() }), "{published:?} {signer:?}");
                assert_eq!(pretending, Err(TokenError::BadSignature), "{published:?} {signer:?}");
            }
        }
    }
}

#[tokio::test]
async fn a_pss_signature_has_the_parameters_of_rfc_7518() {
    // ALG-06: §3.5 wants a salt as long as the hash, and MGF1 with the same hash.
    for (name, token, expected) in [
        ("as it should be", include_str!("../data/ps256-salt-32.jwt"), None),
        ("no salt", include_str!("../data/ps256-salt-0.jwt"), Some(TokenError::BadSignature)),
        ("more salt", include_str!("../data/ps256-salt-64.jwt"), Some(TokenError::BadSignature)),
        ("MGF1 with SHA-1", include_str!("../data/ps256-mgf1-sha1.jwt"), Some(TokenError::BadSignature)),
    ] {
        assert_eq!(verifier().verify(token.trim(), time(NOW)).await.err(), expected, "{name}");
    }
}

#[tokio::test]
async fn rsa_keys_that_are_too_short_or_too_long_verify_nothing() {
    // ALG-05
    #[derive(Deserialize)]
    struct Vector {
        name: String,
        jwk: Value,
        token: String,
    }
    let vectors: Vec<Vector> = serde_json::from_str(include_str!("../data/rsa-out-of-bounds.json")).unwrap();
    for Vector { name, jwk, token } in vectors {
        let [n, e] = ["n", "e"].map(|member| decode(jwk[member].as_str().unwrap()));
        let (message, signature) = token.rsplit_once('.').unwrap();
        if n.len() * 8 <= 8192 {
            let valid = RsaPublicKeyComponents { n, e }.verify(
                &RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                message.as_bytes(),
                &decode(signature),
            );
            assert!(valid.is_ok(), "{name}: its signature is valid, so only the size is at fault");
        }
        assert_refused_as_unsound(&name, &jwk, &token).await;
    }
}

#[tokio::test]
async fn an_rsa_key_with_exponent_1_verifies_nothing() {
    // ALG-05: with it, the padded hash is its own signature.
    let header = json!({ "alg": "RS256", "typ": "at+jwt", "kid": "weak" });
    let text = signing_input(header.to_string(), claims().to_string());
    let hash = digest::digest(&digest::SHA256, text.as_bytes());
    // RFC 8017 §9.2
    let prefix = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
    let padded = [&[0, 1], &[0xff; 202][..], &[0], &prefix, hash.as_ref()].concat();
    assert_eq!(padded.len(), 256);
    let jwk = Signer::Rs256.jwk_with(json!({ "kid": "weak", "e": encode([1]) }));
    assert_refused_as_unsound("e = 1", &jwk, &with_signature(&text, &padded)).await;
}

#[tokio::test]
async fn an_ed25519_key_of_small_order_verifies_nothing() {
    // ALG-12: under the neutral point, one signature is valid for every message.
    let neutral = [&[1][..], &[0; 31]].concat();
    let signature = [&neutral[..], &[0; 32]].concat();
    let header = json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "weak" });
    let text = signing_input(header.to_string(), claims().to_string());
    let library = UnparsedPublicKey::new(&ED25519, &neutral);
    assert!(library.verify(text.as_bytes(), &signature).is_ok(), "the library leaves the check to its user");
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "weak", "x": encode(&neutral) });
    assert_refused_as_unsound("neutral point", &jwk, &with_signature(&text, &signature)).await;
}

#[tokio::test]
async fn an_ed25519_key_off_the_curve_verifies_nothing() {
    // ALG-12: no point has the y-coordinate 2.
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "kid": "weak", "x": encode([&[2][..], &[0; 31]].concat()) });
    let verifier = Verifier::new([issuer_with(&json!({ "keys": [jwk] }), &Algorithm::ALL)]).unwrap();
    let text = signing_input(header_with(json!({ "kid": "weak" })).to_string(), claims().to_string());
    for signature in [Signer::Ed25519.sign(&text), vec![0; 64], [&[1][..], &[0; 63]].concat()] {
        let token = with_signature(&text, &signature);
        assert_eq!(verifier.verify(&token, time(NOW)).await, Err(TokenError::BadSignature));
    }
}

/// The token is refused although the key set has a good key, and the key is left out for being unsound.
async fn assert_refused_as_unsound(name: &str, jwk: &Value, token: &str) {
    let keys = json!({ "keys": [jwk, Signer::Ed25519.jwk_with(json!({ "kid": "as-1" }))] });
    let read = KeySet::from_json(keys.to_string().as_bytes()).unwrap();
    assert_eq!(read.ignored()[0].reason, IgnoredReason::Unsound, "{name}");
    let verifier = Verifier::new([issuer_with(&keys, &Algorithm::ALL)]).unwrap();
    assert_eq!(verifier.verify(token, time(NOW)).await, Err(TokenError::UnknownKey), "{name}");
}
