//! Applications that route themselves behind the middleware, without the router that the gate makes.

use actix_web::test::init_service;
use actix_web::web::{self, Data};
use actix_web::{App, HttpResponse};
use portcullis_actix::{GateExt, Permit};
use serde_json::json;

use crate::handlers::called;
use crate::service::{Calls, Reply, Service, reply, request, shown};

/// Sends a request to an application with routes of its own behind the middleware.
async fn send(service: &Service, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
    let careless = async |permit: Option<Permit>| permit.map_or("canary", |_| "allowed");
    let guarded = service.gate.protect(web::resource("/probes/{id}").to(called));
    let app = App::new()
        .app_data(Data::new(service.calls.clone()))
        .wrap(service.gate.layer())
        .route("/projects/new", web::get().to(called)) // asks for nothing
        .service(web::resource("/projects/{id}").route(web::get().to(shown)).route(web::delete().to(careless)))
        .service(web::scope("/files").service(web::resource("/{path:.*}").to(shown)).default_service(web::to(called)))
        .route("/me", web::put().to(called))
        .service(guarded)
        .route("/admin", web::get().to(called))
        .route("/broken", web::get().to(HttpResponse::InternalServerError))
        .default_service(web::to(async |calls: Data<Calls>, permit: Option<Permit>| {
            calls.add();
            permit.map_or("canary", |_| "canary of a permit")
        }));
    reply(&init_service(app).await, request(method, path, fields).to_request()).await
}

async fn ask(service: &Service, method: &str, path: &str) -> Reply {
    send(service, method, path, &[("authorization", &service.bearer(&json!({})))]).await
}

#[tokio::test]
async fn a_handler_that_takes_a_permit_runs_after_the_decision() {
    let service = Service::new();
    assert_eq!(ask(&service, "GET", "/projects/p").await.body, "GetProject Project p");
    assert_eq!(ask(&service, "GET", "/files/a/c").await.body, "GetFile File a/c");
    assert_eq!(service.calls.count(), 2);
    for (method, path, status) in
        [("GET", "/projects/banned", 403), ("POST", "/files/a", 405), ("GET", "/projects/%ff", 404)]
    {
        let reply = ask(&service, method, path).await;
        assert_eq!((reply.status, reply.events()), (status, 1), "{path}: {}", reply.body);
        assert_eq!(send(&service, method, path, &[]).await.status, 401, "{path}");
    }
    assert_eq!(service.calls.count(), 2);
}

#[tokio::test]
async fn wrong_credentials_are_answered_before_any_handler_runs() {
    let service = Service::new();
    let expired = service.bearer(&json!({ "exp": 1 }));
    for path in ["/projects/new", "/projects/p", "/admin", "/nowhere", "/broken"] {
        let reply = send(&service, "GET", path, &[("authorization", &expired)]).await;
        assert_eq!((reply.kind(), reply.events()), ("invalid-token".to_owned(), 1), "{path}");
        assert_eq!(send(&service, "GET", path, &[("authorization", "Bearer")]).await.status, 400, "{path}");
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn what_nobody_decided_is_withheld() {
    let service = Service::new();
    for (path, status) in [
        ("/projects/new", 500), // it would have been allowed, and was not asked
        ("/admin", 403),        // not in the schema
        ("/nowhere", 404),      // the default service
        ("/files", 404),        // that of a scope
    ] {
        let reply = ask(&service, "GET", path).await;
        assert_eq!((reply.status, reply.events()), (status, 1), "{path}: {}", reply.body);
        assert!(!reply.body.contains("canary"), "{path}");
        assert_eq!(send(&service, "GET", path, &[]).await.status, 401, "{path}");
    }
    // What was refused before the handler did not reach it.
    let before = service.calls.count();
    assert_eq!(ask(&service, "GET", "/probes/p").await.status, 403);
    assert_eq!(ask(&service, "POST", "/probes/p").await.status, 405);
    assert_eq!(service.calls.count(), before);
    // So is the answer of a handler that goes on although it was refused.
    let reply = ask(&service, "DELETE", "/projects/p").await;
    assert_eq!((reply.status, reply.kind(), reply.events()), (401, "stronger-login-required".to_owned(), 1));
}

#[tokio::test]
async fn a_default_service_gets_no_permit_by_what_its_path_looks_like() {
    // `GET /me` is in the schema. The application serves only `PUT` there, so its default service is asked, and
    // `match_pattern` says `/me` to it.
    let service = Service::new();
    let reply = ask(&service, "GET", "/me").await;
    assert_eq!((reply.status, reply.kind(), reply.events()), (404, "not-found".to_owned(), 1));
    assert_eq!(service.calls.count(), 1); // it runs, with no permit and for nothing
    // What a scope leaves over is no path of the schema, whatever it looks like.
    assert_eq!(ask(&service, "GET", "/files").await.status, 404);
}

#[tokio::test]
async fn a_resource_is_guarded_without_the_middleware_too() {
    let service = Service::new();
    let app = |config: &mut web::ServiceConfig| {
        config.service(service.gate.protect(web::resource("/projects/{id}").to(shown)));
    };
    assert_eq!(service.ask_of(app, "GET", "/projects/p", &json!({})).await.body, "GetProject Project p");
    assert_eq!(service.ask_of(app, "POST", "/projects/p", &json!({})).await.status, 405);
    assert_eq!(service.send_to(app, request("GET", "/projects/p", &[])).await.status, 401);
    // A gate of its own decides for itself, whatever an outer one has allowed.
    let (outer, inner) = (Service::new(), Service::new());
    let app = |config: &mut web::ServiceConfig| {
        let guarded = inner.gate.protect(web::resource("/projects/{id}").to(shown));
        config.service(web::scope("").wrap(outer.gate.layer()).service(guarded));
    };
    assert_eq!(outer.ask_of(app, "GET", "/projects/p", &json!({})).await.kind(), "invalid-token");
    assert_eq!(inner.calls.count(), 0);
}
