//! Where TLS ends: connections whose client may have shown a certificate.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::serve::Listener;
use portcullis_axum::Connection;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinSet;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use crate::Failure;
use crate::certificates::{Authority, Identity};

/// What the service shows, and whose certificates it accepts.
///
/// A client may come without a certificate: whether its token needs one is not known before the request is read, and then
/// it is too late to ask (RFC 9113 §9.2.3). A certificate that is shown must come from `authority`.
pub(crate) fn tls(server: &Identity, authority: &Authority) -> Result<ServerConfig, Failure> {
    let mut roots = RootCertStore::empty();
    roots.add(authority.certificate().der().clone())?;
    let clients = WebPkiClientVerifier::builder(Arc::new(roots)).allow_unauthenticated().build()?;
    let key = PrivateKeyDer::try_from(server.key.serialize_der())?;
    let config = ServerConfig::builder().with_client_cert_verifier(clients);
    let mut config = config.with_single_cert(vec![server.certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(config)
}

/// Accepts connections and finishes their handshakes side by side, so that a client which says nothing holds up nobody else.
pub(crate) struct TlsListener {
    tcp: TcpListener,
    tls: TlsAcceptor,
    handshakes: JoinSet<Option<Accepted>>,
}

type Accepted = (TlsStream<TcpStream>, Connection);

impl TlsListener {
    pub(crate) fn new(tcp: TcpListener, tls: ServerConfig) -> Self {
        Self { tcp, tls: Arc::new(tls).into(), handshakes: JoinSet::new() }
    }
}

impl Listener for TlsListener {
    type Io = TlsStream<TcpStream>;
    type Addr = Connection;

    async fn accept(&mut self) -> Accepted {
        loop {
            tokio::select! {
                (stream, peer) = Listener::accept(&mut self.tcp), if self.handshakes.len() < MAX_HANDSHAKES => {
                    self.handshakes.spawn(handshake(self.tls.clone(), stream, peer));
                }
                Some(done) = self.handshakes.join_next() => {
                    if let Ok(Some(accepted)) = done {
                        return accepted;
                    }
                }
            }
        }
    }

    fn local_addr(&self) -> io::Result<Connection> {
        Ok(Connection::from_peer(self.tcp.local_addr()?.ip()))
    }
}

async fn handshake(tls: TlsAcceptor, stream: TcpStream, peer: SocketAddr) -> Option<Accepted> {
    let stream = tokio::time::timeout(HANDSHAKE_WITHIN, tls.accept(stream)).await.ok()?.ok()?;
    let connection = Connection::from_peer(peer.ip());
    // The first certificate is the client's own. rustls keeps it with the session, so a resumed one has it as well.
    let connection = match stream.get_ref().1.peer_certificates().and_then(<[_]>::first) {
        Some(certificate) => connection.with_client_certificate(certificate),
        None => connection,
    };
    Some((stream, connection))
}

/// Generous for a slow network; whoever needs longer is not a client.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);

/// A handshake costs a signature: beyond so many at once, new connections wait in the system's queue.
const MAX_HANDSHAKES: usize = 256;
