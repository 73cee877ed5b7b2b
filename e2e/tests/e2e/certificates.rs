//! Certificates that live as long as a test.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};

/// Whom the proxies trust about their clients, and the clients about the proxies.
pub(crate) struct Authority(CertifiedIssuer<'static, KeyPair>);

/// A certificate and its key, both as PEM.
pub(crate) struct Identity {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl Authority {
    pub(crate) fn new() -> Self {
        let mut params = named("authority");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Its own certificate.
    pub(crate) fn certificate(&self) -> String {
        self.0.pem()
    }

    /// For a server on loopback.
    pub(crate) fn server(&self) -> Identity {
        let mut params = CertificateParams::new(["127.0.0.1".to_owned()]).unwrap();
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        self.sign(&params, &KeyPair::generate().unwrap())
    }

    /// For a client, with a new key.
    pub(crate) fn client(&self) -> Identity {
        self.sign(&client(), &KeyPair::generate().unwrap())
    }

    /// Another certificate for the same client and key.
    pub(crate) fn renew(&self, identity: &Identity) -> Identity {
        self.sign(&client(), &KeyPair::from_pem(&identity.key).unwrap())
    }

    fn sign(&self, params: &CertificateParams, key: &KeyPair) -> Identity {
        Identity { certificate: params.signed_by(key, &self.0).unwrap().pem(), key: key.serialize_pem() }
    }
}

/// As nginx writes PEM into a header field.
pub(crate) fn escaped(pem: &str) -> String {
    utf8_percent_encode(pem, NON_ALPHANUMERIC).to_string()
}

fn client() -> CertificateParams {
    let mut params = named("sealed-report");
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    params
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(rcgen::DnType::CommonName, name);
    params
}
