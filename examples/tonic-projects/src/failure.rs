//! How the service answers what goes wrong in a handler.

use std::error::Error as _;
use std::time::Duration;

use portcullis_tonic::Rejection;
use projects_data::{StoreError, TitleError};
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// Why a handler did not do what was asked.
pub(crate) enum Failure {
    /// The gate's own status, which stays as it is.
    Refused(Rejection),
    Store(StoreError),
    Title(TitleError),
}

impl From<Failure> for Status {
    fn from(failure: Failure) -> Self {
        let error = match failure {
            Failure::Refused(rejection) => return rejection.into(),
            Failure::Title(error) => return Self::invalid_argument(error.to_string()),
            Failure::Store(error) => error,
        };
        match error {
            StoreError::Changed => Self::aborted(error.to_string()),
            StoreError::NotAMember => Self::failed_precondition(error.to_string()),
            StoreError::OtherPermit => {
                tracing::error!("a handler used a permit for something else");
                Self::internal("internal error")
            }
            error => {
                // For the log: what the database says is nothing for callers.
                tracing::error!(cause = error.source(), "{error}");
                let retry = ErrorDetails::with_retry_info(Some(Duration::from_secs(1)));
                Self::with_error_details(Code::Unavailable, "the database is out of reach", retry)
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

impl From<TitleError> for Failure {
    fn from(error: TitleError) -> Self {
        Self::Title(error)
    }
}
