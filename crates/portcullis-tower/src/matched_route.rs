use http::Uri;
use http::request::Parts;
use portcullis::{Connection, RouteMatch};

/// Finds the route that the framework chose for a request.
///
/// An implementation reads what the framework left behind. It does not match paths: two routers that disagree about a
/// path are a hole.
pub trait MatchedRoute: Clone + Send + Sync + 'static {
    /// What the framework speaks: [`Http`](crate::Http), or another [`Protocol`](crate::Protocol).
    type Protocol;

    /// The full template of the route and the values of its parameters; `None` if none matched.
    fn matched_route(&self, parts: &mut Parts) -> impl Future<Output = Option<RouteMatch>> + Send;

    /// The target of the request as it arrived, for frameworks that shorten it for nested services.
    fn target<'p>(&self, parts: &'p Parts) -> &'p Uri {
        &parts.uri
    }

    /// The connection that the request came on: what the server has put into the request's extensions.
    fn connection(&self, parts: &Parts) -> Connection {
        parts.extensions.get().copied().unwrap_or_default()
    }
}
