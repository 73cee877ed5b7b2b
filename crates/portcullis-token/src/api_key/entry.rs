//! What is stored of API keys.

use std::collections::HashMap;
use std::time::Duration;

use portcullis_core::UnixTime;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use super::text::{self, ApiKeyText};

/// What is stored of one API key: everything but the key.
///
/// In the file it is a JSON object with these members; times are seconds since 1970, as in tokens. Both a key and its
/// successor may be there at once, so that a client can change over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ApiKeyEntry {
    /// The id within the key: 1 to 32 of `a-z` and `0-9`.
    pub id: String,
    /// The SHA-256 of the whole key, in hexadecimal. A key has 256 random bits, so no slower hash is needed.
    pub sha256: String,
    /// The client that it was made for: the subject and the client of its requests.
    pub owner: String,
    /// What it is good for, named as on the wire.
    pub scopes: Vec<String>,
    /// The identifiers of the APIs that it is for.
    pub audience: Vec<String>,
    /// When it was made.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub created: UnixTime,
    /// The first second in which it is no longer accepted.
    #[serde(serialize_with = "write_time", deserialize_with = "read_time")]
    pub expires: UnixTime,
    /// Whether it is accepted.
    pub status: ApiKeyStatus,
}

/// Whether a key is accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ApiKeyStatus {
    /// It is.
    Active,
    /// It is not, whatever its times say.
    Disabled,
}

/// A key that was just made, and what to store of it.
///
/// ```
/// use std::time::Duration;
/// use portcullis_core::UnixTime;
/// use portcullis_token::NewApiKey;
///
/// let now = UnixTime::from_secs(1_767_226_000).unwrap();
/// let quarter = Duration::from_secs(90 * 86_400);
/// let new = NewApiKey::generate("billing", ["read:invoices"], ["https://api.example.com"], now, quarter)
///     .ok_or("no randomness")?;
/// println!("hand this over, once: {}", new.text.reveal());
/// println!("add this to `keys` in the file: {}", serde_json::to_string(&new.entry)?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct NewApiKey {
    /// For the client, and nobody else.
    pub text: ApiKeyText,
    /// For the file.
    pub entry: ApiKeyEntry,
}

impl NewApiKey {
    /// Makes a key for the client `owner`, with `scopes`, for the APIs in `audience`, that expires `lifetime` after
    /// `now`.
    ///
    /// `None` if the system has no randomness to give.
    pub fn generate<S: Into<String>, A: Into<String>>(
        owner: impl Into<String>,
        scopes: impl IntoIterator<Item = S>,
        audience: impl IntoIterator<Item = A>,
        now: UnixTime,
        lifetime: Duration,
    ) -> Option<Self> {
        let (id, text) = ApiKeyText::generate()?;
        let entry = ApiKeyEntry {
            id,
            sha256: text::hex(&text::sha256(text.reveal())),
            owner: owner.into(),
            scopes: scopes.into_iter().map(Into::into).collect(),
            audience: audience.into_iter().map(Into::into).collect(),
            created: now,
            expires: now.plus(lifetime),
            status: ApiKeyStatus::Active,
        };
        Some(Self { text, entry })
    }
}

/// The entries of one file, by id, with the hash of each.
pub(super) type Entries = HashMap<String, (ApiKeyEntry, [u8; 32])>;

/// Reads the text of a key file: `{ "keys": [ … ] }`.
pub(super) fn parse(text: &[u8]) -> Result<Entries, InvalidKeyFile> {
    #[derive(Deserialize)]
    #[serde(deny_unknown_fields)]
    struct File {
        keys: Vec<ApiKeyEntry>,
    }
    let File { keys } = serde_json::from_slice(text).map_err(|error| InvalidKeyFile(error.to_string()))?;
    let mut entries = Entries::with_capacity(keys.len());
    for entry in keys {
        let wrong = |what: &str| InvalidKeyFile(format!("key `{}` {what}", entry.id.escape_debug()));
        if !text::is_id(&entry.id) {
            return Err(wrong("has an id that is not 1 to 32 of a-z and 0-9"));
        }
        let hash =
            text::unhex(&entry.sha256).ok_or_else(|| wrong("has a `sha256` that is not 64 hexadecimal digits"))?;
        if entry.owner.is_empty() || entry.audience.is_empty() {
            return Err(wrong("has no owner or no audience"));
        }
        // RFC 6749 §3.3; a space would make two scopes of one.
        let is_scope = |scope: &String| {
            !scope.is_empty() && scope.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e))
        };
        if !entry.scopes.iter().all(is_scope) {
            return Err(wrong("has a scope that is not one"));
        }
        if entries.contains_key(&entry.id) {
            return Err(wrong("is there twice"));
        }
        entries.insert(entry.id.clone(), (entry, hash));
    }
    Ok(entries)
}

/// Why a text is no key file. It names keys by their ids, which are no secrets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct InvalidKeyFile(String);

fn write_time<S: Serializer>(time: &UnixTime, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(time.as_secs())
}

fn read_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<UnixTime, D::Error> {
    let secs = i64::deserialize(deserializer)?;
    UnixTime::from_secs(secs).ok_or_else(|| de::Error::custom("not a time between the years 1970 and 9999"))
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn an_entry_reads_as_it_was_written_and_holds_no_usable_key() {
        // KEY-03
        let now = UnixTime::from_secs(1_767_226_000).unwrap();
        let new = NewApiKey::generate("billing", ["read"], ["api"], now, Duration::from_secs(60)).unwrap();
        let file = json!({ "keys": [new.entry] }).to_string();
        let entries = parse(file.as_bytes()).unwrap();
        assert_eq!(entries[&new.entry.id], (new.entry.clone(), text::sha256(new.text.reveal())));
        let secret = new.text.reveal().rsplit('_').next().unwrap();
        assert!(!file.contains(secret) && !format!("{new:?}").contains(secret));
    }

    #[test]
    fn a_file_with_anything_doubtful_is_refused_as_a_whole() {
        // KEY-05: every key says all of this
        let entry = json!({
            "id": "k1", "sha256": "0".repeat(64), "owner": "billing", "scopes": ["read"], "audience": ["api"],
            "created": 0, "expires": 60, "status": "active",
        });
        let file = |entry: &Value| parse(json!({ "keys": [entry] }).to_string().as_bytes());
        assert!(file(&entry).is_ok());
        for member in entry.as_object().unwrap().keys() {
            let mut without = entry.clone();
            without.as_object_mut().unwrap().remove(member);
            assert!(file(&without).is_err(), "{member}");
        }
        for (member, value) in [
            ("id", json!("")),
            ("id", json!("K1")),
            ("id", json!("a_b")),
            ("sha256", json!("0")),
            ("sha256", json!("g".repeat(64))),
            ("owner", json!("")),
            ("scopes", json!("read")),
            ("scopes", json!(["a b"])),
            ("scopes", json!([""])),
            ("audience", json!([])),
            ("created", json!("2026")),
            ("expires", json!(-1)),
            ("expires", json!(1.5)),
            ("status", json!("enabled")),
            ("note", json!("unknown members are typing errors")),
        ] {
            let mut wrong = entry.clone();
            wrong[member] = value;
            assert!(file(&wrong).is_err(), "{wrong}");
        }
        for text in ["", "[]", "{}", "{\"keys\":{}}"] {
            assert!(parse(text.as_bytes()).is_err(), "{text}");
        }
        let twice = json!({ "keys": [entry, entry] }).to_string();
        assert!(parse(twice.as_bytes()).unwrap_err().to_string().contains("twice"));
    }
}
