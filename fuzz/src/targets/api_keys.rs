//! The only key that is accepted is the one whose hash is in the file, as its entry says.
// KEY-05, GEN-10

use std::path::PathBuf;
use std::sync::LazyLock;
use std::time::Duration;

use portcullis_token::{ApiKeys, KeyPlace};
use serde_json::Value;

use crate::{PART, RUNTIME, now, own_file, text};

pub(super) fn run(octets: &[u8]) {
    let (file, presented) = text(octets).split_once(PART).unwrap_or((text(octets), ""));
    std::fs::write(&*FILE, file).unwrap();
    let lifetime = Duration::from_secs(LIFETIME);
    let Ok(keys) = ApiKeys::file("keys", &FILE, [AUDIENCE], lifetime, KeyPlace::Scheme) else { return };
    let accepted = |key: &str| RUNTIME.block_on(keys.verify(key, now()));
    assert!(accepted(presented).is_err() || presented == KEY, "another key is accepted");
    let Ok(claims) = accepted(KEY) else { return };

    let file: Value = serde_json::from_str(file).unwrap();
    let mut entries = file["keys"].as_array().unwrap().iter().filter(|entry| entry["id"] == ID);
    let (entry, other) = (entries.next().expect("accepted without an entry"), entries.next());
    assert!(other.is_none(), "two entries have one id");
    assert!(entry["sha256"].as_str().unwrap().eq_ignore_ascii_case(SHA256), "the hash of another key");
    assert_eq!(entry["status"], "active");
    assert!(entry["audience"].as_array().unwrap().contains(&AUDIENCE.into()), "for somebody else");
    let time = |member: &str| u64::try_from(entry[member].as_i64().unwrap()).unwrap();
    let now = u64::try_from(now().as_secs()).unwrap();
    assert!(now < time("expires") && now < time("created") + LIFETIME, "too old");
    let scopes: Vec<&str> = entry["scopes"].as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert_eq!(claims.claims()["scope"], scopes.join(" "), "other scopes");
    assert_eq!((&claims.claims()["sub"], &claims.claims()["client_id"]), (&entry["owner"], &entry["owner"]));
}

static FILE: LazyLock<PathBuf> = LazyLock::new(|| own_file("keys.json"));

const LIFETIME: u64 = 90 * 86_400;

const AUDIENCE: &str = "https://api.example.com";

const ID: &str = "0123456789abcdef";

/// Nobody's.
const KEY: &str = "portcullis_0123456789abcdef_a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a598636b18";

const SHA256: &str = "f4a55e59c1073671014efbb1076b1f14840bf5caf1e9e166d25057de013dd34d";
