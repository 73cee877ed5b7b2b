//! The public keys of one issuer (RFC 7517).

mod jwk;
mod key;

use serde_json::{Map, Value};

use crate::algorithm::Algorithm;
use crate::error::TokenError;
use crate::excerpt::Excerpt;
use crate::json::{InvalidJson, parse_object};
use crate::jws::Header;
use crate::limits::{JsonLimits, Limits};

pub use jwk::IgnoredReason;
pub(crate) use jwk::parse as parse_key;
pub(crate) use key::Key;

/// The keys of one issuer at one moment: a snapshot that never changes.
///
/// A set holds only keys that can verify a signature of one of our [`Algorithm`]s. Other keys of the JSON text are
/// left out and listed by [`KeySet::ignored`], so that one strange key does not stop an issuer (RFC 7517 §5). A set
/// without a usable key is an error, since a verifier without keys verifies nothing.
///
/// ```
/// use portcullis_token::KeySet;
///
/// let keys = KeySet::from_json(
///     br#"{ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "as-1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }"#,
/// )?;
/// assert_eq!(keys.len(), 1);
/// assert!(KeySet::from_json(br#"{ "keys": [] }"#).is_err());
/// # Ok::<(), portcullis_token::KeySetError>(())
/// ```
#[derive(Debug)]
pub struct KeySet {
    keys: Vec<Key>,
    ignored: Vec<IgnoredKey>,
}

impl KeySet {
    /// Reads a JWK Set (RFC 7517 §5).
    ///
    /// # Errors
    ///
    /// If the text is not such a set, repeats a member name, holds more than 100 keys, or holds no usable key.
    pub fn from_json(text: &[u8]) -> Result<Self, KeySetError> {
        Self::from_members(&parse_object(text, &LIMITS).map_err(KeySetError::Json)?)
    }

    fn from_members(set: &Map<String, Value>) -> Result<Self, KeySetError> {
        let Some(Value::Array(jwks)) = set.get("keys") else {
            return Err(KeySetError::NoKeysMember);
        };
        if jwks.len() > MAX_KEYS {
            return Err(KeySetError::TooManyKeys { count: jwks.len(), limit: MAX_KEYS });
        }
        let (mut keys, mut ignored): (Vec<Key>, _) = (Vec::new(), Vec::new());
        for (index, value) in jwks.iter().enumerate() {
            match jwk::parse(value) {
                // Some issuers list a key twice; that is not an ambiguity.
                Ok(key) if keys.contains(&key) => {}
                Ok(key) => keys.push(key),
                Err(reason) => {
                    let kid = value.get("kid").and_then(Value::as_str).map(Excerpt::new);
                    ignored.push(IgnoredKey { index, kid, reason });
                }
            }
        }
        if keys.is_empty() {
            return Err(KeySetError::NoUsableKey { ignored });
        }
        Ok(Self { keys, ignored })
    }

    /// The number of usable keys; never zero.
    #[must_use]
    #[expect(clippy::len_without_is_empty, reason = "a set is never empty")]
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// The keys of the text that are not used, with the reasons.
    #[must_use]
    pub fn ignored(&self) -> &[IgnoredKey] {
        &self.ignored
    }

    /// The one key that verifies a token with this header, for an issuer that may use `algorithms`.
    ///
    /// With a `kid`, only keys of that name are looked at (RFC 7515 §4.1.4); without one, all. Exactly one must fit.
    /// Trying several would let a stranger choose how many signatures are computed.
    pub(crate) fn select(&self, header: &Header, algorithms: &[Algorithm]) -> Result<&Key, TokenError> {
        let named = || self.keys.iter().filter(|key| header.kid.is_none() || key.kid == header.kid);
        let mut fitting = named().filter(|key| key.verifies(header.alg, algorithms));
        match (fitting.next(), fitting.count()) {
            (Some(key), 0) => Ok(key),
            (Some(_), more) => Err(TokenError::AmbiguousKey { candidates: more.saturating_add(1) }),
            (None, _) if header.kid.is_some() && named().next().is_some() => {
                Err(TokenError::KeyMismatch { alg: header.alg.as_str() })
            }
            (None, _) => Err(TokenError::UnknownKey),
        }
    }
}

/// A JWK Set as a TOML or JSON value, for settings that hold keys inline.
impl TryFrom<&Value> for KeySet {
    type Error = KeySetError;

    fn try_from(set: &Value) -> Result<Self, KeySetError> {
        Self::from_members(set.as_object().ok_or(KeySetError::NoKeysMember)?)
    }
}

/// A key of a set that is not used.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IgnoredKey {
    /// Its place in `keys`, from 0.
    pub index: usize,
    /// Its `kid`, if it has one.
    pub kid: Option<Excerpt>,
    /// Why it is not used.
    pub reason: IgnoredReason,
}

/// Why a text is not a usable key set.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KeySetError {
    /// The text is not an acceptable JSON object.
    #[error("the key set is not acceptable JSON: {0}")]
    Json(InvalidJson),
    /// There is no array `keys`.
    #[error("the key set has no array `keys`")]
    NoKeysMember,
    /// No key can verify anything.
    #[error("the key set has no key that verifies access tokens ({} ignored)", ignored.len())]
    NoUsableKey {
        /// What was found instead.
        ignored: Vec<IgnoredKey>,
    },
    /// There are more keys than any issuer needs.
    #[error("the key set has {count} keys, more than {limit}")]
    TooManyKeys {
        /// The number of keys.
        count: usize,
        /// The largest number accepted.
        limit: usize,
    },
}

/// Issuers publish a handful. Each further key costs a parse per refresh and a comparison per token.
const MAX_KEYS: usize = 100;

/// As for tokens, but for keys that are too many to be counted as keys.
const LIMITS: JsonLimits = Limits::DEFAULT.json;
