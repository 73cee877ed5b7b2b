//! Fields about a connection count from the proxy that the settings name, and from nobody else.
// MTL-15, HTP-14, GEN-10

use std::net::IpAddr;
use std::sync::LazyLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};
use portcullis::{CertificateField, CertificateThumbprint, Connection, Gate, Proxies, RequestHead, RouteMatch};
use serde_json::json;

use crate::{Fixed, RUNTIME, SIGNED, TRUSTED_KEY, bundle, now, signed, trusting};

pub(super) fn run(octets: &[u8]) {
    let mut lines = octets.split(|octet| *octet == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (schemes, certificates) = ([next(), next()], [next(), next()]);
    let values = |lines: [&[u8]; 2]| -> Vec<HeaderValue> {
        let stated = lines.into_iter().filter(|line| !line.is_empty());
        stated.filter_map(|line| HeaderValue::from_bytes(line).ok()).collect()
    };
    let (schemes, certificates) = (values(schemes), values(certificates));
    let is_https = matches!(&*schemes, [scheme] if scheme.as_bytes().eq_ignore_ascii_case(b"https"));
    for (field, gate) in &*GATES {
        let read = field.read(certificates.iter().map(HeaderValue::as_bytes));
        let is_ours = read == Ok(Some(CertificateThumbprint::of_der(CERTIFICATE)));
        for (token, is_bound) in [(SIGNED, false), (BOUND.as_str(), true)] {
            let admits = |peer: [u8; 4], token: &str| {
                let headers = headers(&schemes, field.name(), &certificates, token);
                let (route, target) = (RouteMatch::new("/notes/{id}", ["n"]), Uri::from_static("/notes/n"));
                let head = RequestHead::new(&Method::GET, &target, &headers, Some(&route));
                RUNTIME.block_on(gate.open(&head.with_connection(Connection::from_peer(IpAddr::from(peer))))).is_ok()
            };
            // A bound token needs its certificate, and nobody picks one out of what cannot be read.
            assert_eq!(admits(PROXY, token), is_https && read.is_ok() && (!is_bound || is_ours), "{field:?}");
            assert_eq!(admits(STRANGER, token), is_https && !is_bound, "a stranger was believed: {field:?}");
        }
    }
}

fn headers(schemes: &[HeaderValue], field: &'static str, certificates: &[HeaderValue], token: &str) -> HeaderMap {
    let token = HeaderValue::try_from(format!("Bearer {token}")).unwrap();
    let mut headers = HeaderMap::from_iter([(AUTHORIZATION, token)]);
    schemes.iter().for_each(|value| _ = headers.append(SCHEME, value.clone()));
    certificates.iter().for_each(|value| _ = headers.append(field, value.clone()));
    headers
}

static GATES: LazyLock<Vec<(CertificateField, Gate)>> = LazyLock::new(|| {
    let gate = |field| {
        let proxies = Proxies::new(["10.0.0.0/8".parse().unwrap()]).unwrap().with_client_certificate(field);
        let gate = Gate::builder(bundle(), trusting(TRUSTED_KEY)).clock(Fixed);
        (field, gate.forwarded_scheme(SCHEME).proxies(proxies).build().unwrap())
    };
    CertificateField::ALL.into_iter().map(gate).collect()
});

/// A token like [`SIGNED`] that is bound to [`CERTIFICATE`].
static BOUND: LazyLock<String> = LazyLock::new(|| {
    let hash = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, CERTIFICATE);
    let claims = json!({
        "iss": "https://as.example.com", "sub": "ann", "aud": "https://api.example.com", "client_id": "web",
        "iat": now().as_secs(), "exp": now().as_secs() + 600, "jti": "t-2", "scope": "read:notes",
        "cnf": { "x5t#S256": URL_SAFE_NO_PAD.encode(hash) },
    });
    signed(br#"{"alg":"Ed25519","typ":"at+jwt","kid":"as-1"}"#, claims.to_string().as_bytes())
});

const CERTIFICATE: &[u8] = b"a certificate";

const SCHEME: HeaderName = HeaderName::from_static("x-forwarded-proto");

const PROXY: [u8; 4] = [10, 0, 0, 1];

const STRANGER: [u8; 4] = [192, 0, 2, 1];
