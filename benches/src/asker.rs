//! Requests through the gate alone, without sockets.

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use portcullis::{Admission, Gate, RequestHead, RouteMatch};

use crate::must;

/// A gate, and who asks it.
#[derive(Debug, Clone)]
pub struct Asker {
    gate: Gate,
    target: Uri,
    headers: HeaderMap,
}

impl Asker {
    /// Asks `gate` with `token`.
    ///
    /// # Panics
    ///
    /// If the token cannot stand in a header field.
    #[must_use]
    pub fn new(gate: &Gate, token: &str) -> Self {
        let bearer = must(format!("Bearer {token}").parse());
        let target = Uri::from_static("/projects/apollo");
        Self { gate: gate.clone(), target, headers: HeaderMap::from_iter([(AUTHORIZATION, bearer)]) }
    }

    /// The gate that is asked.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// A request for one project, allowed before its handler.
    ///
    /// # Panics
    ///
    /// If it is denied.
    pub async fn open(&self) -> Admission {
        let route = RouteMatch::new("/projects/{project}", ["apollo"]);
        self.get(&self.target, &route).await
    }

    /// A request for `target`, allowed before its handler.
    ///
    /// # Panics
    ///
    /// If it is denied.
    pub async fn get(&self, target: &Uri, route: &RouteMatch) -> Admission {
        let head = RequestHead::new(&Method::GET, target, &self.headers, Some(route));
        let admission = must(self.gate.open(&head).await.map_err(|answer| answer.status()));
        assert!(admission.permit().is_some(), "it was not decided");
        admission
    }
}
