//! Reads a challenge as a client does that knows RFC 9110 §11.6.1 and nothing of ours.

/// One challenge, with its parameters.
#[derive(Debug)]
pub(crate) struct Challenge {
    pub(crate) scheme: String,
    parameters: Vec<(String, String)>,
}

impl Challenge {
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

/// The one challenge of a field line. `None` if that is anything else, or a parameter stands there twice.
pub(crate) fn read(line: &[u8]) -> Option<Challenge> {
    let (scheme, rest) = token(line)?;
    let mut rest = rest.strip_prefix(b" ")?;
    let mut parameters: Vec<(String, String)> = Vec::new();
    loop {
        let (name, value) = token(rest)?;
        let (value, after) = quoted(value.strip_prefix(b"=")?)?;
        if parameters.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            return None;
        }
        parameters.push((name, value));
        match after {
            [] => return Some(Challenge { scheme, parameters }),
            after => rest = after.strip_prefix(b", ")?,
        }
    }
}

/// RFC 9110 §5.6.2.
fn token(text: &[u8]) -> Option<(String, &[u8])> {
    let is_tchar = |octet: &u8| octet.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(octet);
    let end = text.iter().position(|octet| !is_tchar(octet)).unwrap_or(text.len());
    let (token, rest) = text.split_at(end);
    (!token.is_empty()).then(|| (String::from_utf8_lossy(token).into_owned(), rest))
}

/// A quoted string of RFC 9110 §5.6.4, without the escapes that RFC 6750 §3 does not know.
fn quoted(text: &[u8]) -> Option<(String, &[u8])> {
    let text = text.strip_prefix(b"\"")?;
    let end = text.iter().position(|octet| *octet == b'"')?;
    let (value, rest) = text.split_at(end);
    let is_plain = value.iter().all(|octet| matches!(octet, 0x20..=0x7e) && *octet != b'\\');
    is_plain.then(|| (String::from_utf8_lossy(value).into_owned(), &rest[1..]))
}
