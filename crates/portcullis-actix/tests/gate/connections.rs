//! Who is believed about the connection.

use std::net::SocketAddr;

use actix_web::{HttpMessage, HttpRequest, web};
use portcullis::{CertificateField, Connection};
use portcullis_actix::{GateExt, Permit, Proxies};
use serde_json::json;

use crate::service::{Service, only, request};

fn service() -> Service {
    let proxies = Proxies::new(["10.0.0.0/8".parse().unwrap()]).unwrap();
    Service::with_gate(|gate| gate.proxies(proxies.with_client_certificate(CertificateField::ClientCert)))
}

#[tokio::test]
async fn what_a_stranger_writes_about_certificates_reaches_no_handler() {
    // MTL-13
    let service = service();
    let bearer = service.bearer(&json!({}));
    let fields =
        [("authorization", bearer.as_str()), ("client-cert", ":YQ==:"), ("x-forwarded-client-cert", "Hash=00")];
    for (peer, seen) in [("10.0.0.1:1", "true false"), ("11.0.0.1:1", "false false")] {
        let app = |config: &mut web::ServiceConfig| {
            let handler = async |request: HttpRequest, _: Permit| {
                let has = |name: &str| request.headers().contains_key(name);
                format!("{} {}", has("client-cert"), has("x-forwarded-client-cert"))
            };
            config.service(service.gate.protect(web::resource("/projects/{id}").route(web::get().to(handler))));
        };
        let request = request("GET", "/projects/p", &fields).peer_addr(peer.parse::<SocketAddr>().unwrap());
        assert_eq!(service.send_to(app, request).await.body, seen, "{peer}");
    }
}

#[tokio::test]
async fn a_connection_that_the_server_states_counts() {
    // MTL-01: the token is bound to the certificate
    let service = Service::new();
    let own = Connection::unknown().with_client_certificate(b"a certificate");
    let thumbprint = own.certificate().unwrap().to_string();
    let bearer = service.bearer(&json!({ "cnf": { "x5t#S256": thumbprint } }));
    let foreign = Connection::unknown().with_client_certificate(b"another");
    for (connection, status) in [(Some(own), 200), (Some(foreign), 401), (None, 401)] {
        let request = request("GET", "/projects/p", &[("authorization", bearer.as_str())]);
        let router = crate::service::router(&service.gate).build().unwrap();
        let around = web::scope("").service(router).wrap_fn(move |request, next| {
            if let Some(connection) = connection {
                request.extensions_mut().insert(connection);
            }
            actix_web::dev::Service::call(next, request)
        });
        let app = only(around);
        let reply = service.send_to(app, request).await;
        assert_eq!(reply.status, status, "{}", reply.body);
    }
}
