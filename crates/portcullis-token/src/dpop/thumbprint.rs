//! Which key a token is bound to (RFC 7638, RFC 9449 §6.1).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest::{self, SHA256};
use serde_json::{Map, Value};

use crate::base64url;

/// The SHA-256 thumbprint of a public key, as it stands in `cnf.jkt`.
///
/// ```
/// use portcullis_token::Thumbprint;
///
/// let jkt: Thumbprint = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I".parse()?;
/// assert_eq!(jkt.to_string(), "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
/// assert!("0ZcOCORZNYy".parse::<Thumbprint>().is_err());
/// # Ok::<(), portcullis_token::InvalidThumbprint>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Thumbprint([u8; 32]);

impl Thumbprint {
    /// The thumbprint of a key that was parsed, so that its members are strings in their one canonical form; `None` for
    /// a type of key that none is parsed of.
    pub(super) fn of(jwk: &Map<String, Value>) -> Option<Self> {
        // RFC 7638 §3.2, RFC 8037 §2: the required members and no others, in lexicographic order.
        let members: &[&str] = match jwk.get("kty")?.as_str()? {
            "EC" => &["crv", "kty", "x", "y"],
            "RSA" => &["e", "kty", "n"],
            "OKP" => &["crv", "kty", "x"],
            _ => return None,
        };
        let members: Option<Vec<String>> =
            members.iter().map(|member| Some(format!("\"{member}\":{}", jwk.get(*member)?))).collect();
        Some(Self(sha256(format!("{{{}}}", members?.join(",")).as_bytes())))
    }

    /// Stands for a person who approves, where keys are counted. The text that is hashed is no JSON, so it is no key's.
    pub(super) fn of_approver(subject: &str) -> Self {
        Self(sha256(format!("portcullis: approvals of {subject}").as_bytes()))
    }

    /// The octets of the hash.
    #[must_use]
    pub fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl FromStr for Thumbprint {
    type Err = InvalidThumbprint;

    fn from_str(text: &str) -> Result<Self, InvalidThumbprint> {
        let octets = base64url::decode(text).ok_or(InvalidThumbprint)?;
        octets.try_into().map(Self).map_err(|_| InvalidThumbprint)
    }
}

impl fmt::Display for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for Thumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Thumbprint({self})")
    }
}

/// A text that is not the SHA-256 thumbprint of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a SHA-256 thumbprint: 32 octets in base64url without padding")]
#[non_exhaustive]
pub struct InvalidThumbprint;

pub(crate) fn sha256(octets: &[u8]) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.iter_mut().zip(digest::digest(&SHA256, octets).as_ref()).for_each(|(to, from)| *to = *from);
    hash
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn thumbprint(jwk: &Value) -> String {
        Thumbprint::of(jwk.as_object().unwrap()).unwrap().to_string()
    }

    #[test]
    fn published_keys_have_their_published_thumbprints() {
        // DPP-24
        for (source, jwk, expected) in [
            (
                "RFC 7638 §3.1",
                json!({ "kty": "RSA", "e": "AQAB", "alg": "RS256", "kid": "2011-04-29", "n": RFC_7638_N }),
                "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs",
            ),
            (
                "RFC 9449 §6.1",
                json!({
                    "kty": "EC", "crv": "P-256",
                    "x": "l8tFrhx-34tV3hRICRDY9zCkDlpBhF42UQUfWVAWBFs",
                    "y": "9VE4jf_Ok_o64zbTTlcuNJajHmt6v9TDVrU0CdvGRDA",
                }),
                "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I",
            ),
            (
                "RFC 8037 A.3",
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
                "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k",
            ),
            (
                "RFC 7515 A.3",
                json!({
                    "kty": "EC", "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                }),
                "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U",
            ),
        ] {
            assert_eq!(thumbprint(&jwk), expected, "{source}");
        }
    }

    #[test]
    fn further_members_change_nothing() {
        // DPP-24
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": "PUAXw-hDiVqStwqnTRt-vJyYLM8uxJaMwM1V8Sr0Zgw" });
        let mut longer = key.clone();
        longer.as_object_mut().unwrap().extend([
            ("kid".to_owned(), json!("k")),
            ("use".to_owned(), json!("sig")),
            ("alg".to_owned(), json!("EdDSA")),
            ("y".to_owned(), json!("of another type of key")),
        ]);
        assert_eq!(thumbprint(&longer), thumbprint(&key));
        assert_eq!(thumbprint(&key), "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk");
    }

    #[test]
    fn a_thumbprint_has_one_spelling() {
        let text = "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I";
        assert_eq!(text.parse::<Thumbprint>().unwrap().to_string(), text);
        for text in [
            "",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4J",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I=",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4IAAA",
            "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA",
        ] {
            assert_eq!(text.parse::<Thumbprint>(), Err(InvalidThumbprint), "{text}");
        }
    }

    const RFC_7638_N: &str = concat!(
        "0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZC",
        "iFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZg",
        "nYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIq",
        "bw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw",
    );
}
