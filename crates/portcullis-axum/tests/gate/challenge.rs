//! A strict parser of `WWW-Authenticate` (RFC 9110 §11.6.1) that shares nothing with the writer.

use std::collections::BTreeMap;

use axum::http::HeaderValue;

/// One field line with one challenge: its scheme, and its parameters by name.
#[track_caller]
pub(crate) fn parse(line: &HeaderValue) -> (String, BTreeMap<String, String>) {
    let line = line.to_str().expect("visible ASCII");
    let (scheme, mut rest) = line.split_once(' ').unwrap_or_else(|| panic!("no scheme: {line}"));
    assert!(["Bearer", "DPoP"].contains(&scheme), "no scheme: {line}");
    let mut parameters = BTreeMap::new();
    loop {
        let (name, after) = rest.split_once("=\"").unwrap_or_else(|| panic!("no quoted value: {line}"));
        assert!(!name.is_empty() && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{line}");
        let (value, after) = after.split_once('"').unwrap_or_else(|| panic!("no closing quote: {line}"));
        // BRR-12: no escapes, and the narrowest of the character sets for scopes.
        assert!(value.bytes().all(|b| matches!(b, 0x20 | 0x21 | 0x23..=0x5B | 0x5D..=0x7E)), "{line}");
        assert!(parameters.insert(name.to_owned(), value.to_owned()).is_none(), "repeated `{name}`: {line}"); // BRR-11
        if after.is_empty() {
            return (scheme.to_owned(), parameters);
        }
        rest = after.strip_prefix(", ").unwrap_or_else(|| panic!("junk after `{name}`: {line}"));
    }
}
