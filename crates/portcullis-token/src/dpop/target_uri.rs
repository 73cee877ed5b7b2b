//! `htu`: the URI that a proof is for (RFC 9449 §4.2), compared in normal form (RFC 3986 §6.2.2 and §6.2.3).
//!
//! The parser is RFC 3986 and not that of browsers: a backslash, a space or a tab is an error here and is never
//! repaired, since what repairs differently compares differently.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

use reqwest::Url;

use crate::http::is_secure_or_loopback;

/// An http or https URI without query and fragment, in the one form that equals all forms of it (RFC 9449 §4.3,
/// check 9).
///
/// Scheme and host are in lower case, the default port is left out, an empty path is `/`, unreserved characters are not
/// percent-encoded and others are so in upper case, and dot segments are gone. What has a meaning of its own stays: the
/// case of the path, a trailing or repeated slash, `%2F`, the dot that ends a host name.
///
/// Narrower than RFC 3986 in one point: a host is letters, digits, `-`, `.` and `_`, or an IPv6 address. A name in
/// another script is written by its A-labels (`xn--…`), as it is in DNS and in `Host`. To convert U-labels would need
/// tables that two sides could have in two versions.
///
/// ```
/// use portcullis_token::TargetUri;
///
/// let uri: TargetUri = "HTTPS://API.Example.com:443/a/../%6Frders?x=1#f".parse()?;
/// assert_eq!(uri.to_string(), "https://api.example.com/orders");
/// assert!("https://user@api.example.com/orders".parse::<TargetUri>().is_err());
/// # Ok::<(), portcullis_token::InvalidUri>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TargetUri {
    origin: Origin,
    path: String,
}

impl FromStr for TargetUri {
    type Err = InvalidUri;

    fn from_str(text: &str) -> Result<Self, InvalidUri> {
        // RFC 9449 §4.3, check 9. Query and fragment are not looked at, so they need not be well formed.
        let text = without_query(text)?;
        let (scheme, rest) = text.split_once("://").ok_or(InvalidUri::NotAbsolute)?;
        let scheme = Scheme::parse(scheme).ok_or(InvalidUri::NotAbsolute)?;
        let (authority, path) = rest.split_at_checked(rest.find('/').unwrap_or(rest.len())).unwrap_or((rest, ""));
        let path = without_dot_segments(&normal_encoding(path).ok_or(InvalidUri::Path)?);
        Ok(Self { origin: Origin::of_authority(scheme, authority)?, path })
    }
}

impl fmt::Display for TargetUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.origin, self.path)
    }
}

/// Where a service is seen from outside: scheme, host and port (RFC 6454 §4).
///
/// It is configured and never taken from a request: `Host` and `X-Forwarded-*` are what the sender says, and whoever
/// replays a proof for another service would say what suits the proof.
///
/// ```
/// use portcullis_token::Origin;
///
/// let origin = Origin::new("https://api.example.com")?;
/// let expected = origin.target("/orders?page=2")?;
/// assert_eq!(Ok(expected), "https://API.example.com/orders".parse());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Origin {
    scheme: Scheme,
    host: String,
    port: u16,
}

impl Origin {
    /// Reads an origin, such as `https://api.example.com` or `http://localhost:8080`.
    ///
    /// # Errors
    ///
    /// If `text` is no https URI, or has a path, a query or user information. Plain http is accepted for loopback
    /// addresses.
    pub fn new(text: &str) -> Result<Self, InvalidOrigin> {
        let invalid = |expected| InvalidOrigin { origin: text.to_owned(), expected };
        let uri: TargetUri = text.parse().map_err(|_| invalid("write scheme and host, with A-labels (`xn--…`)"))?;
        if uri.path != "/" || text.contains(['?', '#']) {
            return Err(invalid("it ends after host and port"));
        }
        if !Url::parse(text).is_ok_and(|url| is_secure_or_loopback(&url)) {
            return Err(invalid("use https; plain http is for loopback addresses only"));
        }
        Ok(uri.origin)
    }

    /// The origin of the URL `text`; `None` if it is no URL of which an origin could be named.
    pub(super) fn of_url(text: &str) -> Option<Self> {
        let uri: TargetUri = text.parse().ok()?;
        Url::parse(text).is_ok_and(|url| is_secure_or_loopback(&url)).then_some(uri.origin)
    }

    /// The URI of a request for `path`, the path as it was received: percent-encoded, with everything that routers
    /// strip. A query is left out.
    ///
    /// # Errors
    ///
    /// If the path is not that of an RFC 3986 URI, or has dot segments, plain or encoded. Clients resolve those before
    /// they send (RFC 3986 §5.2.4) and routers do not, so that `/a/%2E%2E/b` would be one resource for the proof and
    /// another for the router.
    pub fn target(&self, path: &str) -> Result<TargetUri, InvalidUri> {
        let path = normal_encoding(without_query(path)?).ok_or(InvalidUri::Path)?;
        if !path.starts_with('/') {
            return Err(InvalidUri::Path);
        }
        if path.split('/').any(is_dot_segment) {
            return Err(InvalidUri::DotSegments);
        }
        Ok(TargetUri { origin: self.clone(), path })
    }

    fn of_authority(scheme: Scheme, authority: &str) -> Result<Self, InvalidUri> {
        if authority.contains('@') {
            return Err(InvalidUri::UserInfo);
        }
        let (host, port) = match authority.rsplit_once(':') {
            // A colon inside of brackets belongs to an IPv6 address.
            Some((host, port)) if !port.contains(']') => (host, Some(port)),
            _ => (authority, None),
        };
        let port = match port {
            None | Some("") => scheme.default_port(),
            Some(digits) if digits.bytes().all(|octet| octet.is_ascii_digit()) => {
                digits.parse().map_err(|_| InvalidUri::Port)?
            }
            Some(_) => return Err(InvalidUri::Port),
        };
        Ok(Self { scheme, host: normal_host(host).ok_or(InvalidUri::Host)?, port })
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme.as_str(), self.host)?;
        if self.port == self.scheme.default_port() { Ok(()) } else { write!(f, ":{}", self.port) }
    }
}

/// Why a text is not a URI that a proof can be for. It says which part, never what stands there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidUri {
    /// The path of a request has dot segments.
    #[error("the path has dot segments")]
    DotSegments,
    /// The host is missing or has characters that no host name has.
    #[error("the host is not a name of letters, digits, `-`, `.` and `_`, and not an address")]
    Host,
    /// It does not start with `http://` or `https://`.
    #[error("it is not an absolute http or https URI")]
    NotAbsolute,
    /// The path does not start with `/`, or has a character that must be percent-encoded.
    #[error("the path is not one of RFC 3986")]
    Path,
    /// The port is not a number up to 65535.
    #[error("the port is not a number up to 65535")]
    Port,
    /// It is longer than 8 KiB.
    #[error("it is longer than {MAX_BYTES} bytes")]
    TooLong,
    /// It has user information.
    #[error("it has user information")]
    UserInfo,
}

/// A text that is not the origin of a service. The operator must change a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{origin}` is not the public origin of a service: {expected}")]
#[non_exhaustive]
pub struct InvalidOrigin {
    /// The text.
    pub origin: String,
    /// What it must be.
    pub expected: &'static str,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Scheme {
    Http,
    Https,
}

impl Scheme {
    fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| text.eq_ignore_ascii_case(scheme.as_str()))
    }

    const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

fn without_query(text: &str) -> Result<&str, InvalidUri> {
    if text.len() > MAX_BYTES {
        return Err(InvalidUri::TooLong);
    }
    Ok(text.split(['?', '#']).next().unwrap_or(text))
}

fn normal_host(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some(format!("[{address}]"));
    }
    let is_of_name = |octet: u8| octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_');
    (!host.is_empty() && host.bytes().all(is_of_name)).then(|| host.to_ascii_lowercase())
}

/// `path` with unreserved characters decoded and all else encoded in upper case (RFC 3986 §6.2.2.1 and §6.2.2.2);
/// `None` if it has a character that is not one of a path. Never longer than `path`.
fn normal_encoding(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut octets = path.bytes();
    while let Some(octet) = octets.next() {
        if octet != b'%' {
            if !is_of_path(octet) {
                return None;
            }
            normal.push(char::from(octet));
            continue;
        }
        let (high, low) = (hex_digit(octets.next()?)?, hex_digit(octets.next()?)?);
        let octet = high << 4 | low;
        if is_unreserved(octet) {
            normal.push(char::from(octet));
        } else {
            normal.extend(['%', upper_hex(high), upper_hex(low)]);
        }
    }
    Some(normal)
}

/// RFC 3986 §5.2.4, for a path that is absolute or empty. Percent-encoding is in normal form, so that `%2E` is a dot.
fn without_dot_segments(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let mut ends_with_dots = false;
    for segment in path.split('/').skip(1) {
        ends_with_dots = is_dot_segment(segment);
        match segment {
            "." => {}
            ".." => drop(kept.pop()),
            segment => kept.push(segment),
        }
    }
    // `/a/..` is the folder `/`, and `/a/.` the folder `/a/`.
    if ends_with_dots {
        kept.push("");
    }
    format!("/{}", kept.join("/"))
}

fn is_dot_segment(segment: &str) -> bool {
    matches!(segment, "." | "..")
}

const fn hex_digit(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        _ => None,
    }
}

fn upper_hex(digit: u8) -> char {
    char::from_digit(u32::from(digit), 16).unwrap_or('0').to_ascii_uppercase()
}

/// RFC 3986 §2.3.
const fn is_unreserved(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || matches!(octet, b'-' | b'.' | b'_' | b'~')
}

/// RFC 3986 §3.3: `pchar` but `%`, and `/`.
fn is_of_path(octet: u8) -> bool {
    is_unreserved(octet) || b"!$&'()*+,;=:@/".contains(&octet)
}

/// As long as a proof may be.
const MAX_BYTES: usize = 8 * 1024;

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[track_caller]
    fn uri(text: &str) -> TargetUri {
        text.parse().unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn an_htu_matches_in_all_of_its_forms_and_no_other() {
        // DPP-15, DPP-20, DPP-22
        let expected = Origin::new("https://api.example.com").unwrap().target("/orders").unwrap();
        for (htu, matches) in [
            ("https://api.example.com/orders", true),
            ("HTTPS://API.Example.com:443/orders", true),
            ("https://api.example.com:/orders", true),
            ("https://api.example.com:0443/orders", true),
            ("https://api.example.com/orders?x=1#f", true),
            ("https://api.example.com/orders#f?x=1", true),
            ("https://api.example.com/a/../orders", true),
            ("https://api.example.com/../orders", true),
            ("https://api.example.com/a/%2E%2e/./orders", true),
            ("https://api.example.com/%6Frders", true),
            ("https://api.example.com/orders/", false),
            ("https://api.example.com/orders/.", false), // a folder
            ("https://api.example.com/Orders", false),
            ("https://api.example.com//orders", false), // an empty segment is a segment
            ("http://api.example.com/orders", false),
            ("https://api.example.com:8443/orders", false),
            ("https://api.example.com./orders", false), // another name
            ("https://api.example.com.evil.example/orders", false),
            ("https://api.example.com", false),
            ("https://api.example.com?/orders", false),
            ("https://api.example.com/%256Frders", false), // decoded once
        ] {
            assert_eq!(uri(htu) == expected, matches, "{htu}");
        }
    }

    #[test]
    fn what_is_no_absolute_uri_of_rfc_3986_is_refused() {
        // DPP-22
        for (htu, error) in [
            ("", InvalidUri::NotAbsolute),
            ("/orders", InvalidUri::NotAbsolute),
            ("//api.example.com/orders", InvalidUri::NotAbsolute),
            ("api.example.com/orders", InvalidUri::NotAbsolute),
            ("https:/api.example.com/orders", InvalidUri::NotAbsolute),
            ("https:api.example.com/orders", InvalidUri::NotAbsolute),
            ("https:\\\\api.example.com/orders", InvalidUri::NotAbsolute),
            (" https://api.example.com/orders", InvalidUri::NotAbsolute),
            ("ftp://api.example.com/orders", InvalidUri::NotAbsolute),
            ("?https://api.example.com/orders", InvalidUri::NotAbsolute),
            ("https://user@api.example.com/orders", InvalidUri::UserInfo),
            ("https://@api.example.com/orders", InvalidUri::UserInfo),
            ("https://api.example.com:443@evil.example/orders", InvalidUri::UserInfo),
            ("https:///orders", InvalidUri::Host),
            ("https://", InvalidUri::Host),
            ("https://:443/orders", InvalidUri::Host),
            ("https://api.example.com\\evil/orders", InvalidUri::Host),
            ("https://api.example.com\t/orders", InvalidUri::Host),
            ("https://api\n.example.com/orders", InvalidUri::Host),
            ("https://%61pi.example.com/orders", InvalidUri::Host),
            ("https://bücher.example/orders", InvalidUri::Host),
            ("https://a:b:443/orders", InvalidUri::Host),
            ("https://[::1/orders", InvalidUri::Host),
            ("https://::1/orders", InvalidUri::Host),
            ("https://[::1%25eth0]/orders", InvalidUri::Host),
            ("https://[v1.x]/orders", InvalidUri::Host),
            ("https://[127.0.0.1]/orders", InvalidUri::Host),
            ("https://api.example.com:https/orders", InvalidUri::Port),
            ("https://api.example.com:+443/orders", InvalidUri::Port),
            ("https://api.example.com:65979/orders", InvalidUri::Port), // 443 modulo 2^16
            ("https://api.example.com/orders\\", InvalidUri::Path),
            ("https://api.example.com/or ders", InvalidUri::Path),
            ("https://api.example.com/orders\r\n", InvalidUri::Path),
            ("https://api.example.com/ordérs", InvalidUri::Path),
            ("https://api.example.com/%", InvalidUri::Path),
            ("https://api.example.com/%4", InvalidUri::Path),
            ("https://api.example.com/%4x", InvalidUri::Path),
            ("https://api.example.com/%+4", InvalidUri::Path),
            ("https://api.example.com/a|b", InvalidUri::Path),
        ] {
            assert_eq!(htu.parse::<TargetUri>(), Err(error), "{htu:?}");
        }
        let long = format!("https://api.example.com/{}", "a".repeat(MAX_BYTES));
        assert_eq!(long.parse::<TargetUri>(), Err(InvalidUri::TooLong));
    }

    #[test]
    fn further_pairs_are_equal_or_not() {
        // DPP-20
        for (one, other, equal) in [
            ("https://api.example.com", "https://api.example.com/", true),
            ("https://a.example/a%2fb", "https://a.example/a%2Fb", true),
            ("https://a.example/a%2fb", "https://a.example/a/b", false),
            ("https://a.example/%7euser", "https://a.example/~user", true),
            ("http://a.example:80/", "http://a.example/", true),
            ("http://a.example:443/", "https://a.example/", false),
            ("https://[::1]/", "https://[0:0:0:0:0:0:0:1]:443/", true),
            ("https://[2001:DB8::A]/", "https://[2001:db8::a]/", true),
            ("https://[::1]:8443/", "https://[::1]/", false),
            ("https://xn--bcher-kva.example/", "https://XN--BCHER-KVA.example/", true),
            ("https://a.example/b//../c", "https://a.example/b/c", true),
            ("https://a.example/b/..", "https://a.example/", true),
            ("https://a.example/b/../", "https://a.example", true),
            ("https://a.example/...", "https://a.example/", false),
            ("https://a.example/a;b=c", "https://a.example/a", false),
            ("https://a.example/a+b", "https://a.example/a%20b", false),
            ("https://a.example/a:b", "https://a.example/a%3Ab", false), // reserved: not the same
            ("https://127.0.0.1/", "https://127.1/", false),
        ] {
            assert_eq!(uri(one) == uri(other), equal, "{one} {other}");
        }
    }

    #[test]
    fn a_path_that_routers_read_differently_has_no_expected_uri() {
        let origin = Origin::new("http://localhost:8080").unwrap();
        for (path, expected) in [
            ("/", Ok("http://localhost:8080/")),
            ("/a%2fb/%7E?x=/../y", Ok("http://localhost:8080/a%2Fb/~")),
            ("//a//", Ok("http://localhost:8080//a//")),
            ("/...", Ok("http://localhost:8080/...")),
            ("/users/../orders", Err(InvalidUri::DotSegments)),
            ("/users/%2E%2e/orders", Err(InvalidUri::DotSegments)),
            ("/orders/.", Err(InvalidUri::DotSegments)),
            ("", Err(InvalidUri::Path)),
            ("*", Err(InvalidUri::Path)),
            ("orders", Err(InvalidUri::Path)),
            ("/a|b", Err(InvalidUri::Path)),
            ("/%zz", Err(InvalidUri::Path)),
        ] {
            let target = origin.target(path).map(|uri| uri.to_string());
            assert_eq!(target, expected.map(str::to_owned), "{path}");
        }
        assert_eq!(origin.target(&format!("/{}", "a".repeat(MAX_BYTES))), Err(InvalidUri::TooLong));
    }

    #[test]
    fn an_origin_is_secure_and_has_no_path() {
        for text in
            ["https://api.example.com", "https://api.example.com/", "https://[2001:db8::1]:8443", "http://[::1]"]
        {
            assert!(Origin::new(text).is_ok(), "{text}");
        }
        for text in [
            "",
            "api.example.com",
            "http://api.example.com",
            "https://api.example.com/v1",
            "https://api.example.com?",
            "https://api.example.com#",
            "https://user@api.example.com",
            "https://bücher.example",
        ] {
            assert!(Origin::new(text).is_err(), "{text}");
        }
    }

    proptest! {
        #[test]
        fn a_normal_form_is_its_own_normal_form(text in any_uri()) {
            if let Ok(parsed) = text.parse::<TargetUri>() {
                let normal = parsed.to_string();
                prop_assert!(!parsed.path.split('/').any(is_dot_segment));
                prop_assert_eq!(normal.parse::<TargetUri>(), Ok(parsed), "{}", text);
                prop_assert!(normal.is_ascii() && !normal.contains(['?', '#', '\\', ' ']));
            }
        }

        #[test]
        fn two_uris_are_equal_if_and_only_if_their_normal_forms_are(one in any_uri(), other in any_uri()) {
            if let (Ok(one), Ok(other)) = (one.parse::<TargetUri>(), other.parse::<TargetUri>()) {
                prop_assert_eq!(one == other, one.to_string() == other.to_string());
            }
        }

        #[test]
        fn encoding_an_unreserved_character_changes_nothing(
            before in "[a-z/~_-]{0,10}", octet in "[A-Za-z0-9._~-]", after in "[a-z/.]{0,10}",
        ) {
            let encoded: String = octet.bytes().map(|octet| format!("%{octet:02x}")).collect();
            let with = |text| uri(&format!("https://a.example/{before}{text}{after}"));
            let (plain, encoded) = (with(octet), with(encoded));
            prop_assert_eq!(plain, encoded);
        }

        #[test]
        fn no_text_panics(text in ".*") {
            let _ = text.parse::<TargetUri>();
            let _ = Origin::new(&text);
            let _ = Origin::new("https://a.example").unwrap().target(&text);
        }
    }

    /// Near misses and equals: a small alphabet makes them likely.
    fn any_uri() -> impl Strategy<Value = String> {
        let scheme = prop_oneof!["http", "HTTPS", "https", "[a-z]{0,3}"];
        let host = prop_oneof!["a", "A", "b\\.", "\\[::[0-9a-f]{0,2}\\]", ".{0,3}"];
        let port = prop_oneof!["", ":", ":443", ":80", ":[0-9]{0,6}"];
        let segment = prop_oneof!["", "\\.", "\\.\\.", "%2[eEfF]", "[aA~%]", "%[67]1", "%[a-fA-F0-9]{2}", ".{0,2}"];
        let path = prop::collection::vec(segment, 0..5)
            .prop_map(|segments| segments.iter().map(|segment| format!("/{segment}")).collect::<String>());
        (scheme, host, port, path, prop_oneof!["", "\\?.?", "#.?"])
            .prop_map(|(scheme, host, port, path, rest)| format!("{scheme}://{host}{port}{path}{rest}"))
    }
}
