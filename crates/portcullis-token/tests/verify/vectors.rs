//! Fixed tokens, made elsewhere.

use std::sync::Arc;

use portcullis_core::{Binding, UnixTime};
use portcullis_token::{
    Algorithm, Malformed, MemoryReplayStore, Origin, PresentedToken, ProofError, ProofVerifier, TokenError, TokenType,
    Verifier,
};
use serde_json::json;

use crate::mint::{EXP, NOW, Signer, claims, claims_with, header, issuer_with, sign, time};

/// A token suite over the key of RFC 8037 Appendix A.1, made by an independent implementation. Ed25519 is
/// deterministic, so a signer given the same texts yields the same tokens.
#[tokio::test]
async fn the_token_suite_fares_as_stated() {
    let verifier = suite_verifier(TokenType::AccessToken);
    let verify = |token| verifier.verify(token, time(NOW));
    assert!(verify(T1).await.is_ok());
    assert!(verify(T2).await.is_ok());
    // T3 is unsigned; its signature segment is empty.
    assert_eq!(verify(T3).await, Err(Malformed::Segments.into()));
    // T4 is an HMAC keyed with the public key.
    assert!(matches!(verify(T4).await, Err(TokenError::AlgorithmNotAllowed { .. })));
    // T5 brings its own key.
    assert_eq!(verify(T5).await, Err(TokenError::BadSignature));
    // T6 has a critical parameter that nobody understands.
    assert!(matches!(verify(T6).await, Err(TokenError::Malformed(Malformed::Header { parameter: "crit", .. }))));
    // T7 has two audiences under one name.
    assert!(matches!(verify(T7).await, Err(TokenError::Malformed(Malformed::Json { .. }))));
    // T8 is of type `JWT`.
    assert!(matches!(verify(T8).await, Err(TokenError::WrongType { .. })));
    assert!(suite_verifier(TokenType::JwtOrNone).verify(T8, time(NOW)).await.is_ok());
    // T9 is bound to a DPoP key; D9 is a proof and no access token.
    assert_eq!(verify(T9).await, Err(TokenError::BoundTokenAsBearer)); // DPP-03
    assert_eq!(verify(D9).await, Err(TokenError::MissingClaim { claim: "iss" }));
}

#[tokio::test]
async fn t9_is_accepted_with_d9_once_and_in_no_other_way() {
    let fields = [D9.as_bytes()];
    let proven = |token| PresentedToken::dpop(token, &fields, "GET", "/orders");
    // Without a verifier of proofs, none is believed.
    let verifier = suite_verifier(TokenType::AccessToken);
    let result = verifier.verify_presented(&proven(T9), time(NOW)).await;
    assert_eq!(result.unwrap_err(), TokenError::BindingUnsupported);
    let store = Arc::new(MemoryReplayStore::new(time(NOW - 600)));
    let proofs = ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], store).unwrap();
    let verifier = verifier.with_proofs(proofs);
    let verify = async |presented| verifier.verify_presented(&presented, time(NOW)).await;
    assert_eq!(verify(PresentedToken::bearer(T9)).await.unwrap_err(), TokenError::BoundTokenAsBearer); // DPP-03
    assert_eq!(verify(proven(T1)).await.unwrap_err(), TokenError::NotBound); // DPP-04
    assert!(verify(PresentedToken::bearer(T1)).await.unwrap().claims().bindings().is_empty()); // DPP-05
    // DPP-01
    let verified = verify(proven(T9)).await.unwrap();
    assert_eq!(verified.next_nonce(), None);
    assert_eq!(Vec::from_iter(verified.claims().bindings()), [&Binding::Dpop]);
    let again = verify(proven(T9)).await.unwrap_err();
    assert_eq!(again, TokenError::Proof(Box::new(ProofError::Replayed))); // DPP-27
}

#[tokio::test]
async fn t1_expires() {
    // BRR-08
    let verifier = suite_verifier(TokenType::AccessToken);
    let late = EXP + 100;
    let expected = TokenError::Expired { exp: time(EXP), now: time(late) };
    assert_eq!(verifier.verify(T1, time(late)).await, Err(expected));
    assert_eq!(UnixTime::from_secs(EXP).unwrap().to_string(), "2026-01-01T01:00:00Z");
}

#[tokio::test]
async fn t1_has_one_spelling() {
    // JWS-04: the other one decodes to the same 64 octets.
    let other = format!("{}x", T1.strip_suffix('w').unwrap());
    let result = suite_verifier(TokenType::AccessToken).verify(&other, time(NOW)).await;
    assert!(matches!(result, Err(TokenError::Malformed(Malformed::Encoding { .. }))), "{result:?}");
}

#[tokio::test]
async fn either_name_of_ed25519_must_be_allowed() {
    // ALG-13
    let keys = json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "as-1" }))] });
    for (allowed, t1, t2) in [(Algorithm::EdDsa, true, false), (Algorithm::Ed25519, false, true)] {
        let verifier = Verifier::new([issuer_with(&keys, &[allowed])]).unwrap();
        assert_eq!(verifier.verify(T1, time(NOW)).await.is_ok(), t1, "{allowed}");
        assert_eq!(verifier.verify(T2, time(NOW)).await.is_ok(), t2, "{allowed}");
    }
    // A key may be called by the old name and verify the new one, and not the other way round.
    for (alg, t1, t2) in [("EdDSA", true, true), ("Ed25519", false, true)] {
        let keys = json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "as-1", "alg": alg }))] });
        let verifier = Verifier::new([issuer_with(&keys, &[Algorithm::EdDsa, Algorithm::Ed25519])]).unwrap();
        assert_eq!(verifier.verify(T1, time(NOW)).await.is_ok(), t1, "{alg}");
        assert_eq!(verifier.verify(T2, time(NOW)).await.is_ok(), t2, "{alg}");
    }
}

#[tokio::test]
async fn our_own_signer_agrees_with_the_suite() {
    let verifier = suite_verifier(TokenType::AccessToken);
    let expected = verifier.verify(T1, time(NOW)).await.unwrap();
    assert_eq!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.unwrap(), expected);
    assert_ne!(
        verifier.verify(&sign(&header(), &claims_with(json!({ "jti": "t-2" }))), time(NOW)).await.unwrap(),
        expected
    );
}

/// Published tokens that are no access tokens of ours: each is refused for the first reason there is.
#[tokio::test]
async fn published_tokens_of_other_kinds_are_refused() {
    let verifier = suite_verifier(TokenType::JwtOrNone);
    for (source, token, description) in [
        // HS256
        ("RFC 7515 A.1", RFC_7515_A1, "the access token is invalid"),
        // Its issuer is `joe`.
        ("RFC 7515 A.3", RFC_7515_A3, "the access token is invalid"),
        ("RFC 7797 §4.2", RFC_7797, "the access token is invalid"),
        // The payload is not JSON.
        ("RFC 8037 A.4", RFC_8037_A4, "the access token is malformed"),
        ("RFC 9449 Figure 13", RFC_9449, "the access token is invalid"),
    ] {
        let error = verifier.verify(token, time(NOW)).await.unwrap_err();
        assert_eq!(error.description(), description, "{source}: {error}");
    }
}

fn suite_verifier(token_type: TokenType) -> Verifier {
    let keys = json!({ "keys": [{
        "kty": "OKP", "crv": "Ed25519", "kid": "as-1", "use": "sig",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
    }] });
    let issuer = issuer_with(&keys, &[Algorithm::EdDsa, Algorithm::Ed25519]).with_token_type(token_type);
    Verifier::new([issuer]).unwrap()
}

const T1: &str = concat!(
    "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImFzLTEifQ.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tI",
    "iwic3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhd",
    "CI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.--kTLerDs1dw2",
    "UKfTY-k_YltO0Xl-xCqAaFSxshecU1k3Eqk38aB5ACI_dFkpPAjxouK3fFG2UzN9DrhLBStCw",
);

const T2: &str = concat!(
    "eyJhbGciOiJFZDI1NTE5IiwidHlwIjoiYXQrand0Iiwia2lkIjoiYXMtMSJ9.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29",
    "tIiwic3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsIml",
    "hdCI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.uLc9IoFoeqj",
    "chAG7P9pUdV-w4PN4ROXFgBUI0L807nD2gyYeC-t1orkz8q-jcfuGqgK5KkZWap7PfCC23v6pDw",
);

const T3: &str = concat!(
    "eyJhbGciOiJub25lIiwidHlwIjoiYXQrand0In0.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwic3ViIjoidXNlci0x",
    "IiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhdCI6MTc2NzIyNTYwMCwi",
    "ZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.",
);

const T4: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImFzLTEifQ.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tI",
    "iwic3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhd",
    "CI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.NwzxpW7cg0c95",
    "Gbub9OUC1B3fNJUj3nIXX-Vbdwqja4",
);

const T5: &str = concat!(
    "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImp3ayI6eyJrdHkiOiJPS1AiLCJjcnYiOiJFZDI1NTE5IiwieCI6IlBVQVh3",
    "LWhEaVZxU3R3cW5UUnQtdkp5WUxNOHV4SmFNd00xVjhTcjBaZ3cifX0.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwi",
    "c3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhdCI6",
    "MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.qhTfoyaMSXwAPddF",
    "9NbEdefPJDLHFCUASXFYqPGF4k0DDkQRbInopRtgGHWCo6iT0yHV4EV5kowP2wZk_GS_Cg",
);

const T6: &str = concat!(
    "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImFzLTEiLCJjcml0IjpbIngtcG9saWN5Il0sIngtcG9saWN5Ijoi",
    "c3RyaWN0In0.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwic3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGku",
    "ZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhdCI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGki",
    "OiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.iyQU4nA3uivTidY0UBLAADKzqA2upf3I2wT2NxOlBU1RYrSj0J0kEYRRdFe1",
    "Ru46_8BY6SgOR6ofJn4fNV3_Cg",
);

const T7: &str = concat!(
    "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImFzLTEifQ.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tI",
    "iwic3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9vdGhlci5leGFtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vYXBpLmV4YW1wb",
    "GUuY29tIiwiY2xpZW50X2lkIjoiY2xpZW50LTEiLCJpYXQiOjE3NjcyMjU2MDAsImV4cCI6MTc2NzIyOTIwMCwianRpIjoidC03I",
    "iwic2NvcGUiOiJvcmRlcnM6cmVhZCJ9.SMEAS_-dwogreDlntUWGjCcKpJ_9mZZWOfTguJhcPS2u9f6-IUOr-Si9B_GdM47gkCev",
    "M2gYeovVFzFgd2qRDQ",
);

const T8: &str = concat!(
    "eyJhbGciOiJFZERTQSIsInR5cCI6IkpXVCIsImtpZCI6ImFzLTEifQ.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwic",
    "3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhdCI6M",
    "Tc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.CS0IHKR1aMPy_ADQ8",
    "xpLMPSYx31mdt8XVl-CcoKaXBInuyFXgdZ8pWGH6HBKTzUrj1I4AJT30kuvrWBHOry9CQ",
);

const T9: &str = concat!(
    "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImFzLTEifQ.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tI",
    "iwic3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhd",
    "CI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTkiLCJzY29wZSI6Im9yZGVyczpyZWFkIiwiY25mIjp7Imprd",
    "CI6IkZ0SXUtVmJHcmZlX0tCNkNIN0dOd09EQjcyTU54al9tbDExZEV2Ty03a2sifSwiYWN0Ijp7InN1YiI6ImFnZW50LTciLCJpc",
    "3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tIiwic3ViX3Byb2ZpbGUiOiJhaV9hZ2VudCIsImFjdCI6eyJzdWIiOiJhZ2VudC0xI",
    "iwiaXNzIjoiaHR0cHM6Ly9hcy5leGFtcGxlLmNvbSJ9fX0.-n-XFUZO7RScxIwexRDc4VBocZ4AuCrEgjocQSSIhzv6LWCIB2zhN",
    "u2LUvG_xrMGIxuFFzVZLUmNtL5OZWqDDA",
);

const D9: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVkMjU1MTkiLCJqd2siOnsia3R5IjoiT0tQIiwiY3J2IjoiRWQyNTUxOSIsIngiOiJQ",
    "VUFYdy1oRGlWcVN0d3FuVFJ0LXZKeVlMTTh1eEphTXdNMVY4U3IwWmd3In19.eyJqdGkiOiJwLTEiLCJodG0iOiJHRVQiLCJodHU",
    "iOiJodHRwczovL2FwaS5leGFtcGxlLmNvbS9vcmRlcnMiLCJpYXQiOjE3NjcyMjYwMDAsImF0aCI6IlVLYzV6Qk15dXhyX2F5aWt",
    "HNXpMMlROa1BCMTh2QjdjMjJNNFdYN0pKZkEifQ.ZIGDms7KSqlK2WGPAl5pkStuMVHQzGvWcEkYWHA-CCR4SCKBgzCfVo5I1rPE",
    "xZwnNFBpJmWQ9_j2_bm9n0cuAg",
);

const RFC_7515_A1: &str = concat!(
    "eyJ0eXAiOiJKV1QiLA0KICJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9",
    "leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk",
);

const RFC_7515_A3: &str = concat!(
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19",
    "yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU",
    "1Q",
);

const RFC_7797: &str = concat!(
    "eyJhbGciOiJIUzI1NiIsImI2NCI6ZmFsc2UsImNyaXQiOlsiYjY0Il19.JC4wMg.A5dxf2s96_n5FLueVuW1Z_vh161FwXZC4YLP",
    "ff6dmDY",
);

const RFC_8037_A4: &str = concat!(
    "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6",
    "dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
);

const RFC_9449: &str = concat!(
    "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZ",
    "OXpDa0RscEJoRjQyVVFVZldWQVdCRnMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIs",
    "ImNydiI6IlAtMjU2In19.eyJqdGkiOiJlMWozVl9iS2ljOC1MQUVCIiwiaHRtIjoiR0VUIiwiaHR1IjoiaHR0cHM6Ly9yZXNvdXJ",
    "jZS5leGFtcGxlLm9yZy9wcm90ZWN0ZWRyZXNvdXJjZSIsImlhdCI6MTU2MjI2MjYxOCwiYXRoIjoiZlVIeU8ycjJaM0RaNTNFc05",
    "yV0JiMHhXWG9hTnk1OUlpS0NBcWtzbVFFbyJ9.2oW9RP35yRqzhrtNP86L-Ey71EOptxRimPPToA1plemAgR6pxHF8y6-yqyVnmc",
    "w6Fy1dqd-jfxSYoMxhAJpLjA",
);
