//! Bodies of refusals: problem documents (RFC 9457).

use http::StatusCode;
use serde::Serialize;

use crate::confirm::Offer;
use crate::decision_id::DecisionId;
use crate::grpc::GrpcCode;

/// The problem types. Their URIs and titles never change; clients may rely on both.
///
/// | Type | Status | gRPC | Meaning |
/// |---|---|---|---|
/// | `malformed-credentials` | 400 | 3 | the credentials cannot be read |
/// | `https-required` | 403 | 16 | credentials were sent in plain text |
/// | `credentials-required` | 401 | 16 | there are no usable credentials |
/// | `invalid-token` | 401 | 16 | the access token is not accepted |
/// | `invalid-proof` | 401 | 16 | the DPoP proof is not accepted |
/// | `nonce-required` | 401 | 16 | the DPoP proof needs the nonce in the answer |
/// | `stronger-login-required` | 401 | 16 | a stronger or fresher login would help |
/// | `insufficient-scope` | 403 | 7 | a token with more scopes would help |
/// | `dpop-required` | 401 | 16 | a token bound to a DPoP key would help |
/// | `proof-of-possession-required` | 403 | 7 | a token bound to a client certificate would help |
/// | `confirmation-required` | 403 | 7 | the user's confirmation would help |
/// | `invalid-ticket` | 400 | 3 | what is to be approved is no ticket, or has expired |
/// | `denied` | 403 | 7 | nothing that the caller could obtain would help |
/// | `not-found` | 404 | 5 | no such resource, or none that the caller may know of |
/// | `method-not-allowed` | 405 | 12 | the route has no such method |
/// | `too-many-proofs` | 429 | 8 | more proofs came with one key than are remembered |
/// | [`quota-exceeded`](https://iana.org/assignments/http-problem-types#quota-exceeded), not one of ours | 429 | 8 | a limit is used up |
/// | `internal-error` | 500 | 13 | the service, its policies or its data are at fault |
/// | `unavailable` | 503 | 14, or 4 if we waited too long | something that the decision needs is out of reach |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Problem {
    MalformedCredentials,
    HttpsRequired,
    CredentialsRequired,
    InvalidToken,
    InvalidProof,
    NonceRequired,
    StrongerLoginRequired,
    InsufficientScope,
    DpopRequired,
    ProofOfPossessionRequired,
    ConfirmationRequired,
    InvalidTicket,
    Denied,
    NotFound,
    MethodNotAllowed,
    TooManyProofs,
    QuotaExceeded,
    InternalError,
    Unavailable,
    TooSlow,
}

impl Problem {
    pub(crate) fn status(self) -> StatusCode {
        self.row().0
    }

    /// The same as a status of gRPC. What says nothing of the credentials is never 16, or clients would discard good ones;
    /// and who could not be identified is never told 7.
    pub(crate) fn code(self) -> GrpcCode {
        match self {
            Self::MalformedCredentials | Self::InvalidTicket => GrpcCode::InvalidArgument,
            Self::HttpsRequired
            | Self::CredentialsRequired
            | Self::InvalidToken
            | Self::InvalidProof
            | Self::NonceRequired
            | Self::StrongerLoginRequired
            | Self::DpopRequired => GrpcCode::Unauthenticated,
            Self::InsufficientScope | Self::ProofOfPossessionRequired | Self::ConfirmationRequired | Self::Denied => {
                GrpcCode::PermissionDenied
            }
            Self::NotFound => GrpcCode::NotFound,
            Self::MethodNotAllowed => GrpcCode::Unimplemented,
            Self::TooManyProofs | Self::QuotaExceeded => GrpcCode::ResourceExhausted,
            Self::InternalError => GrpcCode::Internal,
            Self::Unavailable => GrpcCode::Unavailable,
            Self::TooSlow => GrpcCode::DeadlineExceeded,
        }
    }

    /// The last part of its type's URI.
    pub(crate) fn name(self) -> &'static str {
        self.row().1
    }

    /// What it is, in few words.
    pub(crate) fn title(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> (StatusCode, &'static str, &'static str) {
        match self {
            Self::MalformedCredentials => (StatusCode::BAD_REQUEST, "malformed-credentials", "Malformed credentials"),
            Self::HttpsRequired => (StatusCode::FORBIDDEN, "https-required", "HTTPS is required"),
            Self::CredentialsRequired => (StatusCode::UNAUTHORIZED, "credentials-required", "Credentials required"),
            Self::InvalidToken => (StatusCode::UNAUTHORIZED, "invalid-token", "Invalid access token"),
            Self::InvalidProof => (StatusCode::UNAUTHORIZED, "invalid-proof", "Invalid DPoP proof"),
            Self::NonceRequired => (StatusCode::UNAUTHORIZED, "nonce-required", "The DPoP proof needs a nonce"),
            Self::DpopRequired => {
                (StatusCode::UNAUTHORIZED, "dpop-required", "An access token bound to a DPoP key is required")
            }
            Self::TooManyProofs => (StatusCode::TOO_MANY_REQUESTS, "too-many-proofs", "Too many DPoP proofs"),
            // The title is registered with the type.
            Self::QuotaExceeded => (
                StatusCode::TOO_MANY_REQUESTS,
                "quota-exceeded",
                "Request cannot be satisfied as assigned quota has been exceeded",
            ),
            Self::StrongerLoginRequired => {
                (StatusCode::UNAUTHORIZED, "stronger-login-required", "A stronger or fresher login is required")
            }
            Self::InsufficientScope => (StatusCode::FORBIDDEN, "insufficient-scope", "Insufficient scope"),
            Self::ProofOfPossessionRequired => (
                StatusCode::FORBIDDEN,
                "proof-of-possession-required",
                "An access token bound to a client certificate is required",
            ),
            Self::ConfirmationRequired => {
                (StatusCode::FORBIDDEN, "confirmation-required", "The user's confirmation is required")
            }
            Self::InvalidTicket => (StatusCode::BAD_REQUEST, "invalid-ticket", "The ticket is not accepted"),
            Self::Denied => (StatusCode::FORBIDDEN, "denied", "Denied"),
            Self::NotFound => (StatusCode::NOT_FOUND, "not-found", "Not found"),
            Self::MethodNotAllowed => (StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "Method not allowed"),
            Self::InternalError => (StatusCode::INTERNAL_SERVER_ERROR, "internal-error", "Internal error"),
            Self::Unavailable | Self::TooSlow => {
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", "Temporarily unavailable")
            }
        }
    }

    /// What to do about it, where the title does not say it.
    fn advice(self) -> Option<&'static str> {
        match self {
            Self::HttpsRequired => Some("The credentials were sent in plain text: replace them, and use https."),
            Self::CredentialsRequired => Some("Send an access token: `Authorization: Bearer <token>`."),
            Self::StrongerLoginRequired => {
                Some("Let the user log in as the challenge says, and repeat the request with the new access token.")
            }
            Self::InsufficientScope => Some("The challenge lists all scopes that this operation needs."),
            Self::ConfirmationRequired => Some(
                "The user has to approve the ticket. Then repeat the same request with the approval in the field \
                 Portcullis-Approval.",
            ),
            Self::InternalError => Some("The request was not judged, through no fault of the caller."),
            Self::Unavailable | Self::TooSlow => {
                Some("Something that the decision needs is out of reach. Try again later.")
            }
            Self::NonceRequired => Some("Repeat the request with a proof that has the nonce of the field DPoP-Nonce."),
            Self::DpopRequired => Some("Obtain an access token with a DPoP proof, and send it with one."),
            Self::MalformedCredentials
            | Self::InvalidToken
            | Self::InvalidProof
            | Self::TooManyProofs
            | Self::QuotaExceeded
            | Self::ProofOfPossessionRequired
            | Self::InvalidTicket
            | Self::Denied
            | Self::NotFound
            | Self::MethodNotAllowed => None,
        }
    }

    /// The body. `error` repeats the OAuth error of the challenge; `detail` is a fixed text or a policy's `@message`;
    /// `violated` are the limits that are used up, and `confirmation` is what a person can approve.
    pub(crate) fn document(
        self,
        decision: Option<DecisionId>,
        error: Option<&str>,
        detail: Option<&str>,
        violated: &[String],
        confirmation: Option<&Confirmation>,
    ) -> String {
        let (status, name, title) = self.row();
        let base = if self == Self::QuotaExceeded { REGISTERED } else { BASE };
        let document = Document {
            r#type: format!("{base}{name}"),
            title,
            status: status.as_u16(),
            detail: detail.or(self.advice()),
            error,
            decision: decision.map(|decision| decision.to_string()),
            violated_policies: violated,
            confirmation,
        };
        // Strings and a number: nothing here can fail to serialise.
        serde_json::to_string(&document).unwrap_or_default()
    }
}

#[derive(Serialize)]
struct Document<'a> {
    r#type: String,
    title: &'static str,
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    decision: Option<String>,
    #[serde(rename = "violated-policies", skip_serializing_if = "<[_]>::is_empty")]
    violated_policies: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    confirmation: Option<&'a Confirmation>,
}

/// What a person can approve, as callers are told.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Confirmation {
    pub(crate) ticket: String,
    /// RFC 3339.
    pub(crate) expires_at: String,
    /// Why the approval that came with the request did not count.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) rejected: Option<String>,
}

impl From<&Offer> for Confirmation {
    fn from(Offer { ticket, rejected }: &Offer) -> Self {
        Self {
            ticket: ticket.text().to_owned(),
            expires_at: ticket.expires().to_string(),
            rejected: rejected.map(|rejected| rejected.to_string()),
        }
    }
}

/// The base of all type URIs. They are names: nothing needs to be served there (RFC 9457 §3.1.1).
const BASE: &str = "urn:problem-type:portcullis:";

/// The base of the types that everybody shares.
const REGISTERED: &str = "https://iana.org/assignments/http-problem-types#";

#[cfg(test)]
mod tests {
    use super::Problem::*;
    use super::*;

    const ALL: [Problem; 20] = [
        MalformedCredentials,
        HttpsRequired,
        CredentialsRequired,
        InvalidToken,
        InvalidProof,
        NonceRequired,
        StrongerLoginRequired,
        InsufficientScope,
        DpopRequired,
        ProofOfPossessionRequired,
        ConfirmationRequired,
        InvalidTicket,
        Denied,
        NotFound,
        MethodNotAllowed,
        TooManyProofs,
        QuotaExceeded,
        InternalError,
        Unavailable,
        TooSlow,
    ];

    #[test]
    fn the_catalogue_of_errors_has_every_problem_type_with_its_status_and_no_other() {
        let page = include_str!("../../../docs/errors.md");
        let table = page.split("\n## Answers\n").nth(1).and_then(|rest| rest.split("\n## ").next()).unwrap();
        let cells = |line: &str| line.split(" | ").take(3).map(str::to_owned).collect::<Vec<_>>().join(" | ");
        let stated: Vec<_> = table.lines().filter(|line| line.starts_with("| `")).map(cells).collect();
        let said = ALL.map(|problem| {
            let (status, name, _) = problem.row();
            format!("| `{name}` | {} | {}", status.as_u16(), problem.code() as u8)
        });
        assert_eq!(stated, said);
        // The list above is in the order of the variants, so a new last one shows.
        assert!(ALL.iter().enumerate().all(|(place, problem)| *problem as usize == place));
        assert_eq!(TooSlow as usize + 1, ALL.len());
    }
}
