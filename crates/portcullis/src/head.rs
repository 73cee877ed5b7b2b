//! What the gate looks at in a request.

use std::fmt;

use http::{HeaderMap, Method, Uri};
use portcullis_core::{Action, erase_parameters};

use crate::connection::Connection;

/// The head of a request, borrowed from the framework: all that the gate looks at.
///
/// A token in its query is no credential (OAuth 2.1 §5.1), and nothing of the query reaches a log.
#[derive(Clone, Copy)]
pub struct RequestHead<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    route: Option<&'a RouteMatch>,
    connection: Connection,
}

impl<'a> RequestHead<'a> {
    /// The head of a request for which the framework found `route`; `None` if it found none.
    ///
    /// `uri` is the target as it arrived: where a framework shortens it for nested services, the one from before.
    #[must_use]
    pub fn new(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, route: Option<&'a RouteMatch>) -> Self {
        Self { method, uri, headers, route, connection: Connection::unknown() }
    }

    /// States the connection that the request came on.
    #[must_use]
    pub fn with_connection(mut self, connection: Connection) -> Self {
        self.connection = connection;
        self
    }

    pub(crate) fn method(&self) -> &'a Method {
        self.method
    }

    pub(crate) fn uri(&self) -> &'a Uri {
        self.uri
    }

    pub(crate) fn headers(&self) -> &'a HeaderMap {
        self.headers
    }

    pub(crate) fn route(&self) -> Option<&'a RouteMatch> {
        self.route
    }

    pub(crate) fn connection(&self) -> &Connection {
        &self.connection
    }
}

/// Header fields and query may hold secrets.
impl fmt::Debug for RequestHead<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestHead").field("method", self.method).field("route", &self.route).finish_non_exhaustive()
    }
}

/// The route that the framework chose for a request.
///
/// The gate does not route: two routers that disagree about a path are a hole.
///
/// ```
/// use portcullis::RouteMatch;
///
/// // What the framework calls its parameters does not matter, only where they stand.
/// let route = RouteMatch::new("/projects/{id}", ["apollo"]);
/// assert_eq!(route.pattern(), "/projects/{}");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteMatch {
    protocol: Protocol,
    pattern: String,
    /// `None` if one of them is no text.
    values: Option<Vec<String>>,
}

impl RouteMatch {
    /// The match of the full path template `template`, with the values of its parameters in the order of the path, as
    /// the framework's own extractor yields them: percent-decoded exactly once.
    #[must_use]
    pub fn new<V: Into<String>>(template: &str, values: impl IntoIterator<Item = V>) -> Self {
        let values = values.into_iter().map(Into::into).collect();
        Self { protocol: Protocol::Http, pattern: erase_parameters(template), values: Some(values) }
    }

    /// The gRPC method that is called by `path`, as it arrived: gRPC dispatches by its text, so it is compared whole, by
    /// case and without decoding.
    ///
    /// ```
    /// use portcullis::RouteMatch;
    ///
    /// let route = RouteMatch::grpc("/acme.projects.v1.Projects/GetProject");
    /// assert_eq!(route.pattern(), "/acme.projects.v1.Projects/GetProject");
    /// ```
    #[must_use]
    pub fn grpc(path: &str) -> Self {
        Self { protocol: Protocol::Grpc, pattern: path.to_owned(), values: Some(Vec::new()) }
    }

    /// The match of `template` by a path of which some parameter is not UTF-8 after decoding. The gate refuses it.
    #[must_use]
    pub fn unreadable(template: &str) -> Self {
        Self { protocol: Protocol::Http, pattern: erase_parameters(template), values: None }
    }

    /// The template without the names of its parameters.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.pattern
    }

    pub(crate) fn protocol(&self) -> Protocol {
        self.protocol
    }

    pub(crate) fn values(&self) -> Option<&[String]> {
        self.values.as_deref()
    }
}

/// What a request speaks, which decides how it is routed and answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Protocol {
    #[default]
    Http,
    Grpc,
}

impl Protocol {
    /// Whether the handler decides `action`.
    pub(crate) fn defers(self, action: &Action) -> bool {
        match self {
            Self::Http => action.is_deferred(),
            Self::Grpc => action.is_deferred_over_grpc(),
        }
    }
}
