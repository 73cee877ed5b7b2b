//! From a refusal to an answer: the one table.

mod row;

use std::time::Duration;

use http::header::{
    ACCESS_CONTROL_ALLOW_ORIGIN, ACCESS_CONTROL_EXPOSE_HEADERS, ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Response, StatusCode};

use self::row::Row;
use crate::challenge::{ProtectionSpace, Scheme};
use crate::credentials::Proofs;
use crate::decision_id::DecisionId;
use crate::grpc::GrpcStatus;
use crate::head::Protocol;
use crate::observe::Status;
use crate::problem::{Confirmation, Problem};
use crate::refusal::{Defect, Refusal};

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

/// RFC 9449 §8.
pub(crate) const DPOP_NONCE: HeaderName = HeaderName::from_static("dpop-nonce");

/// What pages of other origins may read of an answer with a nonce.
const EXPOSED: &str = "WWW-Authenticate, DPoP-Nonce";

/// Short enough that a new issuer or scope is known to all soon, long enough that nobody asks each time.
const METADATA_LIFETIME: &str = "max-age=300";
