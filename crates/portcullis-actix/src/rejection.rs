use actix_web::http::StatusCode;
use actix_web::{HttpResponse, ResponseError};
use portcullis::Answer;

use crate::head::response;

/// A refusal as an error: what extractors and checks of this crate fail with.
///
/// Return it as it is, or keep it in the application's own error type: the status, challenge and body in it are the same
/// for all adapters.
#[derive(Debug, Clone)]
pub struct Rejection(Answer);

impl Rejection {
    /// What will be answered.
    #[must_use]
    pub fn answer(&self) -> &Answer {
        &self.0
    }
}

impl From<Answer> for Rejection {
    fn from(answer: Answer) -> Self {
        Self(answer)
    }
}

impl ResponseError for Rejection {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.0.status().as_u16()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        response(&self.0)
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused with status {}", self.0.status().as_u16())
    }
}

impl std::error::Error for Rejection {}
