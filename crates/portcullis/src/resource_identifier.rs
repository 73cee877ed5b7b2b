//! The identifiers of the protected resource, and where their metadata stand.

use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use http::Uri;
use http::uri::Authority;

/// An identifier of this service as a protected resource (RFC 8707 §2, RFC 9728 §1.2): an absolute URI without
/// fragment.
///
/// It is compared octet by octet and never normalised: `https://api.example.com` and `https://api.example.com/` are two
/// identifiers. It should be the URL that clients call, for they compare the two (RFC 9728 §3.3). Plain `http` is for
/// loopback addresses only. An identifier of another scheme, such as `urn:example:api`, serves as an audience, but has no
/// place for metadata.
///
/// ```
/// use portcullis::ResourceIdentifier;
///
/// let identifier: ResourceIdentifier = "https://api.example.com/orders".parse()?;
/// assert_eq!(
///     identifier.metadata_url(),
///     Some("https://api.example.com/.well-known/oauth-protected-resource/orders")
/// );
/// assert!("api.example.com".parse::<ResourceIdentifier>().is_err());
/// # Ok::<(), portcullis::ResourceIdentifierError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceIdentifier {
    text: String,
    location: Option<Location>,
}

/// Where the metadata of an identifier stand (RFC 9728 §3.1).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Location {
    url: String,
    authority: Authority,
    /// Path and query.
    target: String,
}

impl ResourceIdentifier {
    /// The identifier, as it was written.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The URL of its metadata: what challenges name. `None` if it is no `https` URL, nor an `http` one of loopback.
    #[must_use]
    pub fn metadata_url(&self) -> Option<&str> {
        self.location.as_ref().map(|location| location.url.as_str())
    }

    pub(crate) fn location(&self) -> Option<&Location> {
        self.location.as_ref()
    }
}

impl FromStr for ResourceIdentifier {
    type Err = ResourceIdentifierError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refuse = |expected| ResourceIdentifierError { identifier: text.to_owned(), expected };
        let (scheme, rest) = text.split_once(':').ok_or_else(|| refuse("write an absolute URI, with its scheme"))?;
        if !is_scheme(scheme) || rest.is_empty() {
            return Err(refuse("write an absolute URI, with its scheme"));
        }
        if text.contains('#') {
            return Err(refuse("leave out the fragment"));
        }
        if !text.bytes().all(is_uri_byte) {
            return Err(refuse("write it as a URI: ASCII without spaces, other characters percent-encoded"));
        }
        let location = match scheme {
            "https" | "http" => Some(Location::of(text).map_err(refuse)?),
            _ if scheme.eq_ignore_ascii_case("https") || scheme.eq_ignore_ascii_case("http") => {
                return Err(refuse("write its scheme in lower case"));
            }
            _ => None,
        };
        Ok(Self { text: text.to_owned(), location })
    }
}

impl fmt::Display for ResourceIdentifier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl Location {
    fn of(identifier: &str) -> Result<Self, &'static str> {
        let parts = identifier.parse::<Uri>().map_err(|_| "write a URL with a host")?.into_parts();
        let (Some(scheme), Some(authority)) = (parts.scheme, parts.authority) else {
            return Err("write a URL with a host");
        };
        let host = authority.host();
        if authority.as_str().contains('@') {
            return Err("leave out user information");
        }
        if !is_host(host) {
            return Err("name one host; there are no wildcards");
        }
        if scheme.as_str() == "http" && !is_loopback(host) {
            return Err("use https; plain http is for loopback addresses only");
        }
        // A path that is absent and one that is `/` mean the same place: the slash after the host is removed.
        let path = parts.path_and_query.as_ref().map_or("", |target| target.path());
        let path = if path == "/" { "" } else { path };
        if path.split('/').any(|segment| segment == "." || segment == "..") {
            return Err("write its path without `.` and `..`");
        }
        let query = parts.path_and_query.as_ref().and_then(|target| target.query());
        let query = query.map(|query| format!("?{query}")).unwrap_or_default();
        let target = format!("{WELL_KNOWN}{path}{query}");
        Ok(Self { url: format!("{scheme}://{authority}{target}"), authority, target })
    }

    /// Path and query.
    pub(crate) fn target(&self) -> &str {
        &self.target
    }

    /// The path without the query.
    pub(crate) fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether a request to the host `authority` means this one. Ports that are left out count as those of the scheme.
    pub(crate) fn is_at(&self, authority: &Authority) -> bool {
        let port = |authority: &Authority| authority.port_u16().unwrap_or(HTTPS_PORT);
        self.authority.host().eq_ignore_ascii_case(authority.host()) && port(&self.authority) == port(authority)
    }
}

/// A resource identifier that is none, or that tokens and metadata could not be told apart by.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{identifier}` is not a resource identifier: {expected}")]
#[non_exhaustive]
pub struct ResourceIdentifierError {
    /// The text.
    pub identifier: String,
    /// What to write instead.
    pub expected: &'static str,
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}

/// RFC 3986 §2: unreserved, reserved, and the sign of percent-encoding.
fn is_uri_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~:/?#[]@!$&'()*+,;=%".contains(&byte)
}

fn is_host(host: &str) -> bool {
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-.".contains(&byte);
    !host.is_empty() && (host.starts_with('[') || host.bytes().all(is_name))
}

pub(crate) fn is_loopback(host: &str) -> bool {
    let address = host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.is_loopback())
}

/// Where metadata of protected resources stand (RFC 9728 §3).
pub(crate) const WELL_KNOWN: &str = "/.well-known/oauth-protected-resource";

const HTTPS_PORT: u16 = 443;

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

    #[test]
    fn metadata_stand_between_host_and_path() {
        // PRM-01
        for (identifier, url) in [
            ("https://rs.example.com", "https://rs.example.com/.well-known/oauth-protected-resource"),
            ("https://rs.example.com/", "https://rs.example.com/.well-known/oauth-protected-resource"),
            ("https://rs.example.com/mcp", "https://rs.example.com/.well-known/oauth-protected-resource/mcp"),
            ("https://rs.example.com/mcp/", "https://rs.example.com/.well-known/oauth-protected-resource/mcp/"),
            ("https://rs.example.com/r?x=1", "https://rs.example.com/.well-known/oauth-protected-resource/r?x=1"),
            ("https://rs.example.com?x=1", "https://rs.example.com/.well-known/oauth-protected-resource?x=1"),
            (
                "https://rs.example.com:8443/a%20b",
                "https://rs.example.com:8443/.well-known/oauth-protected-resource/a%20b",
            ),
            ("http://localhost:8080", "http://localhost:8080/.well-known/oauth-protected-resource"),
            ("http://127.0.0.1:1/a", "http://127.0.0.1:1/.well-known/oauth-protected-resource/a"),
            ("http://[::1]:1/a", "http://[::1]:1/.well-known/oauth-protected-resource/a"),
        ] {
            let parsed: ResourceIdentifier = identifier.parse().unwrap();
            assert_eq!((parsed.as_str(), parsed.metadata_url()), (identifier, Some(url)));
        }
        // An audience, and no place.
        for identifier in ["urn:example:api", "api://8d5e6f"] {
            assert_eq!(identifier.parse::<ResourceIdentifier>().unwrap().metadata_url(), None, "{identifier}");
        }
    }

    #[test]
    fn what_is_no_identifier_is_refused() {
        // RSI-01, RSI-03
        for (text, expected) in [
            ("", "scheme"),
            ("api.example.com", "scheme"),
            ("/orders", "scheme"),
            ("1ab:x", "scheme"),
            ("https:", "scheme"),
            ("https://api.example.com#f", "fragment"),
            ("https://api.example.com/#", "fragment"),
            ("urn:example:api#f", "fragment"),
            ("https://api.example.com/a b", "ASCII"),
            ("https://\u{e4}pi.example.com", "ASCII"),
            ("https://api.example.com/\"", "ASCII"),
            ("https://", "host"),
            ("https:///orders", "host"),
            ("https://:443", "host"),
            ("https://ann@api.example.com", "user information"),
            ("https://*.example.com", "wildcards"),
            ("http://api.example.com", "https"),
            ("http://localhost.example.com", "https"),
            ("HTTPS://api.example.com", "lower case"),
            ("https://api.example.com/a/../b", "`..`"),
        ] {
            let error = text.parse::<ResourceIdentifier>().unwrap_err();
            assert!(error.expected.contains(expected), "{text}: {error}");
        }
    }

    proptest! {
        #[test]
        fn no_text_panics_and_what_is_accepted_can_stand_in_a_challenge(
            text in "(https?://|urn:|)[a-z.:@*%/?#\\[\\] \"-]{0,24}|\\PC{0,24}",
        ) {
            // GEN-10
            if let Ok(identifier) = text.parse::<ResourceIdentifier>() {
                prop_assert_eq!(identifier.as_str(), &text);
                let url = identifier.metadata_url().unwrap_or("https://a.example");
                prop_assert!(url.parse::<Uri>().is_ok(), "{}", url);
                prop_assert!(!url.contains(['"', '\\', ' ', '#']) && url.is_ascii(), "{}", url);
            }
        }
    }
}
