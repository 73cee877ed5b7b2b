//! The text of a token to verified claims.

use std::collections::HashMap;
use std::sync::Arc;

use portcullis_core::{UnixTime, VerifiedClaims};

use crate::api_key::ApiKeys;
use crate::claims;
use crate::error::TokenError;
use crate::issuer::Issuer;
use crate::jws::{Header, UnverifiedToken};
use crate::keys::KeySet;
use crate::limits::Limits;
use crate::source::KeysUnavailable;
use crate::status;

/// Verifies access tokens of the trusted issuers.
///
/// The way through a token is fixed: its size, its syntax, its header, the issuer that its `iss` names, one key of
/// that issuer, the signature, the kind of token, its audience, its times, the form of its claims, and its status. The
/// first failure is the answer. No claim means anything before the signature is checked, except that `iss` selects whose
/// keys to check with.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
/// use portcullis_core::UnixTime;
/// use portcullis_token::{Algorithm, Issuer, KeySet, TokenError, Verifier};
///
/// let keys = KeySet::from_json(
///     br#"{ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "as-1", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }] }"#,
/// )?;
/// let issuer = Issuer::new("main", "https://as.example.com", ["https://api.example.com"], [Algorithm::Ed25519], keys)?;
/// let verifier = Verifier::new([issuer])?;
///
/// let now = UnixTime::from_secs(1_767_226_000).unwrap();
/// let result = verifier.verify("not a token", now).await;
/// assert!(matches!(result, Err(TokenError::Malformed(_))));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Verifier {
    issuers: HashMap<String, Arc<Issuer>>,
    limits: Limits,
    api_keys: Option<ApiKeys>,
}

impl Verifier {
    /// Trusts `issuers` and nobody else.
    ///
    /// # Errors
    ///
    /// If there is none, or if two have the same alias or the same identifier.
    pub fn new(issuers: impl IntoIterator<Item = Issuer>) -> Result<Self, VerifierError> {
        let mut by_identifier: HashMap<String, Arc<Issuer>> = HashMap::new();
        for issuer in issuers {
            if by_identifier.values().any(|other| other.alias() == issuer.alias()) {
                return Err(VerifierError::RepeatedAlias { alias: issuer.alias().to_owned() });
            }
            if let Some(other) = by_identifier.insert(issuer.identifier().to_owned(), Arc::new(issuer)) {
                return Err(VerifierError::RepeatedIssuer { issuer: other.identifier().to_owned() });
            }
        }
        if by_identifier.is_empty() {
            return Err(VerifierError::NoIssuer);
        }
        Ok(Self { issuers: by_identifier, limits: Limits::DEFAULT, api_keys: None })
    }

    /// Accepts API keys, too.
    ///
    /// # Errors
    ///
    /// If an issuer has their alias.
    pub fn with_api_keys(mut self, keys: ApiKeys) -> Result<Self, VerifierError> {
        if self.issuers.values().any(|issuer| issuer.alias() == keys.alias()) {
            return Err(VerifierError::RepeatedAlias { alias: keys.alias().to_owned() });
        }
        self.api_keys = Some(keys);
        Ok(self)
    }

    /// The API keys that are accepted, if any.
    #[must_use]
    pub fn api_keys(&self) -> Option<&ApiKeys> {
        self.api_keys.as_ref()
    }

    /// Looks at less input than [`Limits::DEFAULT`] allows.
    #[must_use]
    pub fn with_limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The trusted issuers, in the order of their identifiers.
    pub fn issuers(&self) -> impl Iterator<Item = &Issuer> {
        let mut issuers: Vec<&Issuer> = self.issuers.values().map(AsRef::as_ref).collect();
        issuers.sort_unstable_by_key(|issuer| issuer.identifier());
        issuers.into_iter()
    }

    /// Verifies `token`, the text of the credentials without the scheme, at `now`.
    ///
    /// The claims that come back are all of the token's, with its header, from the source named by the alias of its
    /// issuer. Dropping the future does no harm.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unavailable`] and [`TokenError::StatusUnavailable`] if keys or status lists of the issuer cannot be
    /// fetched: the answer is 503. Every other error is the token's fault: the answer is 401.
    pub async fn verify(&self, token: &str, now: UnixTime) -> Result<VerifiedClaims, TokenError> {
        let token = UnverifiedToken::parse(token, &self.limits)?;
        let issuer = self.issuers.get(claims::unverified_issuer(&token.claims)?).ok_or(TokenError::UnknownIssuer)?;
        check_signature(issuer, &token, now).await?;
        claims::check(issuer, token.header.typ.as_deref(), &token.claims, now)?;
        status::check(issuer, &token.claims, now).await?;
        Ok(VerifiedClaims::assume_verified(issuer.alias(), token.claims).with_header(token.header.parameters))
    }
}

/// Why these issuers cannot be trusted together. The operator must change a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum VerifierError {
    /// There is no issuer.
    #[error("no issuer is trusted, so no token could ever be accepted; name at least one")]
    NoIssuer,
    /// Two sources have one alias, so their subjects could not be told apart.
    #[error("two sources have the alias `{alias}`; give each one of its own")]
    RepeatedAlias {
        /// The alias.
        alias: String,
    },
    /// One issuer is configured twice, so its rules would be ambiguous.
    #[error("issuer `{issuer}` is configured twice; keep one")]
    RepeatedIssuer {
        /// The issuer.
        issuer: String,
    },
}

/// Checks that one of the keys of `issuer` signed `token`. What the claims say is not looked at.
pub(crate) async fn check_signature(
    issuer: &Issuer,
    token: &UnverifiedToken<'_>,
    now: UnixTime,
) -> Result<(), TokenError> {
    let Header { alg, .. } = token.header;
    if !issuer.algorithms.contains(&alg) {
        return Err(TokenError::AlgorithmNotAllowed { alg: crate::excerpt::Excerpt::new(alg.as_str()) });
    }
    let keys = keys_for(issuer, &token.header, now).await?;
    let key = keys.select(&token.header, &issuer.algorithms)?;
    if key.is_signature(alg, token.signing_input.as_bytes(), &token.signature) {
        Ok(())
    } else {
        Err(TokenError::BadSignature)
    }
}

/// The keys of `issuer`, newer ones if those at hand lack the key that the token names.
async fn keys_for(issuer: &Issuer, header: &Header, now: UnixTime) -> Result<Arc<KeySet>, TokenError> {
    let unavailable =
        |KeysUnavailable { retry_after }| TokenError::Unavailable { issuer: issuer.alias().to_owned(), retry_after };
    let keys = issuer.keys.keys(issuer.alias(), now).await.map_err(unavailable)?;
    if keys.select(header, &issuer.algorithms) != Err(TokenError::UnknownKey) {
        return Ok(keys);
    }
    let newer = issuer.keys.newer(&keys, issuer.alias(), now).await.map_err(unavailable)?;
    Ok(newer.unwrap_or(keys))
}
