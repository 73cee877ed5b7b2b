use std::collections::HashMap;
use std::fmt;

use portcullis::{Answer, GrpcStatus};
use tonic::metadata::MetadataMap;
use tonic::{Code, Status};
use tonic_types::{ErrorDetails, StatusExt as _};

/// A refusal as a status: what extractors and checks of this crate fail with.
///
/// `?` turns it into a [`Status`] with code, message, challenges in the metadata, and details.
#[derive(Debug, Clone)]
pub struct Rejection(Answer);

impl Rejection {
    /// What is answered.
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

impl From<Rejection> for Status {
    fn from(rejection: Rejection) -> Self {
        match rejection.0.grpc() {
            Some(grpc) => status(&grpc),
            // Metadata are no refusal, and nothing rejects with them.
            None => Self::internal("Internal error"),
        }
    }
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let code = self.0.grpc().map_or(Code::Internal, |grpc| code(&grpc));
        write!(f, "refused with status {} ({code:?})", code as i32)
    }
}

impl std::error::Error for Rejection {}

/// The status that says `grpc`, with `google.rpc.ErrorInfo`, and `google.rpc.RetryInfo` where waiting helps.
pub(crate) fn status(grpc: &GrpcStatus) -> Status {
    let info: HashMap<_, _> = grpc.info().map(|(name, value)| (name.to_owned(), value)).collect();
    let mut details = ErrorDetails::with_error_info(grpc.reason(), grpc.domain(), info);
    if let Some(delay) = grpc.retry_after() {
        details.set_retry_info(Some(delay));
    }
    let metadata = MetadataMap::from_headers(grpc.metadata().clone());
    Status::with_error_details_and_metadata(code(grpc), grpc.message(), details, metadata)
}

fn code(grpc: &GrpcStatus) -> Code {
    Code::from_i32(grpc.code() as i32)
}
