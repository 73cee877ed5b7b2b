//! Tokens that only their issuer can read (RFC 7662).

mod answer;
mod breaker;
mod cache;
mod credentials;
mod form;
mod lookup;
mod request;
mod settings;
mod signed;
mod tokeninfo;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::UnixTime;
use serde::Deserialize;
use serde_json::{Map, Value};

use crate::claims;
use crate::error::TokenError;
use crate::http::{Endpoint, EndpointError, Network};
use crate::issuer::Issuer;
use crate::secret::SecretError;
use answer::Answer;
use breaker::Breaker;
use cache::AnswerCache;
pub use credentials::ClientCredentials;
use lookup::{Failure, Flights};
pub(crate) use settings::{IntrospectionSettings, Style};

/// How one issuer is asked about its tokens, and about which.
///
/// The answer is checked like the claims of a token, again for every request: only what the issuer said is kept, never
/// what was concluded. It is kept until the token's `exp` at most. One request serves all that wait for the same
/// token. An issuer that does not answer within 2 seconds, or not with what RFC 7662 asks for, is unavailable: the
/// token is neither accepted nor called invalid. After five failures in a row only one request every 5 seconds asks.
///
/// # Defaults
///
/// - Opaque tokens are asked about: [`IntrospectedTokens::Opaque`]. They may begin with anything.
/// - Answers are kept for 30 seconds, and those about inactive tokens for 5.
/// - An answer without `aud` is refused: [`AbsentAudience::Refuse`].
/// - Answers are plain JSON.
///
/// ```
/// use portcullis_token::{ClientCredentials, Introspection};
///
/// let credentials = ClientCredentials::secret("orders-api", "correct horse")?;
/// let introspection = Introspection::new("https://as.example.com/introspect", credentials)?;
/// # Ok::<(), portcullis_token::IntrospectionError>(())
/// ```
pub struct Introspection {
    endpoint: Endpoint,
    credentials: ClientCredentials,
    tokens: IntrospectedTokens,
    token_prefix: Option<String>,
    absent_audience: AbsentAudience,
    format: AnswerFormat,
    cache: AnswerCache,
    flights: Flights,
    breaker: Breaker,
}

impl Introspection {
    /// Asks `endpoint`, as the client that `credentials` are those of.
    ///
    /// # Errors
    ///
    /// If `endpoint` is not https (plain http is accepted for loopback addresses), or has user information or a
    /// fragment.
    pub fn new(endpoint: &str, credentials: ClientCredentials) -> Result<Self, IntrospectionError> {
        Ok(Self {
            endpoint: Endpoint::new(endpoint, &Network::default())?,
            credentials,
            tokens: IntrospectedTokens::default(),
            token_prefix: None,
            absent_audience: AbsentAudience::default(),
            format: AnswerFormat::Json,
            cache: AnswerCache::new(DEFAULT_CACHE),
            flights: Flights::default(),
            breaker: Breaker::default(),
        })
    }

    /// Asks Google's `tokeninfo` at `endpoint`, which needs no credentials and has a form of its own.
    ///
    /// # Errors
    ///
    /// As [`Introspection::new`].
    pub fn tokeninfo(endpoint: &str) -> Result<Self, IntrospectionError> {
        let asks = Self::new(endpoint, ClientCredentials::none())?;
        Ok(Self { format: AnswerFormat::TokenInfo, ..asks })
    }

    /// Asks over `network`; only public addresses unless this is called.
    ///
    /// # Errors
    ///
    /// If no HTTP client can be set up for it.
    pub fn with_network(mut self, network: &Network) -> Result<Self, IntrospectionError> {
        self.endpoint = Endpoint::new(self.endpoint.url().as_str(), network)?;
        Ok(self)
    }

    /// Says which tokens are asked about; only opaque ones unless this is called.
    #[must_use]
    pub fn with_tokens(mut self, tokens: IntrospectedTokens) -> Self {
        self.tokens = tokens;
        self
    }

    /// Says how this issuer's opaque tokens begin, such as `ory_at_`. Others are refused without a request. Several
    /// issuers of opaque tokens are told apart by it.
    ///
    /// # Errors
    ///
    /// If `prefix` is empty, longer than 32 bytes, or holds what no token may hold.
    pub fn with_token_prefix(mut self, prefix: impl Into<String>) -> Result<Self, IntrospectionError> {
        let prefix = prefix.into();
        if !(1..=32).contains(&prefix.len()) || !is_token68(&prefix) {
            return Err(IntrospectionError::TokenPrefix { prefix });
        }
        self.token_prefix = Some(prefix);
        Ok(self)
    }

    /// Keeps answers for `lifetime`; 30 seconds unless this is called. So much longer a revoked token may live. Zero
    /// asks about each request.
    ///
    /// # Errors
    ///
    /// [`IntrospectionError::CacheTooLong`] above 5 minutes.
    pub fn with_cache(mut self, lifetime: Duration) -> Result<Self, IntrospectionError> {
        if lifetime > MAX_CACHE {
            return Err(IntrospectionError::CacheTooLong { lifetime, limit: MAX_CACHE });
        }
        self.cache = AnswerCache::new(lifetime);
        Ok(self)
    }

    /// Says what an answer without `aud` means; it is refused unless this is called.
    #[must_use]
    pub fn with_absent_audience(mut self, absent: AbsentAudience) -> Self {
        self.absent_audience = absent;
        self
    }

    /// Demands signed answers (RFC 9701), with the keys and algorithms of the issuer's tokens. Plain ones are refused.
    #[must_use]
    pub fn with_signed_answers(mut self) -> Self {
        self.format = AnswerFormat::Signed;
        self
    }

    pub(crate) fn tokens(&self) -> IntrospectedTokens {
        self.tokens
    }

    pub(crate) fn takes_opaque(&self) -> bool {
        matches!(self.tokens, IntrospectedTokens::Opaque | IntrospectedTokens::All)
    }

    pub(crate) fn token_prefix(&self) -> Option<&str> {
        self.token_prefix.as_deref()
    }

    /// The claims of an opaque `token`: what `issuer` says about it.
    pub(crate) async fn claims(
        self: &Arc<Self>,
        issuer: &Arc<Issuer>,
        token: &str,
        now: UnixTime,
    ) -> Result<Arc<Claims>, TokenError> {
        let claims = self.active(issuer, token, now).await?;
        claims::check_answer(issuer, &claims, self.absent_audience, now)?;
        Ok(claims)
    }

    /// The claims of a token that also speaks for itself, and says `own`: what `issuer` says about it, as far as the
    /// two agree on who this is.
    pub(crate) async fn agreed_claims(
        self: &Arc<Self>,
        issuer: &Arc<Issuer>,
        token: &str,
        own: &Claims,
        now: UnixTime,
    ) -> Result<Arc<Claims>, TokenError> {
        let claims = self.active(issuer, token, now).await?;
        // Where the token has an `aud`, it was checked.
        let absent = if own.contains_key("aud") { AbsentAudience::Accept } else { self.absent_audience };
        claims::check_answer(issuer, &claims, absent, now)?;
        match IDENTITY.into_iter().find(|claim| own.contains_key(*claim) && own.get(*claim) != claims.get(*claim)) {
            Some(claim) => Err(TokenError::AnswerDisagrees { claim }),
            // A binding that only one of the two knows is lost either way.
            None if own.get("cnf") != claims.get("cnf") => Err(TokenError::AnswerDisagrees { claim: "cnf" }),
            None => Ok(claims),
        }
    }

    async fn active(
        self: &Arc<Self>,
        issuer: &Arc<Issuer>,
        token: &str,
        now: UnixTime,
    ) -> Result<Arc<Claims>, TokenError> {
        let alias = || issuer.alias().to_owned();
        match self.look_up(issuer, token, now).await {
            Ok(Answer::Active(claims)) => Ok(claims),
            Ok(Answer::Inactive) => Err(TokenError::Inactive),
            Err(Failure::CredentialsRefused) => Err(TokenError::CredentialsRefused { issuer: alias() }),
            Err(Failure::Unavailable { retry_after }) => Err(TokenError::Unavailable { issuer: alias(), retry_after }),
        }
    }
}

/// The credentials, and the tokens that are asked about, are secrets.
impl fmt::Debug for Introspection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Introspection")
            .field("endpoint", &self.endpoint.url().as_str())
            .field("credentials", &self.credentials)
            .field("tokens", &self.tokens)
            .field("token_prefix", &self.token_prefix)
            .field("absent_audience", &self.absent_audience)
            .field("format", &self.format)
            .finish_non_exhaustive()
    }
}

/// Which tokens of an issuer are asked about.
///
/// A token is a JWT by its shape: its first of three or five parts is a JSON object in base64url. A JWT that does not
/// verify is never asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum IntrospectedTokens {
    /// Those that are not JWTs. The answer is all that is known of them.
    #[default]
    Opaque,
    /// Those that are JWTs, to notice revocation. A JWT is verified as ever, and its claims count. What it says of `sub`,
    /// `client_id` and `cnf`, the answer must say too.
    Jwt,
    /// Opaque tokens and JWTs.
    All,
    /// Those that are JWTs, because a JWT is only the wrapping of an opaque token: its signature, kind and times must be
    /// right, and the claims of the answer count instead of its own. For Curity's wrapped opaque tokens and Keycloak's
    /// lightweight ones. What the JWT does say of `aud` must be right, and what it says of `sub`, `client_id` and `cnf`,
    /// the answer must say too.
    Wrapped,
}

/// What it means that an answer has no `aud`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum AbsentAudience {
    /// The token is for somebody else.
    #[default]
    Refuse,
    /// The token is for us: the issuer calls tokens for other resource servers inactive when we ask (RFC 7662 §2.2).
    /// Accept only from an issuer that is known to do so.
    Accept,
}

/// Why an issuer cannot be asked about tokens in this way. The operator must change a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum IntrospectionError {
    /// Answers would be believed for too long.
    #[error("answers kept for {lifetime:?} hide revocations for longer than {limit:?}; keep them for less")]
    CacheTooLong {
        /// How long they would be kept.
        lifetime: Duration,
        /// The longest time allowed.
        limit: Duration,
    },
    /// The URL cannot be asked.
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    /// Nothing says where to ask.
    #[error("nothing says where the issuer answers questions about tokens; name its `endpoint`")]
    NoEndpoint,
    /// Nothing proves who asks.
    #[error("introspection needs a `client_id` and either a `client_secret` or a `private_key`")]
    NoCredentials,
    /// The text is not a private key of a supported kind.
    #[error(
        "the private key is not an unencrypted Ed25519, P-256 or RSA key in PKCS #8; convert it with \
         `openssl pkcs8 -topk8 -nocrypt`"
    )]
    PrivateKey,
    /// A secret cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// No token begins so.
    #[error("`{prefix}` is not the beginning of tokens; write 1 to 32 letters, digits or `-._~+/`, such as `ory_at_`")]
    TokenPrefix {
        /// The prefix.
        prefix: String,
    },
    /// The endpoint neither asks who we are nor signs.
    #[error("`tokeninfo` takes no credentials and does not sign; leave out `client_id`, secrets and `signed`")]
    TokenInfo,
    /// There are two ways to prove who asks.
    #[error("introspection has both a `client_secret` and a `private_key`; keep one")]
    TwoCredentials,
}

/// How answers are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum AnswerFormat {
    Json,
    Signed,
    /// Google's own.
    TokenInfo,
}

impl AnswerFormat {
    const fn media_type(self) -> &'static str {
        match self {
            Self::Json | Self::TokenInfo => "application/json",
            Self::Signed => "application/token-introspection+jwt",
        }
    }
}

/// Whether `text` may be a bearer token (RFC 6750 §2.1).
pub(crate) fn is_token68(text: &str) -> bool {
    let word = text.trim_end_matches('=');
    !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte))
}

type Claims = Map<String, Value>;

/// Who a token is about.
const IDENTITY: [&str; 2] = ["sub", "client_id"];

const DEFAULT_CACHE: Duration = Duration::from_secs(30);

/// Longer, and a revocation comes too late to be one.
const MAX_CACHE: Duration = Duration::from_secs(300);
