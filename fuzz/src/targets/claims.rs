//! Whatever the claims say, nothing is allowed to a token without the scope.
// GEN-10

use std::sync::LazyLock;

use portcullis::{Engine, ResourceData};
use portcullis_core::{Request, VerifiedClaims};
use serde_json::Value;

use crate::{bundle, now, text};

pub(super) fn run(octets: &[u8]) {
    let text = text(octets);
    let Ok(Value::Object(claims)) = serde_json::from_str(text) else { return };
    let scope = claims.get("scope").map(Value::to_string).unwrap_or_default();
    let Ok(session) = ENGINE.session(&VerifiedClaims::assume_verified("main", claims)) else { return };
    let note = ResourceData::bare("Note", "1");
    let decision = session.decide(&Request::new("GetNote", &note, now()));
    assert!(!decision.is_allow() || scope.contains("read:notes"), "allowed without consent");
}

static ENGINE: LazyLock<Engine> = LazyLock::new(|| Engine::new(bundle()));
