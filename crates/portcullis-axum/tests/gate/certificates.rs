//! Tokens that are bound to a client certificate (RFC 8705), and who is believed about certificates (RFC 9440), through
//! the whole stack.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::Router;
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, HeaderName};
use axum::routing::get;
use portcullis::{BindingRule, CertificateField, MemoryReplayStore, Origin, ProofVerifier, UnixTime};
use portcullis_axum::{Connection, GateExt, Proxies};
use portcullis_testkit::{SigningAlgorithm, TestClient};
use serde_json::{Value, json};

use crate::service::{NOW, Reply, Service};

const MINE: &[u8] = b"my certificate";
const ANOTHER: &[u8] = b"another certificate, of the same key";

/// RFC 8705 Appendix A: X.509 v1, expired, self-signed. Nobody parses it.
const PUBLISHED: &str = "MIIBBjCBrAIBAjAKBggqhkjOPQQDAjAPMQ0wCwYDVQQDDARtdGxzMB4XDTE4MTAxODEyMzcwOVoXDTIyMDUwMjEyMzcwOVowDzENMAsGA1UEAwwEbXRsczBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABNcnyxwqV6hY8QnhxxzFQ03C7HKW9OylMbnQZjjJ/Au08/coZwxS7LfA4vOLS9WuneIXhbGGWvsDSb0tH6IxLm8wCgYIKoZIzj0EAwIDSQAwRgIhAP0RC1E+vwJD/D1AGHGzuri+hlV/PpQEKTWUVeORWz83AiEA5x2eXZOVbUlJSGQgjwD5vaUaKlLR50Q2DmFfQj1L+SY=";
const PUBLISHED_THUMBPRINT: &str = "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0";
const PUBLISHED_HEX: &str = "0380ed2f626650c840b2f263e6d2b29fae12ab39ae5db32b25ad27efad72e6fd";

fn peer(address: &str) -> Connection {
    Connection::from_peer(address.parse().unwrap())
}

fn with_certificate(der: &[u8]) -> Connection {
    peer("192.0.2.1").with_client_certificate(der)
}

fn thumbprint(der: &[u8]) -> String {
    with_certificate(der).certificate().unwrap().to_string()
}

fn bound_to(thumbprint: &str) -> Value {
    json!({ "cnf": { "x5t#S256": thumbprint } })
}

/// A service behind proxies in 10.0.0.0/8 that pass certificates on in `field`.
fn behind(field: CertificateField) -> Service {
    let proxies = Proxies::new(["10.0.0.0/8".parse().unwrap()]).unwrap().with_client_certificate(field);
    Service::with_gate(|gate| gate.proxies(proxies))
}

/// The published certificate as `field` has it.
fn written(field: CertificateField) -> String {
    let escaped = PUBLISHED.replace('+', "%2B").replace('/', "%2F").replace('=', "%3D");
    match field {
        CertificateField::ClientCert => format!(":{PUBLISHED}:"),
        CertificateField::XForwardedClientCert => format!("Hash={PUBLISHED_HEX}"),
        _ => format!("-----BEGIN%20CERTIFICATE-----%0A{escaped}%0A-----END%20CERTIFICATE-----%0A"),
    }
}

async fn ask(service: &Service, connection: Connection, path: &str, more: &Value, fields: &[(&str, &str)]) -> Reply {
    let bearer = format!("Bearer {}", service.token(more));
    let fields: Vec<(&str, &str)> = [("authorization", bearer.as_str())].iter().chain(fields).copied().collect();
    let reply = service.send_on(connection, "GET", path, &fields).await;
    // What a proxy says to the service is never said on.
    for field in CertificateField::ALL {
        assert!(!reply.headers.contains_key(field.name()));
    }
    reply
}

#[track_caller]
fn assert_invalid_token(reply: &Reply) {
    assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (401, "error=invalid_token"));
    assert_eq!(reply.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_bound_token_needs_the_certificate_of_its_connection() {
    // MTL-01, MTL-02, MTL-03, MTL-05
    let service = Service::new();
    let bound = bound_to(&thumbprint(MINE));
    let reply = ask(&service, with_certificate(MINE), "/projects/p", &bound, &[]).await;
    // MTL-14: what depends on the certificate is kept by nobody.
    assert_eq!((reply.status.as_u16(), reply.headers["cache-control"].to_str().unwrap()), (200, "no-store"));
    for connection in [with_certificate(ANOTHER), with_certificate(b""), peer("192.0.2.1"), Connection::unknown()] {
        assert_invalid_token(&ask(&service, connection, "/projects/p", &bound, &[]).await);
        assert_invalid_token(&ask(&service, connection, "/health", &bound, &[]).await);
    }
    assert_eq!(service.calls.count(), 1);
    // An unbound token is what it is, and the certificate proves nothing about it.
    assert_eq!(ask(&service, with_certificate(MINE), "/projects/p", &json!({}), &[]).await.status, 200);
    let reply = ask(&service, with_certificate(MINE), "/projects/p/keys", &json!({}), &[]).await;
    assert_eq!(reply.kind(), "proof-of-possession-required");
    assert_eq!(ask(&service, with_certificate(MINE), "/projects/p/keys", &bound, &[]).await.status, 200);
}

#[tokio::test]
async fn the_value_has_one_form() {
    // MTL-03, MTL-04, MTL-10
    let service = Service::new();
    let (right, hex) = (thumbprint(MINE), "00".repeat(32));
    for cnf in [
        json!({ "x5t#S256": format!("{right}=") }),
        json!({ "x5t#S256": &right[..42] }),
        json!({ "x5t#S256": hex }),
        json!({ "x5t#S256": "" }),
        json!({ "x5t#S256": 7 }),
        json!({ "x5t": right }),
        json!({ "kid": "x" }),
        json!({ "osc": {} }),
        json!({}),
    ] {
        let reply = ask(&service, with_certificate(MINE), "/projects/p", &json!({ "cnf": cnf }), &[]).await;
        assert_invalid_token(&reply);
    }
}

#[tokio::test]
async fn whoever_runs_the_server_states_the_certificate_in_one_of_two_places() {
    // MTL-01; the address alone states none
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token(&bound_to(&thumbprint(MINE))));
    let fields = [("authorization", bearer.as_str())];
    let mine = with_certificate(MINE);
    assert_eq!(service.send_on(mine, "GET", "/projects/p", &fields).await.status, 200);
    assert_eq!(service.send_on(ConnectInfo(mine), "GET", "/projects/p", &fields).await.status, 200);
    let address: SocketAddr = "192.0.2.1:4711".parse().unwrap();
    assert_eq!(service.send_on(ConnectInfo(address), "GET", "/projects/p", &fields).await.status, 401);
}

#[tokio::test]
async fn a_named_proxy_says_which_certificate_its_client_has() {
    // MTL-06, MTL-07, MTL-12, MTL-15
    let bound = bound_to(PUBLISHED_THUMBPRINT);
    for field in CertificateField::ALL {
        let (service, value) = (behind(field), written(field));
        let proxy = peer("10.0.0.1");
        let right = [(field.name(), value.as_str())];
        assert_eq!(ask(&service, proxy, "/projects/p", &bound, &right).await.status, 200, "{field:?}");
        // As the peer of axum's own listener.
        let bearer = format!("Bearer {}", service.token(&bound));
        let address: SocketAddr = "10.0.0.1:4711".parse().unwrap();
        let fields = [("authorization", bearer.as_str()), (field.name(), value.as_str())];
        assert_eq!(service.send_on(ConnectInfo(address), "GET", "/projects/p", &fields).await.status, 200);
        // Without the field, or with another's.
        assert_invalid_token(&ask(&service, proxy, "/projects/p", &bound, &[]).await);
        for other in CertificateField::ALL.into_iter().filter(|other| *other != field) {
            let value = written(other);
            let others = [(other.name(), value.as_str())];
            assert_invalid_token(&ask(&service, proxy, "/projects/p", &bound, &others).await);
        }
        let other = bound_to(&thumbprint(ANOTHER));
        assert_invalid_token(&ask(&service, proxy, "/projects/p", &other, &right).await);
        // The proxy's own certificate is not its client's.
        let own = proxy.with_client_certificate(MINE);
        assert_invalid_token(&ask(&service, own, "/projects/p", &bound_to(&thumbprint(MINE)), &[]).await);
    }
}

#[tokio::test]
async fn a_field_about_certificates_from_a_stranger_proves_nothing() {
    // MTL-13, MTL-15, SEC-01: whoever stole the token can write the field, but not come from the proxy
    let bound = bound_to(PUBLISHED_THUMBPRINT);
    for field in CertificateField::ALL {
        let value = written(field);
        let forged = [(field.name(), value.as_str()), ("x-forwarded-for", "10.0.0.1"), ("forwarded", "for=10.0.0.1")];
        let strangers = [peer("192.0.2.1"), peer("11.0.0.1"), peer("::1"), Connection::unknown()];
        for stranger in strangers.into_iter().chain([with_certificate(MINE)]) {
            assert_invalid_token(&ask(&behind(field), stranger, "/projects/p", &bound, &forged).await);
        }
        // Nobody is believed unless the settings say so, and a malformed field of a stranger is nobody's business.
        assert_invalid_token(&ask(&Service::new(), peer("10.0.0.1"), "/projects/p", &bound, &forged).await);
        let junk = [(field.name(), "junk")];
        assert_eq!(ask(&behind(field), peer("192.0.2.1"), "/projects/p", &json!({}), &junk).await.status, 200);
    }
}

#[tokio::test]
async fn a_malformed_field_of_a_proxy_is_a_bad_request() {
    // MTL-12
    let one = written(CertificateField::ClientCert);
    let (list, unpadded) = (format!("{one}, {one}"), one.replace("=:", ":"));
    let pem = format!("-----BEGIN CERTIFICATE----- {PUBLISHED} -----END CERTIFICATE-----");
    let service = behind(CertificateField::ClientCert);
    let name = CertificateField::ClientCert.name();
    for fields in [
        &[(name, one.as_str()), (name, one.as_str())][..],
        &[(name, list.as_str())],
        &[(name, PUBLISHED)],
        &[(name, pem.as_str())],
        &[(name, unpadded.as_str())],
        &[(name, ":AAA*:")],
        &[(name, "::")],
        &[(name, "")],
    ] {
        for claims in [bound_to(PUBLISHED_THUMBPRINT), json!({})] {
            let reply = ask(&service, peer("10.0.0.1"), "/projects/p", &claims, fields).await;
            let got = (reply.status.as_u16(), reply.demands(), reply.kind());
            assert_eq!(got, (400, "error=invalid_request".to_owned(), "malformed-credentials".to_owned()));
            assert!(!reply.body.contains("MII"), "{}", reply.body);
        }
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn a_handler_finds_no_field_that_nobody_vouches_for() {
    // MTL-13: else it would take a forged one for checked
    let proxies = Proxies::new(["10.0.0.0/8".parse().unwrap()]).unwrap();
    let service = Service::with_options(
        "@id(\"people\") permit (principal is User, action, resource);",
        |gate| gate.proxies(proxies.with_client_certificate(CertificateField::ClientCert)),
        |gate| {
            let names = async |headers: HeaderMap| {
                let about = |name: &&str| name.contains("client-cert");
                headers.keys().map(HeaderName::as_str).filter(about).collect::<Vec<_>>().join(" ")
            };
            gate.protect(Router::new().route("/projects/{project}", get(names)))
        },
    );
    let value = written(CertificateField::ClientCert);
    let fields = [("client-cert", value.as_str()), ("client-cert-chain", ":AA==:"), ("x-ssl-client-cert", "x")];
    let stranger = ask(&service, peer("192.0.2.1"), "/projects/p", &json!({}), &fields).await;
    assert_eq!((stranger.status.as_u16(), stranger.body.as_str()), (200, ""));
    let proxy = ask(&service, peer("10.0.0.1"), "/projects/p", &json!({}), &fields).await;
    assert_eq!(proxy.body, "client-cert client-cert-chain");
}

#[tokio::test]
async fn a_token_with_two_confirmations_needs_both_proofs() {
    // MTL-09
    let now = UnixTime::from_secs(NOW).unwrap();
    let proofs =
        ProofVerifier::new([Origin::new("https://api.example.com").unwrap()], Arc::new(MemoryReplayStore::new(now)));
    let service = Service::with_gate(|gate| gate.dpop(proofs.unwrap()));
    let client = TestClient::new(SigningAlgorithm::Es256);
    let both = json!({ "cnf": { "jkt": client.thumbprint(), "x5t#S256": thumbprint(MINE) } });
    let token = service.token(&both);
    let (bearer, dpop) = (format!("Bearer {token}"), format!("DPoP {token}"));
    for (field, connection, path, status) in [
        (&dpop, with_certificate(MINE), "/projects/p", 200),
        (&dpop, with_certificate(MINE), "/projects/p/keys", 200),
        (&dpop, with_certificate(MINE), "/projects/p/export", 200),
        (&dpop, with_certificate(ANOTHER), "/projects/p", 401),
        (&dpop, Connection::unknown(), "/projects/p", 401),
        (&bearer, with_certificate(MINE), "/projects/p", 401),
        (&bearer, Connection::unknown(), "/projects/p", 401),
    ] {
        let proof = client.proof(&client.claims("GET", &format!("https://api.example.com{path}"), &token, NOW));
        let fields = [("authorization", field.as_str()), ("dpop", proof.as_str())];
        let reply = service.send_on(connection, "GET", path, &fields).await;
        assert_eq!(reply.status.as_u16(), status, "{} {connection:?} {path}", &field[..6]);
        if status == 401 {
            assert_eq!(reply.kind(), "invalid-token");
        }
    }
    let without_proof = [("authorization", dpop.as_str())];
    let reply = service.send_on(with_certificate(MINE), "GET", "/projects/p", &without_proof).await;
    assert_eq!(reply.kind(), "invalid-proof");
}

#[tokio::test]
async fn an_issuer_may_have_to_bind_every_token_to_a_certificate() {
    // MTL-11, FAP-03: a certificate beside an unbound token proves nothing about who may use it
    let service = Service::with_issuer(|issuer| issuer.with_binding(BindingRule::Mtls), |gate| gate);
    let bound = bound_to(&thumbprint(MINE));
    assert_eq!(ask(&service, with_certificate(MINE), "/projects/p", &bound, &[]).await.status, 200);
    assert_invalid_token(&ask(&service, with_certificate(MINE), "/projects/p", &json!({}), &[]).await);
    assert_invalid_token(&ask(&service, Connection::unknown(), "/projects/p", &json!({}), &[]).await);
}

#[tokio::test]
async fn the_metadata_say_that_certificates_are_known() {
    // PRM-05
    let document = async |service: Service| {
        let reply = service.send("GET", "/.well-known/oauth-protected-resource", &[]).await;
        serde_json::from_str::<Value>(&reply.body).unwrap()
    };
    let proxied = document(behind(CertificateField::ClientCert)).await;
    assert_eq!(proxied["tls_client_certificate_bound_access_tokens"], true);
    let proxies = Proxies::new(["10.0.0.0/8".parse().unwrap()]).unwrap();
    let silent = document(Service::with_gate(|gate| gate.proxies(proxies))).await;
    assert_eq!(silent.get("tls_client_certificate_bound_access_tokens"), None);
}
