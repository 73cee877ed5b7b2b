//! How the service answers what goes wrong in a handler.

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use mcp_tools::mcp::ProtocolError;
use portcullis_axum::Rejection;

/// Why a handler did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Failure {
    /// The gate's own answer, which stays as it is.
    #[error("refused")]
    Refused(Rejection),
    /// A message that is none of the protocol of tools.
    #[error(transparent)]
    Protocol(#[from] ProtocolError),
    #[error("there is no such draft")]
    NoDraft,
    #[error("you have not asked this, or too long ago")]
    NotAsked,
    #[error("it has changed since it was read")]
    Changed,
    #[error("there are too many drafts")]
    TooMany,
    /// The mail server did not take it, or not in time. An approval is used all the same: a mail that may have been sent is
    /// not sent again.
    #[error("the mail was not accepted; whoever has to approve it must be asked again")]
    NotSent,
    /// A defect of the service.
    #[error("a permit was used for something else")]
    OtherPermit,
}

impl Failure {
    fn status(&self) -> StatusCode {
        match self {
            Self::NoDraft | Self::NotAsked => StatusCode::NOT_FOUND,
            Self::Changed => StatusCode::CONFLICT,
            Self::TooMany => StatusCode::TOO_MANY_REQUESTS,
            Self::NotSent => StatusCode::BAD_GATEWAY,
            Self::Refused(_) | Self::Protocol(_) | Self::OtherPermit => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        match self {
            Self::Refused(rejection) => rejection.into_response(),
            Self::Protocol(error) => error.into_response(),
            error => (error.status(), error.to_string()).into_response(),
        }
    }
}
