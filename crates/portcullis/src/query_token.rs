//! Access tokens in the query of a request: never used.

use serde::Deserialize;

/// What becomes of a request whose query has a parameter `access_token`.
///
/// The token is never looked at: a query ends up in logs, in histories and in the field `Referer` (OAuth 2.1 §5.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "OAuth 2.1 and RFC 6750 know no third answer")]
pub enum QueryToken {
    /// The parameter is ignored: alone, it is no credential.
    #[default]
    Ignore,
    /// The request is refused, so that whoever wrote the client notices. The application's own routes then cannot have
    /// a parameter of this name.
    Refuse,
}

impl QueryToken {
    /// Whether a request with `query` is refused.
    pub(crate) fn refuses(self, query: Option<&str>) -> bool {
        let names = || query.unwrap_or_default().split('&').filter_map(|pair| pair.split('=').next());
        self == Self::Refuse && names().any(|name| decodes_to(name.as_bytes(), b"access_token"))
    }
}

/// Whether `encoded`, percent-decoded, is `plain`.
fn decodes_to(encoded: &[u8], plain: &[u8]) -> bool {
    match (encoded, plain) {
        ([], []) => true,
        ([b'%', high, low, encoded @ ..], [byte, plain @ ..]) => {
            let digit = |byte: u8| char::from(byte).to_digit(16);
            let decoded = digit(*high).zip(digit(*low)).map(|(high, low)| high * 16 + low);
            decoded == Some(u32::from(*byte)) && decodes_to(encoded, plain)
        }
        ([first, encoded @ ..], [byte, plain @ ..]) => first == byte && decodes_to(encoded, plain),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{any, prop, prop_assert, proptest};

    #[test]
    fn a_parameter_is_found_however_it_is_encoded() {
        // O21-02
        for query in ["access_token=a", "a=b&access_token", "access%5Ftoken=a", "%61ccess_token=a&b", "access%5ftoken"]
        {
            assert!(QueryToken::Refuse.refuses(Some(query)), "{query}");
            assert!(!QueryToken::Ignore.refuses(Some(query)), "{query}");
        }
        for query in
            ["", "token=access_token", "access_tokens=a", "access_toke", "Access_Token=a", "access%5=a", "%", "a%255Fb"]
        {
            assert!(!QueryToken::Refuse.refuses(Some(query)), "{query}");
        }
        assert!(!QueryToken::Refuse.refuses(None));
    }

    proptest! {
        #[test]
        fn the_parameter_is_found_wherever_it_stands_and_however_it_is_spelled(
            before in "[a-z=&%+]{0,12}",
            encoded in prop::collection::vec(any::<bool>(), 12),
        ) {
            // GEN-10, O21-02
            let name: String = "access_token".bytes().zip(encoded).map(|(byte, encoded)| {
                if encoded { format!("%{byte:02x}") } else { char::from(byte).to_string() }
            }).collect();
            let query = format!("{before}&{name}=x");
            prop_assert!(QueryToken::Refuse.refuses(Some(&query)), "{}", query);
        }
    }
}
