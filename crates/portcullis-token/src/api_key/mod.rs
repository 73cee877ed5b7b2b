//! API keys, for clients that cannot do OAuth yet.

mod entry;
mod settings;
mod store;
mod text;

use std::collections::HashMap;
use std::fmt;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use portcullis_core::{Credential, UnixTime, VerifiedClaims};
use serde_json::{Map, Value, json};

pub use entry::{ApiKeyEntry, ApiKeyStatus, InvalidKeyFile, NewApiKey};
pub use settings::ApiKeySettings;
pub use store::KeyFileError;
use store::Store;
pub use text::ApiKeyText;

use crate::claims::MAX_FUTURE;

/// The API keys of one file.
///
/// A key identifies a client, not a person: its requests are those of a service. It proves no possession, carries no
/// login and acts for nobody. Policies can tell it from a token by `context.auth.credential`.
///
/// The file is read at the start, and again at most every 30 seconds: a key that is disabled there stops within that
/// time. A file that has become unusable leaves the keys as they are, and an error in the log.
pub struct ApiKeys {
    alias: String,
    audience: Vec<String>,
    max_age: Duration,
    place: KeyPlace,
    store: Store,
    /// The day on which the log last said that a key is about to end, by its id.
    warned: Mutex<HashMap<String, i64>>,
}

/// Where a request carries an API key. Never in the URL, which ends up in logs.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum KeyPlace {
    /// In the header field of this name, in lower case.
    Field(String),
    /// In `Authorization`, with the private scheme `ApiKey`.
    Scheme,
}

impl ApiKeys {
    /// The keys in the file `path`, as the source `alias`.
    ///
    /// Accepted are keys for one of `audience`, the identifiers of this API, that were made no longer than `max_age`
    /// ago, whatever they say about their end.
    ///
    /// # Errors
    ///
    /// If the file cannot be used, or an argument would accept keys that nobody meant to accept.
    pub fn file<A: Into<String>>(
        alias: impl Into<String>,
        path: &Path,
        audience: impl IntoIterator<Item = A>,
        max_age: Duration,
        place: KeyPlace,
    ) -> Result<Self, ApiKeysError> {
        let alias = alias.into();
        if !crate::issuer::is_alias(&alias) {
            return Err(ApiKeysError::Alias { alias });
        }
        let audience: Vec<String> = audience.into_iter().map(Into::into).collect();
        if audience.is_empty() || audience.iter().any(String::is_empty) {
            return Err(ApiKeysError::NoAudience);
        }
        if let KeyPlace::Field(name) = &place {
            check_field(name)?;
        }
        Ok(Self { alias, audience, max_age, place, store: Store::open(path)?, warned: Mutex::default() })
    }

    /// The alias of the source.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// Where a request carries a key.
    #[must_use]
    pub fn place(&self) -> &KeyPlace {
        &self.place
    }

    /// Verifies `key`, the text that a request carries, at `now`.
    ///
    /// The claims that come back are made here: `sub` and `client_id` are the owner, `jti` is the id of the key, `iat`
    /// and `exp` are its ends, `scope` its scopes.
    ///
    /// # Errors
    ///
    /// Always the key's fault: the answer is 401. The caller is not told which of them it was.
    pub async fn verify(&self, key: &str, now: UnixTime) -> Result<VerifiedClaims, ApiKeyError> {
        let id = text::id(key).ok_or(ApiKeyError::Malformed)?;
        let entries = self.store.entries(now).await;
        let found = entries.get(id);
        // An unknown id costs what a known one does, and what is compared can never be equal to a hash.
        let stored = found.map_or(&NO_HASH, |(_, hash)| hash);
        let is_equal = verify_slices_are_equal(stored, &text::sha256(key)).is_ok();
        let (entry, _) = found.filter(|_| is_equal).ok_or(ApiKeyError::Unknown)?;
        let end = self.check(entry, now)?;
        if let Some(days_left) = self.days_to_announce(entry, end, now) {
            tracing::warn!(key = entry.id, owner = ?entry.owner, days_left, %end, "an API key in use ends soon");
        }
        Ok(self.claims(entry, end))
    }

    /// Checks everything about a key but its secret. What comes back is the first second in which it is refused.
    fn check(&self, entry: &ApiKeyEntry, now: UnixTime) -> Result<UnixTime, ApiKeyError> {
        let id = || entry.id.clone();
        if entry.status != ApiKeyStatus::Active {
            return Err(ApiKeyError::Disabled { id: id() });
        }
        if !entry.audience.iter().any(|audience| self.audience.contains(audience)) {
            return Err(ApiKeyError::WrongAudience { id: id() });
        }
        if entry.created > now.plus(MAX_FUTURE) {
            return Err(ApiKeyError::CreatedInFuture { id: id() });
        }
        let too_old = entry.created.plus(self.max_age);
        match () {
            () if now >= entry.expires => Err(ApiKeyError::Expired { id: id() }),
            () if now >= too_old => Err(ApiKeyError::TooOld { id: id() }),
            () => Ok(entry.expires.min(too_old)),
        }
    }

    /// How many days a key has left, if the log should say so now: once a day for each key that is in use and ends soon.
    fn days_to_announce(&self, entry: &ApiKeyEntry, end: UnixTime, now: UnixTime) -> Option<u64> {
        let left = end.since(now);
        if left > NOTICE {
            return None;
        }
        let today = now.as_secs().div_euclid(SECONDS_PER_DAY);
        // At most as many as there are keys, each a few octets.
        let before = self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id.clone(), today);
        (before != Some(today)).then(|| left.as_secs() / SECONDS_PER_DAY.unsigned_abs())
    }

    fn claims(&self, entry: &ApiKeyEntry, end: UnixTime) -> VerifiedClaims {
        let claims = Map::from_iter(
            [
                ("sub", Value::from(entry.owner.as_str())),
                ("client_id", entry.owner.as_str().into()),
                ("jti", entry.id.as_str().into()),
                ("iat", json!(entry.created.as_secs())),
                ("exp", json!(end.as_secs())),
                ("scope", entry.scopes.join(" ").into()),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
        VerifiedClaims::assume_verified(&self.alias, claims).with_credential(Credential::ApiKey)
    }
}

impl fmt::Debug for ApiKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApiKeys")
            .field("alias", &self.alias)
            .field("store", &self.store)
            .field("place", &self.place)
            .finish_non_exhaustive()
    }
}

/// Why a key was not accepted. For the log; the caller learns only that it was not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeyError {
    /// It says that it was made in the future.
    #[error("API key `{id}` was created more than a minute after now")]
    CreatedInFuture {
        /// The id of the key.
        id: String,
    },
    /// It is disabled.
    #[error("API key `{id}` is disabled")]
    Disabled {
        /// The id of the key.
        id: String,
    },
    /// It has expired.
    #[error("API key `{id}` has expired")]
    Expired {
        /// The id of the key.
        id: String,
    },
    /// The text is not that of a key: its form or its checksum is wrong. No key was looked up.
    #[error("the text is not an API key")]
    Malformed,
    /// It is older than `max_age` allows.
    #[error("API key `{id}` is older than `max_age` allows; make a new one")]
    TooOld {
        /// The id of the key.
        id: String,
    },
    /// No key has this id, or its secret is another.
    #[error("no such API key")]
    Unknown,
    /// It is for another API.
    #[error("API key `{id}` is for another API")]
    WrongAudience {
        /// The id of the key.
        id: String,
    },
}

/// Why keys cannot be accepted as configured. The operator must change a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApiKeysError {
    /// The alias is not a short name.
    #[error("`{alias}` is not an alias; use 1 to 32 of the characters a-z, 0-9 and -")]
    Alias {
        /// The alias.
        alias: String,
    },
    /// The header field is not one for keys.
    #[error("`{name}` is not a header field for keys: {expected}")]
    Field {
        /// The field.
        name: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The file cannot be used.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// No audience is named, so keys for any API would do.
    #[error("API keys have no audience; name the identifier of this API that stands in their `audience`")]
    NoAudience,
    /// Nothing, or too much, says where a request carries a key.
    #[error("say where a request carries its API key: either `header` or `scheme`")]
    Place,
}

/// KEY fields are ours to name; new names have no `X-` (RFC 6648 §3), and names with a meaning stay what they are.
fn check_field(name: &str) -> Result<(), ApiKeysError> {
    let is_name = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    let expected = if name.is_empty() || !name.bytes().all(is_name) {
        "write its name in lower case"
    } else if ["authorization", "proxy-authorization", "cookie", "set-cookie", "dpop", "host"].contains(&name) {
        "it has another meaning; for `Authorization`, write `scheme = \"ApiKey\"` instead"
    } else if name.starts_with("x-") && name != "x-api-key" {
        "leave out the `x-`"
    } else {
        return Ok(());
    };
    Err(ApiKeysError::Field { name: name.to_owned(), expected })
}

/// What an unknown id is compared with. Nobody knows a text with this hash.
const NO_HASH: [u8; 32] = [0; 32];

/// How long before its end the log begins to count down.
const NOTICE: Duration = Duration::from_secs(14 * 86_400);
const SECONDS_PER_DAY: i64 = 86_400;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_counts_down_once_a_day_and_key() {
        // KEY-05
        let path = std::env::temp_dir().join(format!("portcullis-countdown-{}.json", std::process::id()));
        std::fs::write(&path, r#"{ "keys": [] }"#).unwrap();
        let day = Duration::from_secs(86_400);
        let keys = ApiKeys::file("keys", &path, ["api"], day * 90, KeyPlace::Scheme).unwrap();
        std::fs::remove_file(&path).unwrap();
        let start = UnixTime::from_secs(1_767_225_600).unwrap(); // midnight
        let entry = || NewApiKey::generate("billing", ["read"], ["api"], start, day * 90).unwrap().entry;
        let (one, other) = (entry(), entry());
        let announced = |entry, days: u32, hours: u32| {
            keys.days_to_announce(entry, start.plus(day * 90), start.plus(day * days + day / 24 * hours))
        };
        assert_eq!(announced(&one, 0, 0), None);
        assert_eq!(announced(&one, 75, 23), None);
        assert_eq!(announced(&one, 76, 0), Some(14));
        assert_eq!(announced(&one, 76, 23), None, "said today");
        assert_eq!(announced(&other, 76, 23), Some(13), "of another key");
        assert_eq!(announced(&one, 77, 0), Some(13));
        assert_eq!(announced(&one, 89, 12), Some(0));
    }
}
