//! Tokens that are signed by the issuer, and that a resource server should refuse all the same: who does?

use portcullis_testkit::TestIssuer;
use serde_json::{Value, json};

use super::{ISSUER, LIBRARIES, claims, now};
use crate::measure;

pub fn run() {
    let issuer = TestIssuer::new(ISSUER);
    for (name, trust) in LIBRARIES {
        let library = trust(&issuer);
        for (wrong, token) in tokens(&issuer) {
            let answer = if library(&token)() { "accepted" } else { "refused" };
            measure::record_text(&format!("peers/wrong/{wrong}/{name}"), answer);
        }
    }
}

/// Each is right but for what it is called.
fn tokens(issuer: &TestIssuer) -> Vec<(&'static str, String)> {
    let header = |more: Value| merged(json!({ "alg": "ES256", "typ": "at+jwt", "kid": issuer.kid() }), more);
    let with = |more: Value| issuer.sign(&merged(claims(), more));
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        issuer.sign(&claims)
    };
    let payload = claims().to_string();
    let twice = payload.replacen('{', r#"{"sub":"bob","#, 1);
    vec![
        ("bound to a key, without a proof (RFC 9449 §7.2)", with(json!({ "cnf": { "jkt": "a".repeat(43) } }))),
        (
            "another kind of token, `typ` is `JWT` (RFC 9068 §4)",
            issuer.sign_with(&header(json!({ "typ": "JWT" })), &claims()),
        ),
        (
            "a critical extension that nobody knows (RFC 7515 §4.1.11)",
            issuer.sign_with(&header(json!({ "crit": ["exp-2"], "exp-2": 1 })), &claims()),
        ),
        ("a claim twice, with two values (RFC 7519 §4)", issuer.sign_text(&header(json!({})).to_string(), &twice)),
        ("no time of expiry (RFC 9068 §2.2)", without("exp")),
        ("no client (RFC 9068 §2.2)", without("client_id")),
        ("issued in an hour", with(json!({ "iat": now().as_secs() + 3600 }))),
        ("one megabyte long", with(json!({ "padding": "a".repeat(1 << 20) }))),
    ]
}

fn merged(mut value: Value, more: Value) -> Value {
    if let (Value::Object(value), Value::Object(more)) = (&mut value, more) {
        value.extend(more);
    }
    value
}
