//! Tokens that were accepted before: everything but the signature is checked again.

use portcullis_token::{PresentedToken, Recheck, TokenError, TokenHash, Verifier};
use serde_json::json;

use crate::key_sources::KeyServer;
use crate::mint::*;
use crate::server::Answer;

async fn accepted(verifier: &Verifier, token: &str) -> portcullis_token::KnownToken {
    let verified = verifier.verify_presented(&PresentedToken::bearer(token), time(NOW)).await.unwrap();
    verified.into_parts().1.unwrap()
}

#[tokio::test]
async fn a_known_token_is_accepted_until_it_expires() {
    let (verifier, token) = (verifier(), sign(&header(), &claims()));
    let known = accepted(&verifier, &token).await;
    let presented = PresentedToken::bearer(&token);
    let again = |now| verifier.verify_known(&known, &presented, TokenHash::of(&token), now);
    let exp = claims()["exp"].as_i64().unwrap();
    assert!(matches!(again(time(NOW)).await, Ok(Recheck::Accepted { next_nonce: None })));
    assert!(matches!(again(time(exp + 3_600)).await, Err(TokenError::Expired { .. })));
}

#[tokio::test]
async fn another_token_is_not_the_known_one() {
    let (verifier, token) = (verifier(), sign(&header(), &claims()));
    let known = accepted(&verifier, &token).await;
    let other = format!("{token}x");
    let again = verifier.verify_known(&known, &PresentedToken::bearer(&other), TokenHash::of(&other), time(NOW)).await;
    assert!(matches!(again, Ok(Recheck::Unknown)));
}

#[tokio::test]
async fn what_one_verifier_knows_is_unknown_to_another() {
    // Who trusts somebody else, or the same issuer under other rules, has accepted nothing yet.
    let token = sign(&header(), &claims());
    let known = accepted(&verifier(), &token).await;
    let again = verifier();
    let again = again.verify_known(&known, &PresentedToken::bearer(&token), TokenHash::of(&token), time(NOW)).await;
    assert!(matches!(again, Ok(Recheck::Unknown)));
}

#[tokio::test]
async fn a_known_token_whose_key_is_gone_is_known_no_more() {
    // JWK-11
    let old = json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "as-1" }))] });
    let server = KeyServer::start(Answer::json(&old));
    let verifier = server.verifier();
    let token = sign(&header(), &claims());
    let known = accepted(&verifier, &token).await;
    server.answer(Answer::json(&json!({ "keys": [Signer::Es256.jwk_with(json!({ "kid": "ec" }))] })));
    let new = sign_as(Signer::Es256, &header_with(json!({ "alg": "ES256", "kid": "ec" })), &claims());
    assert!(verifier.verify(&new, time(NOW + 5)).await.is_ok(), "the new keys are fetched for it");
    let presented = PresentedToken::bearer(&token);
    let again = verifier.verify_known(&known, &presented, TokenHash::of(&token), time(NOW + 6)).await;
    assert!(matches!(again, Ok(Recheck::Unknown)));
    assert_eq!(verifier.verify(&token, time(NOW + 6)).await, Err(TokenError::UnknownKey));
}
