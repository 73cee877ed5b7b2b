//! Why a request goes no further.

use std::error::Error;
use std::time::Duration;

use portcullis_core::{
    Binding, Bundle, ClaimsError, Denial, DenialKind, FactsError, Layer, ObligationError, Remedy, ResourceError,
    Session, SessionError,
};
use portcullis_token::{
    ApiKeyError, ApprovalsError, CertificateFieldError, IntentError, InvalidTicket, NotApproved, ProofError, TokenError,
};

use crate::audit::NoPlace;
use crate::confirm::Offer;
use crate::credentials::{Malformed, Proofs};
use crate::gate::RETRY_AFTER;
use crate::lease::Ended;
use crate::limits::RateLimit;
use crate::metadata::is_for_resources;

/// Why a request goes no further, before anything is said about HTTP.
///
/// `Display` is for the log. What the caller learns is in [`Answer`](crate::Answer).
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("malformed credentials: {0}")]
    Malformed(#[from] Malformed),
    #[error("no credentials")]
    NoCredentials,
    #[error("credentials were sent in plain text: they must be considered stolen")]
    PlainText,
    #[error("invalid token: {reason}")]
    InvalidToken { description: &'static str, reason: String },
    #[error("invalid DPoP proof: {reason}")]
    InvalidProof { description: &'static str, reason: String },
    #[error("the DPoP proof needs a nonce")]
    UseNonce { nonce: String },
    /// With the limits that have too few tokens.
    #[error("used up: {}", .0.names().join(", "))]
    QuotaExceeded(Box<RateLimit>),
    #[error("more DPoP proofs were made with one key than are remembered for it")]
    ProofFlood { retry_after: Duration },
    /// The token is one of the issuer's, and its claims are not what the profile expects. If that is so for all of them,
    /// the profile is wrong.
    #[error("unusable claims: {reason}")]
    UnusableClaims { reason: String },
    #[error("denied")]
    Denied(Box<Denied>),
    #[error("no route matches")]
    NoRoute,
    #[error("no resource of this id exists")]
    Absent,
    #[error("the method has no action on this route")]
    MethodNotAllowed { allowed: String },
    #[error("no action of the schema has this route")]
    NoAction,
    #[error("the action that the handler names is not declared for this route")]
    ForeignAction,
    /// Not knowing a membership is no defect of the caller, but it denies.
    #[error("{0}")]
    NotKnown(SessionError),
    #[error("the path parameters are not valid UTF-8")]
    UnreadablePath,
    #[error("a dependency is out of reach: {reason}")]
    Unavailable { retry_after: Duration, reason: String },
    /// As `Unavailable`, but it is we who did not wait any longer.
    #[error("the directory did not answer in time")]
    TooSlow { retry_after: Duration },
    /// What was shown to be approved is no ticket.
    #[error("{0}")]
    InvalidTicket(#[from] InvalidTicket),
    /// Scopes are under the names of the caller's issuer.
    #[error("not approved: {0}")]
    NotApproved(#[from] NotApproved),
    #[error("{0}")]
    Defect(#[from] Defect),
}

/// A denial of the engine, with what the answer needs to know besides.
#[derive(Debug)]
pub(crate) struct Denied {
    pub(crate) denial: Denial,
    /// Absent and denied look the same.
    pub(crate) hidden: bool,
    /// The scopes that the operation needs, under the names that the caller's issuer gives them. `None` if it cannot
    /// confer one of them, or a resource must not ask for it.
    pub(crate) scopes: Option<Vec<String>>,
    /// What a person can approve, where that is all that is missing.
    pub(crate) offer: Option<Offer>,
}

/// The service, its policies or its data are at fault. The caller learns nothing but that.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Defect {
    #[error("the handler asks for a permit on a route that is decided in the handler")]
    NotDecided,
    #[error("the handler answered with success and never got a decision that allows it")]
    Forgotten,
    #[error("the handler answered with a list and did not filter it")]
    Unfiltered,
    #[error("the handler filters a list, and the action of its route is none (`@lists`)")]
    NoList,
    #[error("the router's parameters are not those of the action's route")]
    Parameters,
    #[error("the handler is on a route with several actions and named none")]
    ActionNotNamed,
    #[error("the resource cannot be decided about: {0}")]
    Resource(#[from] ResourceError),
    #[error("the facts cannot be used: {0}")]
    Facts(#[from] FactsError),
    #[error("what is known of the principal cannot be used: {0}")]
    Principal(SessionError),
    #[error("obligations were not discharged: {}", list(.0))]
    Undischarged(Vec<ObligationError>),
    #[error("the directory supplies another resource than it was asked for")]
    OtherResource,
    #[error(
        "`{action}` may have to be confirmed by a person, who must know with which arguments: decide it by `check_with`, \
         `check_as_with` or `load_with`"
    )]
    DecidedWithoutFacts { action: String },
    #[error("it cannot be told what a person would confirm: {0}")]
    Intent(#[from] IntentError),
    #[error("there is no ticket: {0}")]
    Ticket(#[from] ApprovalsError),
    #[error("the ids of subject, actor, client and resource are too long for an approval")]
    LongApproval,
    #[error("the handler deals with approvals, and the gate has no `[approval]`")]
    NoApprovals,
    /// The caller's token may be right. Nobody can say.
    #[error("{0}")]
    Credentials(TokenError),
}

impl Refusal {
    /// The engine denied the request of `session` on a resource of the type `entity_type`.
    pub(crate) fn denied(
        bundle: &Bundle,
        session: Option<&Session>,
        denial: Denial,
        entity_type: Option<&str>,
    ) -> Self {
        let needed = denial.remedy().map(Remedy::needed_scopes).unwrap_or_default();
        let wire = |name| {
            let wire = session.and_then(|session| session.wire_name_of(name));
            wire.filter(|wire| is_for_resources(wire)).map(str::to_owned)
        };
        let scopes = needed.iter().map(wire).collect();
        let hidden = entity_type.is_some_and(|entity_type| bundle.is_hidden(entity_type));
        Self::Denied(Box::new(Denied { denial, hidden, scopes, offer: None }))
    }

    /// Whether credentials were shown that are not accepted. A client that needs a nonce did nothing wrong.
    pub(crate) fn is_failed_authentication(&self) -> bool {
        matches!(
            self,
            Self::Malformed(_) | Self::InvalidToken { .. } | Self::InvalidProof { .. } | Self::UnusableClaims { .. }
        )
    }

    /// Whether somebody who is known, or the public, asked for what is not to be had.
    pub(crate) fn is_denial(&self) -> bool {
        match self {
            Self::Denied(denied) => denied.denial.kind() != DenialKind::Error,
            Self::Absent | Self::UnreadablePath | Self::NotKnown(_) => true,
            _ => false,
        }
    }

    /// The layers that deny.
    pub(crate) fn layers(&self) -> &[Layer] {
        match self {
            Self::Denied(denied) => denied.denial.layers(),
            _ => &[],
        }
    }

    /// Whether an operator has to look at it.
    pub(crate) fn is_defect(&self) -> bool {
        match self {
            Self::NoAction | Self::ForeignAction | Self::NotKnown(_) | Self::Defect(_) => true,
            Self::Denied(denied) => denied.denial.kind() == DenialKind::Error,
            _ => false,
        }
    }
}

/// What this caller could obtain here to be allowed.
pub(crate) struct Obtainable<'a> {
    pub(crate) remedy: &'a Remedy,
    /// All scopes that the operation needs, if one is missing, as the caller's issuer names them.
    pub(crate) scopes: &'a [String],
}

impl Denied {
    /// Whether a person's word lifts it, and nothing else is to be obtained first.
    pub(crate) fn is_confirmation_all_that_is_missing(&self) -> bool {
        let only_confirm = |remedy: &Remedy| {
            remedy.confirm() && remedy.scopes().is_empty() && remedy.step_up().is_none() && remedy.bindings().is_empty()
        };
        self.denial.kind() != DenialKind::Error && self.denial.remedy().is_some_and(only_confirm)
    }

    /// `None` where nothing honestly helps: also where the caller's issuer cannot confer a scope, or no proof would be
    /// verified.
    pub(crate) fn obtainable(&self, proofs: Proofs) -> Option<Obtainable<'_>> {
        if self.denial.kind() == DenialKind::Error {
            return None;
        }
        let (remedy, scopes) = (self.denial.remedy()?, self.scopes.as_deref()?);
        let proofs_count = |binding: &Binding| *binding == Binding::Mtls || proofs == Proofs::Verified;
        let provable = remedy.bindings().is_empty() || remedy.bindings().iter().any(proofs_count);
        let steps =
            !scopes.is_empty() || remedy.step_up().is_some() || !remedy.bindings().is_empty() || remedy.confirm();
        (provable && steps).then_some(Obtainable { remedy, scopes })
    }

    /// What the policies that forbid say to the caller, as far as it may be told.
    pub(crate) fn message(&self) -> Option<String> {
        let messages = self.denial.messages_for_caller();
        (!self.hidden && !messages.is_empty()).then(|| messages.join(" "))
    }
}

impl From<ProofError> for Refusal {
    fn from(error: ProofError) -> Self {
        let (description, reason) = (error.description(), error.to_string());
        match error {
            ProofError::UseNonce { nonce } => Self::UseNonce { nonce },
            ProofError::Flood { retry_after } => Self::ProofFlood { retry_after },
            ProofError::Unavailable { retry_after } => Self::Unavailable { retry_after, reason },
            // The token is at fault: it is another one's (RFC 9449 §7.1, Figure 16).
            ProofError::KeyMismatch => Self::InvalidToken { description, reason },
            _ => Self::InvalidProof { description, reason },
        }
    }
}

impl From<CertificateFieldError> for Refusal {
    fn from(error: CertificateFieldError) -> Self {
        Malformed::Certificate(error).into()
    }
}

impl From<TokenError> for Refusal {
    fn from(error: TokenError) -> Self {
        let error = match error {
            TokenError::Proof(error) => return (*error).into(),
            error => error,
        };
        let reason = error.to_string();
        match error.retry_after() {
            _ if matches!(error, TokenError::CredentialsRefused { .. }) => Defect::Credentials(error).into(),
            Some(retry_after) => Self::Unavailable { retry_after, reason },
            None => Self::InvalidToken { description: error.description(), reason },
        }
    }
}

impl From<ApiKeyError> for Refusal {
    fn from(error: ApiKeyError) -> Self {
        Self::InvalidToken { description: "the API key is not accepted", reason: error.to_string() }
    }
}

impl From<NoPlace> for Refusal {
    fn from(none: NoPlace) -> Self {
        Self::Unavailable { retry_after: RETRY_AFTER, reason: none.to_string() }
    }
}

impl From<Ended> for Refusal {
    fn from(ended: Ended) -> Self {
        match ended {
            Ended::Expired => Self::InvalidToken {
                description: "the access token expired",
                reason: "the access token expired while the answer went on".to_owned(),
            },
            Ended::Revoked => TokenError::Revoked.into(),
            Ended::Unknown => Self::Unavailable {
                retry_after: RETRY_AFTER,
                reason: "nobody can tell whether the access token was revoked while the answer went on".to_owned(),
            },
        }
    }
}

impl From<ClaimsError> for Refusal {
    fn from(error: ClaimsError) -> Self {
        Self::UnusableClaims { reason: error.to_string() }
    }
}

impl From<SessionError> for Refusal {
    fn from(error: SessionError) -> Self {
        match error {
            SessionError::Claims(error) => error.into(),
            SessionError::Claim { .. } => Self::UnusableClaims { reason: error.to_string() },
            SessionError::UnknownMemberships { .. } => Self::NotKnown(error),
            error => Defect::Principal(error).into(),
        }
    }
}

/// An error with its causes, for the log.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.extend([": ", &error.to_string()]);
        cause = error.source();
    }
    text
}

fn list(errors: &[ObligationError]) -> String {
    errors.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
