//! From a refusal to a row of the table.

use std::time::Duration;

use http::header::{ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use portcullis_core::{Binding, DenialKind, StepUp};
use portcullis_token::NotApproved;

use super::{Answer, DPOP_NONCE, EXPOSED, Refused};
use crate::challenge::{ApiKeyScheme, Challenge, ProtectionSpace, Scheme};
use crate::credentials::Proofs;
use crate::decision_id::DecisionId;
use crate::limits::RateLimit;
use crate::problem::{Confirmation, Problem};
use crate::refusal::{Denied, Obtainable, Refusal};

/// One row of the table.
pub(super) struct Row {
    problem: Problem,
    challenge: Option<Challenge>,
    detail: Option<String>,
    fields: Vec<(HeaderName, String)>,
    retry_after: Option<Duration>,
    /// The limits that are used up.
    violated: Vec<String>,
    confirmation: Option<Confirmation>,
}

impl Row {
    pub(super) fn of(refusal: &Refusal, proofs: Proofs) -> Self {
        match refusal {
            Refusal::Malformed(malformed) => {
                Self::described(Problem::MalformedCredentials, "invalid_request", &malformed.to_string())
            }
            Refusal::PlainText => Self::new(Problem::HttpsRequired),
            Refusal::NoCredentials => Self::new(Problem::CredentialsRequired).challenge(Challenge::bearer()),
            Refusal::InvalidToken { description, .. } => {
                Self::described(Problem::InvalidToken, "invalid_token", description)
            }
            Refusal::InvalidProof { description, .. } => {
                Self::described(Problem::InvalidProof, "invalid_dpop_proof", description)
            }
            Refusal::UseNonce { nonce } => {
                let row = Self::new(Problem::NonceRequired).challenge(Challenge::error("use_dpop_nonce"));
                row.field(DPOP_NONCE, nonce.clone())
            }
            Refusal::ProofFlood { retry_after } => Self::new(Problem::TooManyProofs).retry_after(*retry_after),
            Refusal::QuotaExceeded(limits) => Self::quota_exceeded(limits),
            Refusal::UnusableClaims { .. } => Self::described(Problem::InvalidToken, "invalid_token", UNUSABLE_CLAIMS),
            Refusal::Denied(denied) => Self::denied(denied, proofs),
            Refusal::NoRoute | Refusal::Absent => Self::new(Problem::NotFound),
            Refusal::MethodNotAllowed { allowed } => Self::new(Problem::MethodNotAllowed).field(ALLOW, allowed.clone()),
            Refusal::NoAction | Refusal::ForeignAction | Refusal::NotKnown(_) => Self::new(Problem::Denied),
            // No resource has such an id.
            Refusal::UnreadablePath => Self::new(Problem::NotFound),
            Refusal::Unavailable { retry_after, .. } => Self::new(Problem::Unavailable).retry_after(*retry_after),
            Refusal::TooSlow { retry_after } => Self::new(Problem::TooSlow).retry_after(*retry_after),
            Refusal::InvalidTicket(error) => Self::new(Problem::InvalidTicket).detail(Some(error.to_string())),
            Refusal::NotApproved(error) => Self::not_approved(error),
            Refusal::Defect(_) => Self::new(Problem::InternalError),
        }
    }

    /// A challenge is sent only for what this caller can obtain here: else it would send its user through a consent
    /// screen for nothing.
    fn denied(denied: &Denied, proofs: Proofs) -> Self {
        let plain = || Self::new(if denied.hidden { Problem::NotFound } else { Problem::Denied });
        if denied.denial.kind() == DenialKind::Error {
            return Self::new(Problem::InternalError);
        }
        let Some(Obtainable { remedy, scopes }) = denied.obtainable(proofs) else {
            return plain().detail(denied.message());
        };
        let scope = (!scopes.is_empty()).then(|| scopes.join(" "));
        let row = if remedy.bindings().contains(&Binding::Dpop) && proofs == Proofs::Verified {
            // RFC 9449 §7.1: whoever has an unbound token needs another one.
            let challenge = Challenge::error("invalid_token").under(Scheme::Dpop);
            Self::new(Problem::DpopRequired).challenge(challenge)
        } else if !remedy.bindings().is_empty() {
            Self::new(Problem::ProofOfPossessionRequired)
        } else if let Some(step_up) = remedy.step_up() {
            let challenge = step_up_challenge(step_up);
            let challenge = match scope {
                Some(scope) => challenge.with("scope", &scope),
                None => challenge,
            };
            Self::new(Problem::StrongerLoginRequired).challenge(challenge)
        } else if let Some(scope) = scope {
            let challenge = Challenge::error("insufficient_scope").with("scope", &scope);
            Self::new(Problem::InsufficientScope).challenge(challenge)
        } else {
            let confirmation = denied.offer.as_ref().map(Confirmation::from);
            Self { confirmation, ..Self::new(Problem::ConfirmationRequired) }
        };
        row.detail(denied.message())
    }

    /// Whoever could approve with another token is told with which. Nobody else is told why not: what the ticket says of its
    /// subject is not theirs to know.
    fn not_approved(error: &NotApproved) -> Self {
        let NotApproved::Obtainable { scope, max_age } = error else {
            return Self::new(Problem::Denied);
        };
        let (problem, challenge) = match max_age {
            Some(max_age) => {
                let challenge = Challenge::error("insufficient_user_authentication");
                (Problem::StrongerLoginRequired, challenge.with("max_age", &max_age.as_secs().to_string()))
            }
            None if scope.is_some() => (Problem::InsufficientScope, Challenge::error("insufficient_scope")),
            None => return Self::new(Problem::Denied),
        };
        let challenge = scope.iter().fold(challenge, |challenge, scope| challenge.with("scope", scope));
        Self::new(problem).challenge(challenge)
    }

    /// `Retry-After` is never before the times that the fields of the limits say.
    fn quota_exceeded(limits: &RateLimit) -> Self {
        let row = Self::new(Problem::QuotaExceeded).retry_after(limits.retry_after());
        let fields = limits.fields().into_iter();
        let row = fields.fold(row, |row, (name, value)| row.field(HeaderName::from_static(name), value));
        Self { violated: limits.names(), ..row }
    }

    pub(super) fn new(problem: Problem) -> Self {
        Self {
            problem,
            challenge: None,
            detail: None,
            fields: Vec::new(),
            retry_after: None,
            violated: Vec::new(),
            confirmation: None,
        }
    }

    /// A problem of which challenge and body say the same.
    fn described(problem: Problem, error: &str, description: &str) -> Self {
        let challenge = Challenge::error(error).with("error_description", description);
        Self::new(problem).challenge(challenge).detail(Some(description.to_owned()))
    }

    /// The challenge is of the scheme that the client used, unless it is about another one.
    pub(super) fn under(self, scheme: Scheme) -> Self {
        let own = |challenge: Challenge| match challenge.scheme() {
            Scheme::Bearer => challenge.under(scheme),
            Scheme::Dpop | Scheme::ApiKey => challenge,
        };
        Self { challenge: self.challenge.map(own), ..self }
    }

    fn challenge(self, challenge: Challenge) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    fn detail(self, detail: Option<String>) -> Self {
        Self { detail, ..self }
    }

    pub(super) fn field(mut self, name: HeaderName, value: String) -> Self {
        self.fields.push((name, value));
        self
    }

    fn retry_after(self, retry_after: Duration) -> Self {
        let row = self.field(RETRY_AFTER, seconds_up(retry_after).to_string());
        Self { retry_after: Some(retry_after), ..row }
    }

    /// `space` is missing only where nothing is challenged.
    pub(super) fn answer(
        self,
        space: Option<ProtectionSpace<'_>>,
        decision: Option<DecisionId>,
        method: &Method,
    ) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if let (Some(challenge), Some(space)) = (&self.challenge, space) {
            headers.insert(WWW_AUTHENTICATE, challenge.to_value(space));
            for other in others(challenge, self.problem, space) {
                headers.append(WWW_AUTHENTICATE, other.to_value(space));
            }
            // So that a page of another origin can read it, where the application lets it read answers at all.
            let exposed = if challenge.oauth_error() == Some("use_dpop_nonce") { EXPOSED } else { "WWW-Authenticate" };
            headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(exposed));
        }
        for (name, value) in self.fields {
            headers.extend(HeaderValue::try_from(value).ok().map(|value| (name, value)));
        }
        let error = self.challenge.as_ref().and_then(Challenge::oauth_error);
        let confirmation = self.confirmation.as_ref();
        let body = self.problem.document(decision, error, self.detail.as_deref(), &self.violated, confirmation);
        let Self { problem, detail, retry_after, confirmation, .. } = self;
        let refused = Refused { problem, detail, decision, retry_after, confirmation };
        Answer::new(problem.status(), headers, body, method, Some(refused))
    }
}

/// The challenges of the other schemes that are accepted, one field line each (RFC 9110 §11.6.1). Only the scheme that the
/// client used says what went wrong; if no scheme could be told, all of them do (RFC 9449 §7.2).
fn others(challenge: &Challenge, problem: Problem, space: ProtectionSpace<'_>) -> Vec<Challenge> {
    let asks = problem.status() == StatusCode::UNAUTHORIZED;
    let dpop = space.dpop_algs.filter(|_| challenge.scheme() == Scheme::Bearer);
    let dpop = dpop.and_then(|_| match problem {
        Problem::MalformedCredentials => Some(challenge.clone().under(Scheme::Dpop)),
        _ => asks.then(|| Challenge::of(Scheme::Dpop)),
    });
    let api_key = (asks && space.api_keys == ApiKeyScheme::Accepted).then(|| Challenge::of(Scheme::ApiKey));
    dpop.into_iter().chain(api_key).collect()
}

/// RFC 9470 §3.
fn step_up_challenge(step_up: &StepUp) -> Challenge {
    let mut challenge = Challenge::error("insufficient_user_authentication");
    if !step_up.acr_values().is_empty() {
        challenge = challenge.with("acr_values", &step_up.acr_values().join(" "));
    }
    if let Some(max_age) = step_up.max_age() {
        challenge = challenge.with("max_age", &max_age.as_secs().to_string());
    }
    challenge
}

/// Whole seconds, at least one, never too early.
fn seconds_up(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0)).max(1)
}

/// What a caller learns of a token whose claims cannot be used here.
const UNUSABLE_CLAIMS: &str = "the claims of the access token are not accepted";
