//! The connection that a request came on, and who is believed about it.

use std::net::IpAddr;

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;
use portcullis_token::{CertificateField, CertificateFieldError, CertificateThumbprint};

/// What the server knows of the connection that a request came on.
///
/// Whoever terminates TLS in the service itself states the client's certificate here. Behind a proxy, the peer is the
/// proxy, and [`Proxies`] says what is believed of its header fields.
///
/// ```
/// use portcullis::Connection;
///
/// let connection = Connection::from_peer([127, 0, 0, 1].into()).with_client_certificate(b"the DER of a certificate");
/// # let _ = connection;
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Connection {
    peer: Option<IpAddr>,
    certificate: Option<CertificateThumbprint>,
}

impl Connection {
    /// Nothing is known: no proxy is believed.
    #[must_use]
    pub const fn unknown() -> Self {
        Self { peer: None, certificate: None }
    }

    /// A connection from the address `peer`.
    #[must_use]
    pub const fn from_peer(peer: IpAddr) -> Self {
        Self { peer: Some(peer), certificate: None }
    }

    /// The client has shown the certificate `der` in the TLS handshake, and proved that it holds its key.
    #[must_use]
    pub fn with_client_certificate(mut self, der: &[u8]) -> Self {
        self.certificate = Some(CertificateThumbprint::of_der(der));
        self
    }

    /// The address of the peer.
    #[must_use]
    pub const fn peer(&self) -> Option<IpAddr> {
        self.peer
    }

    /// The thumbprint of the client's certificate.
    #[must_use]
    pub const fn certificate(&self) -> Option<CertificateThumbprint> {
        self.certificate
    }
}

/// The proxies in front of the service, and what is believed of what they say. Nobody is, by default.
#[derive(Debug, Clone, Default)]
pub struct Proxies {
    networks: Vec<IpNet>,
    certificate: Option<CertificateField>,
}

impl Proxies {
    /// Believes peers whose address is in one of `networks`.
    ///
    /// # Errors
    ///
    /// If there is none, or if one of them is every address.
    pub fn new(networks: impl IntoIterator<Item = IpNet>) -> Result<Self, ProxiesError> {
        let networks: Vec<IpNet> = networks.into_iter().collect();
        match networks.iter().find(|network| network.prefix_len() == 0) {
            Some(network) => Err(ProxiesError::Everybody { network: *network }),
            None if networks.is_empty() => Err(ProxiesError::Nobody),
            None => Ok(Self { networks, certificate: None }),
        }
    }

    /// Takes the client's certificate from `field` of such peers. They must remove what their own clients send under this
    /// name.
    #[must_use]
    pub fn with_client_certificate(mut self, field: CertificateField) -> Self {
        self.certificate = Some(field);
        self
    }

    /// Whether what `connection` says in header fields is believed.
    #[must_use]
    pub fn trust(&self, connection: &Connection) -> bool {
        // An IPv4 peer of a socket for both families comes as `::ffff:…`.
        let peer = connection.peer.map(|peer| peer.to_canonical());
        peer.is_some_and(|peer| self.networks.iter().any(|network| network.contains(&peer)))
    }

    /// The certificate of the client: the one of a proxy's client where the peer is a proxy that passes it on, else the
    /// peer's own.
    pub(crate) fn client_certificate(
        &self,
        connection: &Connection,
        headers: &HeaderMap,
    ) -> Result<Option<CertificateThumbprint>, CertificateFieldError> {
        match self.certificate {
            // The certificate of the connection is the proxy's.
            Some(field) if self.trust(connection) => {
                field.read(headers.get_all(field.name()).iter().map(http::HeaderValue::as_bytes))
            }
            _ => Ok(connection.certificate),
        }
    }

    /// Whether some proxy is believed about certificates.
    pub(crate) fn pass_certificates(&self) -> bool {
        self.certificate.is_some()
    }

    /// The address of the client. `None` if the peer is a proxy: whom it speaks for is not known.
    pub(crate) fn client_address(&self, connection: &Connection) -> Option<IpAddr> {
        connection.peer.filter(|_| !self.trust(connection))
    }

    /// Removes the fields about certificates that this peer is not believed about, so that nothing behind the gate takes
    /// them for checked.
    pub fn strip(&self, connection: &Connection, headers: &mut HeaderMap) {
        let believed = self.certificate.filter(|_| self.trust(connection));
        for (field, name) in FIELDS {
            if Some(field) != believed {
                headers.remove(name);
            }
        }
        if believed != Some(CertificateField::ClientCert) {
            headers.remove(CHAIN);
        }
    }
}

/// Why proxies cannot be believed as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProxiesError {
    /// Every address would be believed.
    #[error("`{network}` is every address, so everybody could write what a proxy says; name the proxies")]
    Everybody {
        /// The network.
        network: IpNet,
    },
    /// No network is named.
    #[error("no proxy is named, so there is nobody to believe")]
    Nobody,
}

/// Every field in which a proxy states the certificate of its client. Their names are read once, not for each request.
const FIELDS: [(CertificateField, HeaderName); CertificateField::ALL.len()] = {
    const fn named(field: CertificateField) -> (CertificateField, HeaderName) {
        (field, HeaderName::from_static(field.name()))
    }
    let [one, two, three] = CertificateField::ALL;
    [named(one), named(two), named(three)]
};

/// RFC 9440 §2.3.
const CHAIN: HeaderName = HeaderName::from_static("client-cert-chain");

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    const DER: &[u8] = b"a certificate";
    /// Base64 of it.
    const FIELD: &str = ":YSBjZXJ0aWZpY2F0ZQ==:";

    fn headers(fields: &[(&'static str, &'static str)]) -> HeaderMap {
        let field = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        fields.iter().map(field).collect()
    }

    fn proxies() -> Proxies {
        Proxies::new(["10.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()]).unwrap()
    }

    fn peer(address: &str) -> Connection {
        Connection::from_peer(address.parse().unwrap())
    }

    #[test]
    fn only_a_named_proxy_is_believed_about_certificates() {
        // MTL-13, SEC-01
        let (proxies, headers) =
            (proxies().with_client_certificate(CertificateField::ClientCert), headers(&[("client-cert", FIELD)]));
        let found = |connection: &Connection| proxies.client_certificate(connection, &headers).unwrap();
        for address in ["10.1.2.3", "::ffff:10.1.2.3", "::1"] {
            assert_eq!(found(&peer(address)), Some(CertificateThumbprint::of_der(DER)), "{address}");
        }
        for stranger in [peer("11.0.0.1"), peer("::2"), Connection::unknown()] {
            assert_eq!(found(&stranger), None, "{stranger:?}");
        }
        // A stranger's own certificate counts, whatever it writes.
        let own = peer("11.0.0.1").with_client_certificate(b"another");
        assert_eq!(found(&own), Some(CertificateThumbprint::of_der(b"another")));
    }

    #[test]
    fn the_certificate_of_a_proxy_is_not_its_clients() {
        let proxies = proxies().with_client_certificate(CertificateField::ClientCert);
        let proxy = peer("10.0.0.1").with_client_certificate(b"the proxy's");
        assert_eq!(proxies.client_certificate(&proxy, &HeaderMap::new()), Ok(None));
    }

    #[test]
    fn without_the_setting_no_field_is_read() {
        // MTL-15
        let headers = headers(&[("client-cert", FIELD), ("x-ssl-client-cert", "junk")]);
        for proxies in [Proxies::default(), proxies()] {
            assert_eq!(proxies.client_certificate(&peer("10.0.0.1"), &headers), Ok(None));
        }
    }

    #[test]
    fn what_is_not_believed_is_removed() {
        let all = [
            ("client-cert", FIELD),
            ("client-cert-chain", FIELD),
            ("x-forwarded-client-cert", "Hash=00"),
            ("x-ssl-client-cert", "junk"),
            ("accept", "*/*"),
        ];
        let left = |proxies: &Proxies, address: &str| {
            let mut headers = headers(&all);
            proxies.strip(&peer(address), &mut headers);
            let mut names: Vec<String> = headers.keys().map(ToString::to_string).collect();
            names.sort();
            names.join(" ")
        };
        let proxies = proxies().with_client_certificate(CertificateField::ClientCert);
        assert_eq!(left(&proxies, "10.0.0.1"), "accept client-cert client-cert-chain");
        assert_eq!(left(&proxies, "11.0.0.1"), "accept");
        assert_eq!(left(&Proxies::default(), "10.0.0.1"), "accept");
    }

    #[test]
    fn believing_everybody_or_nobody_is_refused() {
        // MTL-13: enabled without naming trusted peers
        assert_eq!(Proxies::new([]).unwrap_err(), ProxiesError::Nobody);
        for network in ["0.0.0.0/0", "::/0"] {
            let network = network.parse().unwrap();
            assert_eq!(Proxies::new([network]).unwrap_err(), ProxiesError::Everybody { network });
        }
    }
}
