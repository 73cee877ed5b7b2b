//! Handlers that decide themselves, and those that forget to.

use axum::Router;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect};
use axum::routing::{get, put};
use portcullis_axum::{Authz, Caller, GateExt, Permit, Rejection};
use serde_json::json;

use crate::service::{Calls, Service, find_project};

#[tokio::test]
async fn a_handler_decides_on_what_it_loaded() {
    let service = Service::new();
    let writer = json!({ "scope": "projects.write profile" });
    assert_eq!(service.ask("PUT", "/projects/p", &writer).await.body, "UpdateProject p");
    assert_eq!(service.ask("PUT", "/projects/old", &writer).await.status, 403);
    assert_eq!(service.calls.count(), 2);
}

#[tokio::test]
async fn facts_of_the_request_decide_too() {
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let pay = |amount| service.send_owned("POST", "/projects/p/payments", &bearer, ("amount", amount));
    assert_eq!(pay("100").await.body, "paid for p");
    assert_eq!(pay("101").await.status, 403);
    // What is not there, or cannot be loaded, is not decided on.
    for (path, status, kind) in [("none", 404, "not-found"), ("down", 503, "unavailable")] {
        let path = format!("/projects/{path}/payments");
        let reply = service.send_owned("POST", &path, &bearer, ("amount", "100")).await;
        assert_eq!((reply.status.as_u16(), reply.kind().as_str()), (status, kind), "{path}");
        assert!(!reply.body.contains("canary"), "{}", reply.body);
    }
}

#[tokio::test]
async fn a_route_of_several_actions_asks_for_the_one_that_is_named() {
    let service = Service::new();
    let reader = format!("Bearer {}", service.token(&json!({ "scope": "read:projects" })));
    let rpc = |action| service.send_owned("POST", "/rpc", &reader, ("do", action));
    assert_eq!(rpc("RpcRead").await.body, "RpcRead");
    let denied = rpc("RpcWrite").await;
    assert_eq!(denied.demands(), "error=insufficient_scope; scope=projects.write");
    // Only what the schema declares for this route, however well it is granted elsewhere.
    for foreign in ["GetProject", "WhoAmI", "Nothing", "read:projects"] {
        let reply = rpc(foreign).await;
        assert_eq!((reply.status.as_u16(), reply.kind()), (403, "denied".to_owned()), "{foreign}");
    }
    // A handler that names none has no decision.
    let unnamed = service.send("POST", "/rpc", &[("authorization", &reader)]).await;
    assert_eq!(unnamed.kind(), "internal-error");
    assert_eq!(service.send("POST", "/rpc", &[]).await.demands(), "");
}

#[tokio::test]
async fn a_success_without_a_decision_is_withheld() {
    let writer = json!({ "scope": "projects.write profile" });
    let forgetful =
        |handler| Service::with(move |gate| gate.protect(Router::new().route("/projects/{project}", handler)));
    let silent = forgetful(put(async |State(calls): State<Calls>| {
        calls.add();
        "canary"
    }));
    let reply = silent.ask("PUT", "/projects/p", &writer).await;
    assert_eq!((silent.calls.count(), reply.kind()), (1, "internal-error".to_owned()));
    assert!(!reply.body.contains("canary"));
    // Redirects and the like are answers, too.
    let redirecting = forgetful(put(async || Redirect::to("/projects/secret")));
    let reply = redirecting.ask("PUT", "/projects/p", &writer).await;
    assert_eq!((reply.status.as_u16(), reply.headers.get("location")), (500, None));
    // The handler's own errors are its own.
    let failing = forgetful(put(async || StatusCode::UNPROCESSABLE_ENTITY));
    assert_eq!(failing.ask("PUT", "/projects/p", &writer).await.status, 422);
}

#[tokio::test]
async fn a_failed_check_that_is_ignored_answers_for_the_handler() {
    let writer = json!({ "scope": "projects.write profile" });
    let stubborn = Service::with(|gate| {
        let handler = put(async |authz: Authz| {
            let project = find_project("old").await.unwrap().unwrap();
            match authz.check(project) {
                Ok(_) => "allowed",
                Err(_) => "denied, and answered all the same",
            }
        });
        gate.protect(Router::new().route("/projects/{project}", handler))
    });
    let reply = stubborn.ask("PUT", "/projects/old", &writer).await;
    assert_eq!(reply.problem()["detail"], "An archived project is read-only.");
    // One check that allows is enough, in whatever order.
    let second = Service::with(|gate| {
        let handler = put(async |authz: Authz| {
            let [old, new] = ["old", "new"].map(find_project);
            let refused = authz.check(old.await.unwrap().unwrap()).is_err();
            let allowed = authz.check(new.await.unwrap().unwrap()).is_ok();
            format!("{refused} {allowed}")
        });
        gate.protect(Router::new().route("/projects/{project}", handler))
    });
    assert_eq!(second.ask("PUT", "/projects/p", &writer).await.body, "true true");
}

#[tokio::test]
async fn a_permit_is_not_to_be_had_where_the_handler_decides() {
    let service = Service::with(|gate| {
        let handler = put(async |permit: Permit| format!("{:?}", permit.resource()));
        gate.protect(Router::new().route("/projects/{project}", handler))
    });
    let reply = service.ask("PUT", "/projects/p", &json!({ "scope": "projects.write profile" })).await;
    assert_eq!(reply.kind(), "internal-error");
}

#[tokio::test]
async fn a_permit_says_what_was_allowed_to_whom_and_until_when() {
    let service = Service::with(|gate| {
        let handler = get(async |permit: Permit| {
            let subject = permit.subject().map(|subject| subject.id.clone());
            format!("{} {:?} {subject:?} {}", permit.action(), permit.resource(), permit.deadline())
        });
        gate.protect(Router::new().route("/projects/{project}", handler))
    });
    let reply = service.ask("GET", "/projects/p", &json!({})).await;
    assert_eq!(reply.body, r#"GetProject ("Project", "p") Some("ann") 2026-01-01T00:16:40Z"#);
}

#[tokio::test]
async fn public_routes_need_no_token_but_believe_no_bad_one() {
    let service = Service::new();
    assert_eq!(service.send("GET", "/health", &[]).await.body, "up");
    assert_eq!(service.ask("GET", "/health", &json!({ "scope": "" })).await.body, "up, ann");
    assert_eq!(service.ask("GET", "/health", &json!({ "exp": 1 })).await.demands(), "error=invalid_token");
    // A handler that needs a caller anyway says so.
    let curious = Service::with(|gate| {
        gate.protect(Router::new().route("/health", get(async |caller: Caller| caller.subject().id.clone())))
    });
    assert_eq!(curious.send("GET", "/health", &[]).await.demands(), "");
    assert_eq!(curious.ask("GET", "/health", &json!({})).await.body, "ann");
}

#[tokio::test]
async fn an_action_without_consent_needs_a_caller_all_the_same() {
    let service = Service::new();
    assert_eq!(
        service.ask("GET", "/me", &json!({ "scope": "" })).await.problem(),
        json!({ "sub": "ann", "client": "web" })
    );
    assert_eq!(service.send("GET", "/me", &[]).await.status, 401);
}

#[tokio::test]
async fn an_extractor_outside_of_a_gate_refuses() {
    async fn open(_: Authz) -> Result<(), Rejection> {
        Ok(())
    }
    let service = Service::with(|_| {
        Router::new()
            .route("/authz", get(open))
            .route("/permit", get(async |_: Permit| ()))
            .route("/caller", get(async |_: Caller| ()))
    });
    for path in ["/authz", "/permit", "/caller"] {
        let request = axum::extract::Request::get(path).body(axum::body::Body::empty()).unwrap();
        let response = tower::ServiceExt::oneshot(service.app.clone(), request).await.into_response();
        assert_eq!(response.status(), 500, "{path}");
    }
}
