//! From header fields to credentials.

use std::fmt;

use http::header::{AUTHORIZATION, GetAll};
use http::{HeaderMap, HeaderValue};
use portcullis_token::{CertificateFieldError, KeyPlace};

use crate::challenge::Scheme;

/// What a request brings to prove who it is.
///
/// Only the field `Authorization` counts, and the one that is configured for API keys. A token in the query, in a form, in a cookie or in `Proxy-Authorization` is
/// no credential (OAuth 2.1 §5.1, RFC 6750 §5.3).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Credentials<'a> {
    /// Nothing usable: no field, or a scheme that is not supported here (RFC 6750 §3.1).
    None,
    /// An access token of the scheme `Bearer`.
    Bearer(Token<'a>),
    /// An access token of the scheme `DPoP`, if that is accepted. Its proof is in another field.
    Dpop(Token<'a>),
    /// An API key, where and how the settings say. It is never taken for a token, nor a token for a key.
    ApiKey(Token<'a>),
}

/// What is accepted beside tokens of the scheme `Bearer`.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Accepted<'a> {
    /// Where API keys stand, if any are accepted.
    pub(crate) keys: Option<&'a KeyPlace>,
    pub(crate) proofs: Proofs,
}

/// What becomes of the scheme `DPoP`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Proofs {
    /// It is a scheme like any other that is not supported.
    NotSupported,
    Verified,
}

/// The text of an access token or of an API key.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) struct Token<'a>(pub(crate) &'a str);

/// The token is a secret.
impl fmt::Debug for Token<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token([token elided])")
    }
}

/// Why the credentials cannot even be read. The caller must send another request.
///
/// `Display` is what the caller is told, too: fixed texts that fit `error_description` (RFC 6750 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Malformed {
    /// A proxy that is believed says nothing that can be read about the client's certificate.
    #[error("{0}")]
    Certificate(CertificateFieldError),
    /// There are an access token and an API key. Neither is picked.
    #[error("there are an access token and an API key")]
    Both,
    /// No token follows the scheme, or the field is empty.
    #[error("no token follows the scheme, or the field is empty")]
    Empty,
    /// What follows the scheme is no `token68` (RFC 9110 §11.2).
    #[error("the credentials are not one token68")]
    NotToken68,
    /// The field does not begin with a scheme and a space.
    #[error("the field Authorization does not begin with a scheme and a space")]
    NoScheme,
    /// There are several fields. None is picked.
    #[error("there are several fields with credentials")]
    Repeated,
    /// An access token stands in the query, and the operator refuses such requests.
    #[error("an access token in the query is not accepted, send it in the field Authorization")]
    InQuery,
    /// The field is too long.
    #[error("the field Authorization is longer than {MAX_FIELD_BYTES} bytes")]
    TooLong,
}

impl<'a> Credentials<'a> {
    /// Reads the credentials of a request, of those that are accepted.
    pub(crate) fn read(headers: &'a HeaderMap, accepted: Accepted<'_>) -> Result<Self, Malformed> {
        let of_scheme = Self::of_authorization(headers, accepted)?;
        let Some(KeyPlace::Field(name)) = accepted.keys else {
            return Ok(of_scheme);
        };
        match (single(headers.get_all(name.as_str()))?, of_scheme) {
            (None, credentials) => Ok(credentials),
            (Some([]), _) => Err(Malformed::Empty),
            (Some(key), Self::None) => token68(key).map(|key| Self::ApiKey(Token(key))).ok_or(Malformed::NotToken68),
            (Some(_), _) => Err(Malformed::Both),
        }
    }

    fn of_authorization(headers: &'a HeaderMap, accepted: Accepted<'_>) -> Result<Self, Malformed> {
        let Some(field) = single(headers.get_all(AUTHORIZATION))? else {
            return Ok(Self::None);
        };
        let (scheme, rest) = split(field, is_tchar);
        if scheme.is_empty() {
            return Err(Malformed::NoScheme);
        }
        let credentials = if scheme.eq_ignore_ascii_case(b"Bearer") {
            Self::Bearer
        } else if accepted.proofs == Proofs::Verified && scheme.eq_ignore_ascii_case(b"DPoP") {
            Self::Dpop
        } else if accepted.keys == Some(&KeyPlace::Scheme) && scheme.eq_ignore_ascii_case(b"ApiKey") {
            Self::ApiKey
        } else {
            return Ok(Self::None);
        };
        let (spaces, token) = split(rest, |byte| byte == b' ');
        match (spaces, token) {
            (_, []) => Err(Malformed::Empty),
            ([], _) => Err(Malformed::NoScheme),
            _ => token68(token).map(|token| credentials(Token(token))).ok_or(Malformed::NotToken68),
        }
    }
}

impl Credentials<'_> {
    /// The token or the key; empty if there is none.
    pub(crate) fn text(&self) -> &str {
        match self {
            Self::None => "",
            Self::Bearer(token) | Self::Dpop(token) | Self::ApiKey(token) => token.0,
        }
    }

    /// The scheme that the client used.
    pub(crate) fn scheme(&self) -> Scheme {
        match self {
            Self::Dpop(_) => Scheme::Dpop,
            Self::None | Self::Bearer(_) | Self::ApiKey(_) => Scheme::Bearer,
        }
    }
}

/// The one field among `fields`, if there is any.
fn single(fields: GetAll<'_, HeaderValue>) -> Result<Option<&[u8]>, Malformed> {
    let mut fields = fields.iter();
    let field = fields.next().map(HeaderValue::as_bytes);
    match field {
        Some(_) if fields.next().is_some() => Err(Malformed::Repeated),
        Some(field) if field.len() > MAX_FIELD_BYTES => Err(Malformed::TooLong),
        field => Ok(field),
    }
}

/// The text of a `token68`: letters, digits and `-._~+/`, then `=`.
fn token68(bytes: &[u8]) -> Option<&str> {
    let padding = bytes.iter().rev().take_while(|byte| **byte == b'=').count();
    let (word, _) = bytes.split_at(bytes.len().saturating_sub(padding));
    // Every octet is looked at, whatever the one before was: that way the compiler takes many at once.
    let is_word = word.iter().fold(true, |so_far, byte| so_far & is_token68_octet(*byte));
    std::str::from_utf8(bytes).ok().filter(|_| is_word && !word.is_empty())
}

/// `+`, `-`, `.`, `/` and the digits stand in one row, but for `,`.
fn is_token68_octet(byte: u8) -> bool {
    let is_letter = (byte | 0x20).wrapping_sub(b'a') < 26;
    let is_in_row = byte.wrapping_sub(b'+') <= b'9' - b'+';
    is_letter | (is_in_row & (byte != b',')) | (byte == b'_') | (byte == b'~')
}

/// A character of a `token` (RFC 9110 §5.6.2), such as the name of a scheme.
fn is_tchar(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Splits `bytes` at the first that is not `inside`.
fn split(bytes: &[u8], inside: impl Fn(u8) -> bool) -> (&[u8], &[u8]) {
    let end = bytes.iter().position(|byte| !inside(*byte)).unwrap_or(bytes.len());
    bytes.split_at(end)
}

/// A field longer than this is not looked at. Common proxies let 8 to 16 KiB through, and tokens are bounded by the
/// same number.
const MAX_FIELD_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    const BEARER: Accepted<'_> = Accepted { keys: None, proofs: Proofs::NotSupported };

    #[test]
    fn a_token68_has_the_characters_of_rfc_9110() {
        for byte in 0..=u8::MAX {
            let listed = byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
            assert_eq!(is_token68_octet(byte), listed, "{byte}");
        }
        for (text, valid) in [("a", true), ("a==", true), ("=", false), ("", false), ("a=b", false), ("a,", false)] {
            assert_eq!(token68(text.as_bytes()).is_some(), valid, "{text}");
        }
    }

    #[test]
    fn the_scheme_dpop_is_read_only_where_proofs_are_verified() {
        // DPP-01, HTP-01, HTP-09
        let read = |proofs, text: &'static str| {
            let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static(text))]);
            Credentials::read(&headers, Accepted { proofs, ..BEARER }).map(|credentials| match credentials {
                Credentials::Dpop(token) => token.0.to_owned(),
                other => format!("{other:?}"),
            })
        };
        for field in ["DPoP abc", "dpop abc", "DPOP  abc"] {
            assert_eq!(read(Proofs::Verified, field), Ok("abc".to_owned()), "{field}");
            assert_eq!(read(Proofs::NotSupported, field), Ok("None".to_owned()), "{field}");
        }
        assert_eq!(read(Proofs::Verified, "DPoP"), Err(Malformed::Empty));
        assert_eq!(read(Proofs::Verified, "DPoP a b"), Err(Malformed::NotToken68));
    }

    #[track_caller]
    fn read(fields: &[&[u8]]) -> Result<Option<String>, Malformed> {
        let mut headers = HeaderMap::new();
        for field in fields {
            headers.append(AUTHORIZATION, HeaderValue::from_bytes(field).unwrap());
        }
        Credentials::read(&headers, BEARER).map(|credentials| match credentials {
            Credentials::None | Credentials::Dpop(_) | Credentials::ApiKey(_) => None,
            Credentials::Bearer(token) => Some(token.0.to_owned()),
        })
    }

    #[test]
    fn a_key_is_read_only_where_the_settings_say() {
        let field = KeyPlace::Field("api-key".to_owned());
        let key = Ok(Credentials::ApiKey(Token("k")));
        let bearer = Ok(Credentials::Bearer(Token("t")));
        let nothing = Ok(Credentials::None);
        for (place, fields, expected) in [
            (Some(&field), &[("api-key", "k")][..], &key), // KEY-01
            (Some(&field), &[("x-api-key", "k")], &nothing),
            (Some(&field), &[("authorization", "ApiKey k")], &nothing),
            (Some(&field), &[("authorization", "Bearer t")], &bearer),
            (Some(&field), &[("api-key", "k"), ("authorization", "Basic dTpw")], &key),
            (Some(&field), &[("api-key", "k"), ("authorization", "Bearer t")], &Err(Malformed::Both)), // KEY-06
            (Some(&field), &[("api-key", ""), ("authorization", "Bearer t")], &Err(Malformed::Empty)),
            (Some(&field), &[("api-key", "k"), ("authorization", "Bearer")], &Err(Malformed::Empty)),
            (Some(&field), &[("api-key", "k"), ("api-key", "k")], &Err(Malformed::Repeated)),
            (Some(&field), &[("api-key", "k l")], &Err(Malformed::NotToken68)),
            (Some(&KeyPlace::Scheme), &[("authorization", "ApiKey k")], &key),
            (Some(&KeyPlace::Scheme), &[("authorization", "apikey k")], &key),
            (Some(&KeyPlace::Scheme), &[("authorization", "ApiKey")], &Err(Malformed::Empty)),
            (Some(&KeyPlace::Scheme), &[("authorization", "ApiKeys k")], &nothing),
            (Some(&KeyPlace::Scheme), &[("api-key", "k")], &nothing),
            (
                Some(&KeyPlace::Scheme),
                &[("authorization", "ApiKey k"), ("authorization", "Bearer t")], // KEY-06
                &Err(Malformed::Repeated),
            ),
            (None, &[("api-key", "k")], &nothing),
            (None, &[("authorization", "ApiKey k")], &nothing),
        ] {
            let mut headers = HeaderMap::new();
            for (name, value) in fields {
                headers.append(*name, HeaderValue::from_static(value));
            }
            assert_eq!(
                &Credentials::read(&headers, Accepted { keys: place, ..BEARER }),
                expected,
                "{place:?} {fields:?}"
            );
        }
    }

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_the_scheme() {
        // HTP-01, HTP-03, HTP-04, BRR-01
        for (field, token) in [
            ("Bearer abc", "abc"),
            ("bearer abc", "abc"),
            ("BEARER abc", "abc"),
            ("bEaReR abc", "abc"),
            ("Bearer  abc", "abc"), // several spaces are one separator
            ("Bearer aA0-._~+/==", "aA0-._~+/=="),
        ] {
            assert_eq!(read(&[field.as_bytes()]), Ok(Some(token.to_owned())), "{field:?}");
        }
    }

    #[test]
    fn without_a_usable_scheme_there_are_no_credentials() {
        assert_eq!(read(&[]), Ok(None)); // BRR-05
        // HTP-09: a scheme that is not supported, however it goes on.
        for field in ["Basic dTpw", "DPoP abc", "Digest a=b, c=d", "Bearerabc", "Bearer-x abc", "ApiKey"] {
            assert_eq!(read(&[field.as_bytes()]), Ok(None), "{field:?}");
        }
    }

    #[test]
    fn malformed_credentials_are_refused_and_never_repaired() {
        for (field, problem) in [
            (b"Bearer".as_slice(), Malformed::Empty), // BRR-06
            (b"Bearer ", Malformed::Empty),
            (b"", Malformed::NoScheme),
            (b"Bearer\tabc", Malformed::NoScheme), // HTP-03: a tab separates nothing
            (b"Bearer,abc", Malformed::NoScheme),
            (b" Bearer abc", Malformed::NoScheme),
            (b"\"Bearer\" abc", Malformed::NoScheme),
            (b"Bearer \tabc", Malformed::NotToken68),
            (b"Bearer a b", Malformed::NotToken68), // HTP-04
            (b"Bearer abc ", Malformed::NotToken68),
            (b"Bearer abc,def", Malformed::NotToken68),
            (b"Bearer abc, Bearer abc", Malformed::NotToken68),
            (b"Bearer a=b", Malformed::NotToken68),
            (b"Bearer ==", Malformed::NotToken68),
            (b"Bearer \"abc\"", Malformed::NotToken68),
            (b"Bearer \xff\xfe", Malformed::NotToken68),
        ] {
            assert_eq!(read(&[field]), Err(problem), "{:?}", String::from_utf8_lossy(field));
        }
    }

    #[test]
    fn one_of_several_fields_is_never_picked() {
        // HTP-02, also if they are equal or if only one is usable
        for other in ["Bearer abc", "Bearer def", "Basic dTpw"] {
            assert_eq!(read(&[b"Bearer abc", other.as_bytes()]), Err(Malformed::Repeated), "{other}");
        }
    }

    #[test]
    fn a_field_is_bounded_before_it_is_parsed() {
        // HTP-13: at the limit, and one above
        let field = |bytes: usize| [b"Bearer ".as_slice(), &vec![b'a'; bytes - 7]].concat();
        assert!(read(&[&field(MAX_FIELD_BYTES)]).is_ok());
        assert_eq!(read(&[&field(MAX_FIELD_BYTES + 1)]), Err(Malformed::TooLong));
    }

    #[test]
    fn the_token_does_not_print() {
        let headers = HeaderMap::from_iter([(AUTHORIZATION, HeaderValue::from_static("Bearer canary"))]);
        assert!(!format!("{:?}", Credentials::read(&headers, BEARER)).contains("canary")); // GEN-04
    }
}
