//! base64url as JOSE uses it (RFC 7515 §2).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// Decodes `text`, which must be the only way to write its octets: no padding, no white space, and the bits that
/// belong to no octet are zero (RFC 4648 §3.5). Otherwise one token had several spellings, and whatever is keyed by
/// the text (caches, revocation lists, logs) could be evaded.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    // This engine is strict by its definition; the tests below hold it to that.
    URL_SAFE_NO_PAD.decode(text).ok()
}

/// The one spelling of `octets`.
pub(crate) fn encode(octets: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_canonical_spelling_decodes() {
        for (text, octets) in [("", &[][..]), ("AA", &[0]), ("_-8", &[0xff, 0xef]), ("AAAA", &[0, 0, 0])] {
            assert_eq!(decode(text).as_deref(), Some(octets), "{text}");
        }
        // JWS-02, JWS-03, JWS-04
        for text in ["A", "AAAAA", "AA==", "AA=", "AB", "_-9", "+/8", "A A", "AA\n", " AA", "A%3D", "ÄÄ", "AA.AA"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
