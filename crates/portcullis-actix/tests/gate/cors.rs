//! Preflight requests carry no credentials, and open nothing.

use actix_cors::Cors;
use actix_web::test::init_service;
use actix_web::web::Data;
use actix_web::{App, web};
use portcullis_actix::GateExt;
use serde_json::json;

use crate::service::{Calls, Service, reply, request, router, shown};

const PREFLIGHT: &[(&str, &str)] = &[
    ("origin", "https://app.example.com"),
    ("access-control-request-method", "GET"),
    ("access-control-request-headers", "authorization"),
];

fn cors() -> Cors {
    Cors::default().allowed_origin("https://app.example.com").allowed_methods(["GET"]).allowed_header("authorization")
}

#[tokio::test]
async fn a_preflight_is_answered_by_the_middleware_around_the_gate() {
    // HTP-10, HTP-11
    let service = Service::new();
    let app = App::new().wrap(cors()).app_data(Data::new(service.calls.clone()));
    let app = init_service(app.service(router(&service.gate).build().unwrap())).await;
    for path in ["/projects/p", "/nowhere"] {
        let preflight = reply(&app, request("OPTIONS", path, PREFLIGHT).to_request()).await;
        assert_eq!(
            (preflight.status, preflight.field("access-control-allow-headers")),
            (200, "authorization"),
            "{path}"
        );
    }
    // Its fields open nothing for another method.
    let other = reply(&app, request("GET", "/projects/p", PREFLIGHT).to_request()).await;
    assert_eq!((other.status, other.field("access-control-allow-origin")), (401, "https://app.example.com"));
    assert!(other.field("access-control-expose-headers").contains("WWW-Authenticate"));
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn a_preflight_reaches_no_handler_behind_the_gate() {
    // HTP-10
    let service = Service::new();
    let called = async |calls: Data<Calls>| {
        calls.add();
        "called"
    };
    let app = |config: &mut web::ServiceConfig| {
        let projects = web::resource("/projects/{id}").route(web::get().to(shown)).route(web::to(called));
        config.service(service.gate.protect(projects)).service(service.gate.protect(web::resource("/rpc").to(called)));
    };
    for path in ["/projects/p", "/rpc"] {
        assert_eq!(service.send_to(app, request("OPTIONS", path, PREFLIGHT)).await.status, 401, "{path}");
        assert_eq!(service.ask_of(app, "OPTIONS", path, &json!({})).await.status, 405, "{path}");
    }
    assert_eq!(service.calls.count(), 0);
}
