//! An issuer for trying things out: it writes its key set, and prints tokens as variables of a shell.

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_testkit::TestIssuer;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let issuer = TestIssuer::new("https://issuer.example.com");
    std::fs::write("policies/keys.json", issuer.jwks().to_string())?;
    let now = SystemTime::now().duration_since(UNIX_EPOCH)?.as_secs();
    for (name, claims) in [
        ("RITA", json!({ "sub": "rita", "roles": ["reader"], "scope": "manage:notes" })),
        ("ED", json!({ "sub": "ed", "roles": ["editor"], "scope": "read:notes" })),
        ("OLGA", json!({ "sub": "olga", "scope": "manage:notes" })),
        ("OLGA_THIS_MORNING", json!({ "sub": "olga", "scope": "manage:notes", "auth_time": now - 7200 })),
        (
            "HELPER",
            json!({ "sub": "olga", "scope": "manage:notes", "act": { "sub": "helper", "sub_profile": "ai_agent" } }),
        ),
    ] {
        println!("{name}={}", issuer.sign(&with_the_rest(claims, now)));
    }
    Ok(())
}

/// The claims that every token has.
fn with_the_rest(claims: Value, now: u64) -> Value {
    let mut all = json!({
        "iss": "https://issuer.example.com",
        "aud": "https://api.example.com",
        "client_id": "web",
        "jti": "try",
        "iat": now,
        "exp": now + 3600,
        "auth_time": now,
    });
    if let (Some(all), Value::Object(claims)) = (all.as_object_mut(), claims) {
        all.extend(claims);
    }
    all
}
