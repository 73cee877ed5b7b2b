//! The same tokens, checked by each library that a service could pick for that.

mod crates;
mod portcullis;

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::UnixTime;
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use serde_json::{Value, json};

use crate::measure;

/// Accepts the token that it was made for, or panics.
type Check = Box<dyn Fn()>;

pub fn run() {
    // Two of the libraries make `jsonwebtoken` be built with both of its backends, so that somebody has to choose.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        let issuer = TestIssuer::with_algorithm(ISSUER, algorithm);
        let token = issuer.sign(&claims());
        let checks: [(&str, Check); 6] = [
            ("portcullis", portcullis::new_token(&issuer, &token)),
            ("portcullis-known", portcullis::known_token(&issuer, &token)),
            ("jsonwebtoken", crates::jsonwebtoken(&issuer, &token)),
            ("huskarl-resource-server", crates::huskarl(&issuer, &token)),
            ("oauth-resource-server", crates::oauth_resource_server(&issuer, &token)),
            ("jwt-authorizer", crates::jwt_authorizer(&issuer, &token)),
        ];
        let calls: Vec<(&str, &dyn Fn())> = checks.iter().map(|(name, check)| (*name, &**check as &dyn Fn())).collect();
        for ((name, _), (time, ratio)) in calls.iter().zip(measure::in_turns(&calls)) {
            let name = format!("peers/token/{}/{name}", algorithm.as_str());
            measure::record(&name, time);
            measure::record_ratio(&format!("{name}/ratio"), ratio);
        }
    }
}

/// What Ann's token says. Most of the libraries have no other clock than the system's.
pub fn claims() -> Value {
    let now = now().as_secs();
    json!({
        "iss": ISSUER, "sub": "ann", "aud": AUDIENCE, "client_id": "web", "jti": "t-1",
        "scope": "openid profile read:projects write:projects", "iat": now - 60, "exp": now + 3540, "auth_time": now - 60,
        "acr": "urn:acme:mfa", "org_id": "acme", "roles": ["editor", "viewer"],
    })
}

/// The time of this machine.
pub fn now() -> UnixTime {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    UnixTime::from_secs(now as i64).unwrap()
}

pub const ISSUER: &str = "https://as.example.com";

pub const AUDIENCE: &str = "https://api.example.com";
