//! What the issuer is asked, and how it learns who asks.

use aws_lc_rs::encoding::{AsDer as _, Pkcs8V1Der};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ED25519, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey,
    VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_token::{ClientCredentials, IntrospectionError};

use super::endpoint::Reply;
use super::*;

#[tokio::test]
async fn the_token_is_posted_as_a_form_with_the_credentials_of_this_server() {
    // INT-01, INT-03
    let endpoint = Endpoint::answering(active());
    verifier_asking(&endpoint).verify(OPAQUE, time(NOW)).await.unwrap();
    let request = &endpoint.requests()[0];
    assert_eq!(request.line, "POST /introspect HTTP/1.1");
    assert_eq!(request.field("content-type"), Some("application/x-www-form-urlencoded"));
    assert_eq!(request.field("accept"), Some("application/json"));
    assert_eq!(request.field("authorization"), Some("Basic cnMlM0ExOnAlNDBzcyt3b3JkJTJGJTJC"));
    assert_eq!(request.body, format!("token={OPAQUE}&token_type_hint=access_token"));
}

#[tokio::test]
async fn a_token_cannot_add_members_to_the_form() {
    // INT-01
    let endpoint = Endpoint::answering(active());
    let token = "a/b+c~d==";
    verifier_asking(&endpoint).verify(token, time(NOW)).await.unwrap();
    assert_eq!(endpoint.requests()[0].member("token"), Some("a%2Fb%2Bc~d%3D%3D"));
}

#[tokio::test]
async fn a_private_key_signs_a_fresh_assertion_for_the_issuer() {
    // INT-02
    for (alg, pem, algorithm, public_key) in keys() {
        let endpoint = Endpoint::answering(active());
        let credentials = ClientCredentials::private_key("rs-1", &pem).unwrap().with_key_id("k-1");
        let introspection = Introspection::new(&endpoint.url, credentials).unwrap();
        let verifier = verifier_with(introspection.with_cache(std::time::Duration::ZERO).unwrap());
        let mut ids = std::collections::BTreeSet::new();
        for _ in 0..2 {
            verifier.verify(OPAQUE, time(NOW)).await.unwrap();
            let request = endpoint.requests().pop().unwrap();
            assert_eq!(request.field("authorization"), None);
            assert_eq!(request.member("client_secret"), None);
            let expected = "urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
            assert_eq!(request.member("client_assertion_type"), Some(expected));
            let assertion = request.member("client_assertion").unwrap();
            let (message, signature) = assertion.rsplit_once('.').unwrap();
            let key = UnparsedPublicKey::new(algorithm, &public_key);
            key.verify(message.as_bytes(), &decode(signature)).unwrap();
            let (header, claims) = message.split_once('.').unwrap();
            let [header, claims] = [header, claims].map(|part| serde_json::from_slice(&decode(part)).unwrap());
            let (header, claims): (Value, Value) = (header, claims);
            assert_eq!(header, json!({ "alg": alg, "typ": "JWT", "kid": "k-1" }));
            for (claim, expected) in [("iss", json!("rs-1")), ("sub", json!("rs-1")), ("aud", json!(ISSUER))] {
                assert_eq!(claims[claim], expected, "{claim}");
            }
            assert_eq!((&claims["iat"], &claims["exp"]), (&json!(NOW), &json!(NOW + 60)));
            assert!(ids.insert(claims["jti"].to_string()), "an assertion is used once");
        }
    }
}

#[test]
fn what_proves_nothing_is_refused() {
    // INT-02
    let empty = |result| matches!(result, Err(IntrospectionError::NoCredentials));
    assert!(empty(ClientCredentials::secret("", "secret")));
    assert!(empty(ClientCredentials::secret("rs", "")));
    let (_, pem, ..) = keys().swap_remove(1);
    assert!(empty(ClientCredentials::private_key("", &pem)));
    for pem in ["", "canary", include_str!("../../data/p384.pem"), include_str!("../../data/rsa2048.pem")] {
        let error = ClientCredentials::private_key("rs", pem).unwrap_err();
        assert!(matches!(error, IntrospectionError::PrivateKey), "{error}");
    }
}

#[tokio::test]
async fn the_endpoint_cannot_send_the_token_elsewhere() {
    // INT-12
    let target = Endpoint::answering(active());
    let endpoint = Endpoint::start(Reply::Redirect(target.url.clone()));
    assert!(is_unavailable(&verifier_asking(&endpoint).verify(OPAQUE, time(NOW)).await));
    assert_eq!((endpoint.count(), target.count()), (1, 0));
}

/// Algorithm, private key in PKCS #8, and how to check a signature.
fn keys() -> Vec<(&'static str, String, &'static dyn VerificationAlgorithm, Vec<u8>)> {
    let pem =
        |der: &[u8]| format!("-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n", STANDARD.encode(der));
    let ed25519 = Ed25519KeyPair::from_seed_unchecked(&[7; 32]).unwrap();
    let body = |pem: &str| pem.lines().filter(|line| !line.starts_with('-')).collect::<String>();
    let rsa = rsa::KeyPair::from_der(&STANDARD.decode(body(include_str!("../../data/rsa2048.pem"))).unwrap()).unwrap();
    let rsa_der: Pkcs8V1Der<'_> = rsa.as_der().unwrap();
    let jwk = Signer::Es256.jwk();
    let point = ["x", "y"].map(|coordinate| decode(jwk[coordinate].as_str().unwrap())).concat();
    vec![
        ("EdDSA", pem(ed25519.to_pkcs8v1().unwrap().as_ref()), &ED25519, ed25519.public_key().as_ref().to_vec()),
        ("ES256", include_str!("../../data/p256.pem").to_owned(), &ECDSA_P256_SHA256_FIXED, [vec![4], point].concat()),
        ("RS256", pem(rsa_der.as_ref()), &RSA_PKCS1_2048_8192_SHA256, rsa.public_key().as_ref().to_vec()),
    ]
}
