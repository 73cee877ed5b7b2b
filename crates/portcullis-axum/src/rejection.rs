use axum::response::{IntoResponse, Response};
use portcullis::Answer;

/// A refusal as a response: what extractors and checks of this crate fail with.
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

impl IntoResponse for Rejection {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl std::fmt::Display for Rejection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "refused with status {}", self.0.status().as_u16())
    }
}

impl std::error::Error for Rejection {}
