//! What one trusted issuer's tokens must look like.

use std::sync::Arc;
use std::time::Duration;

use reqwest::Url;
use serde::Deserialize;

use crate::algorithm::Algorithm;
use crate::confirmation::BindingRule;
use crate::http::is_secure_or_loopback;
use crate::introspection::Introspection;
use crate::preset::{Identifier, Preset, TokenRules};
use crate::source::KeySource;
use crate::status::StatusCheck;

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
/// - `aud` may name others beside this resource server.
/// - Tokens are JWTs, and the issuer is not asked about them.
/// - Tokens need not be bound to their holder; one that is bound is never taken without its proof.
/// - A token with a claim `status` is refused: [`StatusCheck::Refuse`].
///
/// [`Issuer::of`] starts from what another product does.
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
    pub(crate) rules: TokenRules,
    pub(crate) foreign_audiences: ForeignAudiences,
    pub(crate) leeway: Duration,
    pub(crate) status: StatusCheck,
    pub(crate) binding: BindingRule,
    pub(crate) introspection: Option<Arc<Introspection>>,
}

impl Issuer {
    /// Trusts the issuer `identifier`, under the name `alias`, for tokens of RFC 9068.
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
        Self::of(Preset::Rfc9068, alias, identifier, audiences, algorithms, keys)
    }

    /// Trusts the issuer `identifier`, which is one of the product that `preset` describes. The arguments are those of
    /// [`Issuer::new`]; without `algorithms`, the product's own are allowed.
    ///
    /// ```
    /// use portcullis_token::{Issuer, KeySource, Preset};
    ///
    /// let (identifier, audience) = ("https://northwind.eu.auth0.com/", "https://orders.example.com/api");
    /// let keys = KeySource::url("https://northwind.eu.auth0.com/.well-known/jwks.json")?;
    /// let issuer = Issuer::of(Preset::Auth0, "northwind", identifier, [audience], [], keys)?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Issuer::new`]; also if no issuer of the product has an identifier of this form.
    pub fn of<A: Into<String>>(
        preset: Preset,
        alias: impl Into<String>,
        identifier: impl Into<String>,
        audiences: impl IntoIterator<Item = A>,
        algorithms: impl IntoIterator<Item = Algorithm>,
        keys: impl Into<KeySource>,
    ) -> Result<Self, IssuerError> {
        let (alias, identifier) = (check_alias(alias.into())?, check_identifier(preset, identifier.into())?);
        let audiences: Vec<String> = audiences.into_iter().map(Into::into).collect();
        if audiences.is_empty() || audiences.iter().any(String::is_empty) {
            return Err(IssuerError::NoAudience { issuer: identifier });
        }
        let mut algorithms: Vec<Algorithm> = algorithms.into_iter().collect();
        if algorithms.is_empty() {
            algorithms = preset.algorithms();
        }
        if algorithms.is_empty() {
            return Err(IssuerError::NoAlgorithm { issuer: identifier });
        }
        let keys = keys.into();
        if let Some(other) = keys.discovered_issuer().filter(|other| *other != identifier) {
            return Err(IssuerError::OtherIssuersKeys { other: other.to_owned(), issuer: identifier });
        }
        keys.report(&alias);
        Ok(Self {
            alias,
            identifier,
            audiences,
            algorithms,
            keys,
            rules: preset.rules(),
            foreign_audiences: ForeignAudiences::Accepted,
            leeway: DEFAULT_LEEWAY,
            status: StatusCheck::default(),
            binding: BindingRule::default(),
            introspection: None,
        })
    }

    /// Renames this issuer, which is one of several tenants of what is configured as one.
    pub(crate) fn with_tenant(mut self, tenant: &str) -> Self {
        // An alias has no dot, so both parts can be told apart.
        self.alias = format!("{}.{tenant}", self.alias);
        self
    }

    /// How long after its end a token is still accepted.
    #[must_use]
    pub fn leeway(&self) -> Duration {
        self.leeway
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

    /// Says what the claim `status` of this issuer's tokens means.
    #[must_use]
    pub fn with_status(mut self, status: StatusCheck) -> Self {
        self.status = status;
        self
    }

    /// Refuses tokens that are not bound to their holder as `binding` says.
    #[must_use]
    pub fn with_binding(mut self, binding: BindingRule) -> Self {
        self.binding = binding;
        self
    }

    /// How this issuer's tokens must be bound to their holder.
    #[must_use]
    pub fn binding(&self) -> BindingRule {
        self.binding
    }

    /// Says how this issuer marks its access tokens.
    #[must_use]
    pub fn with_token_type(mut self, token_type: TokenType) -> Self {
        self.rules.typ = token_type;
        self
    }

    /// Says whether a token may be for others as well.
    #[must_use]
    pub fn with_foreign_audiences(mut self, foreign_audiences: ForeignAudiences) -> Self {
        self.foreign_audiences = foreign_audiences;
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
    /// `typ` is missing, as with [`TokenType::JwtOrNone`].
    #[serde(rename = "none")]
    Absent,
    /// `typ` is `JWT`, as with [`TokenType::JwtOrNone`].
    #[serde(rename = "jwt")]
    Jwt,
    /// `typ` is `JWT` or missing: for products that cannot do better.
    ///
    /// Nothing then says "access token", so tokens that carry a mark of another kind are refused: the `nonce` and
    /// hashes of ID tokens, `events` of logout tokens, the claims of proofs, status lists and introspection answers,
    /// a payload `typ` or `token_use` for other purposes, and, unless the preset says that this product does so, an `aud`
    /// that names the client itself. `at+jwt` is accepted as well.
    #[serde(rename = "jwt-or-none")]
    JwtOrNone,
    /// The issuer's access tokens are opaque: whatever JWT it signs is something else.
    #[serde(rename = "opaque")]
    Opaque,
}

/// Whether `aud` may name others beside this resource server.
///
/// A scope means something to each audience of the token. Where two of them give one name to different things, a token for
/// both grants more than was asked for (RFC 9068 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[expect(clippy::exhaustive_enums, reason = "yes or no")]
pub enum ForeignAudiences {
    /// It may.
    #[default]
    Accepted,
    /// Such a token is refused.
    Refused,
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
    /// No issuer of this product has such an identifier.
    #[error("`{issuer}` is not an issuer of `{preset}`; those look like {forms}")]
    Form {
        /// The identifier.
        issuer: String,
        /// The name of the preset.
        preset: &'static str,
        /// What it must look like.
        forms: String,
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
    /// Whoever signs for another issuer could sign for this one.
    #[error(
        "the keys of issuer `{issuer}` are to be discovered at `{other}`; name the issuer itself, or state its keys"
    )]
    OtherIssuersKeys {
        /// The issuer.
        issuer: String,
        /// The issuer whose metadata are to be asked.
        other: String,
    },
}

fn check_alias(alias: String) -> Result<String, IssuerError> {
    if is_alias(&alias) { Ok(alias) } else { Err(IssuerError::Alias { alias }) }
}

/// Whether `alias` can name a source: 1 to 32 of `a-z`, `0-9` and `-`.
pub(crate) fn is_alias(alias: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=32).contains(&alias.len()) && alias.bytes().all(allowed)
}

/// The text is kept as it is, never normalised.
pub(crate) fn check_identifier(preset: Preset, issuer: String) -> Result<String, IssuerError> {
    match preset.identify(&issuer) {
        Ok(Identifier::Url) => check_url(issuer),
        Ok(Identifier::Name)
            if issuer.len() <= MAX_NAME_BYTES && issuer.bytes().all(|byte| byte.is_ascii_graphic()) =>
        {
            Ok(issuer)
        }
        Ok(Identifier::Name) => {
            Err(IssuerError::Identifier { issuer, expected: "copy it from the `iss` claim of a token" })
        }
        Err(forms) => Err(IssuerError::Form { issuer, preset: preset.name(), forms }),
    }
}

/// RFC 8414 §2: an https URL without query and fragment.
fn check_url(issuer: String) -> Result<String, IssuerError> {
    let expected = match Url::parse(&issuer) {
        Err(_) => "write the absolute URL that stands in `iss`",
        Ok(url) if url.query().is_some() || url.fragment().is_some() => "it has no query and no fragment",
        Ok(url) if !url.username().is_empty() || url.password().is_some() => "it has no user information",
        // Products with many tenants print `{tenantid}`; no token has that.
        Ok(_) if issuer.contains(['{', '}', '*']) => "it has no placeholder; list each tenant as an issuer of its own",
        Ok(url) if !is_secure_or_loopback(&url) => "use https; plain http is for loopback addresses only",
        Ok(_) => return Ok(issuer),
    };
    Err(IssuerError::Identifier { issuer, expected })
}

const DEFAULT_LEEWAY: Duration = Duration::from_secs(30);

/// Identifiers that are no URLs are ids of projects, or names of domains.
const MAX_NAME_BYTES: usize = 255;

/// Clocks that are kept by NTP differ by far less.
pub(crate) const MAX_LEEWAY: Duration = Duration::from_secs(60);

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
        // GEN-06, GEN-09, ASM-01, ASM-12
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
            "https://as.example.com/{tenantid}/v2.0",
            "https://*.example.com/",
            "urn:issuer",
        ] {
            let result = issuer("a", identifier, audience, algorithm);
            assert!(matches!(result, Err(IssuerError::Identifier { .. })), "{identifier}");
        }
        for (preset, identifier) in [
            (Preset::Auth0, "https://northwind.eu.auth0.com"),
            (Preset::Okta, "https://adatum.okta.com"),
            (Preset::Descope, "https://api.descope.com/"),
        ] {
            let result = Issuer::of(preset, "a", identifier, ["api"], [], keys());
            assert!(matches!(result, Err(IssuerError::Form { .. })), "{identifier}");
        }
        // Only where a product has such issuers.
        assert!(Issuer::of(Preset::Descope, "a", "P2kQ7v", ["api"], [], keys()).is_ok());
        for identifier in ["P2 kQ7v", "P2kQ7vé", &"P".repeat(256)] {
            let result = Issuer::of(Preset::Descope, "a", identifier, ["api"], [], keys());
            assert!(matches!(result, Err(IssuerError::Identifier { .. })), "{identifier}");
        }
        assert!(matches!(issuer("a", good, &[], algorithm), Err(IssuerError::NoAudience { .. })));
        assert!(matches!(issuer("a", good, &["api", ""], algorithm), Err(IssuerError::NoAudience { .. })));
        assert!(matches!(issuer("a", good, audience, &[]), Err(IssuerError::NoAlgorithm { .. })));
        let issuer = issuer("a", good, audience, algorithm).unwrap();
        assert!(matches!(issuer.with_leeway(Duration::from_secs(61)), Err(IssuerError::LeewayTooLong { .. })));
    }
}
