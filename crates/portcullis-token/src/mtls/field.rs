//! What a proxy that terminates TLS tells about the client's certificate.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::percent_decode_str;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use serde::Deserialize;

use super::CertificateThumbprint;

/// A header field in which a proxy passes on the certificate of its client.
///
/// Believe it only from a proxy that removes what its own client sends under this name: anybody can write a field.
///
/// ```
/// use portcullis_token::CertificateField;
///
/// let field = CertificateField::ClientCert;
/// assert_eq!(field.name(), "client-cert");
/// assert!(field.read([b":AAAA:".as_slice()])?.is_some());
/// assert!(field.read([])?.is_none());
/// # Ok::<(), portcullis_token::CertificateFieldError>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum CertificateField {
    /// `Client-Cert`: the DER as a Byte Sequence of structured fields (RFC 9440 §2.2).
    ClientCert,
    /// `X-Forwarded-Client-Cert` of Envoy, with `Hash` or `Cert`, for one hop: the proxy must be set to replace the field
    /// (`SANITIZE_SET`).
    XForwardedClientCert,
    /// `X-SSL-Client-Cert` with the PEM, percent-encoded: nginx's `$ssl_client_escaped_cert`.
    XSslClientCert,
}

impl CertificateField {
    /// All fields that can carry a certificate.
    pub const ALL: [Self; 3] = [Self::ClientCert, Self::XForwardedClientCert, Self::XSslClientCert];

    /// The name of the field, in lower case.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::ClientCert => "client-cert",
            Self::XForwardedClientCert => "x-forwarded-client-cert",
            Self::XSslClientCert => "x-ssl-client-cert",
        }
    }

    /// The certificate in the `lines` of this field; `None` if there is no line, or an empty one: proxies write that for a
    /// client without a certificate.
    ///
    /// # Errors
    ///
    /// If there are several lines, or the one there is does not have the form of the field. The request is malformed.
    pub fn read<'a>(
        self,
        lines: impl IntoIterator<Item = &'a [u8]>,
    ) -> Result<Option<CertificateThumbprint>, CertificateFieldError> {
        let mut lines = lines.into_iter();
        let Some(line) = lines.next() else { return Ok(None) };
        if lines.next().is_some() {
            return Err(CertificateFieldError::Repeated);
        }
        if line.len() > MAX_FIELD_BYTES {
            return Err(CertificateFieldError::TooLong);
        }
        let text = std::str::from_utf8(line).map_err(|_| CertificateFieldError::Malformed)?;
        if text.is_empty() && self != Self::ClientCert {
            return Ok(None);
        }
        let found = match self {
            Self::ClientCert => byte_sequence(text),
            Self::XForwardedClientCert => forwarded(text),
            Self::XSslClientCert => escaped_pem(text),
        };
        found.map(Some).ok_or(CertificateFieldError::Malformed)
    }
}

/// Why a field says nothing about a certificate. Nothing of it is repeated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CertificateFieldError {
    /// It is not in its form.
    #[error("the field with the client certificate is malformed")]
    Malformed,
    /// It occurs several times. None is picked (RFC 9440 §2.2).
    #[error("there are several fields with a client certificate")]
    Repeated,
    /// It is longer than 16 KiB.
    #[error("the field with the client certificate is longer than {MAX_FIELD_BYTES} bytes")]
    TooLong,
}

/// RFC 9651 §3.3.5. `Client-Cert` has no parameters.
fn byte_sequence(text: &str) -> Option<CertificateThumbprint> {
    let encoded = text.strip_prefix(':')?.strip_suffix(':')?;
    let der = STANDARD.decode(encoded).ok()?;
    (!der.is_empty()).then(|| CertificateThumbprint::of_der(&der))
}

fn escaped_pem(text: &str) -> Option<CertificateThumbprint> {
    let pem = percent_decode_str(text).collect::<Vec<u8>>();
    let mut certificates = CertificateDer::pem_slice_iter(&pem);
    let der = certificates.next()?.ok()?;
    // A chain would leave open whose certificate it is.
    certificates.next().is_none().then(|| CertificateThumbprint::of_der(&der))
}

/// One element: `Hash=…;Cert="…";Subject="…"`. A second element would be another hop, or another's word.
fn forwarded(text: &str) -> Option<CertificateThumbprint> {
    let (mut hash, mut certificate) = (None, None);
    for (name, value) in pairs(text)? {
        let slot = if name.eq_ignore_ascii_case("hash") {
            &mut hash
        } else if name.eq_ignore_ascii_case("cert") {
            &mut certificate
        } else {
            continue;
        };
        if slot.replace(value).is_some() {
            return None;
        }
    }
    let stated = match hash {
        Some(hash) => Some(CertificateThumbprint::from_hex(&hash)?),
        None => None,
    };
    let computed = match certificate {
        Some(pem) => Some(escaped_pem(&pem)?),
        None => None,
    };
    match (stated, computed) {
        (Some(stated), Some(computed)) => (stated == computed).then_some(stated),
        (stated, computed) => stated.or(computed),
    }
}

/// The pairs of one element. `None` if it is malformed, or if there are several elements.
fn pairs(text: &str) -> Option<Vec<(String, String)>> {
    let mut pairs = Vec::new();
    let mut rest = text;
    loop {
        let (name, after) = rest.split_once('=')?;
        if name.contains([',', ';', '"']) {
            return None;
        }
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted_string(quoted)?,
            None => {
                let end = after.find([',', ';', '"']).unwrap_or(after.len());
                let (value, after) = after.split_at_checked(end)?;
                (value.to_owned(), after)
            }
        };
        pairs.push((name.to_owned(), value));
        match after.strip_prefix(';') {
            // Envoy may end an element with a semicolon.
            Some("") => return Some(pairs),
            Some(more) => rest = more,
            None => return after.is_empty().then_some(pairs),
        }
    }
}

/// The text up to the closing quote, and what follows.
fn quoted_string(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => return Some((value, characters.as_str())),
            '\\' => value.push(characters.next()?),
            character => value.push(character),
        }
    }
}

/// Room for a certificate of 11 KiB; what common servers let through as one field.
const MAX_FIELD_BYTES: usize = 16 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 8705 Appendix A: X.509 v1, expired.
    const MTLS: &str = "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";
    const MTLS_THUMBPRINT: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
    const MTLS_HEX: &str = "0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd";

    /// RFC 9440 Appendix A.
    const BC: &str = "MIIBqDCCAU6gAwIBAgIBBzAKBggqhkjOPQQDAjA6MRswGQYDVQQKDBJMZXQncyBBdXRoZW50aWNhdGUxGzAZBgNVBAMMEkxBIEludGVybWVkaWF0ZSBDQTAeFw0yMDAxMTQyMjU1MzNaFw0yMTAxMjMyMjU1MzNaMA0xCzAJBgNVBAMMAkJDMFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE8YnXXfaUgmnMtOXU/IncWalRhebrXmckC8vdgJ1p5Be5F/3YC8OthxM4+k1M6aEAEFcGzkJiNy6J84y7uzo9M6NyMHAwCQYDVR0TBAIwADAfBgNVHSMEGDAWgBRm3WjLa38lbEYCuiCPct0ZaSED2DAOBgNVHQ8BAf8EBAMCBsAwEwYDVR0lBAwwCgYIKwYBBQUHAwIwHQYDVR0RAQH/BBMwEYEPYmRjQGV4YW1wbGUuY29tMAoGCCqGSM49BAMCA0gAMEUCIBHda/r1vaL6G3VliL4/Di6YK0Q6bMjeSkC3dFCOOB8TAiEAx/kHSB4urmiZ0NX5r5XarmPk0wmuydBVoU4hBVZ1yhk=";
    const BC_THUMBPRINT: &str = "v68ffgcPn6jdYpBfFY2nP4ShE2Yk-6_Mk5PI9yh6aes";

    fn read(field: CertificateField, lines: &[&str]) -> Result<Option<String>, CertificateFieldError> {
        let found = field.read(lines.iter().map(|line| line.as_bytes()))?;
        Ok(found.map(|thumbprint| thumbprint.to_string()))
    }

    fn pem(base64: &str) -> String {
        let lines: Vec<&str> = base64.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
        format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", lines.join("\n"))
    }

    fn escaped(text: &str) -> String {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    }

    #[test]
    fn a_client_cert_field_is_one_byte_sequence() {
        // MTL-03, MTL-07, MTL-12
        let field = CertificateField::ClientCert;
        assert_eq!(read(field, &[&format!(":{MTLS}:")]), Ok(Some(MTLS_THUMBPRINT.to_owned())));
        assert_eq!(read(field, &[&format!(":{BC}:")]), Ok(Some(BC_THUMBPRINT.to_owned())));
        assert_eq!(read(field, &[]), Ok(None));
        let (good, list) = (format!(":{MTLS}:"), format!(":{MTLS}:, :{BC}:"));
        assert_eq!(read(field, &[&good, &good]), Err(CertificateFieldError::Repeated));
        for line in ["", "::", ":", MTLS, &format!(":{MTLS}"), &list, &format!("{good};a=1"), ":!:", ":A:", &pem(MTLS)]
        {
            assert_eq!(read(field, &[line]), Err(CertificateFieldError::Malformed), "{line}");
        }
        let long = format!(":{}:", "A".repeat(MAX_FIELD_BYTES));
        assert_eq!(read(field, &[&long]), Err(CertificateFieldError::TooLong));
    }

    #[test]
    fn envoy_names_the_certificate_by_hash_or_in_full() {
        // MTL-15
        let field = CertificateField::XForwardedClientCert;
        let cert = escaped(&pem(MTLS));
        for line in [
            format!("Hash={MTLS_HEX}"),
            format!("By=spiffe://a/b;Hash={MTLS_HEX};Subject=\"CN=a, O=\\\"x;y\\\"\";URI=spiffe://c"),
            format!("Hash={};", MTLS_HEX.to_uppercase()),
            format!("Cert=\"{cert}\""),
            format!("hash={MTLS_HEX};cert=\"{cert}\""),
        ] {
            assert_eq!(read(field, &[&line]), Ok(Some(MTLS_THUMBPRINT.to_owned())), "{line}");
        }
        assert_eq!(read(field, &[""]), Ok(None));
        for line in [
            format!("Hash={MTLS_HEX},Hash={MTLS_HEX}"), // two hops
            format!("Hash={MTLS_HEX};Hash={MTLS_HEX}"),
            format!("Subject=\"\";Hash={MTLS_HEX},By=x"),
            "By=x".to_owned(),
            format!("Hash={}", MTLS_HEX.replacen("03", "", 1)),
            format!("Hash={MTLS_HEX};Cert=\"{}\"", escaped(&pem(BC))), // contradicts itself
            format!("Subject=\"x;Hash={MTLS_HEX}"),                    // the quote never ends
            format!("Subject=\"x\"Hash={MTLS_HEX}"),
            "Hash".to_owned(),
            ";".to_owned(),
        ] {
            assert_eq!(read(field, &[&line]), Err(CertificateFieldError::Malformed), "{line}");
        }
        // What a client calls its subject is no hash.
        let forged = format!("Subject=\"x\\\";Hash={};\\\"\";Hash={MTLS_HEX}", "0".repeat(64));
        assert_eq!(read(field, &[&forged]), Ok(Some(MTLS_THUMBPRINT.to_owned())));
    }

    #[test]
    fn nginx_escapes_the_pem() {
        // MTL-15
        let field = CertificateField::XSslClientCert;
        assert_eq!(read(field, &[&escaped(&pem(MTLS))]), Ok(Some(MTLS_THUMBPRINT.to_owned())));
        assert_eq!(read(field, &[""]), Ok(None));
        let chain = escaped(&format!("{}{}", pem(MTLS), pem(BC)));
        for line in [&chain, MTLS, "%", "-----BEGIN CERTIFICATE-----", &escaped(&pem("!!!!"))] {
            assert_eq!(read(field, &[line]), Err(CertificateFieldError::Malformed), "{line}");
        }
    }
}
