//! How the service answers what goes wrong in a handler.

use std::error::Error as _;
use std::fmt;

use actix_web::http::StatusCode;
use actix_web::http::header::RETRY_AFTER;
use actix_web::{HttpResponse, ResponseError};
use portcullis_actix::Rejection;
use projects_data::StoreError;

/// Why a handler did not do what was asked.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The gate's own answer, which stays as it is.
    Refused(Rejection),
    Store(StoreError),
}

impl ResponseError for Failure {
    fn status_code(&self) -> StatusCode {
        match self {
            Self::Refused(rejection) => rejection.status_code(),
            Self::Store(StoreError::Changed) => StatusCode::CONFLICT,
            Self::Store(StoreError::NotAMember) => StatusCode::UNPROCESSABLE_ENTITY,
            Self::Store(StoreError::OtherPermit) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Store(_) => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    fn error_response(&self) -> HttpResponse {
        let error = match self {
            Self::Refused(rejection) => return rejection.error_response(),
            Self::Store(error) => error,
        };
        let mut response = HttpResponse::build(self.status_code());
        match error {
            StoreError::Changed | StoreError::NotAMember => response.body(error.to_string()),
            StoreError::OtherPermit => {
                tracing::error!("a handler used a permit for something else");
                response.finish()
            }
            error => {
                // For the log: what the database says is nothing for callers.
                tracing::error!(cause = error.source(), "{error}");
                response.insert_header((RETRY_AFTER, "1")).finish()
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(rejection) => rejection.fmt(f),
            Self::Store(error) => error.fmt(f),
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
