//! A refusal as gRPC says it.

use std::time::Duration;

use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName};

use crate::answer::DPOP_NONCE;
use crate::decision_id::DecisionId;
use crate::limits::{POLICY, STATE};
use crate::problem::{Confirmation, Problem};

/// What a gRPC client is told instead of an answer: the parts of a status, for adapters to encode.
#[derive(Debug, Clone)]
pub struct GrpcStatus {
    code: GrpcCode,
    message: String,
    metadata: HeaderMap,
    reason: String,
    decision: Option<DecisionId>,
    retry_after: Option<Duration>,
    confirmation: Option<Confirmation>,
}

/// The codes with which the gate refuses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum GrpcCode {
    /// The credentials cannot be read.
    InvalidArgument = 3,
    /// We waited too long for something that the decision needs.
    DeadlineExceeded = 4,
    /// No such resource, or none that the caller may know of.
    NotFound = 5,
    /// The caller is known, and may not.
    PermissionDenied = 7,
    /// Too much was asked for in too short a time.
    ResourceExhausted = 8,
    /// There is no such method.
    Unimplemented = 12,
    /// The service, its policies or its data are at fault.
    Internal = 13,
    /// Something that the decision needs is out of reach.
    Unavailable = 14,
    /// Other credentials are needed.
    Unauthenticated = 16,
}

impl GrpcStatus {
    /// What `problem` is to a caller who is told `detail`, with what of the fields of an HTTP response has a meaning here.
    pub(crate) fn new(
        problem: Problem,
        detail: Option<&str>,
        decision: Option<DecisionId>,
        retry_after: Option<Duration>,
        fields: &HeaderMap,
    ) -> Self {
        let mut metadata = HeaderMap::new();
        for name in METADATA {
            for value in fields.get_all(&name) {
                metadata.append(name.clone(), value.clone());
            }
        }
        let title = problem.title();
        let message = detail.map_or_else(|| title.to_owned(), |detail| format!("{title}: {detail}"));
        let reason = problem.name().replace('-', "_").to_ascii_uppercase();
        Self { code: problem.code(), message, metadata, reason, decision, retry_after, confirmation: None }
    }

    pub(crate) fn with_confirmation(self, confirmation: &Confirmation) -> Self {
        Self { confirmation: Some(confirmation.clone()), ..self }
    }

    /// The code.
    #[must_use]
    pub fn code(&self) -> GrpcCode {
        self.code
    }

    /// What went wrong, for developers. It is not percent-encoded yet.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }

    /// The metadata of the status: each challenge is an entry `www-authenticate` of its own.
    #[must_use]
    pub fn metadata(&self) -> &HeaderMap {
        &self.metadata
    }

    /// The `reason` of a `google.rpc.ErrorInfo`: `INVALID_TOKEN`. It is named as the problem type of HTTP.
    #[must_use]
    pub fn reason(&self) -> &str {
        &self.reason
    }

    /// The `domain` of a `google.rpc.ErrorInfo`, within which reasons are unique.
    #[must_use]
    pub const fn domain(&self) -> &'static str {
        "portcullis"
    }

    /// The `metadata` of a `google.rpc.ErrorInfo`: the id of what was decided as `decision`, and what a person can approve as
    /// `ticket`, `expires_at` and, if an approval came with the call and did not count, `rejected`.
    pub fn info(&self) -> impl Iterator<Item = (&'static str, String)> {
        let decision = self.decision.map(|id| ("decision", id.to_string()));
        let confirmation = self.confirmation.as_ref();
        let ticket = confirmation.map(|confirmation| ("ticket", confirmation.ticket.clone()));
        let expires = confirmation.map(|confirmation| ("expires_at", confirmation.expires_at.clone()));
        let rejected = confirmation.and_then(|confirmation| Some(("rejected", confirmation.rejected.clone()?)));
        [decision, ticket, expires, rejected].into_iter().flatten()
    }

    /// How long to wait before trying again, where that can help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        self.retry_after
    }
}

/// No standard says how gRPC carries these, so they keep their names.
const METADATA: [HeaderName; 5] =
    [WWW_AUTHENTICATE, DPOP_NONCE, RETRY_AFTER, HeaderName::from_static(POLICY), HeaderName::from_static(STATE)];
