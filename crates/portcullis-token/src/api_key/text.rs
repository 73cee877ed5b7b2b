//! The text of an API key: `portcullis_<id>_<secret><checksum>`.
//!
//! The prefix lets scanners find leaked keys, the checksum lets them (and us) tell a key from a typing error without
//! asking anybody. Secret and checksum are lower-case hexadecimal, the checksum is the beginning of a SHA-256 over all
//! that stands before it.

use std::fmt::{self, Write as _};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

/// An API key as its client sends it: a secret, so it does not print.
///
/// [`ApiKeyText::reveal`] is for the one time when it is handed over.
#[derive(Clone, PartialEq, Eq)]
pub struct ApiKeyText(String);

impl ApiKeyText {
    /// A new key; `None` if the system has no randomness to give.
    pub(super) fn generate() -> Option<(String, Self)> {
        let (mut id, mut secret) = ([0; ID_OCTETS], [0; SECRET_OCTETS]);
        let random = SystemRandom::new();
        random.fill(&mut id).ok()?;
        random.fill(&mut secret).ok()?;
        let id = hex(&id);
        let body = format!("{PREFIX}{id}_{}", hex(&secret));
        let text = format!("{body}{}", checksum(&body));
        Some((id, Self(text)))
    }

    /// The text itself. Show it once, and keep it nowhere.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKeyText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ApiKeyText([key elided])")
    }
}

/// The id in `text`, if that is a key at all.
pub(super) fn id(text: &str) -> Option<&str> {
    let (id, rest) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let is_complete = is_id(id) && rest.len() == 2 * SECRET_OCTETS + CHECKSUM_DIGITS && rest.bytes().all(is_digit);
    let (body, sum) = text.split_at_checked(text.len().checked_sub(CHECKSUM_DIGITS)?)?;
    (is_complete && checksum(body) == sum).then_some(id)
}

/// Whether `id` can be the id of a key: 1 to 32 of `a-z` and `0-9`.
pub(super) fn is_id(id: &str) -> bool {
    (1..=32).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
}

/// What is stored of a key.
pub(super) fn sha256(text: &str) -> [u8; 32] {
    let mut octets = [0; 32];
    // Both are 32 octets long.
    for (octet, computed) in octets.iter_mut().zip(digest(&SHA256, text.as_bytes()).as_ref()) {
        *octet = *computed;
    }
    octets
}

pub(super) fn hex(octets: &[u8]) -> String {
    octets.iter().fold(String::new(), |mut text, octet| {
        // Writing to a string cannot fail.
        let _ = write!(text, "{octet:02x}");
        text
    })
}

/// 32 octets in hexadecimal, in either case.
pub(super) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut octets = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (place, octet) in octets.iter_mut().enumerate() {
        let start = place.checked_mul(2)?;
        *octet = u8::from_str_radix(text.get(start..start.checked_add(2)?)?, 16).ok()?;
    }
    Some(octets)
}

fn is_digit(byte: u8) -> bool {
    matches!(byte, b'0'..=b'9' | b'a'..=b'f')
}

fn checksum(body: &str) -> String {
    hex(&sha256(body)).chars().take(CHECKSUM_DIGITS).collect()
}

const PREFIX: &str = "portcullis_";
const ID_OCTETS: usize = 8;

/// 256 bits, of which 128 would do.
const SECRET_OCTETS: usize = 32;
const CHECKSUM_DIGITS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_has_its_parts_and_no_two_are_alike() {
        // KEY-02
        let (id, key) = ApiKeyText::generate().unwrap();
        let (other, _) = ApiKeyText::generate().unwrap();
        assert_ne!(id, other);
        assert!(key.reveal().starts_with(&format!("portcullis_{id}_")));
        assert_eq!(super::id(key.reveal()), Some(id.as_str()));
        assert_eq!(unhex(&hex(&sha256(key.reveal()))), Some(sha256(key.reveal())));
        assert!(!format!("{key:?}").contains(&id)); // GEN-04
    }

    #[test]
    fn what_is_not_exactly_a_key_has_no_id() {
        // KEY-02, KEY-09
        let (_, key) = ApiKeyText::generate().unwrap();
        let key = key.reveal();
        let ((_, without_first), (without_last, last)) = (key.split_at(1), key.split_at(key.len() - 1));
        let other = if last == "0" { "1" } else { "0" };
        for text in [
            "",
            "portcullis_",
            "portcullis__",
            without_first,
            without_last,
            &format!("{key}0"),
            &format!(" {key}"),
            &format!("{key}\n"),
            &format!("{without_last}{other}"), // the checksum
            &key.replacen("portcullis_", "portcullis_a", 1),
            &key.to_uppercase(),
            &"é".repeat(100),
            "eyJhbGciOiJub25lIn0.e30.",
        ] {
            assert_eq!(id(text), None, "{text}");
        }
        for text in ["", "0", &"g".repeat(64), &"é".repeat(32), &"0".repeat(66)] {
            assert_eq!(unhex(text), None, "{text}");
        }
    }
}
