//! The text of a token to verified claims.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use foldhash::quality::RandomState;
use portcullis_core::{UnixTime, VerifiedClaims};
use tokio::task::JoinSet;

use crate::api_key::ApiKeys;
use crate::claims::{self, Times};
use crate::confirmation::{self, Confirmation};
use crate::dpop::{ProofVerifier, ReplayStore};
use crate::error::{Malformed, Segment, TokenError};
use crate::excerpt::Excerpt;
use crate::introspection::{IntrospectedTokens, Introspection, is_token68};
use crate::issuer::{Issuer, TokenType};
use crate::jws::{self, UnverifiedToken};
use crate::keys::KeySet;
use crate::known::{KnownToken, TokenHash};
use crate::limits::Limits;
use crate::presented::PresentedToken;
use crate::signature;
use crate::status;
use crate::verifier_error::VerifierError;

/// Verifies access tokens of the trusted issuers.
///
/// The way through a token is fixed: its size, its syntax, its header, the issuer that its `iss` names, one key of
/// that issuer, the signature, the kind of token, its audience, its times, the form of its claims, its status, and last
/// whether its sender holds what it is bound to. The first failure is the answer. No claim means anything before the signature is checked, except that `iss` selects whose
/// keys to check with.
///
/// A token that is not a JWT by its shape goes to the issuer that takes opaque tokens, if there is one
/// ([`Introspection`](crate::Introspection)); the issuer's answer is then checked like claims.
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
    issuers: Issuers,
    /// Whom opaque tokens may be from.
    asked: Vec<Asked>,
    limits: Limits,
    api_keys: Option<ApiKeys>,
    proofs: Option<ProofVerifier>,
}

/// A token that was accepted, and what its sender should hear about.
#[derive(Debug)]
pub struct Verified {
    claims: VerifiedClaims,
    next_nonce: Option<String>,
    known: Option<KnownToken>,
}

impl Verified {
    /// The claims, with what was proven about the sender.
    #[must_use]
    pub fn claims(&self) -> &VerifiedClaims {
        &self.claims
    }

    /// The claims, and the token, to be accepted again at less cost. No token if its issuer is asked about it: what the issuer
    /// says is remembered already, for as long as the settings say.
    #[must_use]
    pub fn into_parts(self) -> (VerifiedClaims, Option<KnownToken>) {
        (self.claims, self.known)
    }

    /// The value of the field `DPoP-Nonce` in the answer, if the client should use a new nonce (RFC 9449 §8.2).
    #[must_use]
    pub fn next_nonce(&self) -> Option<&str> {
        self.next_nonce.as_deref()
    }
}

/// What became of a token that was accepted before.
#[derive(Debug)]
#[expect(clippy::exhaustive_enums, reason = "a token is known or it is not")]
pub enum Recheck {
    /// It is accepted, with the claims that are known of it.
    Accepted {
        /// The value of the field `DPoP-Nonce` in the answer, if the client should use a new nonce (RFC 9449 §8.2).
        next_nonce: Option<String>,
    },
    /// It must be verified as a new one: the keys of its issuer have changed, or it is another token.
    Unknown,
}

/// A token of which all is known but who sends it.
struct Read<'v> {
    issuer: &'v Arc<Issuer>,
    claims: VerifiedClaims,
    /// `None` if its issuer was asked about it.
    signed_by: Option<Arc<KeySet>>,
}

/// By their identifiers. A token chooses which one is looked for.
type Issuers = HashMap<String, Arc<Issuer>, RandomState>;

/// An issuer that is asked about opaque tokens.
#[derive(Debug)]
struct Asked {
    issuer: Arc<Issuer>,
    introspection: Arc<Introspection>,
}

impl Verifier {
    /// Trusts `issuers` and nobody else.
    ///
    /// # Errors
    ///
    /// If there is none, if two have the same alias or the same identifier, or if an opaque token could be from two.
    pub fn new(issuers: impl IntoIterator<Item = Issuer>) -> Result<Self, VerifierError> {
        let mut by_identifier = Issuers::default();
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
        let asked = asked(&by_identifier)?;
        Ok(Self { issuers: by_identifier, asked, limits: Limits::DEFAULT, api_keys: None, proofs: None })
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

    /// Accepts tokens under the scheme `DPoP`, with proofs that `proofs` verifies. Without it, tokens that are bound by
    /// `cnf.jkt` are refused.
    #[must_use]
    pub fn with_proofs(mut self, proofs: ProofVerifier) -> Self {
        self.proofs = Some(proofs);
        self
    }

    /// Remembers used proofs in `store` instead, if the scheme `DPoP` is accepted.
    #[must_use]
    pub fn with_replay(mut self, store: Arc<dyn ReplayStore>) -> Self {
        self.proofs = self.proofs.map(|proofs| proofs.with_replay(store));
        self
    }

    /// What verifies proofs, if the scheme `DPoP` is accepted.
    #[must_use]
    pub fn proofs(&self) -> Option<&ProofVerifier> {
        self.proofs.as_ref()
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

    /// The aliases of the issuers whose tokens cannot be verified at `now`, because their keys are not known. Keys that were
    /// not fetched yet are fetched, and waited for at most for `patience`. Who takes opaque tokens alone needs none.
    ///
    /// It needs a tokio runtime with its timer enabled.
    pub async fn issuers_without_keys(&self, now: UnixTime, patience: Duration) -> Vec<String> {
        let needy = self.issuers.values().filter(|issuer| issuer.keys.is_needed());
        let mut without: BTreeSet<String> = needy.clone().map(|issuer| issuer.alias().to_owned()).collect();
        let mut asked = JoinSet::new();
        for issuer in needy.cloned() {
            asked.spawn(async move {
                let keys = tokio::time::timeout(patience, issuer.keys.keys(issuer.alias(), now)).await;
                matches!(keys, Ok(Ok(_))).then_some(issuer)
            });
        }
        while let Some(answer) = asked.join_next().await {
            if let Ok(Some(issuer)) = answer {
                without.remove(issuer.alias());
            }
        }
        without.into_iter().collect()
    }

    /// Verifies `token`, the text of the credentials without the scheme `Bearer`, at `now`.
    ///
    /// The claims that come back are all of the token's, with its header, from the source named by the alias of its
    /// issuer. Dropping the future does no harm.
    ///
    /// # Errors
    ///
    /// [`TokenError::Unavailable`] and [`TokenError::StatusUnavailable`] if the issuer is needed and does not answer: the
    /// answer is 503. [`TokenError::CredentialsRefused`] if the issuer does not accept ours: that is a defect, and the
    /// answer is 500. Every other error is the token's fault: the answer is 401.
    pub async fn verify(&self, token: &str, now: UnixTime) -> Result<VerifiedClaims, TokenError> {
        let verified = self.verify_presented(&PresentedToken::bearer(token), now).await?;
        Ok(verified.claims)
    }

    /// Verifies a token as a request presents it, with the proofs beside it.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify`]; [`TokenError::Proof`] is answered as [`ProofError`](crate::ProofError) says.
    pub async fn verify_presented(
        &self,
        presented: &PresentedToken<'_>,
        now: UnixTime,
    ) -> Result<Verified, TokenError> {
        let Read { issuer, claims, signed_by } = self.read(presented.token, now).await?;
        // Last, so that a proof is used up only by a token that is accepted.
        let proofs = self.proofs.as_ref();
        let confirmation = Confirmation::of(claims.claims())?;
        let possession = confirmation::prove(&confirmation, issuer.binding, presented, proofs, now).await?;
        let claims = possession.proven.into_iter().fold(claims, VerifiedClaims::with_binding);
        let known = match signed_by {
            None => None,
            Some(keys) => Some(KnownToken {
                hash: TokenHash::of(presented.token),
                issuer: Arc::clone(issuer),
                keys,
                times: Times::of(claims.claims())?,
                confirmation,
                status: claims.claims().get("status").cloned().map(Box::new),
            }),
        };
        Ok(Verified { claims, next_nonce: possession.next_nonce, known })
    }

    /// Verifies a token that was accepted before by this verifier, with the proofs beside it this time. What cannot have changed
    /// is not checked again: see [`KnownToken`]. `hash` is that of the token that is presented: whoever looked for what is known of it has it already.
    ///
    /// # Errors
    ///
    /// As [`Verifier::verify_presented`].
    pub async fn verify_known(
        &self,
        known: &KnownToken,
        presented: &PresentedToken<'_>,
        hash: TokenHash,
        now: UnixTime,
    ) -> Result<Recheck, TokenError> {
        let KnownToken { issuer, keys, times, confirmation, .. } = known;
        // What another verifier has accepted, this one may not trust.
        let is_ours = self.issuers.get(issuer.identifier()).is_some_and(|ours| Arc::ptr_eq(ours, issuer));
        if known.hash != hash || !is_ours || !signature::are_current(issuer, keys, now).await? {
            return Ok(Recheck::Unknown);
        }
        times.check(issuer.leeway, now)?;
        status::check(issuer, known.status.as_deref(), now).await?;
        let proofs = self.proofs.as_ref();
        let possession = confirmation::prove(confirmation, issuer.binding, presented, proofs, now).await?;
        // What must be proven stands in the token, so nothing else can have been.
        Ok(Recheck::Accepted { next_nonce: possession.next_nonce })
    }

    /// The claims of `token`, about which everything was checked but who sends it.
    async fn read(&self, token: &str, now: UnixTime) -> Result<Read<'_>, TokenError> {
        // By shape, never because something else failed: what is wrong with a JWT is not for the issuer to forgive.
        if self.asked.is_empty() || jws::has_shape(token) {
            self.verify_jwt(token, now).await
        } else {
            self.verify_opaque(token, now).await
        }
    }

    async fn verify_jwt(&self, text: &str, now: UnixTime) -> Result<Read<'_>, TokenError> {
        let token = UnverifiedToken::parse(text, &self.limits)?;
        let issuer = self.issuers.get(claims::unverified_issuer(&token.claims)?).ok_or(TokenError::UnknownIssuer)?;
        if issuer.rules.typ == TokenType::Opaque {
            // Its JWTs are something else, such as ID tokens, and it may have stated no keys for them.
            return Err(TokenError::WrongType { typ: token.header.typ.as_deref().map(Excerpt::new) });
        }
        let keys = signature::check(issuer, &token, now).await?;
        let (own, typ) = (token.claims, token.header.typ);
        let mut signed_by = None;
        let claims = match issuer.introspection.as_ref().map(|introspection| (introspection.tokens(), introspection)) {
            Some((IntrospectedTokens::Wrapped, introspection)) => {
                claims::check_wrapping(issuer, typ.as_deref(), &own, now)?;
                Arc::unwrap_or_clone(introspection.agreed_claims(issuer, text, &own, now).await?)
            }
            Some((IntrospectedTokens::Jwt | IntrospectedTokens::All, introspection)) => {
                claims::check(issuer, typ.as_deref(), &own, now)?;
                introspection.agreed_claims(issuer, text, &own, now).await?;
                own
            }
            Some((IntrospectedTokens::Opaque, _)) | None => {
                claims::check(issuer, typ.as_deref(), &own, now)?;
                signed_by = Some(keys);
                own
            }
        };
        status::check(issuer, claims.get("status"), now).await?;
        let claims = VerifiedClaims::assume_verified(issuer.alias(), claims).with_header(token.header.parameters);
        Ok(Read { issuer, claims, signed_by })
    }

    async fn verify_opaque(&self, token: &str, now: UnixTime) -> Result<Read<'_>, TokenError> {
        let limit = self.limits.token_bytes;
        if token.len() > limit {
            return Err(Malformed::TooLarge { segment: Segment::Whole, limit }.into());
        }
        if !is_token68(token) {
            return Err(Malformed::Characters.into());
        }
        // At most one: their prefixes are distinct.
        let asked = self.asked.iter().find(|asked| asked.prefix().is_none_or(|prefix| token.starts_with(prefix)));
        let Asked { issuer, introspection } = asked.ok_or(TokenError::UnknownIssuer)?;
        let claims = introspection.claims(issuer, token, now).await?;
        status::check(issuer, claims.get("status"), now).await?;
        let claims = VerifiedClaims::assume_verified(issuer.alias(), Arc::unwrap_or_clone(claims));
        Ok(Read { issuer, claims, signed_by: None })
    }
}

impl Asked {
    fn prefix(&self) -> Option<&str> {
        self.introspection.token_prefix()
    }
}

/// The issuers that are asked about opaque tokens, if each can only be from one of them.
fn asked(issuers: &Issuers) -> Result<Vec<Asked>, VerifierError> {
    let asked = |issuer: &Arc<Issuer>| {
        let introspection = issuer.introspection.as_ref().filter(|introspection| introspection.takes_opaque())?;
        Some(Asked { issuer: Arc::clone(issuer), introspection: Arc::clone(introspection) })
    };
    let mut all: Vec<Asked> = issuers.values().filter_map(asked).collect();
    // None comes first, and a prefix directly before what continues it.
    all.sort_by(|one, other| one.prefix().cmp(&other.prefix()));
    let ambiguous = |(one, other): &(&Asked, &Asked)| {
        other.prefix().unwrap_or_default().starts_with(one.prefix().unwrap_or_default())
    };
    match all.iter().zip(all.iter().skip(1)).find(ambiguous) {
        Some((one, other)) => Err(VerifierError::AmbiguousOpaqueTokens {
            first: one.issuer.alias().to_owned(),
            second: other.issuer.alias().to_owned(),
        }),
        None => Ok(all),
    }
}
