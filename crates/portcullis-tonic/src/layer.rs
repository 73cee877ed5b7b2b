use http::request::Parts;
use portcullis::{Connection, Gate, RouteMatch};
use portcullis_tower::{GateLayer, MatchedRoute};
use tonic::transport::server::{TcpConnectInfo, TlsConnectInfo};

use crate::protocol::Grpc;

/// Makes the layer of a [`Gate`].
pub trait GateExt {
    /// The layer for [`Server::layer`](tonic::transport::Server::layer): it guards all services of the server, those of
    /// reflection and health checks too.
    ///
    /// The metadata of the protected resource (RFC 9728) are served beside them, to anybody who speaks HTTP/2.
    #[must_use]
    fn layer(&self) -> GateLayer<GrpcRoute>;
}

impl GateExt for Gate {
    fn layer(&self) -> GateLayer<GrpcRoute> {
        GateLayer::new(self.clone(), GrpcRoute)
    }
}

/// The method that a request calls. gRPC dispatches by the text of the path, so the path is the route.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct GrpcRoute;

impl MatchedRoute for GrpcRoute {
    type Protocol = Grpc;

    async fn matched_route(&self, parts: &mut Parts) -> Option<RouteMatch> {
        Some(RouteMatch::grpc(parts.uri.path()))
    }

    /// A [`Connection`] that the server states, else what tonic knows of the peer and of its certificate.
    fn connection(&self, parts: &Parts) -> Connection {
        if let Some(stated) = parts.extensions.get::<Connection>() {
            return *stated;
        }
        let tls = parts.extensions.get::<TlsConnectInfo<TcpConnectInfo>>();
        let tcp = tls.map(TlsConnectInfo::get_ref).or_else(|| parts.extensions.get());
        let peer = tcp.and_then(TcpConnectInfo::remote_addr);
        let connection = peer.map_or(Connection::unknown(), |peer| Connection::from_peer(peer.ip()));
        match tls.and_then(TlsConnectInfo::peer_certs).as_deref().map(Vec::as_slice) {
            Some([own, ..]) => connection.with_client_certificate(own),
            _ => connection,
        }
    }
}
