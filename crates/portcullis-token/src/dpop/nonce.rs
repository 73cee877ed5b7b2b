//! Nonces of the resource server (RFC 9449 §9).
//!
//! A nonce is its time of issue and a MAC over it: `base64url(seconds ‖ HMAC-SHA-256(key, label ‖ seconds))`. So
//! nothing is stored, instances share keys instead of state, and nobody without a key knows a nonce before its second
//! has come. All nonces of one second are equal: a nonce says when a proof was made, not by whom, and may be used many
//! times.

use std::fmt;
use std::time::Duration;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::SystemRandom;
use portcullis_core::UnixTime;

use super::thumbprint::sha256;
use crate::base64url;

/// Whether proofs need a nonce of this server.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum NoncePolicy {
    /// None is issued, and `nonce` in proofs is ignored.
    #[default]
    Off,
    /// Nonces are issued and checked where a proof has one; a proof without one is accepted. To find out whether all
    /// clients can, before they must: it stops nobody who leaves the nonce out.
    Optional(Nonces),
    /// Every proof needs a recent nonce. Then nobody can make proofs in advance.
    Required(Nonces),
}

/// Issues nonces and recognises its own.
///
/// # Defaults
///
/// - A nonce is accepted for 5 minutes. Clients get a new one after half of that.
///
/// # Rotation
///
/// Instances that serve the same clients need the same keys. A new key is first deployed as a further one, so that all
/// instances accept its nonces, and then as the current one; the old one is removed a lifetime later.
#[derive(Debug)]
pub struct Nonces {
    current: NonceKey,
    further: Vec<NonceKey>,
    lifetime: Duration,
}

impl Nonces {
    /// Issues nonces with `current`, and accepts those of the `further` keys too.
    pub fn new(current: NonceKey, further: impl IntoIterator<Item = NonceKey>) -> Self {
        Self { current, further: further.into_iter().collect(), lifetime: DEFAULT_LIFETIME }
    }

    /// Accepts a nonce for `lifetime`; 5 minutes unless this is called.
    ///
    /// # Errors
    ///
    /// [`InvalidNonceLifetime`] below 10 seconds, in which a client could not answer, and above an hour.
    pub fn with_lifetime(mut self, lifetime: Duration) -> Result<Self, InvalidNonceLifetime> {
        if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
            return Err(InvalidNonceLifetime { lifetime });
        }
        self.lifetime = lifetime;
        Ok(self)
    }

    /// The nonce of this moment, for the field `DPoP-Nonce`.
    #[must_use]
    pub fn issue(&self, now: UnixTime) -> String {
        let seconds = now.as_secs().to_be_bytes();
        let tag = hmac::sign(&self.current.0, &message(&seconds));
        base64url::encode(&[&seconds, tag.as_ref()].concat())
    }

    /// When `nonce` was issued, if one of the keys did and it is still accepted at `now`.
    pub(super) fn issued(&self, nonce: &str, now: UnixTime) -> Option<UnixTime> {
        // The length first: only our own are worth decoding.
        let octets = if nonce.len() == NONCE_CHARS { base64url::decode(nonce)? } else { return None };
        let (seconds, tag) = octets.split_first_chunk()?;
        let keys = std::iter::once(&self.current).chain(&self.further);
        // Compares in constant time.
        let is_ours = |key: &NonceKey| hmac::verify(&key.0, &message(seconds), tag).is_ok();
        if !keys.into_iter().any(is_ours) {
            return None;
        }
        let issued = UnixTime::from_secs(i64::from_be_bytes(*seconds))?;
        // The clocks of other instances may run ahead a little.
        (issued <= now.plus(MAX_AHEAD) && now <= issued.plus(self.lifetime)).then_some(issued)
    }

    /// Whether a client that uses a nonce of the time `issued` should get a new one.
    pub(super) fn is_due(&self, issued: UnixTime, now: UnixTime) -> bool {
        now.since(issued) >= self.lifetime / 2
    }
}

/// A secret key for [`Nonces`].
pub struct NonceKey(hmac::Key);

impl NonceKey {
    /// A key of this secret, which instances may share. It is for nonces of resource servers alone: a label keeps it
    /// apart from other uses, such as nonces of an authorization server (RFC 9449 §9).
    ///
    /// # Errors
    ///
    /// [`NonceKeyError::TooShort`] below 32 octets (RFC 2104 §3): who finds the key makes nonces for all times.
    pub fn new(secret: &[u8]) -> Result<Self, NonceKeyError> {
        if secret.len() < MIN_SECRET_OCTETS {
            return Err(NonceKeyError::TooShort { octets: secret.len() });
        }
        // Hashed, so that no two secrets are one key: HMAC fills short keys up with zeros.
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &sha256(secret))))
    }

    /// A new random key: for one instance, until it stops.
    ///
    /// # Errors
    ///
    /// [`NonceKeyError::NoRandomness`] if the system has no random numbers.
    pub fn random() -> Result<Self, NonceKeyError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|_| NonceKeyError::NoRandomness)
    }
}

/// Does not print the key.
impl fmt::Debug for NonceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NonceKey").finish_non_exhaustive()
    }
}

/// Why there is no key for nonces. The operator must change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NonceKeyError {
    /// The system has no random numbers.
    #[error("the system has no random numbers for a nonce key")]
    NoRandomness,
    /// The secret is too short.
    #[error("a nonce key of {octets} octets can be guessed; use {MIN_SECRET_OCTETS} random ones or more")]
    TooShort {
        /// Its length.
        octets: usize,
    },
}

/// A lifetime of nonces that is too short or too long. The operator must change a setting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("nonces cannot live for {lifetime:?}; use {MIN_LIFETIME:?} to {MAX_LIFETIME:?}")]
#[non_exhaustive]
pub struct InvalidNonceLifetime {
    /// The lifetime.
    pub lifetime: Duration,
}

fn message(seconds: &[u8; 8]) -> Vec<u8> {
    [LABEL, seconds].concat()
}

const LABEL: &[u8] = b"portcullis: nonce of a resource server (RFC 9449 section 9)\0";

const DEFAULT_LIFETIME: Duration = Duration::from_secs(300);
const MIN_LIFETIME: Duration = Duration::from_secs(10);
const MAX_LIFETIME: Duration = Duration::from_secs(3_600);
const MAX_AHEAD: Duration = Duration::from_secs(10);
const MIN_SECRET_OCTETS: usize = 32;

/// 8 octets of time and 32 of HMAC-SHA-256, in base64url.
const NONCE_CHARS: usize = 54;

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_767_226_000;

    fn time(secs: i64) -> UnixTime {
        UnixTime::from_secs(secs).unwrap()
    }

    fn key(octet: u8) -> NonceKey {
        NonceKey::new(&[octet; 32]).unwrap()
    }

    #[test]
    fn a_nonce_is_accepted_for_its_lifetime_and_again_and_again() {
        // DPP-16, DPP-35
        let nonces = Nonces::new(key(1), []).with_lifetime(Duration::from_secs(60)).unwrap();
        let nonce = nonces.issue(time(NOW));
        for (at, accepted) in
            [(NOW, true), (NOW, true), (NOW + 60, true), (NOW + 61, false), (NOW - 10, true), (NOW - 11, false)]
        {
            assert_eq!(nonces.issued(&nonce, time(at)).is_some(), accepted, "{at}");
        }
        // An earlier one is not replaced by a later one.
        let later = nonces.issue(time(NOW + 30));
        assert_ne!(nonce, later);
        assert!(nonces.issued(&nonce, time(NOW + 30)).is_some() && nonces.issued(&later, time(NOW + 30)).is_some());
    }

    #[test]
    fn a_nonce_that_nobody_issued_is_refused() {
        // DPP-16, DPP-32, DPP-35
        let nonces = Nonces::new(key(1), [key(2)]);
        let nonce = nonces.issue(time(NOW));
        let forged = |octets: &[u8]| base64url::encode(octets);
        let tag_alone = hmac::sign(&key(1).0, &NOW.to_be_bytes());
        for text in [
            String::new(),
            "n".to_owned(),
            nonce.to_uppercase(),
            format!("{nonce}A"),
            nonce.chars().skip(1).collect(),
            forged(&[&NOW.to_be_bytes()[..], &[0; 32]].concat()),
            // The same key, but without the label: another purpose.
            forged(&[&NOW.to_be_bytes()[..], tag_alone.as_ref()].concat()),
            // The MAC of one second for another.
            forged(&[&(NOW + 1).to_be_bytes()[..], &base64url::decode(&nonce).unwrap()[8..]].concat()),
            Nonces::new(key(3), []).issue(time(NOW)), // of another server
        ] {
            assert_eq!(nonces.issued(&text, time(NOW)), None, "{text}");
        }
        assert_eq!(nonces.issued(&nonce, time(NOW)), Some(time(NOW)));
    }

    #[test]
    fn keys_rotate_without_refusing_anybody() {
        // DPP-32, DPP-35
        let (old, both) = (Nonces::new(key(1), [key(2)]), Nonces::new(key(2), [key(1)]));
        for (issuer, verifier) in [(&old, &both), (&both, &old), (&old, &old), (&both, &both)] {
            assert!(verifier.issued(&issuer.issue(time(NOW)), time(NOW)).is_some());
        }
        assert!(Nonces::new(key(2), []).issued(&old.issue(time(NOW)), time(NOW)).is_none());
    }

    #[test]
    fn a_nonce_consists_of_the_characters_of_nqchar_and_is_due_after_half_its_life() {
        // DPP-32, DPP-34
        let nonces = Nonces::new(NonceKey::random().unwrap(), []);
        let nonce = nonces.issue(time(NOW));
        assert_eq!(nonce.len(), NONCE_CHARS);
        assert!(nonce.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)), "{nonce}");
        assert_ne!(nonce, Nonces::new(NonceKey::random().unwrap(), []).issue(time(NOW)));
        assert!(!nonces.is_due(time(NOW), time(NOW + 149)));
        assert!(nonces.is_due(time(NOW), time(NOW + 150)));
    }

    #[test]
    fn weak_settings_are_refused_and_secrets_do_not_print() {
        // GEN-09, GEN-04
        assert_eq!(NonceKey::new(&[7; 31]).unwrap_err(), NonceKeyError::TooShort { octets: 31 });
        for secs in [0, 9, 3_601] {
            assert!(Nonces::new(key(1), []).with_lifetime(Duration::from_secs(secs)).is_err(), "{secs}");
        }
        assert_eq!(format!("{:?}", key(7)), "NonceKey { .. }");
    }
}
