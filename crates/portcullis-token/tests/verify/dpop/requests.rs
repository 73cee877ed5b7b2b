//! A proof is for one method, one URI and one access token.

use portcullis_token::{InvalidProof, InvalidUri, Origin, ProofError, ProofRequest, ProofVerifier, ProofVerifierError};
use serde_json::json;

use super::*;

#[tokio::test]
async fn the_method_matches_in_its_case() {
    // DPP-14
    for (htm, method, matches) in [
        ("GET", "GET", true),
        ("get", "GET", false),
        ("POST", "GET", false),
        ("GET", "HEAD", false),
        ("", "GET", false),
        ("GET ", "GET", false),
    ] {
        let request = ProofRequest::new(method, "/orders", T9, client());
        let proof = proof(json!({}), json!({ "htm": htm }));
        let result = verifier().verify(&[proof.as_bytes()], &request, time(NOW)).await;
        assert_eq!(result.map(drop), matches.then_some(()).ok_or(InvalidProof::OtherMethod.into()), "{htm} {method}");
    }
}

#[tokio::test]
async fn the_uri_matches_in_normal_form() {
    // DPP-15, DPP-20, DPP-22: the table of forms stands beside `TargetUri`.
    for (htu, path, expected) in [
        ("HTTPS://API.Example.com:443/a/../%6Frders?x=1#f", "/orders", Ok(())),
        ("https://api.example.com/orders", "/orders?page=2", Ok(())),
        ("https://api.example.com", "/", Ok(())),
        ("https://api.example.com/v1/orders", "/v1/orders", Ok(())),
        // DPP-23: the inner path of a nested router is another URI.
        ("https://api.example.com/orders", "/v1/orders", Err(InvalidProof::OtherUri)),
        ("https://api.example.com/orders/", "/orders", Err(InvalidProof::OtherUri)),
        ("http://api.example.com/orders", "/orders", Err(InvalidProof::OtherUri)),
        ("https://api.example.com/a/b", "/a%2Fb", Err(InvalidProof::OtherUri)),
        ("https://other.example.com/orders", "/orders", Err(InvalidProof::OtherUri)),
        ("/orders", "/orders", Err(InvalidProof::TargetUri(InvalidUri::NotAbsolute))),
        ("https://u@api.example.com/orders", "/orders", Err(InvalidProof::TargetUri(InvalidUri::UserInfo))),
        // For the router, this is not `/orders`.
        ("https://api.example.com/orders", "/a/../orders", Err(InvalidProof::RequestPath(InvalidUri::DotSegments))),
        ("https://api.example.com/orders", "*", Err(InvalidProof::RequestPath(InvalidUri::Path))),
    ] {
        let request = ProofRequest::new("GET", path, T9, client());
        let proof = proof(json!({}), json!({ "htu": htu }));
        let result = verifier().verify(&[proof.as_bytes()], &request, time(NOW)).await;
        assert_eq!(result.map(drop), expected.map_err(ProofError::from), "{htu} {path}");
    }
}

#[tokio::test]
async fn only_configured_origins_count() {
    // DPP-21: a verifier is told no `Host`, so that a forged one means nothing.
    let origins = ["https://api.example.com", "https://api.example.org:8443"].map(|text| Origin::new(text).unwrap());
    let verifier = ProofVerifier::new(origins, store()).unwrap();
    for (htu, accepted) in [
        ("https://api.example.com/orders", true),
        ("https://api.example.org:8443/orders", true),
        ("https://api.example.org/orders", false),
        ("https://evil.example/orders", false),
    ] {
        let proof = proof(json!({}), json!({ "htu": htu, "jti": htu }));
        assert_eq!(verify(&verifier, &proof).await.is_ok(), accepted, "{htu}");
    }
    assert_eq!(ProofVerifier::new([], store()).unwrap_err(), ProofVerifierError::NoOrigin);
}

#[tokio::test]
async fn a_proof_goes_with_the_token_that_was_sent() {
    // DPP-18
    let other_token = T9.replacen('.', "..", 1);
    let request = ProofRequest::new("GET", "/orders", &other_token, client());
    let result = verifier().verify(&[D9.as_bytes()], &request, time(NOW)).await;
    assert_eq!(result, Err(InvalidProof::OtherToken.into()));
    let ath = "UKc5zBMyuxr_ayikG5zL2TNkPB18vB7c22M4WX7JJfA";
    let others = [String::new(), ath.to_lowercase(), format!("{ath}="), ath[1..].to_owned(), format!("{ath}A")];
    for ath in others {
        let result = verify(&verifier(), &proof(json!({}), json!({ "ath": ath }))).await;
        assert_eq!(result, Err(InvalidProof::OtherToken.into()), "{ath}");
    }
}
