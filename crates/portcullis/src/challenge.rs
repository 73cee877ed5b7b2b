//! Writing `WWW-Authenticate`.

use http::HeaderValue;

/// What is protected, as every challenge of a gate says it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ProtectionSpace<'a> {
    /// Its name (RFC 9110 §11.5).
    pub(crate) realm: &'a str,
    /// The URL of its metadata (RFC 9728 §5.1). It comes from the settings, and never from a request.
    pub(crate) metadata: Option<&'a str>,
    /// The scopes that a client without a usable token should ask for first.
    pub(crate) initial_scopes: Option<&'a str>,
    /// The algorithms of DPoP proofs (RFC 9449 §7.1); `None` if the scheme `DPoP` is not accepted.
    pub(crate) dpop_algs: Option<&'a str>,
    /// Whether API keys have a scheme of their own.
    pub(crate) api_keys: ApiKeyScheme,
}

/// Whether there is a scheme `ApiKey`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum ApiKeyScheme {
    #[default]
    None,
    Accepted,
}

/// The scheme that a client used, or would use. It is the scheme of its challenge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Scheme {
    /// RFC 6750.
    #[default]
    Bearer,
    /// RFC 9449.
    Dpop,
    /// The private scheme for API keys.
    ApiKey,
}

impl Scheme {
    const fn name(self) -> &'static str {
        match self {
            Self::Bearer => "Bearer",
            Self::Dpop => "DPoP",
            Self::ApiKey => "ApiKey",
        }
    }
}

/// What the answer must know of how the request was sent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sender {
    pub(crate) scheme: Scheme,
    /// The value of `DPoP-Nonce` for the answer, whatever it is.
    pub(crate) next_nonce: Option<String>,
}

/// A challenge (RFC 9110 §11.6.1).
///
/// Every value is a quoted string of characters that need no escape: others are removed (RFC 6750 §3 allows neither `"`
/// nor `\` in its values).
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Challenge {
    scheme: Scheme,
    parameters: Vec<(&'static str, String)>,
}

impl Challenge {
    /// The challenge to a request without credentials: no `error` (RFC 6750 §3.1).
    pub(crate) fn bearer() -> Self {
        Self::of(Scheme::Bearer)
    }

    pub(crate) fn of(scheme: Scheme) -> Self {
        Self { scheme, parameters: Vec::new() }
    }

    /// The same challenge under another scheme.
    pub(crate) fn under(self, scheme: Scheme) -> Self {
        Self { scheme, ..self }
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The challenge with `error`.
    pub(crate) fn error(error: &str) -> Self {
        Self::bearer().with("error", error)
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

    /// Whether the client is to get itself a token, whatever the operation.
    fn asks_for_a_token(&self) -> bool {
        // An API key is not had through OAuth.
        self.scheme != Scheme::ApiKey && matches!(self.oauth_error(), None | Some("invalid_token"))
    }

    /// The value of one field line, for `space`. The realm comes first: a scheme needs at least one parameter. The URL
    /// of the metadata comes last.
    pub(crate) fn to_value(&self, space: ProtectionSpace<'_>) -> HeaderValue {
        let mut text = format!("{} realm=\"{}\"", self.scheme.name(), quotable(space.realm));
        let algs = space.dpop_algs.filter(|_| self.scheme == Scheme::Dpop).map(|algs| ("algs", quotable(algs)));
        // An API key is not had through OAuth.
        let metadata = space.metadata.filter(|_| self.scheme != Scheme::ApiKey);
        let metadata = metadata.map(|url| ("resource_metadata", quotable(url)));
        let scope = space.initial_scopes.filter(|_| self.asks_for_a_token());
        let scope = scope.map(|scopes| ("scope", quotable(scopes)));
        for (name, value) in self.parameters.iter().chain(&scope).chain(&algs).chain(&metadata) {
            text.extend([", ", name, "=\"", value, "\""]);
        }
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
    use proptest::prelude::{any, prop_assert, prop_assert_eq, proptest};

    const API: ProtectionSpace<'_> = ProtectionSpace {
        realm: "api",
        metadata: None,
        initial_scopes: None,
        dpop_algs: None,
        api_keys: ApiKeyScheme::None,
    };

    #[test]
    fn a_challenge_is_never_the_bare_scheme() {
        assert_eq!(Challenge::bearer().to_value(API), "Bearer realm=\"api\""); // BRR-10
        let spaced = ProtectionSpace { realm: "a b", ..API };
        assert_eq!(Challenge::bearer().to_value(spaced), "Bearer realm=\"a b\""); // HTP-06
    }

    #[test]
    fn the_metadata_stand_at_the_end() {
        // PRM-09
        let space = ProtectionSpace { realm: "api", metadata: Some("https://a.example/.well-known/x"), ..API };
        assert_eq!(
            Challenge::error("insufficient_scope").with("scope", "a b").to_value(space),
            "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"a b\", \
             resource_metadata=\"https://a.example/.well-known/x\""
        );
    }

    #[test]
    fn scopes_to_begin_with_are_named_to_who_needs_a_token_and_nowhere_else() {
        // MCP-08
        let space = ProtectionSpace { initial_scopes: Some("a b"), ..API };
        let cases = [
            (Challenge::bearer(), "Bearer realm=\"api\", scope=\"a b\""),
            (Challenge::of(Scheme::Dpop), "DPoP realm=\"api\", scope=\"a b\""),
            (Challenge::error("invalid_token"), "Bearer realm=\"api\", error=\"invalid_token\", scope=\"a b\""),
            // The operation says which scopes it needs, and a login or another proof is no matter of scopes.
            (
                Challenge::error("insufficient_scope").with("scope", "c"),
                "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"c\"",
            ),
            (Challenge::error("invalid_request"), "Bearer realm=\"api\", error=\"invalid_request\""),
            (Challenge::error("use_dpop_nonce").under(Scheme::Dpop), "DPoP realm=\"api\", error=\"use_dpop_nonce\""),
            (Challenge::of(Scheme::ApiKey), "ApiKey realm=\"api\""),
        ];
        for (challenge, value) in cases {
            assert_eq!(challenge.to_value(space), value);
        }
    }

    #[test]
    fn characters_that_need_escapes_are_removed() {
        // BRR-12
        let challenge = Challenge::error("invalid_token").with("error_description", "bad \"token\"\\\r\n\u{e9}\0!");
        assert_eq!(
            challenge.to_value(API),
            "Bearer realm=\"api\", error=\"invalid_token\", error_description=\"bad token!\""
        );
    }

    #[test]
    fn a_parameter_stands_there_once() {
        // BRR-11
        let challenge = Challenge::error("a").with("error", "b").with("scope", "s").with("scope", "t");
        assert_eq!(challenge.to_value(API), "Bearer realm=\"api\", error=\"b\", scope=\"t\"");
    }

    proptest! {
        #[test]
        fn whatever_a_value_holds_the_challenge_is_one_line_that_can_be_read_back(
            realm in any::<String>(),
            description in any::<String>(),
            url in any::<String>(),
        ) {
            // GEN-10, BRR-12: an even number of quotes, no escape, nothing but printable ASCII
            let space = ProtectionSpace { realm: &realm, metadata: Some(&url), ..API };
            let value = Challenge::error("invalid_token").with("error_description", &description).to_value(space);
            let line = value.to_str().unwrap();
            prop_assert_eq!(line.matches('"').count(), 8, "{}", line);
            prop_assert!(line.starts_with("Bearer realm=\"") && !line.contains('\\'), "{}", line);
        }
    }
}
