//! Google's `tokeninfo`, through the settings that an operator writes.

use std::path::Path;

use portcullis_token::{IssuerSettings, SettingsError, TokenError, Verifier};
use serde_json::{Value, json};

use super::endpoint::{Endpoint, Reply};
use crate::mint::*;

const GOOGLE: &str = "https://accounts.google.com";
const CLIENT: &str = "481200377215-q7xvtz2rkbm1lwyn.apps.googleusercontent.com";

#[tokio::test]
async fn an_access_token_of_google_is_what_tokeninfo_says() {
    let endpoint = Endpoint::start(reply(200, &answer(EXP)));
    let claims = verifier(&endpoint).verify("ya29.opaque", time(NOW)).await.unwrap();
    let claims = claims.claims();
    assert_eq!((&claims["sub"], &claims["iss"], &claims["exp"]), (&json!("1049"), &json!(GOOGLE), &json!(EXP)));
    let request = &endpoint.requests()[0];
    assert_eq!(request.body, "access_token=ya29.opaque");
    assert!(request.fields.iter().all(|(name, _)| name != "authorization"));
}

#[tokio::test]
async fn what_tokeninfo_does_not_know_or_say_lets_nobody_in() {
    // INT-06, INT-12
    let verify = async |reply: Reply| verifier(&Endpoint::start(reply)).verify("ya29.opaque", time(NOW)).await;
    let unknown = json!({ "error": "invalid_token", "error_description": "Invalid Value" });
    assert_eq!(verify(reply(400, &unknown)).await, Err(TokenError::Inactive));
    for status in [401, 403, 404, 500] {
        assert!(matches!(verify(reply(status, &unknown)).await, Err(TokenError::Unavailable { .. })), "{status}");
    }
    assert!(matches!(verify(reply(200, &answer(NOW - 60))).await, Err(TokenError::Expired { .. })));
    let mut foreign = answer(EXP);
    foreign["aud"] = "another.apps.googleusercontent.com".into();
    assert_eq!(verify(reply(200, &foreign)).await, Err(TokenError::WrongAudience));
    let mut malformed = answer(EXP);
    malformed["exp"] = "soon".into();
    assert!(matches!(verify(reply(200, &malformed)).await, Err(TokenError::Unavailable { .. })));
}

#[tokio::test]
async fn an_id_token_of_google_is_no_access_token() {
    // ATJ-10, INT-17
    let endpoint = Endpoint::start(reply(200, &answer(EXP)));
    let id_token = sign(&header_with(json!({ "typ": "JWT" })), &claims_with(json!({ "iss": GOOGLE, "aud": CLIENT })));
    let result = verifier(&endpoint).verify(&id_token, time(NOW)).await;
    assert!(matches!(result, Err(TokenError::WrongType { .. })), "{result:?}");
    assert_eq!(endpoint.requests().len(), 0);
}

#[test]
fn tokeninfo_takes_no_credentials() {
    let settings = "client_id = \"api\"\nclient_secret = { env = \"PATH\" }";
    assert!(matches!(issuers(settings, "https://a.example/"), Err(SettingsError::Introspection(_))));
}

fn answer(exp: i64) -> Value {
    json!({
        "azp": CLIENT, "aud": CLIENT, "sub": "1049", "scope": "openid https://www.googleapis.com/auth/userinfo.email",
        "exp": exp.to_string(), "expires_in": "3540", "email": "dana@example.com", "email_verified": "true",
        "access_type": "online",
    })
}

fn reply(status: u16, body: &Value) -> Reply {
    Reply::Http { status, content_type: "application/json", body: body.to_string() }
}

fn verifier(endpoint: &Endpoint) -> Verifier {
    Verifier::new(issuers("", &endpoint.url).unwrap()).unwrap()
}

fn issuers(more: &str, endpoint: &str) -> Result<Vec<portcullis_token::Issuer>, SettingsError> {
    let text = format!(
        "issuer = {GOOGLE:?}\npreset = \"google\"\naudience = [{CLIENT:?}]\n[introspection]\nendpoint = {endpoint:?}\n{more}"
    );
    let settings: IssuerSettings = toml::from_str(&text).unwrap();
    settings.into_issuers(&[], Path::new("."))
}
