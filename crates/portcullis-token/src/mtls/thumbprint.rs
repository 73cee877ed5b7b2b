use std::fmt;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use aws_lc_rs::digest::{SHA256, digest};

use crate::base64url;

/// The SHA-256 of a client certificate: what `cnf` names as `x5t#S256` (RFC 8705 §3.1).
///
/// It is taken over the DER of the whole certificate, which is not parsed: a renewed certificate for the same key is
/// another one, and a self-signed or expired one has a thumbprint too. Whether a certificate is trusted is the business of
/// whoever terminates TLS (RFC 8705 §6.2).
///
/// ```
/// use portcullis_token::CertificateThumbprint;
///
/// let der = b"the octets of a certificate";
/// assert_eq!(CertificateThumbprint::of_der(der), CertificateThumbprint::of_der(der));
/// ```
#[derive(Clone, Copy)]
pub struct CertificateThumbprint([u8; 32]);

impl CertificateThumbprint {
    /// The thumbprint of the certificate `der`.
    #[must_use]
    pub fn of_der(der: &[u8]) -> Self {
        let mut octets = [0; 32];
        octets.copy_from_slice(digest(&SHA256, der).as_ref());
        Self(octets)
    }

    /// Reads the value of `x5t#S256`: 43 characters of base64url and nothing else.
    pub(crate) fn from_confirmation(text: &str) -> Option<Self> {
        base64url::decode(text)?.try_into().ok().map(Self)
    }

    /// Reads 64 hexadecimal digits.
    pub(super) fn from_hex(text: &str) -> Option<Self> {
        let digits = text.as_bytes().chunks_exact(2);
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return None;
        }
        let octet = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
        digits.map(octet).collect::<Option<Vec<u8>>>()?.try_into().ok().map(Self)
    }
}

/// In constant time: how far a guess agrees is nobody's business.
impl PartialEq for CertificateThumbprint {
    fn eq(&self, other: &Self) -> bool {
        verify_slices_are_equal(&self.0, &other.0).is_ok()
    }
}

impl Eq for CertificateThumbprint {}

/// As `x5t#S256` has it.
impl fmt::Display for CertificateThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&base64url::encode(&self.0))
    }
}

impl fmt::Debug for CertificateThumbprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CertificateThumbprint({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_confirmation_is_43_characters_of_base64url() {
        // MTL-04
        let text = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
        assert_eq!(CertificateThumbprint::from_confirmation(text).unwrap().to_string(), text);
        for text in [
            "",
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v",
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0=",
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v1", // unused bits
            "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0A",
            "0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd",
            "MDM4MGVkMmY2MjY2NTBjODQwYjJmMjYzZTZkMmIyOWZhZTEyYWIzOWFlNWRiMzJiMjVhZDI3ZWZhZDcyZTZmZA",
        ] {
            assert!(CertificateThumbprint::from_confirmation(text).is_none(), "{text}");
        }
    }
}
