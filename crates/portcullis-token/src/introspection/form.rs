//! The form of a request (`application/x-www-form-urlencoded`).

/// Writes `text` as a name or value of a form: a space is `+`, and every other octet that is not unreserved
/// (RFC 3986 §2.3) is percent-encoded.
///
/// Client credentials go through this before they become Basic credentials (RFC 6749 §2.3.1).
pub(super) fn encode(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for octet in text.bytes() {
        match octet {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => encoded.push(char::from(octet)),
            b' ' => encoded.push('+'),
            _ => encoded.push_str(&format!("%{octet:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_that_could_end_a_value_is_encoded() {
        // INT-03
        for (text, encoded) in [
            ("rs:1", "rs%3A1"),
            ("p@ss word/+", "p%40ss+word%2F%2B"),
            ("a&b=c%", "a%26b%3Dc%25"),
            ("é\n", "%C3%A9%0A"),
            ("aZ09-._~", "aZ09-._~"),
        ] {
            assert_eq!(encode(text), encoded);
        }
    }
}
