use std::net::SocketAddr;

use axum::extract::rejection::RawPathParamsRejection;
use axum::extract::{ConnectInfo, FromRequestParts, MatchedPath, OriginalUri, RawPathParams};
use http::Uri;
use http::request::Parts;
use portcullis::{Connection, RouteMatch};
use portcullis_tower::{Http, MatchedRoute};

/// The route that axum matched, with the values that axum's own extractors yield.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct AxumRoute;

impl MatchedRoute for AxumRoute {
    type Protocol = Http;

    async fn matched_route(&self, parts: &mut Parts) -> Option<RouteMatch> {
        let path = parts.extensions.get::<MatchedPath>()?.clone();
        match RawPathParams::from_request_parts(parts, &()).await {
            Ok(values) => Some(RouteMatch::new(path.as_str(), values.iter().map(|(_, value)| value))),
            // A route without parameters.
            Err(RawPathParamsRejection::MissingPathParams(_)) => Some(RouteMatch::new(path.as_str(), [""; 0])),
            Err(_) => Some(RouteMatch::unreadable(path.as_str())),
        }
    }

    /// A [`Connection`] that the server states, alone or as the [`ConnectInfo`] of its listener, else the address of the peer.
    fn connection(&self, parts: &Parts) -> Connection {
        let stated = parts.extensions.get::<Connection>().copied();
        let stated = stated.or_else(|| Some(parts.extensions.get::<ConnectInfo<Connection>>()?.0));
        let peer = || parts.extensions.get::<ConnectInfo<SocketAddr>>().map(|info| Connection::from_peer(info.ip()));
        stated.or_else(peer).unwrap_or_default()
    }

    fn target<'p>(&self, parts: &'p Parts) -> &'p Uri {
        parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0)
    }
}
