//! Which pages may send requests.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http::HeaderMap;
use http::header::ORIGIN;

use super::error::ProtocolError;

/// The origins whose pages may send requests. None, unless some are named.
///
/// A server on a developer's machine is reached by every page that the developer opens, whatever name it has made the browser
/// resolve to loopback. Programs that are no browsers send no `Origin`, and are not concerned.
#[derive(Debug, Clone, Default)]
pub struct Origins(Arc<BTreeSet<String>>);

impl Origins {
    /// Pages of `origins`, written as browsers write them: `https://app.example.com`, without a path.
    pub fn new(origins: impl IntoIterator<Item = impl Into<String>>) -> Self {
        Self(Arc::new(origins.into_iter().map(Into::into).collect()))
    }

    /// Whether a request with these fields may come in: from no page, or from one that is allowed.
    #[must_use]
    pub fn admit(&self, headers: &HeaderMap) -> bool {
        let mut stated = headers.get_all(ORIGIN).iter();
        match (stated.next(), stated.next()) {
            (None, _) => true,
            (Some(origin), None) => origin.to_str().is_ok_and(|origin| self.0.contains(origin)),
            (Some(_), Some(_)) => false,
        }
    }

    /// Middleware to put around the guarded router: 403 without a challenge, before a token is looked at.
    pub async fn check(State(origins): State<Self>, request: Request, next: Next) -> Response {
        if origins.admit(request.headers()) { next.run(request).await } else { ProtocolError::ORIGIN.into_response() }
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_pages_that_are_named_are_let_in() {
        // MCP-12
        let origins = Origins::new(["https://app.example.com", "http://localhost:3000"]);
        let cases: &[(&[&str], bool)] = &[
            (&[], true),
            (&["https://app.example.com"], true),
            (&["http://localhost:3000"], true),
            (&["https://evil.example"], false),
            (&["http://app.example.com"], false),
            (&["https://app.example.com:8443"], false),
            (&["https://app.example.com.evil.example"], false),
            (&["https://app.example.com/"], false),
            (&["null"], false),
            (&[""], false),
            (&["https://app.example.com", "https://evil.example"], false),
            (&["https://app.example.com", "https://app.example.com"], false),
        ];
        for (fields, admitted) in cases {
            let mut headers = HeaderMap::new();
            for field in *fields {
                headers.append(ORIGIN, HeaderValue::from_str(field).unwrap());
            }
            assert_eq!(origins.admit(&headers), *admitted, "{fields:?}");
        }
        let somewhere = HeaderMap::from_iter([(ORIGIN, HeaderValue::from_static("http://localhost"))]);
        assert!(!Origins::default().admit(&somewhere));
    }
}
