//! Handlers that decide themselves, and those that forget to.

use actix_web::error::InternalError;
use actix_web::web::{self, Data};
use actix_web::{HttpResponse, Responder, Route};
use portcullis_actix::{Authz, Caller, GateExt, Permit, Rejection};
use serde_json::json;

use crate::service::{Calls, Service, find_project, request};

#[tokio::test]
async fn a_handler_decides_on_what_it_loaded() {
    let service = Service::new();
    assert_eq!(service.ask("PUT", "/projects/p", &json!({})).await.body, "UpdateProject p");
    let archived = service.ask("PUT", "/projects/old", &json!({})).await;
    assert_eq!((archived.status, &archived.problem()["detail"]), (403, &json!("An archived project is read-only.")));
    for (path, status, kind) in [("/projects/none", 404, "not-found"), ("/projects/down", 503, "unavailable")] {
        let reply = service.ask("PUT", path, &json!({})).await;
        assert_eq!((reply.status, reply.kind(), reply.events()), (status, kind.to_owned(), 1), "{path}");
        assert!(!reply.body.contains("canary"));
    }
    // What is hopeless does not reach the handler.
    let before = service.calls.count();
    assert_eq!(service.ask("PUT", "/projects/p", &json!({ "scope": "read:projects" })).await.status, 403);
    assert_eq!(service.calls.count(), before);
}

#[tokio::test]
async fn a_route_of_several_actions_asks_for_the_one_that_is_named() {
    let service = Service::new();
    let reader = service.bearer(&json!({ "scope": "read:projects" }));
    let rpc = async |action| service.send("POST", "/rpc", &[("authorization", &reader), ("do", action)]).await;
    assert_eq!(rpc("RpcRead").await.body, "RpcRead");
    assert!(rpc("RpcWrite").await.field("www-authenticate").contains("insufficient_scope"));
    assert_eq!(rpc("GetProject").await.kind(), "denied");
    assert_eq!(service.send("POST", "/rpc", &[("authorization", &reader)]).await.kind(), "internal-error");
}

#[tokio::test]
async fn a_success_without_a_decision_is_withheld() {
    let service = Service::new();
    let put = async |handler: fn() -> Route| {
        let app = |config: &mut web::ServiceConfig| {
            config.service(service.gate.protect(web::resource("/projects/{id}").route(handler())));
        };
        service.ask_of(app, "PUT", "/projects/p", &json!({})).await
    };
    let silent = put(|| web::put().to(async || "canary")).await;
    assert_eq!((silent.status, silent.kind()), (500, "internal-error".to_owned()));
    assert!(!silent.body.contains("canary"));
    let redirecting = put(|| web::put().to(async || web::Redirect::to("/projects/secret"))).await;
    assert_eq!((redirecting.status, redirecting.field("location")), (500, "-"));
    // An error whose response is a success.
    let sly = put(|| {
        web::put().to(async || -> Result<&str, InternalError<&str>> {
            Err(InternalError::from_response("sly", HttpResponse::Ok().body("canary")))
        })
    });
    assert_eq!(sly.await.status, 500);
    // The handler's own errors are its own.
    assert_eq!(put(|| web::put().to(HttpResponse::UnprocessableEntity)).await.status, 422);
    // A permit is not to be had where the handler decides.
    assert_eq!(put(|| web::put().to(async |_: Permit| "canary")).await.kind(), "internal-error");
}

#[tokio::test]
async fn a_failed_check_that_is_ignored_answers_for_the_handler() {
    let service = Service::new();
    let app = |config: &mut web::ServiceConfig| {
        let stubborn = async |authz: Authz| {
            let project = find_project("old").await.unwrap().unwrap();
            if authz.check(project).is_ok() { "allowed" } else { "denied, and answered all the same" }
        };
        config.service(service.gate.protect(web::resource("/projects/{id}").route(web::put().to(stubborn))));
    };
    let reply = service.ask_of(app, "PUT", "/projects/old", &json!({})).await;
    assert_eq!((reply.status, &reply.problem()["detail"]), (403, &json!("An archived project is read-only.")));
}

#[tokio::test]
async fn public_routes_need_no_token_but_believe_no_bad_one() {
    let service = Service::new();
    let nobody = service.send("GET", "/health", &[]).await;
    assert_eq!((nobody.body.as_str(), nobody.events()), ("up", 1));
    assert!(nobody.log.contains(&"decision=\"allow\"".to_owned()), "{:?}", nobody.log);
    assert_eq!(service.ask("GET", "/health", &json!({ "scope": "" })).await.body, "up, ann");
    assert_eq!(service.ask("GET", "/health", &json!({ "exp": 1 })).await.kind(), "invalid-token");
    assert_eq!(service.ask("GET", "/me", &json!({ "scope": "" })).await.body, "ann");
    // A handler that needs a caller anyway says so.
    let app = |config: &mut web::ServiceConfig| {
        let curious = async |caller: Caller| caller.subject().id.clone();
        config.service(service.gate.protect(web::resource("/health").route(web::get().to(curious))));
    };
    assert_eq!(service.send_to(app, request("GET", "/health", &[])).await.kind(), "credentials-required");
}

#[tokio::test]
async fn an_extractor_outside_of_a_gate_refuses() {
    async fn open(_: Authz) -> Result<&'static str, Rejection> {
        Ok("open")
    }
    let service = Service::new();
    let app = |config: &mut web::ServiceConfig| {
        config.route("/authz", web::get().to(open));
        config.route("/permit", web::get().to(async |_: Permit| "open"));
        config.route("/caller", web::get().to(async |_: Caller| "open"));
    };
    for path in ["/authz", "/permit", "/caller"] {
        assert_eq!(service.ask_of(app, "GET", path, &json!({})).await.status, 500, "{path}");
    }
}

/// A handler that says that it ran.
pub(crate) async fn called(calls: Data<Calls>) -> impl Responder {
    calls.add();
    "canary"
}
