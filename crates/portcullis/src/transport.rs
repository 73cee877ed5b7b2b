//! Whether a request came over https, where a proxy ends TLS.

use http::{HeaderMap, HeaderName};

/// How the gate knows by which scheme a client sent its request.
///
/// A service that ends TLS itself, or listens on loopback, need not be told. Behind a proxy that ends TLS every request
/// arrives in plain text, and only the proxy knows. No field of a request is believed unless the operator names it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) enum Transport {
    /// Not known, so not judged.
    #[default]
    Unknown,
    /// The proxy writes the scheme into this field of every request.
    Field(HeaderName),
}

impl Transport {
    /// Whether credentials in a request with `headers` were sent in plain text. A field that is missing, repeated or
    /// unreadable does not say `https`.
    pub(crate) fn is_insecure(&self, headers: &HeaderMap) -> bool {
        let Self::Field(name) = self else {
            return false;
        };
        let mut values = headers.get_all(name).iter();
        let https = values.next().is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"https"));
        !https || values.next().is_some()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_field_of_the_proxy_counts_and_it_must_say_https_once() {
        // HTP-14, SEC-01
        let insecure = |transport: &Transport, values: &[&'static str]| {
            let fields =
                values.iter().map(|value| (HeaderName::from_static("x-forwarded-proto"), value.parse().unwrap()));
            let mut headers = HeaderMap::new();
            fields.for_each(|(name, value)| {
                headers.append(name, value);
            });
            transport.is_insecure(&headers)
        };
        let stated = Transport::Field(HeaderName::from_static("x-forwarded-proto"));
        for values in [&["https"][..], &["HTTPS"]] {
            assert!(!insecure(&stated, values), "{values:?}");
        }
        for values in [&[][..], &["http"], &["https, http"], &["https", "http"], &["https", "https"], &[""]] {
            assert!(insecure(&stated, values), "{values:?}");
            assert!(!insecure(&Transport::Unknown, values), "{values:?}");
        }
    }
}
