//! What one trusted issuer's tokens must look like.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::algorithm::Algorithm;
use crate::http::is_secure_or_loopback;
use crate::introspection::Introspection;
use crate::source::KeySource;

/// One trusted issuer (authorization server) and the rules for its tokens.
///
/// Issuers share nothing: a token is verified with the keys, algorithms and audiences of the issuer that its `iss`
/// names (RFC 8725 §3.8).
///
/// # Defaults
///
/// - `typ` must be `at+jwt` (RFC 9068 §4): [`TokenType::AccessToken`].
/// - The claims `iss`, `sub`, `aud`, `client_id`, `iat`, `exp` and `jti` must be there (RFC 9068 §2.2).
/// - Clocks may differ by 30 seconds.
/// - Tokens may live as long as they say.
/// - Tokens are JWTs, and the issuer is not asked about them.
///
/// ```
/// use portcullis_token::{Algorithm, Issuer, KeySource};
///
/// let keys = KeySource::url("https://as.example.com/jwks")?;
/// let issuer = Issuer::new("main", "https://as.example.com", ["https://api.example.com"], [Algorithm::Es256], keys)?;
/// assert_eq!(issuer.alias(), "main");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Issuer {
    alias: String,
    pub(crate) identifier: String,
    pub(crate) audiences: Vec<String>,
    pub(crate) algorithms: Vec<Algorithm>,
    pub(crate) keys: KeySource,
    pub(crate) token_type: TokenType,
    pub(crate) leeway: Duration,
    pub(crate) max_lifetime: Option<Duration>,
    pub(crate) introspection: Option<Arc<Introspection>>,
}

impl Issuer {
    /// Trusts the issuer `identifier`, under the name `alias`.
    ///
    /// - `alias` names the issuer in logs and, where several are trusted, in principal ids: 1 to 32 of `a-z`, `0-9`
    ///   and `-`.
    /// - `identifier` is compared with `iss` octet by octet: a trailing slash makes another issuer.
    /// - `audiences` are the identifiers of this resource server; `aud` must hold one of them, spelled exactly so.
    /// - `algorithms` are all that this issuer signs with. Where a published key does not say what it is for, it
    ///   serves the first of these that fits.
    ///
    /// # Errors
    ///
    /// [`IssuerError`] if an argument would accept tokens that nobody meant to accept.
    pub fn new<A: Into<String>>(
        alias: impl Into<String>,
        identifier: impl Into<String>,
        audiences: impl IntoIterator<Item = A>,
        algorithms: impl IntoIterator<Item = Algorithm>,
        keys: impl Into<KeySource>,
    ) -> Result<Self, IssuerError> {
        let (alias, identifier) = (check_alias(alias.into())?, check_identifier(identifier.into())?);
        let audiences: Vec<String> = audiences.into_iter().map(Into::into).collect();
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(IssuerError::NoAudience { issuer: identifier });
        }
        let algorithms: Vec<Algorithm> = algorithms.into_iter().collect();
        if algorithms.is_empty() {
            return Err(IssuerError::NoAlgorithm { issuer: identifier });
        }
        let keys = keys.into();
        keys.report(&alias);
        Ok(Self {
            alias,
            identifier,
            audiences,
            algorithms,
            keys,
            token_type: TokenType::AccessToken,
            leeway: DEFAULT_LEEWAY,
            max_lifetime: None,
            introspection: None,
        })
    }

    /// Accepts tokens whose clock differs by up to `leeway`; 30 seconds unless this is called.
    ///
    /// # Errors
    ///
    /// [`IssuerError::LeewayTooLong`] above 60 seconds: a token would live on noticeably after its end.
    pub fn with_leeway(mut self, leeway: Duration) -> Result<Self, IssuerError> {
        if leeway > MAX_LEEWAY {
            return Err(IssuerError::LeewayTooLong { leeway, limit: MAX_LEEWAY });
        }
        self.leeway = leeway;
        Ok(self)
    }

    /// Refuses tokens that are valid for longer than `max_lifetime`, from `iat` to `exp`.
    #[must_use]
    pub fn with_max_lifetime(mut self, max_lifetime: Duration) -> Self {
        self.max_lifetime = Some(max_lifetime);
        self
    }

    /// Says how this issuer marks its access tokens.
    #[must_use]
    pub fn with_token_type(mut self, token_type: TokenType) -> Self {
        self.token_type = token_type;
        self
    }

    /// Asks the issuer about its tokens, by default about those that are opaque.
    #[must_use]
    pub fn with_introspection(mut self, introspection: Introspection) -> Self {
        self.introspection = Some(Arc::new(introspection));
        self
    }

    /// The name that this issuer has here.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The issuer identifier, as it stands in `iss`.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }
}

/// How an issuer tells its access tokens from its other tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[non_exhaustive]
pub enum TokenType {
    /// `typ` is `at+jwt` or `application/at+jwt`, in any case (RFC 9068 §4).
    #[default]
    #[serde(rename = "at+jwt")]
    AccessToken,
    /// `typ` is `JWT` or missing: for products that cannot do better.
    ///
    /// Nothing then says "access token", so tokens that carry a mark of another kind are refused: the `nonce` and
    /// hashes of ID tokens, `events` of logout tokens, the claims of proofs, status lists and introspection answers,
    /// a payload `typ` or `token_use` for other purposes, and an `aud` that names the client itself. `at+jwt` is
    /// accepted as well.
    #[serde(rename = "jwt-or-none")]
    JwtOrNone,
}

/// Why an issuer cannot be trusted under these rules. The operator must change a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IssuerError {
    /// The alias is not a short name.
    #[error("`{alias}` is not an alias; use 1 to 32 of the characters a-z, 0-9 and -")]
    Alias {
        /// The alias.
        alias: String,
    },
    /// The issuer identifier is not one (RFC 8414 §2).
    #[error("`{issuer}` is not an issuer identifier: {expected}")]
    Identifier {
        /// The identifier.
        issuer: String,
        /// What it must be.
        expected: &'static str,
    },
    /// The leeway is too long.
    #[error("a leeway of {leeway:?} is longer than {limit:?}; set the clocks by NTP and use less")]
    LeewayTooLong {
        /// The leeway.
        leeway: Duration,
        /// The longest leeway allowed.
        limit: Duration,
    },
    /// No algorithm is allowed.
    #[error("issuer `{issuer}` has no algorithm; list those that it signs access tokens with, such as ES256")]
    NoAlgorithm {
        /// The issuer.
        issuer: String,
    },
    /// No audience is named, so tokens for any service would do.
    #[error("issuer `{issuer}` has no audience; name the identifier of this resource server that stands in `aud`")]
    NoAudience {
        /// The issuer.
        issuer: String,
    },
}

fn check_alias(alias: String) -> Result<String, IssuerError> {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    if (1..=32).contains(&alias.len()) && alias.bytes().all(allowed) {
        Ok(alias)
    } else {
        Err(IssuerError::Alias { alias })
    }
}

/// RFC 8414 §2: an https URL without query and fragment. The text is kept as it is, never normalised.
fn check_identifier(issuer: String) -> Result<String, IssuerError> {
    let expected = match Url::parse(&issuer) {
        Err(_) => "write the absolute URL that stands in `iss`",
        Ok(url) if url.query().is_some() || url.fragment().is_some() => "it has no query and no fragment",
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "it has no user information",
        Ok(url) if !is_secure_or_loopback(&url) => "use https; plain http is for loopback addresses only",
        Ok(_) => return Ok(issuer),
    };
    Err(IssuerError::Identifier { issuer, expected })
}

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// Clocks that are kept by NTP differ by far less.
const MAX_LEEWAY: Duration = Duration::from_secs(60);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::keys::KeySet;

    fn keys() -> KeySet {
        let text = br#"{"keys":[{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}]}"#;
        KeySet::from_json(text).unwrap()
    }

    fn issuer(
        alias: &str,
        identifier: &str,
        audiences: &[&str],
        algorithms: &[Algorithm],
    ) -> Result<Issuer, IssuerError> {
        Issuer::new(alias, identifier, audiences.iter().copied(), algorithms.iter().copied(), keys())
    }

    #[test]
    fn a_complete_issuer_is_accepted() {
        for identifier in ["https://as.example.com", "https://as.example.com/", "http://localhost:8080/realms/a"] {
            let issuer = issuer("a-1", identifier, &["https://api.example.com"], &[Algorithm::Es256]).unwrap();
            assert_eq!(issuer.identifier(), identifier);
            assert!(issuer.with_leeway(Duration::from_secs(60)).is_ok());
        }
    }

    #[test]
    fn unsafe_settings_are_refused() {
        // GEN-06, GEN-09
        let (good, audience, algorithm) = ("https://as.example.com", &["api"][..], &[Algorithm::Es256][..]);
        for alias in ["", "A", "a|b", "ä", "a_b", &"a".repeat(33)] {
            assert!(matches!(issuer(alias, good, audience, algorithm), Err(IssuerError::Alias { .. })), "{alias}");
        }
        for identifier in [
            "",
            "as.example.com",
            "http://as.example.com",
            "https://as.example.com/?tenant=a",
            "https://as.example.com/?",
            "https://as.example.com/#a",
            "https://user@as.example.com/",
            "urn:issuer",
        ] {
            let result = issuer("a", identifier, audience, algorithm);
            assert!(matches!(result, Err(IssuerError::Identifier { .. })), "{identifier}");
        }
        assert!(matches!(issuer("a", good, &[], algorithm), Err(IssuerError::NoAudience { .. })));
        assert!(matches!(issuer("a", good, &["api", ""], algorithm), Err(IssuerError::NoAudience { .. })));
        assert!(matches!(issuer("a", good, audience, &[]), Err(IssuerError::NoAlgorithm { .. })));
        let issuer = issuer("a", good, audience, algorithm).unwrap();
        assert!(matches!(issuer.with_leeway(Duration::from_secs(61)), Err(IssuerError::LeewayTooLong { .. })));
    }
}
