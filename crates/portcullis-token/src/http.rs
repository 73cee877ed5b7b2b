//! Requests to the servers of configured issuers: bounded in time and size, and never led elsewhere.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue};
use reqwest::redirect::Policy;
use reqwest::{Certificate, Client, RequestBuilder, Url};

/// How the servers of an issuer are reached.
///
/// # Defaults
///
/// - Names must lead to public addresses: one that leads into our own network is an attack or a mistake.
/// - Certificates must lead to a root that the system trusts.
///
/// Neither concerns plain http to loopback addresses, nor addresses that the operator wrote instead of a name.
#[derive(Debug, Clone, Default)]
pub struct Network {
    addresses: Addresses,
    roots: Vec<Certificate>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum Addresses {
    #[default]
    Public,
    Any,
}

impl Network {
    /// Lets names lead to any address, for issuers that stand in the operator's own network.
    #[must_use]
    pub fn with_private_addresses(mut self) -> Self {
        self.addresses = Addresses::Any;
        self
    }

    /// Trusts the certificates in `pem` as roots, beside those of the system: for a private certification authority.
    ///
    /// # Errors
    ///
    /// [`EndpointError::Roots`] if `pem` holds no certificate.
    pub fn with_tls_roots(mut self, pem: &[u8]) -> Result<Self, EndpointError> {
        let roots = Certificate::from_pem_bundle(pem).unwrap_or_default();
        if roots.is_empty() {
            return Err(EndpointError::Roots);
        }
        self.roots.extend(roots);
        Ok(self)
    }
}

/// One URL of an issuer, and the client that asks it.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    client: Client,
    addresses: Addresses,
    url: Url,
}

/// What a server answered. The body is whole and within its bound; nothing else is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Endpoint {
    /// `text`, which the operator wrote, as the URL of an endpoint.
    pub(crate) fn new(text: &str, network: &Network) -> Result<Self, EndpointError> {
        let url = acceptable(text)?;
        let mut client = Client::builder()
            // A redirect could lead anywhere, such as to the metadata service of a cloud.
            .redirect(Policy::none())
            .tls_certs_merge(network.roots.iter().cloned())
            .timeout(TIMEOUT);
        if url.scheme() == "http" {
            // A proxy from the environment would see and could change what loopback was trusted for.
            client = client.no_proxy();
        } else if network.addresses == Addresses::Public {
            client = client.dns_resolver(Arc::new(PublicOnly));
        }
        Ok(Self { client: client.build().map_err(EndpointError::Client)?, addresses: network.addresses, url })
    }

    /// `text`, which a server wrote, as another endpoint of the same issuer.
    ///
    /// The scheme stays: who is asked over https names https URLs, and who is asked on loopback names others there.
    /// A server does not get to write the addresses that no name may lead to.
    pub(crate) fn sibling(&self, text: &str) -> Result<Self, EndpointError> {
        let invalid = |expected| Err(EndpointError::Url { url: text.to_owned(), expected });
        let url = acceptable(text)?;
        if url.scheme() != self.url.scheme() {
            return invalid("it must have the scheme of the issuer");
        }
        let is_elsewhere = url.host_str() != self.url.host_str();
        let is_refused = |address| self.addresses == Addresses::Public && !is_public(address);
        if url.scheme() == "https" && is_elsewhere && address_of(&url).is_some_and(is_refused) {
            return invalid("it is not a public address, and `private_network` is not set");
        }
        Ok(Self { url, ..self.clone() })
    }

    pub(crate) fn url(&self) -> &Url {
        &self.url
    }

    /// Asks for something of the media types `accept`, of at most `limit` bytes.
    pub(crate) async fn get(&self, accept: &'static str, limit: usize) -> Result<Reply, HttpError> {
        send(self.client.get(self.url.clone()).header(ACCEPT, accept), limit).await
    }

    /// Posts `form`, which is `application/x-www-form-urlencoded` already.
    pub(crate) async fn post_form(
        &self,
        form: String,
        authorization: Option<HeaderValue>,
        accept: &'static str,
        limit: usize,
    ) -> Result<Reply, HttpError> {
        let request = self.client.post(self.url.clone()).header(ACCEPT, accept);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(form);
        let request = match authorization {
            Some(value) => request.header(AUTHORIZATION, value),
            None => request,
        };
        send(request, limit).await
    }
}

async fn send(request: RequestBuilder, limit: usize) -> Result<Reply, HttpError> {
    let mut response = request.send().await?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let mut body = Vec::new();
    // Counted as it arrives: `content-length` is only what the server says.
    while let Some(chunk) = response.chunk().await? {
        if body.len().saturating_add(chunk.len()) > limit {
            return Err(HttpError::TooLarge { limit });
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Reply { status, headers, body })
}

impl Reply {
    /// Whether the content type is `media_type`, with or without parameters (RFC 9110 §8.3.1).
    pub(crate) fn is(&self, media_type: &str) -> bool {
        let value = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let essence = value.split(';').next().unwrap_or_default();
        essence.trim().eq_ignore_ascii_case(media_type)
    }
}

/// Why a URL cannot be an endpoint. The operator must change a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EndpointError {
    /// The HTTP client cannot be set up, such as because a root certificate is none.
    #[error("no HTTP client can be set up with these settings")]
    Client(#[source] reqwest::Error),
    /// No root certificate is given.
    #[error("there is no certificate in PEM form")]
    Roots,
    /// The URL is not one that may be asked.
    #[error("`{url}` cannot be asked: {expected}")]
    Url {
        /// The URL.
        url: String,
        /// What it must be.
        expected: &'static str,
    },
}

/// Why a request brought no whole answer. For the log.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HttpError {
    #[error("the answer is larger than {limit} bytes")]
    TooLarge { limit: usize },
    #[error("the request failed: {}", innermost(.0))]
    Transport(#[from] reqwest::Error),
}

fn acceptable(text: &str) -> Result<Url, EndpointError> {
    let invalid = |expected| EndpointError::Url { url: text.to_owned(), expected };
    let url = Url::parse(text).map_err(|_| invalid("write an absolute https URL"))?;
    if !is_secure_or_loopback(&url) {
        return Err(invalid("use https; plain http is for loopback addresses only"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(invalid("leave out user information and fragment"));
    }
    Ok(url)
}

/// Whether nobody on the way can read or change what is sent to `url`: https, or plain http to this very machine.
pub(crate) fn is_secure_or_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default();
    match url.scheme() {
        "https" => !host.is_empty(),
        "http" => host == "localhost" || address_of(url).is_some_and(|address| address.is_loopback()),
        _ => false,
    }
}

/// The address that stands in place of a name. URL parsers bring `2130706433` and `0x7f.1` into the usual form.
fn address_of(url: &Url) -> Option<IpAddr> {
    url.host_str()?.trim_start_matches('[').trim_end_matches(']').parse().ok()
}

/// Looks names up, and forgets the addresses that are not public. An address that is written into a URL never comes
/// here: whoever wrote it meant it.
#[derive(Debug)]
struct PublicOnly;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = tokio::net::lookup_host((name.as_str(), 0)).await?;
            let public: Vec<SocketAddr> = found.filter(|address| is_public(address.ip())).collect();
            if public.is_empty() {
                let message = "the name leads to no public address, and `private_network` is not set";
                return Err(message.into());
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

/// Whether `address` is none of loopback, link-local, private, shared, multicast, reserved or unspecified.
fn is_public(address: IpAddr) -> bool {
    match address.to_canonical() {
        IpAddr::V4(v4) => {
            let [first, second, ..] = v4.octets();
            let is_shared = first == 100 && (64..128).contains(&second); // RFC 6598
            let is_benchmark = first == 198 && (18..20).contains(&second); // RFC 2544
            let is_reserved = first == 0 || first >= 240;
            !(v4.is_loopback()
                || v4.is_private()
                || v4.is_link_local()
                || v4.is_multicast()
                || is_shared
                || is_benchmark
                || is_reserved)
        }
        IpAddr::V6(v6) => match v6.segments() {
            // NAT64 (RFC 6052) translates to the IPv4 address in the last four octets.
            [0x64, 0xff9b, 0, 0, 0, 0, ..] => {
                let [.., a, b, c, d] = v6.octets();
                is_public(IpAddr::from([a, b, c, d]))
            }
            _ => {
                !(v6.is_loopback()
                    || v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unique_local()
                    || v6.is_unicast_link_local())
            }
        },
    }
}

/// The outer errors of the HTTP client only say that something failed.
fn innermost(error: &reqwest::Error) -> String {
    let mut innermost: &dyn std::error::Error = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

/// A request waits for this; issuers answer in well under a second.
const TIMEOUT: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn endpoints_are_asked_over_https_or_on_this_machine() {
        // JWK-02
        for url in ["https://as.example.com/jwks", "http://localhost:8080/jwks", "http://127.0.0.2/", "http://[::1]:1/"]
        {
            assert!(Endpoint::new(url, &Network::default()).is_ok(), "{url}");
        }
        for url in [
            "http://as.example.com/jwks",
            "http://localhost.example.com/jwks",
            "http://127.0.0.1.example.com/jwks",
            "http://169.254.169.254/jwks",
            "https://user:password@as.example.com/jwks",
            "https://as.example.com/jwks#fragment",
            "file:///etc/passwd",
            "/jwks",
            "",
        ] {
            let endpoint = Endpoint::new(url, &Network::default().with_private_addresses());
            assert!(matches!(endpoint, Err(EndpointError::Url { .. })), "{url}");
        }
    }

    #[test]
    fn a_name_must_not_lead_into_our_own_network() {
        // ASM-10
        for public in ["1.1.1.1", "100.128.0.1", "172.32.0.1", "2606:4700::1111"] {
            assert!(is_public(public.parse().unwrap()), "{public}");
        }
        for other in [
            "127.0.0.1",
            "10.0.0.1",
            "172.16.0.1",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "0.0.0.0",
            "224.0.0.1",
            "255.255.255.255",
            "::1",
            "::",
            "fe80::1",
            "fd00::1",
            "::ffff:127.0.0.1",
            "64:ff9b::10.0.0.1",
            "198.18.0.1",
            "240.0.0.1",
        ] {
            assert!(!is_public(other.parse().unwrap()), "{other}");
        }
    }

    #[test]
    fn a_server_names_no_endpoint_that_the_operator_would_not_write() {
        // ASM-06, ASM-10
        let public = Endpoint::new("https://as.example.com", &Network::default()).unwrap();
        let private = Endpoint::new("https://as.example.com", &Network::default().with_private_addresses()).unwrap();
        let own = Endpoint::new("https://10.0.0.1", &Network::default()).unwrap();
        let local = Endpoint::new("http://127.0.0.1:1", &Network::default()).unwrap();
        for (issuer, url, accepted) in [
            (&public, "https://keys.example.com/jwks?v=1", true),
            (&public, "https://1.1.1.1/jwks", true),
            (&public, "http://as.example.com/jwks", false),
            (&public, "http://localhost/jwks", false),
            (&public, "https://user@as.example.com/jwks", false),
            (&public, "/jwks", false),
            (&public, "https://169.254.169.254/jwks", false),
            (&public, "https://2130706433/jwks", false), // 127.0.0.1
            (&public, "https://[::1]/jwks", false),
            (&private, "https://10.0.0.1/jwks", true),
            (&own, "https://10.0.0.1/jwks", true), // the operator wrote that address
            (&own, "https://10.0.0.2/jwks", false),
            (&local, "http://localhost:2/jwks", true),
            (&local, "http://as.example.com/jwks", false),
            (&local, "https://as.example.com/jwks", false),
        ] {
            assert_eq!(issuer.sibling(url).is_ok(), accepted, "{} names {url}", issuer.url());
        }
    }

    #[test]
    fn roots_that_are_none_are_refused() {
        for pem in ["", "no certificate", "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n"] {
            let network = Network::default().with_tls_roots(pem.as_bytes());
            assert!(network.and_then(|network| Endpoint::new("https://as.example.com", &network)).is_err(), "{pem}");
        }
    }

    #[tokio::test]
    async fn a_name_of_this_machine_is_not_asked_over_https_unless_that_is_said() {
        // ASM-10: nobody listens, so what differs is who refuses.
        let ask = async |network| {
            let endpoint = Endpoint::new("https://localhost:1/", &network).unwrap();
            endpoint.get("*/*", 1).await.unwrap_err().to_string()
        };
        assert!(ask(Network::default()).await.contains("no public address"));
        assert!(!ask(Network::default().with_private_addresses()).await.contains("no public address"));
    }
}
