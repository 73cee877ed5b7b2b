//! The same tokens, checked by each library that a service could pick for that.

mod crates;
mod portcullis;
mod wrong;

use std::time::{SystemTime, UNIX_EPOCH};

use portcullis_core::UnixTime;
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use serde_json::{Value, json};

use crate::measure;

/// A library that trusts an issuer: it takes a token and prepares its check, which says whether the token is accepted.
type Library = Box<dyn Fn(&str) -> Check>;

type Check = Box<dyn Fn() -> bool>;

/// How a library is told whom to trust.
type Trust = fn(&TestIssuer) -> Library;

const LIBRARIES: [(&str, Trust); 5] = [
    ("portcullis", portcullis::new_token),
    ("jsonwebtoken", crates::jsonwebtoken),
    ("huskarl-resource-server", crates::huskarl),
    ("oauth-resource-server", crates::oauth_resource_server),
    ("jwt-authorizer", crates::jwt_authorizer),
];

pub fn run() {
    // One of the engines makes `jsonwebtoken` be built with both of its backends, so that somebody has to choose.
    let _ = jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER.install_default();
    for algorithm in [SigningAlgorithm::Es256, SigningAlgorithm::Rs256] {
        let issuer = TestIssuer::with_algorithm(ISSUER, algorithm);
        let token = issuer.sign(&claims());
        let mut checks: Vec<(&str, Check)> = LIBRARIES.map(|(name, trust)| (name, trust(&issuer)(&token))).into();
        checks.push(("portcullis-known", portcullis::known_token(&issuer, &token)));
        let calls: Vec<(&str, &dyn Fn() -> bool)> = checks.iter().map(|(name, check)| (*name, &**check as _)).collect();
        for ((name, _), (time, ratio)) in calls.iter().zip(measure::in_turns(&calls)) {
            let name = format!("peers/token/{}/{name}", algorithm.as_str());
            measure::record(&name, time);
            measure::record_ratio(&format!("{name}/ratio"), ratio);
        }
    }
    wrong::run();
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
