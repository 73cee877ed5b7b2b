//! The service over real TLS connections.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::pki_types::{PrivateKeyDer, ServerName};
use rustls::{ClientConfig, HandshakeKind, RootCertStore};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;

use crate::certificates::{Authority, Identity};
use crate::listener::{self, TlsListener};
use crate::service::{self, Issuer};
use crate::{SystemTime, UNIX_EPOCH};

#[tokio::test]
async fn a_token_is_good_for_who_holds_its_certificate_and_for_nobody_else() {
    // MTL-01, MTL-02, MTL-08
    let scene = Scene::start("holders").await;
    let (owner, other) = (scene.authority.client("payroll").unwrap(), scene.authority.client("payroll").unwrap());
    let token = scene.issuer.token_for(&owner);
    assert_eq!(scene.client(Some(&owner)).ask(&token).await, (200, HandshakeKind::Full));
    assert_eq!(scene.client(Some(&other)).ask(&token).await, (401, HandshakeKind::Full));
    assert_eq!(scene.client(None).ask(&token).await, (401, HandshakeKind::Full));
}

#[tokio::test]
async fn a_token_that_is_bound_to_nothing_is_refused_even_with_a_certificate() {
    // MTL-11
    let scene = Scene::start("unbound").await;
    let owner = scene.authority.client("payroll").unwrap();
    let token = scene.issuer.bearer_token();
    assert_eq!(scene.client(Some(&owner)).ask(&token).await.0, 401);
    assert_eq!(scene.client(None).ask(&token).await.0, 401);
}

#[tokio::test]
async fn a_resumed_session_keeps_its_certificate_and_gains_none() {
    // MTL-17
    let scene = Scene::start("resumed").await;
    let (owner, other) = (scene.authority.client("payroll").unwrap(), scene.authority.client("other").unwrap());
    let token = scene.issuer.token_for(&owner);
    for (identity, status) in [(Some(&owner), 200), (Some(&other), 401), (None, 401)] {
        let client = scene.client(identity);
        assert_eq!(client.ask(&token).await, (status, HandshakeKind::Full));
        assert_eq!(client.ask(&token).await, (status, HandshakeKind::Resumed));
    }
}

#[tokio::test]
async fn what_a_client_writes_about_certificates_is_not_believed() {
    // MTL-13, MTL-15
    let scene = Scene::start("forged").await;
    let (owner, other) = (scene.authority.client("payroll").unwrap(), scene.authority.client("other").unwrap());
    let token = scene.issuer.token_for(&owner);
    let base64: String = owner.certificate.pem().lines().filter(|line| !line.starts_with('-')).collect();
    let field = format!("Client-Cert: :{base64}:\r\n");
    assert_eq!(scene.client(None).ask_with(&token, &field).await.0, 401);
    assert_eq!(scene.client(Some(&other)).ask_with(&token, &field).await.0, 401);
    assert_eq!(scene.client(Some(&owner)).ask_with(&token, &field).await.0, 200);
}

#[tokio::test]
async fn a_certificate_of_another_authority_ends_the_handshake() {
    let scene = Scene::start("authority").await;
    let stranger = Authority::new().unwrap().client("payroll").unwrap();
    let token = scene.issuer.token_for(&stranger);
    assert!(scene.client(Some(&stranger)).try_ask(&token, "").await.is_err());
}

#[tokio::test]
async fn a_client_that_says_nothing_holds_up_nobody() {
    let scene = Scene::start("silent").await;
    let mut silent = Vec::new();
    for _ in 0..10 {
        silent.push(TcpStream::connect(scene.address).await.unwrap());
    }
    let owner = scene.authority.client("payroll").unwrap();
    assert_eq!(scene.client(Some(&owner)).ask(&scene.issuer.token_for(&owner)).await.0, 200);
}

struct Scene {
    authority: Authority,
    issuer: Issuer,
    address: SocketAddr,
}

impl Scene {
    /// A running service, with its files in a folder called `name`.
    async fn start(name: &str) -> Self {
        let folder = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../../target/tmp/mtls")).join(name);
        std::fs::create_dir_all(&folder).unwrap();
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        let (authority, issuer) = (Authority::new().unwrap(), Issuer::new(now.try_into().unwrap()));
        let gate = service::gate(&issuer, &folder).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = tcp.local_addr().unwrap();
        let tls = listener::tls(&authority.server().unwrap(), &authority).unwrap();
        tokio::spawn(async move { service::serve(TlsListener::new(tcp, tls), &gate).await });
        Self { authority, issuer, address }
    }

    /// A client that shows `identity`, and remembers its sessions.
    fn client(&self, identity: Option<&Identity>) -> Client {
        let mut roots = RootCertStore::empty();
        roots.add(self.authority.certificate().der().clone()).unwrap();
        let service = WebPkiServerVerifier::builder(Arc::new(roots)).build().unwrap();
        let config = ClientConfig::builder().with_webpki_verifier(service);
        let config = match identity {
            Some(Identity { certificate, key }) => {
                let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
                config.with_client_auth_cert(vec![certificate.der().clone()], key).unwrap()
            }
            None => config.with_no_client_auth(),
        };
        Client { tls: Arc::new(config).into(), address: self.address }
    }
}

struct Client {
    tls: TlsConnector,
    address: SocketAddr,
}

impl Client {
    async fn ask(&self, token: &str) -> (u16, HandshakeKind) {
        self.ask_with(token, "").await
    }

    /// The status of the answer, on a new connection, and how its session came about.
    async fn ask_with(&self, token: &str, fields: &str) -> (u16, HandshakeKind) {
        self.try_ask(token, fields).await.unwrap()
    }

    async fn try_ask(&self, token: &str, fields: &str) -> std::io::Result<(u16, HandshakeKind)> {
        let tcp = TcpStream::connect(self.address).await?;
        let mut stream = self.tls.connect(ServerName::try_from("localhost").unwrap(), tcp).await?;
        let request = format!(
            "GET /accounts/payroll/balance HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\
             Authorization: Bearer {token}\r\n{fields}\r\n"
        );
        stream.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await?;
        let status = answer.split(' ').nth(1).unwrap().parse().unwrap();
        Ok((status, stream.get_ref().1.handshake_kind().unwrap()))
    }
}
