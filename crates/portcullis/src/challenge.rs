//! Writing `WWW-Authenticate`.

use http::HeaderValue;

/// A challenge of the scheme `Bearer` (RFC 6750 §3), or of the private scheme `ApiKey`.
///
/// It always has a `realm`, because a scheme needs at least one parameter. Every value is a quoted string of characters
/// that need no escape: others are removed (RFC 6750 §3 allows neither `"` nor `\` in its values).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    scheme: &'static str,
    parameters: Vec<(&'static str, String)>,
}

impl Challenge {
    pub(crate) fn bearer(realm: &str) -> Self {
        Self { scheme: "Bearer", parameters: vec![("realm", quotable(realm))] }
    }

    pub(crate) fn api_key(realm: &str) -> Self {
        Self { scheme: "ApiKey", ..Self::bearer(realm) }
    }

    /// The challenge with `error`.
    pub(crate) fn error(realm: &str, error: &str) -> Self {
        Self::bearer(realm).with("error", error)
    }

    /// Adds a parameter. A name that is there already is replaced, so that names are unique.
    pub(crate) fn with(mut self, name: &'static str, value: &str) -> Self {
        self.parameters.retain(|(known, _)| *known != name);
        self.parameters.push((name, quotable(value)));
        self
    }

    /// The OAuth error, for the body to repeat.
    pub(crate) fn oauth_error(&self) -> Option<&str> {
        self.parameters.iter().find(|(name, _)| *name == "error").map(|(_, value)| value.as_str())
    }

    /// The value of one field line.
    pub(crate) fn to_value(&self) -> HeaderValue {
        let parameters: Vec<String> =
            self.parameters.iter().map(|(name, value)| format!("{name}=\"{value}\"")).collect();
        let text = format!("{} {}", self.scheme, parameters.join(", "));
        // Only visible ASCII and spaces are left, so this cannot fail; and if it did, a 401 still has its challenge.
        HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static("Bearer realm=\"api\""))
    }
}

/// `text` without the characters that a quoted string would have to escape, or that no header field carries.
fn quotable(text: &str) -> String {
    text.chars().filter(|character| is_quotable(*character)).collect()
}

/// %x20-21 / %x23-5B / %x5D-7E (RFC 6750 §3).
pub(crate) fn is_quotable(character: char) -> bool {
    matches!(character, ' '..='~') && !matches!(character, '"' | '\\')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_is_never_the_bare_scheme() {
        assert_eq!(Challenge::bearer("api").to_value(), "Bearer realm=\"api\""); // BRR-10
        assert_eq!(Challenge::bearer("a b").to_value(), "Bearer realm=\"a b\""); // HTP-06
    }

    #[test]
    fn characters_that_need_escapes_are_removed() {
        // BRR-12
        let challenge =
            Challenge::error("api", "invalid_token").with("error_description", "bad \"token\"\\\r\n\u{e9}\0!");
        assert_eq!(
            challenge.to_value(),
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"bad token!\""
        );
    }

    #[test]
    fn a_parameter_stands_there_once() {
        // BRR-11
        let challenge = Challenge::error("api", "a").with("error", "b").with("realm", "other");
        assert_eq!(challenge.to_value(), "Bearer error=\"b\", realm=\"other\"");
    }
}
