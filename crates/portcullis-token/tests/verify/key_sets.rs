//! Which keys of a published set are used.

use portcullis_token::{IgnoredReason, KeySet, KeySetError};
use serde_json::{Value, json};

use crate::mint::{Signer, encode};

fn read(keys: &Value) -> Result<KeySet, KeySetError> {
    KeySet::from_json(keys.to_string().as_bytes())
}

#[test]
fn unusable_keys_are_left_out_and_the_rest_stays() {
    let rsa = |n: &[u8], e: &[u8]| json!({ "kty": "RSA", "n": encode(n), "e": encode(e) });
    let modulus = |octets: usize| [&[0x80][..], &vec![1; octets - 1]].concat();
    let odd = [1, 0, 1];
    let member = |member| IgnoredReason::Member { member };
    let ec = |x: &[u8], y: &[u8]| json!({ "kty": "EC", "crv": "P-256", "x": encode(x), "y": encode(y) });
    let with = |members: Value| Signer::Es256.jwk_with(members);
    let okp = |x: [u8; 32]| json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(x) });
    let small = |first: u8, fill: u8, last: u8| {
        let mut x = [fill; 32];
        (x[0], x[31]) = (first, last);
        okp(x)
    };
    for (requirement, jwk, reason) in [
        ("JWK-04", json!("x"), IgnoredReason::NotAnObject),
        ("JWK-04", json!({}), member("kty")),
        ("JWK-04", with(json!({ "kty": "AKP", "alg": "ML-DSA-44", "pub": "AA" })), IgnoredReason::Unsupported),
        ("JWK-04", with(json!({ "x": 1 })), member("x")),
        ("JWK-04", with(json!({ "kid": 1 })), member("kid")),
        ("JWK-04", with(json!({ "use": null })), member("use")),
        ("JWK-04", with(json!({ "key_ops": "verify" })), member("key_ops")),
        ("JWK-05", with(json!({ "use": "enc" })), IgnoredReason::OtherUse),
        ("JWK-05", with(json!({ "use": "SIG" })), IgnoredReason::OtherUse),
        ("JWK-05", with(json!({ "key_ops": [] })), IgnoredReason::OtherUse),
        ("JWK-05", with(json!({ "key_ops": ["sign"] })), IgnoredReason::OtherUse),
        ("JWK-06", json!({ "kty": "oct", "k": "AAAA" }), IgnoredReason::Secret),
        ("JWK-06", with(json!({ "d": "AA" })), IgnoredReason::Secret),
        ("JWK-06", with(json!({ "k": "AA" })), IgnoredReason::Secret),
        ("JWK-06", with(json!({ "priv": null })), IgnoredReason::Secret),
        ("ALG-02", with(json!({ "alg": "RS256" })), member("alg")),
        ("ALG-03", with(json!({ "alg": "HS256" })), IgnoredReason::Unsupported),
        ("ALG-14", with(json!({ "alg": "ESP256" })), IgnoredReason::Unsupported),
        ("ALG-17", json!({ "kty": "AKP", "alg": "ML-DSA-65", "pub": encode([1; 1952]) }), IgnoredReason::Unsupported),
        ("ALG-05", rsa(&modulus(128), &odd), IgnoredReason::Unsound),
        ("ALG-05", rsa(&[&[0x7f][..], &modulus(256)[1..]].concat(), &odd), IgnoredReason::Unsound), // 2047 bits
        ("ALG-05", rsa(&modulus(2048), &odd), IgnoredReason::Unsound),
        ("ALG-05", rsa(&modulus(256), &[1]), IgnoredReason::Unsound),
        ("ALG-05", rsa(&modulus(256), &[2]), IgnoredReason::Unsound),
        ("ALG-05", rsa(&modulus(256), &[]), IgnoredReason::Unsound),
        ("ALG-05", rsa(&modulus(256), &[1, 0, 0, 0, 1]), IgnoredReason::Unsound),
        ("ALG-05", rsa(&modulus(256), &[0, 1, 0, 1]), IgnoredReason::Unsound), // not canonical
        ("ALG-05", rsa(&[&[0][..], &modulus(256)].concat(), &odd), IgnoredReason::Unsound),
        ("ALG-09", with(json!({ "crv": "secp256k1" })), IgnoredReason::Unsupported),
        ("ALG-09", with(json!({ "crv": "P-384" })), IgnoredReason::Unsound),
        ("ALG-10", ec(&[1; 31], &[1; 32]), IgnoredReason::Unsound),
        ("ALG-10", ec(&[1; 33], &[1; 32]), IgnoredReason::Unsound),
        ("ALG-10", ec(&[1; 32], &[1; 32]), IgnoredReason::Unsound), // off the curve
        ("ALG-10", ec(&[0; 32], &[0; 32]), IgnoredReason::Unsound), // infinity, in one convention
        ("ALG-11", json!({ "kty": "OKP", "crv": "X25519", "x": encode([9; 32]) }), IgnoredReason::Unsupported),
        ("ALG-11", json!({ "kty": "OKP", "crv": "Ed448", "x": encode([9; 57]) }), IgnoredReason::Unsupported),
        ("ALG-11", json!({ "kty": "OKP", "crv": "Ed25519", "x": encode([9; 31]) }), IgnoredReason::Unsound),
        ("ALG-12", small(0, 0, 0), IgnoredReason::Unsound),
        ("ALG-12", small(1, 0, 0), IgnoredReason::Unsound),
        ("ALG-12", small(1, 0, 0x80), IgnoredReason::Unsound), // with the sign bit
        ("ALG-12", small(0xec, 0xff, 0x7f), IgnoredReason::Unsound),
        ("ALG-12", small(0xed, 0xff, 0x7f), IgnoredReason::Unsound), // 0, written as p
        ("ALG-12", small(0xee, 0xff, 0xff), IgnoredReason::Unsound), // 1, written as p + 1
        ("ALG-12", small(0xf0, 0xff, 0x7f), IgnoredReason::Unsound), // 3, written as p + 3
        ("ALG-12", small(0xff, 0xff, 0xff), IgnoredReason::Unsound), // 18, written as p + 18
    ] {
        let good = Signer::Ed25519.jwk_with(json!({ "kid": "good" }));
        let keys = read(&json!({ "keys": [jwk, good] })).unwrap();
        assert_eq!(keys.len(), 1, "{requirement} {jwk}");
        assert_eq!(keys.ignored()[0].reason, reason, "{requirement} {jwk}");
        let alone = read(&json!({ "keys": [jwk] }));
        assert!(matches!(alone, Err(KeySetError::NoUsableKey { .. })), "{requirement} {jwk}");
    }
}

#[test]
fn usable_keys_are_used() {
    for jwk in [
        Signer::Ed25519.jwk(),
        Signer::Es256.jwk_with(json!({ "use": "sig", "key_ops": ["verify", "sign"] })),
        Signer::Es384.jwk_with(json!({ "alg": "ES384" })),
        Signer::Rs256.jwk_with(json!({ "x5c": ["not looked at"], "x5t": 1 })), // JWK-13
    ] {
        let keys = read(&json!({ "keys": [jwk], "more": {} })).unwrap();
        assert_eq!((keys.len(), keys.ignored().len()), (1, 0), "{jwk}");
    }
}

#[test]
fn what_is_not_a_key_set_is_an_error() {
    // JWK-12
    let key = Signer::Ed25519.jwk();
    for text in [
        "".to_owned(),
        "<html>".to_owned(),
        "[]".to_owned(),
        key.to_string(),
        json!([key]).to_string(),
        json!({ "keys": {} }).to_string(),
        json!({ "keys": [] }).to_string(),
        format!("{{\"keys\":[{key}],\"keys\":[{key}]}}"),
        format!("{{\"keys\":[{{\"kid\":\"a\",{}]}}", key.to_string().replacen('{', "\"kid\":\"b\",", 1)),
        json!({ "keys": vec![key.clone(); 101] }).to_string(),
    ] {
        assert!(KeySet::from_json(text.as_bytes()).is_err(), "{text}");
    }
    // A key that is listed twice is one key.
    assert_eq!(read(&json!({ "keys": vec![key; 100] })).unwrap().len(), 1);
}
