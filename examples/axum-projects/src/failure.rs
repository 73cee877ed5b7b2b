//! How the service answers what goes wrong in a handler.

use std::error::Error as _;

use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::RETRY_AFTER;
use portcullis_axum::Rejection;
use projects_data::StoreError;

/// Why a handler did not do what was asked.
pub(crate) enum Failure {
    /// The gate's own answer, which stays as it is.
    Refused(Rejection),
    Store(StoreError),
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let error = match self {
            Self::Refused(rejection) => return rejection.into_response(),
            Self::Store(error) => error,
        };
        match error {
            StoreError::Changed => (StatusCode::CONFLICT, error.to_string()).into_response(),
            StoreError::NotAMember => (StatusCode::UNPROCESSABLE_ENTITY, error.to_string()).into_response(),
            StoreError::OtherPermit => {
                tracing::error!("a handler used a permit for something else");
                StatusCode::INTERNAL_SERVER_ERROR.into_response()
            }
            error => {
                // For the log: what the database says is nothing for callers.
                tracing::error!(cause = error.source(), "{error}");
                (StatusCode::SERVICE_UNAVAILABLE, [(RETRY_AFTER, "1")]).into_response()
            }
        }
    }
}

impl From<Rejection> for Failure {
    fn from(rejection: Rejection) -> Self {
        Self::Refused(rejection)
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}
