//! Tokens that are bound to a certificate (RFC 8705), behind proxies that terminate TLS.

use reqwest::header::HeaderMap;

use crate::certificates::{Authority, Identity, escaped};
use crate::folder::Folder;
use crate::proxy::{ADDRESS, Product, Proxy};
use crate::service::{Service, Settings};
use crate::{AuthorizationServer, World};

#[tokio::test]
async fn behind_nginx_the_certificate_of_the_client_counts_and_nothing_that_it_writes() {
    // MTL-01, MTL-02, MTL-05, MTL-13, MTL-15
    Scene::of(Product::Nginx).await.play().await;
}

#[tokio::test]
async fn behind_envoy_the_certificate_of_the_client_counts_and_nothing_that_it_writes() {
    // MTL-01, MTL-02, MTL-05, MTL-13, MTL-15
    Scene::of(Product::Envoy).await.play().await;
}

/// A proxy before the service, and a client whose token is bound to its certificate.
struct Scene {
    world: World,
    proxy: Proxy,
    authority: Authority,
    owner: Identity,
    token: String,
}

impl Scene {
    async fn of(product: Product) -> Self {
        let (folder, authority) = (Folder::of_this_test(), Authority::new());
        let server = AuthorizationServer::start(&folder);
        let believed = format!("proxy = {{ trusted = ['{ADDRESS}/32'], client_certificate = '{}' }}", product.field());
        let service = Service::start(&folder, Settings::trusting(&server).at_top(&believed));
        let proxy = Proxy::start(product, &folder, &authority, &service);
        let owner = authority.client();
        let token = server.certificate_bound(&owner.certificate, "read:projects").await;
        Self { world: World { server, service }, proxy, authority, owner, token }
    }

    async fn play(&self) {
        let (owner, other) = (&self.owner, &self.authority.client());
        assert_eq!(self.through_proxy(Some(owner), "").await, 200);
        // RFC 8705 §3: the token is bound to the certificate, not to its key.
        assert_eq!(self.through_proxy(Some(&self.authority.renew(owner)), "").await, 401);
        assert_eq!(self.through_proxy(Some(other), "").await, 401);
        assert_eq!(self.through_proxy(None, "").await, 401);

        // Whoever knows the owner's certificate, which is no secret, can write it.
        assert_eq!(self.through_proxy(None, &owner.certificate).await, 401);
        assert_eq!(self.through_proxy(Some(other), &owner.certificate).await, 401);
        assert_eq!(self.through_proxy(Some(owner), &other.certificate).await, 200);

        // Past the proxy, only its own address is believed.
        assert_eq!(self.past_proxy("127.0.0.1", &owner.certificate).await, 401);
        assert_eq!(self.past_proxy("127.0.0.2", &owner.certificate).await, 401);
        assert_eq!(self.past_proxy(ADDRESS, &owner.certificate).await, 200);
        assert_eq!(self.past_proxy(ADDRESS, "").await, 401);
    }

    /// The status of the answer to a client that shows `identity`, and claims to have the certificate `written`.
    async fn through_proxy(&self, identity: Option<&Identity>, written: &str) -> u16 {
        let root = reqwest::Certificate::from_pem(self.authority.certificate().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([root]);
        let client = identity.into_iter().fold(client, |client, Identity { certificate, key }| {
            client.identity(reqwest::Identity::from_pem(format!("{certificate}{key}").as_bytes()).unwrap())
        });
        self.ask(client, self.proxy.url(), written).await
    }

    /// The same for a client that reaches the service itself, from the address `from`.
    async fn past_proxy(&self, from: &str, written: &str) -> u16 {
        let client = reqwest::Client::builder().local_address(Some(from.parse().unwrap()));
        self.ask(client, self.world.service.url(), written).await
    }

    async fn ask(&self, client: reqwest::ClientBuilder, url: &str, written: &str) -> u16 {
        let request = client.build().unwrap().get(format!("{url}/whoami")).bearer_auth(&self.token);
        let answer = request.headers(fields(written)).send().await.unwrap();
        let (status, challenge) = (answer.status().as_u16(), answer.headers().get("www-authenticate").cloned());
        if status == 401 {
            assert!(challenge.unwrap().to_str().unwrap().contains("error=\"invalid_token\""));
        }
        status
    }
}

/// Every field that a proxy could have written for this certificate.
fn fields(certificate: &str) -> HeaderMap {
    let mut fields = HeaderMap::new();
    if !certificate.is_empty() {
        let base64: String = certificate.lines().filter(|line| !line.starts_with('-')).collect();
        fields.insert("client-cert", format!(":{base64}:").parse().unwrap());
        fields.insert("x-ssl-client-cert", escaped(certificate).parse().unwrap());
        fields.insert("x-forwarded-client-cert", format!("Cert=\"{}\"", escaped(certificate)).parse().unwrap());
    }
    fields
}
