//! Requests that are wrong as HTTP or as JSON-RPC, whoever sends them.

use axum::Json;
use axum::response::{IntoResponse, Response};
use http::StatusCode;
use http::header::CACHE_CONTROL;
use serde_json::{Value, json};

/// Why a request is not judged at all: an HTTP status with a JSON-RPC error in the body.
///
/// It has no challenge: no token would help. `Display` and the body are fixed texts, without anything of the request but its `id`.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{message}")]
pub struct ProtocolError {
    status: StatusCode,
    code: i32,
    message: &'static str,
    id: Value,
}

impl ProtocolError {
    /// The body is longer than [`MAX_BYTES`](super::MAX_BYTES).
    pub const TOO_LARGE: Self = Self::new(StatusCode::PAYLOAD_TOO_LARGE, INVALID_REQUEST, "the body is too large");
    /// The body is not JSON, or JSON that two readers could understand differently.
    pub const NOT_JSON: Self = Self::new(
        StatusCode::BAD_REQUEST,
        PARSE_ERROR,
        "the body is not JSON, has a name twice, or is nested too deeply",
    );
    /// The page that sends the request is of no origin that is allowed.
    pub const ORIGIN: Self = Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, "the origin is not allowed");
    /// There is no such session: the client starts a new one.
    pub const NO_SESSION: Self = Self::new(StatusCode::NOT_FOUND, INVALID_REQUEST, "there is no such session");
    /// The session is another user's, or another client's.
    pub const FOREIGN_SESSION: Self = Self::new(StatusCode::FORBIDDEN, INVALID_REQUEST, "the session is not yours");

    /// The body is JSON, and no message that is understood.
    #[must_use]
    pub const fn invalid_request(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_REQUEST, message)
    }

    /// The server has no such method, or nobody said who may use it.
    #[must_use]
    pub const fn no_method() -> Self {
        Self::new(StatusCode::NOT_FOUND, METHOD_NOT_FOUND, "the server has no such method")
    }

    /// The server has no such tool, or its arguments are wrong.
    #[must_use]
    pub const fn invalid_params(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, INVALID_PARAMS, message)
    }

    /// A field of the header is absent, or does not say what the body says.
    #[must_use]
    pub const fn header_mismatch(message: &'static str) -> Self {
        Self::new(StatusCode::BAD_REQUEST, HEADER_MISMATCH, message)
    }

    /// The same, in answer to the request called `id`.
    #[must_use]
    pub fn to(self, id: Value) -> Self {
        Self { id, ..self }
    }

    /// The code of JSON-RPC.
    #[must_use]
    pub fn code(&self) -> i32 {
        self.code
    }

    const fn new(status: StatusCode, code: i32, message: &'static str) -> Self {
        Self { status, code, message, id: Value::Null }
    }
}

impl IntoResponse for ProtocolError {
    fn into_response(self) -> Response {
        let error = json!({ "code": self.code, "message": self.message });
        let body = json!({ "jsonrpc": "2.0", "id": self.id, "error": error });
        (self.status, [(CACHE_CONTROL, "no-store")], Json(body)).into_response()
    }
}

// JSON-RPC 2.0 §5.1, and the Model Context Protocol of 2026-07-28 for the last.
const PARSE_ERROR: i32 = -32700;
const INVALID_REQUEST: i32 = -32600;
const METHOD_NOT_FOUND: i32 = -32601;
const INVALID_PARAMS: i32 = -32602;
const HEADER_MISMATCH: i32 = -32020;
