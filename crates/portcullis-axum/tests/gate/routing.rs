//! axum routes, the gate does not: what is decided is what axum's own extractors yield.

use axum::Router;
use axum::http::StatusCode;
use axum::routing::{any, get, post};
use portcullis_axum::GateExt;
use serde_json::json;

use crate::service::{Calls, Service, shown};

#[tokio::test]
async fn the_id_is_decoded_exactly_once_as_axum_does() {
    let service = Service::new();
    for (path, status, body) in [
        ("/projects/p", 200, "GetProject Project p"),
        ("/projects/a%62c", 200, "GetProject Project abc"),
        ("/projects/%c3%a9", 200, "GetProject Project \u{e9}"),
        ("/projects/banned", 403, ""),
        ("/projects/%62anned", 403, ""), // an encoded id is the same id
        ("/projects/BANNED", 200, "GetProject Project BANNED"),
        ("/projects/a%2Fb", 403, ""), // the slash belongs to the id, and `a/b` is forbidden
        ("/projects/a%252Fb", 200, "GetProject Project a%2Fb"), // decoded once, it is another id
        ("/projects/%2e%2e", 200, "GetProject Project .."),
        ("/projects/%ff", 404, ""),                         // no text, so no id
        ("/projects/x/members/banned", 200, "banned of x"), // the place of the parameter counts
        ("/projects/banned/members/x", 403, ""),
        ("/files/a/c", 200, "GetFile File a/c"),
        ("/files/a/b", 403, ""),
        ("/files/a%2Fb", 403, ""),
    ] {
        let reply = service.ask("GET", path, &json!({})).await;
        assert_eq!(reply.status.as_u16(), status, "{path}: {}", reply.body);
        if status == 200 {
            assert_eq!(reply.body, body, "{path}");
        }
    }
}

#[tokio::test]
async fn a_path_that_axum_does_not_route_is_nobodys() {
    // OWA-03, GEN-13: 401 without a token, 404 with one
    let service = Service::new();
    for path in
        ["/", "/nowhere", "/projects", "/projects/p/", "//projects/p", "/Projects/p", "/projects/p/.", "/%70rojects/p"]
    {
        assert_eq!(service.send("GET", path, &[]).await.demands(), "", "{path}");
        let reply = service.ask("GET", path, &json!({})).await;
        assert_eq!((reply.status.as_u16(), reply.kind()), (404, "not-found".to_owned()), "{path}");
        let expired = json!({ "exp": 1 });
        assert_eq!(service.ask("GET", path, &expired).await.demands(), "error=invalid_token", "{path}");
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn a_method_without_action_is_not_allowed() {
    let service = Service::new();
    for method in ["POST", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get"] {
        assert_eq!(service.send(method, "/projects/p", &[]).await.demands(), "", "{method}");
        let reply = service.ask(method, "/projects/p", &json!({})).await;
        assert_eq!(reply.status, StatusCode::METHOD_NOT_ALLOWED, "{method}");
        assert_eq!(reply.headers["allow"], "DELETE, GET, HEAD, PUT", "{method}");
    }
    // An override is no method (OWA-03): this is a POST.
    let token = format!("Bearer {}", service.token(&json!({ "scope": "manage:projects" })));
    let fields = [("authorization", token.as_str()), ("x-http-method-override", "DELETE")];
    assert_eq!(service.send("POST", "/projects/p?_method=DELETE", &fields).await.status, 405);
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn head_means_get_unless_it_has_an_action_of_its_own() {
    let service = Service::new();
    assert_eq!(service.ask("HEAD", "/projects/p", &json!({})).await.status, 200);
    assert_eq!(service.ask("HEAD", "/projects/p", &json!({ "scope": "" })).await.status, 403);
    let nobody = service.send("HEAD", "/projects/p", &[]).await;
    assert_eq!((nobody.status.as_u16(), nobody.demands().as_str()), (401, "")); // PRB-05
    assert_eq!(service.ask("HEAD", "/probes/p", &json!({})).await.status, 200);
    assert_eq!(service.ask("GET", "/probes/p", &json!({})).await.status, 403);
}

#[tokio::test]
async fn a_route_that_the_schema_does_not_know_is_refused() {
    let service = Service::with(|gate| {
        let routes = Router::new()
            .route("/projects/{id}", get(shown)) // another name of the parameter, the same route
            .route("/projects/{id}/", get(called)) // a trailing slash makes another route
            .route("/admin", any(called))
            .route("/{{project}}/raw", get(called)) // literal braces are no parameter
            .fallback(called);
        gate.protect(routes)
    });
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.body, "GetProject Project p");
    assert_eq!(service.calls.count(), 1);
    for (path, status) in [
        ("/projects/p/", 403),
        ("/admin", 403),
        ("/%7Bproject%7D/raw", 404),
        ("/{project}/raw", 500),
        ("/nowhere", 404),
    ] {
        assert_eq!(service.send("GET", path, &[]).await.status, 401, "{path}");
        let reply = service.ask("GET", path, &json!({ "scope": "manage:projects" })).await;
        assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (status, "-"), "{path}");
    }
    assert_eq!(service.calls.count(), 1);
}

#[tokio::test]
async fn nested_and_merged_routers_are_looked_up_by_their_full_path() {
    let service = Service::with(|gate| {
        let members = Router::new().route("/members/{member}", get(called));
        let projects = Router::new().route("/{project}", get(shown).post(called)).nest("/{project}", members);
        gate.protect(Router::new().nest("/projects", projects).merge(Router::new().route("/rpc", post(called))))
    });
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.body, "GetProject Project p");
    assert_eq!(service.ask("GET", "/projects/banned", &json!({})).await.status, 403);
    assert_eq!(service.ask("GET", "/projects/p/members/m", &json!({})).await.body, "called");
    assert_eq!(service.ask("GET", "/projects/banned/members/m", &json!({})).await.status, 403);
    assert_eq!(service.ask("POST", "/projects/p", &json!({})).await.status, 405);
    assert_eq!(service.send("GET", "/projects/p", &[]).await.status, 401);
}

#[tokio::test]
async fn a_guarded_router_can_be_nested_itself() {
    let service = Service::with(|gate| {
        let guarded = gate.protect(Router::<Calls>::new().route("/{project}", get(shown)));
        // The gate is inside; the outer router would serve anything.
        Router::new().route("/open", get(called)).nest("/projects", guarded.into_router())
    });
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.body, "GetProject Project p");
    assert_eq!(service.ask("GET", "/projects/banned", &json!({})).await.status, 403);
    assert_eq!(service.send("GET", "/projects/p", &[]).await.status, 401);
    assert_eq!(service.send("GET", "/open", &[]).await.body, "called");
}

#[tokio::test]
async fn a_service_below_nest_service_is_not_reached_from_outside_a_gate() {
    let inner = |calls: Calls| Router::new().route("/{project}", get(shown)).with_state(calls);
    let calls = Calls::default();
    // The gate is around: it does not see what the inner router matches, so it lets nothing through.
    let around = Service::with(|gate| gate.protect(Router::new().nest_service("/projects", inner(calls.clone()))));
    for path in ["/projects/p", "/projects", "/projects/"] {
        assert_eq!(around.send("GET", path, &[]).await.status, 401, "{path}");
        let reply = around.ask("GET", path, &json!({})).await;
        assert!([403, 404].contains(&reply.status.as_u16()), "{path}: {}", reply.status);
    }
    assert_eq!(calls.count(), 0);
    // The gate is inside: the full path is known.
    let inside = Service::with(|gate| {
        let guarded = gate.protect(inner(calls.clone()));
        Router::new().nest_service("/projects", guarded)
    });
    assert_eq!(inside.ask("GET", "/projects/p", &json!({})).await.body, "GetProject Project p");
    assert_eq!(inside.ask("GET", "/projects/banned", &json!({})).await.status, 403);
    assert_eq!(inside.ask("GET", "/projects/a%2Fb", &json!({})).await.status, 403);
    assert_eq!(inside.send("GET", "/projects/p", &[]).await.status, 401);
    assert_eq!(inside.ask("GET", "/projects/p/nowhere", &json!({})).await.status, 404);
    assert_eq!(calls.count(), 1);
}

async fn called(axum::extract::State(calls): axum::extract::State<Calls>) -> &'static str {
    calls.add();
    "called"
}
