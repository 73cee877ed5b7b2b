//! From a refusal to an answer: the one table.

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
    RETRY_AFTER, WWW_AUTHENTICATE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};
use portcullis_core::{Binding, DenialKind, StepUp};
use portcullis_token::NotApproved;

use crate::challenge::{ApiKeyScheme, Challenge, ProtectionSpace, Scheme};
use crate::credentials::Proofs;
use crate::decision_id::DecisionId;
use crate::grpc::GrpcStatus;
use crate::head::Protocol;
use crate::limits::RateLimit;
use crate::observe::Status;
use crate::problem::{Confirmation, Problem};
use crate::refusal::{Defect, Denied, Obtainable, Refusal};

/// What to answer instead of letting the request through: status, header fields and body, or a status of gRPC.
///
/// | Refused because | Status | gRPC | Challenge |
/// |---|---|---|---|
/// | the credentials cannot be read, or stand in the query where that is refused | 400 | 3 | `error="invalid_request"` |
/// | they were sent in plain text, as far as the gate is told | 403 | 16 | none |
/// | there are none | 401 | 16 | without `error` (RFC 6750 §3.1) |
/// | the token or the API key is not accepted | 401 | 16 | `error="invalid_token"` |
/// | a login would help, maybe with scopes | 401 | 16 | `error="insufficient_user_authentication"`, `acr_values`, `max_age`, `scope` (RFC 9470 §3) |
/// | scopes would help | 403 | 7 | `error="insufficient_scope"`, `scope`: all that the operation needs |
/// | the DPoP proof is not accepted | 401 | 16 | `DPoP error="invalid_dpop_proof"`, or `use_dpop_nonce` with `DPoP-Nonce` (RFC 9449 §7.1, §9) |
/// | a token bound to a DPoP key would help, and the gate verifies proofs | 401 | 16 | `DPoP error="invalid_token"`, `algs` |
/// | a token bound to a certificate would help | 403 | 7 | none, a problem type of its own |
/// | a confirmation would help | 403 | 7 | none, a problem type of its own; a ticket in the body |
/// | what is to be approved is no ticket | 400 | 3 | none |
/// | somebody cannot approve | 403 (401 if the login is too old) | 7 (16) | as for scopes and logins, where these would help |
/// | more DPoP proofs came with one key than are remembered | 429 | 8 | none; `Retry-After` |
/// | a limit is used up | 429 | 8 | none; `Retry-After`, `RateLimit`, `RateLimit-Policy` |
/// | nothing would help | 403 (404 if the type of the resource is marked `@hide`) | 7 (5) | none |
/// | no such route or resource, no such method | 404, 405 | 5, 12 | none |
/// | the service, its policies or its data are at fault | 500 | 13 | none |
/// | something is out of reach, or did not answer in time | 503 | 14, 4 | none; `Retry-After` |
///
/// Where the gate publishes metadata, every challenge of OAuth leads to them by `resource_metadata` (RFC 9728 §5.1). The
/// challenge is of the scheme that the client used. Each 401 has a further one for every other scheme that is accepted; but
/// whoever came with `DPoP` is not led back to `Bearer`.
///
/// A caller whose token is not valid never learns what the resource needs, so the first row that applies counts. Every
/// body is a problem document (RFC 9457) with the id of the decision, and no answer may be stored.
#[derive(Debug, Clone)]
pub struct Answer(Box<Content>); // boxed: it is the error of functions that mostly succeed

#[derive(Debug, Clone)]
struct Content {
    status: StatusCode,
    headers: HeaderMap,
    body: String,
    /// `None` if nothing was refused.
    refused: Option<Refused>,
}

/// What a status of gRPC is made of.
#[derive(Debug, Clone)]
struct Refused {
    problem: Problem,
    detail: Option<String>,
    decision: Option<DecisionId>,
    retry_after: Option<Duration>,
    confirmation: Option<Confirmation>,
}

impl Answer {
    /// The answer to a request that no gate has seen, although its handler relies on one. It is logged.
    #[must_use]
    pub fn unguarded() -> Self {
        tracing::error!(target: "portcullis", "a handler relies on a gate, and its route is not behind one");
        Row::of(&Refusal::Defect(Defect::NotDecided), Proofs::NotSupported).answer(None, None, &Method::GET)
    }

    /// The answer to a request whose client used the scheme `scheme`.
    pub(crate) fn of(
        refusal: &Refusal,
        space: ProtectionSpace<'_>,
        scheme: Scheme,
        decision: DecisionId,
        method: &Method,
    ) -> Self {
        let proofs = if space.dpop_algs.is_some() { Proofs::Verified } else { Proofs::NotSupported };
        Row::of(refusal, proofs).under(scheme).answer(Some(space), Some(decision), method)
    }

    /// The answer with a nonce for the client's next proof (RFC 9449 §8.2).
    pub(crate) fn with_nonce(mut self, nonce: &str) -> Self {
        if let Ok(nonce) = HeaderValue::try_from(nonce) {
            self.0.headers.insert(DPOP_NONCE, nonce);
            self.0.headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, HeaderValue::from_static(EXPOSED));
        }
        self
    }

    /// The metadata of the protected resource, which are public and may be read by any page (RFC 9728 §3.2).
    pub(crate) fn metadata(document: &str, method: &Method) -> Self {
        if !matches!(*method, Method::GET | Method::HEAD) {
            let row = Row::new(Problem::MethodNotAllowed).field(ALLOW, "GET, HEAD".to_owned());
            return row.answer(None, None, method).readable_by_any_page();
        }
        let headers = HeaderMap::from_iter([
            (CACHE_CONTROL, HeaderValue::from_static(METADATA_LIFETIME)),
            (CONTENT_TYPE, HeaderValue::from_static("application/json")),
        ]);
        Self::new(StatusCode::OK, headers, document.to_owned(), method, None).readable_by_any_page()
    }

    /// There are no metadata at this place.
    pub(crate) fn no_metadata(method: &Method) -> Self {
        Row::new(Problem::NotFound).answer(None, None, method).readable_by_any_page()
    }

    /// The answer to a `HEAD` is that to a `GET` without its body, but with its length (RFC 9110 §8.6).
    fn new(
        status: StatusCode,
        mut headers: HeaderMap,
        mut body: String,
        method: &Method,
        refused: Option<Refused>,
    ) -> Self {
        if method == Method::HEAD {
            headers.insert(CONTENT_LENGTH, HeaderValue::from(body.len()));
            body.clear();
        }
        Self(Box::new(Content { status, headers, body, refused }))
    }

    fn readable_by_any_page(mut self) -> Self {
        self.0.headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
        self
    }

    /// The status.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        self.0.status
    }

    /// The header fields.
    #[must_use]
    pub fn headers(&self) -> &HeaderMap {
        &self.0.headers
    }

    /// The body; empty in the answer to a `HEAD`.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.0.body
    }

    /// The ticket of an action that a person has to confirm: what the body carries as `confirmation.ticket`. For services that
    /// show people what waits for them.
    #[must_use]
    pub fn ticket(&self) -> Option<&str> {
        let confirmation = self.0.refused.as_ref()?.confirmation.as_ref()?;
        Some(&confirmation.ticket)
    }

    /// The same as a status of gRPC. `None` for metadata, which no gRPC client asks for.
    #[must_use]
    pub fn grpc(&self) -> Option<GrpcStatus> {
        let Refused { problem, detail, decision, retry_after, confirmation } = self.0.refused.as_ref()?;
        let status = GrpcStatus::new(*problem, detail.as_deref(), *decision, *retry_after, &self.0.headers);
        Some(match confirmation {
            Some(confirmation) => status.with_confirmation(confirmation),
            None => status,
        })
    }

    /// What the caller sees of it.
    pub(crate) fn status_over(&self, protocol: Protocol) -> Status {
        match (protocol, &self.0.refused) {
            (Protocol::Grpc, Some(refused)) => Status::Grpc(refused.problem.code() as i32),
            (Protocol::Grpc, None) | (Protocol::Http, _) => Status::Http(self.0.status),
        }
    }

    /// The answer as a response.
    #[must_use]
    pub fn into_response<B: From<String>>(self) -> Response<B> {
        let Content { status, headers, body, .. } = *self.0;
        let mut response = Response::new(B::from(body));
        *response.status_mut() = status;
        *response.headers_mut() = headers;
        response
    }
}

/// One row of the table.
struct Row {
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
    fn of(refusal: &Refusal, proofs: Proofs) -> Self {
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

    fn new(problem: Problem) -> Self {
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
    fn under(self, scheme: Scheme) -> Self {
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

    fn field(mut self, name: HeaderName, value: String) -> Self {
        self.fields.push((name, value));
        self
    }

    fn retry_after(self, retry_after: Duration) -> Self {
        let row = self.field(RETRY_AFTER, seconds_up(retry_after).to_string());
        Self { retry_after: Some(retry_after), ..row }
    }

    /// `space` is missing only where nothing is challenged.
    fn answer(self, space: Option<ProtectionSpace<'_>>, decision: Option<DecisionId>, method: &Method) -> Answer {
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
/// RFC 9449 §8.
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What pages of other origins may read of an answer with a nonce.
const EXPOSED: &str = "WWW-Authenticate, DPoP-Nonce";

/// Short enough that a new issuer or scope is known to all soon, long enough that nobody asks each time.
const METADATA_LIFETIME: &str = "max-age=300";
