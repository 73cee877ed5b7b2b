//! Pages of other origins: preflights, and what a page may read of an answer.

use axum::Router;
use axum::http::header::{AUTHORIZATION, HeaderName};
use axum::http::{HeaderValue, Method};
use axum::routing::{any, get};
use portcullis_axum::GateExt;
use serde_json::json;
use tower_http::cors::CorsLayer;

use crate::service::{Calls, Service, router, shown};

const PREFLIGHT: &[(&str, &str)] = &[
    ("origin", "https://app.example.com"),
    ("access-control-request-method", "GET"),
    ("access-control-request-headers", "authorization"),
];

fn cors() -> CorsLayer {
    CorsLayer::new()
        .allow_origin(HeaderValue::from_static("https://app.example.com"))
        .allow_methods([Method::GET])
        .allow_headers([AUTHORIZATION])
}

/// An application whose CORS layer stands around the gate.
fn around() -> Service {
    Service::with(|gate| router(&gate).build().unwrap().into_router().layer(cors()))
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_layer_around_the_gate_and_the_request_is_not() {
    // HTP-10
    let service = around();
    for path in ["/projects/p", "/health", "/nowhere"] {
        let reply = service.send("OPTIONS", path, PREFLIGHT).await;
        assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (200, "-"), "{path}");
        assert_eq!(reply.headers["access-control-allow-headers"], "authorization"); // HTP-11
    }
    // The fields of a preflight open nothing for another method, nor does the method without the fields.
    let reply = service.send("GET", "/projects/p", PREFLIGHT).await;
    assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (401, ""));
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn a_page_may_read_the_challenge_where_it_may_read_answers() {
    // HTP-11
    let reply = around().send("GET", "/projects/p", &[("origin", "https://app.example.com")]).await;
    assert_eq!(reply.headers["access-control-allow-origin"], "https://app.example.com");
    let exposed = HeaderName::from_static("access-control-expose-headers");
    assert_eq!(reply.headers[exposed], "WWW-Authenticate");
    // Without such a layer, no page may.
    let reply = Service::new().send("GET", "/projects/p", &[("origin", "https://app.example.com")]).await;
    assert!(!reply.headers.contains_key("access-control-allow-origin"));
}

#[tokio::test]
async fn a_preflight_reaches_no_handler_behind_the_gate() {
    // HTP-10: neither one that takes any method, nor a CORS layer on the wrong side, which could be anything.
    let service = Service::with(|gate| {
        let called = async |axum::extract::State(calls): axum::extract::State<Calls>| calls.add();
        let routes = Router::new().route("/projects/{project}", get(shown).options(called)).route("/rpc", any(called));
        gate.protect(routes.fallback(called).layer(cors()))
    });
    for path in ["/projects/p", "/rpc", "/nowhere"] {
        assert_eq!(service.send("OPTIONS", path, PREFLIGHT).await.status, 401, "{path}");
        let bearer = format!("Bearer {}", service.token(&json!({})));
        let fields = [PREFLIGHT, &[("authorization", bearer.as_str())]].concat();
        let status = service.send("OPTIONS", path, &fields).await.status;
        assert!([404, 405].contains(&status.as_u16()), "{path}: {status}");
    }
    assert_eq!(service.calls.count(), 0);
}
