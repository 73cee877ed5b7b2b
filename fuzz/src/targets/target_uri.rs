//! A URI has one normal form, which is a URI of RFC 3986 and the normal form of itself.

use portcullis_token::{Origin, TargetUri};

use crate::text;

pub(super) fn run(octets: &[u8]) {
    let text = text(octets);
    if let Ok(uri) = text.parse::<TargetUri>() {
        let normal = uri.to_string();
        assert_eq!(normal.parse().as_ref(), Ok(&uri), "the normal form is another URI");
        // A slash for an empty path, and an IPv4 address inside of an IPv6 address is written in decimal.
        assert!(normal.len() <= text.len() + 8, "much longer than what was sent");
        assert!(normal.bytes().all(is_of_uri), "not the characters of a URI");
        let mut path = normal.split('/').skip(3);
        assert!(path.all(|segment| segment != "." && segment != ".."), "dot segments are left");
        assert_eq!(format!("{normal}?query").parse(), Ok(uri), "the query counts");
    }
    let origin = Origin::new("https://api.example.com").unwrap();
    if let Ok(expected) = origin.target(text) {
        let path = text.split(['?', '#']).next().unwrap();
        let sent = format!("https://api.example.com{path}");
        assert_eq!(sent.parse(), Ok(expected), "a client that writes down what it sends is refused");
    }
}

/// RFC 3986 §2, without the delimiters of query and fragment.
fn is_of_uri(octet: u8) -> bool {
    octet.is_ascii_alphanumeric() || b"-._~:/[]@!$&'()*+,;=%".contains(&octet)
}
