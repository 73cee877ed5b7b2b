//! From what happened to what is answered: the one table, row by row.

use axum::Router;
use axum::http::StatusCode;
use axum::response::IntoResponse;
use axum::routing::get;
use portcullis_axum::{GateExt, ObligationError};
use serde_json::{Value, json};

use crate::service::{NOW, Service};

/// (request, claims, status, challenge, problem type)
type Case = (&'static str, Value, u16, &'static str, &'static str);

#[tokio::test]
async fn every_outcome_has_its_answer() {
    let step_up = "acr_values=mfa phr; error=insufficient_user_authentication; max_age=300";
    let step_up_and_scope =
        "acr_values=mfa phr; error=insufficient_user_authentication; max_age=300; scope=manage:projects";
    let strong = |scope: &str| json!({ "scope": scope, "acr": "mfa", "auth_time": NOW - 300 });
    let cases: Vec<Case> = vec![
        ("GET /projects/p", json!({}), 200, "-", "-"),
        // Invalid tokens; what they lack besides is never told (BRR-08, BRR-15, STP-07, GEN-03, O21-04).
        ("GET /projects/p", json!({ "exp": NOW - 100 }), 401, "error=invalid_token", "invalid-token"),
        ("GET /projects/p", json!({ "exp": NOW - 100, "scope": "" }), 401, "error=invalid_token", "invalid-token"),
        (
            "DELETE /projects/p",
            json!({ "aud": "https://other.example.com" }),
            401,
            "error=invalid_token",
            "invalid-token",
        ),
        // Scopes are split at single spaces (BRR-14), and compared whole (BRR-13).
        (
            "GET /projects/p",
            json!({ "scope": "read:projects\tprojects.write" }),
            401,
            "error=invalid_token",
            "invalid-token",
        ),
        (
            "GET /projects/p",
            json!({ "scope": "read:projects:all read projects" }),
            403,
            "error=insufficient_scope; scope=read:projects",
            "insufficient-scope",
        ),
        ("GET /projects/p", json!({ "scope": "x read:projects y" }), 200, "-", "-"),
        // Valid, but its claims make no caller.
        ("GET /projects/p", json!({ "act": null, "scope": 7 }), 401, "error=invalid_token", "invalid-token"),
        // Scopes: the name on the wire, all that the operation needs, at once (BRR-09, BRR-16, O21-04).
        (
            "GET /projects/p",
            json!({ "scope": "" }),
            403,
            "error=insufficient_scope; scope=read:projects",
            "insufficient-scope",
        ),
        (
            "GET /projects/p",
            json!({ "scope": "Read:Projects" }),
            403,
            "error=insufficient_scope; scope=read:projects",
            "insufficient-scope",
        ), // BRR-13
        (
            "PUT /projects/p",
            json!({ "scope": "" }),
            403,
            "error=insufficient_scope; scope=profile projects.write",
            "insufficient-scope",
        ),
        (
            "PUT /projects/p",
            json!({}),
            403,
            "error=insufficient_scope; scope=profile projects.write",
            "insufficient-scope",
        ),
        ("PUT /projects/p", json!({ "scope": "projects.write profile" }), 200, "-", "-"),
        // A role or a plain forbid stands in the way: no scope is named.
        ("GET /projects/banned", json!({ "scope": "" }), 403, "-", "denied"),
        ("GET /projects/banned", json!({}), 403, "-", "denied"),
        // Step-up (STP-01, STP-02, STP-03), with scopes if those are missing too.
        ("DELETE /projects/p", json!({ "scope": "manage:projects" }), 401, step_up, "stronger-login-required"),
        ("DELETE /projects/p", json!({ "scope": "" }), 401, step_up_and_scope, "stronger-login-required"),
        (
            "DELETE /projects/p",
            json!({ "scope": "manage:projects", "acr": "mfa" }),
            401,
            "error=insufficient_user_authentication; max_age=300",
            "stronger-login-required",
        ),
        (
            "DELETE /projects/p",
            json!({ "scope": "manage:projects", "acr": "mfa2", "auth_time": NOW - 300 }),
            401,
            "acr_values=mfa phr; error=insufficient_user_authentication",
            "stronger-login-required",
        ), // STP-05
        ("DELETE /projects/p", strong("manage:projects"), 200, "-", "-"),
        (
            "DELETE /projects/p",
            strong(""),
            403,
            "error=insufficient_scope; scope=manage:projects",
            "insufficient-scope",
        ),
        // What cannot be said in a challenge.
        ("GET /projects/p/keys", json!({}), 403, "-", "proof-of-possession-required"),
        ("GET /projects/p/keys", json!({ "scope": "" }), 403, "-", "proof-of-possession-required"),
        // Nobody verifies DPoP proofs here, so a token that is bound by DPoP would not help.
        ("GET /projects/p/export", json!({}), 403, "-", "denied"),
        ("GET /projects/p/export", json!({ "scope": "" }), 403, "-", "denied"),
        // Absent and denied look alike where the type is hidden.
        ("GET /secrets/s", json!({}), 404, "-", "not-found"),
        ("GET /secrets/none", json!({}), 404, "-", "not-found"),
        ("DELETE /secrets/s", json!({}), 404, "-", "not-found"),
        ("GET /secrets/s", json!({ "roles": ["keeper"] }), 200, "-", "-"),
        ("GET /secrets/none", json!({ "roles": ["keeper"] }), 404, "-", "not-found"),
        // The directory.
        ("GET /reports/r", json!({}), 200, "-", "-"),
        ("GET /reports/sealed", json!({}), 403, "-", "denied"),
        ("GET /reports/none", json!({}), 404, "-", "not-found"),
        ("GET /reports/down", json!({}), 503, "-", "unavailable"),
        // A policy that fails, a directory that lies: nobody's fault who calls.
        ("GET /reports/huge", json!({}), 500, "-", "internal-error"),
        ("GET /reports/other", json!({}), 500, "-", "internal-error"),
        // A hopeless request does not reach the directory.
        (
            "GET /reports/down",
            json!({ "scope": "" }),
            403,
            "error=insufficient_scope; scope=read:projects",
            "insufficient-scope",
        ),
        // The handler's own data.
        ("PUT /projects/none", json!({ "scope": "projects.write profile" }), 404, "-", "not-found"),
        ("PUT /projects/down", json!({ "scope": "projects.write profile" }), 503, "-", "unavailable"),
        ("PUT /projects/old", json!({ "scope": "projects.write profile" }), 403, "-", "denied"),
        // Agents: the ceiling, and no remedy for it (EXC-11).
        ("GET /projects/p", json!({ "act": { "sub": "scribe", "sub_profile": "ai_agent" } }), 200, "-", "-"),
        (
            "GET /projects/p",
            json!({ "act": { "sub": "stranger", "sub_profile": "ai_agent" }, "scope": "" }),
            403,
            "-",
            "denied",
        ),
    ];
    let service = Service::new();
    for (request, claims, status, demands, kind) in cases {
        let (method, path) = request.split_once(' ').unwrap();
        let reply = service.ask(method, path, &claims).await;
        let got = (reply.status.as_u16(), reply.demands(), reply.kind());
        assert_eq!(got, (status, demands.to_owned(), kind.to_owned()), "{request} {claims}");
    }
}

#[tokio::test]
async fn a_refused_request_does_not_reach_its_handler() {
    let service = Service::new();
    for claims in [json!({ "exp": NOW - 100 }), json!({ "scope": "" })] {
        service.ask("GET", "/projects/p", &claims).await;
        service.ask("PUT", "/projects/p", &claims).await; // what needs no resource is decided before it is loaded
    }
    assert_eq!(service.calls.count(), 0);
    service.ask("GET", "/projects/p", &json!({})).await;
    assert_eq!(service.calls.count(), 1);
}

#[tokio::test]
async fn what_is_out_of_reach_may_be_tried_again() {
    let service = Service::new();
    for (method, path) in [("GET", "/reports/down"), ("PUT", "/projects/down")] {
        let reply = service.ask(method, path, &json!({ "scope": "manage:projects profile" })).await;
        assert_eq!(reply.headers["retry-after"], "1", "{path}");
        assert!(!reply.body.contains("canary"), "{}", reply.body);
    }
}

#[tokio::test]
async fn the_caller_learns_what_a_policy_says_to_it_and_nothing_else() {
    let service = Service::new();
    let reply = service.ask("PUT", "/projects/old", &json!({ "scope": "projects.write profile" })).await;
    assert_eq!(reply.problem()["detail"], "An archived project is read-only.");
    assert!(!reply.body.contains("archived\""), "{}", reply.body); // no policy id
    // Whoever lacks more than that is not told what is special about the resource.
    let reader = format!("Bearer {}", service.token(&json!({ "scope": "read:projects" })));
    let fields = [("authorization", reader.as_str()), ("do", "RpcWrite"), ("on", "old")];
    let reply = service.send("POST", "/rpc", &fields).await;
    assert_eq!((reply.kind(), reply.problem().get("detail")), ("denied".to_owned(), None));
    // GEN-08: nothing of the token comes back.
    for claims in [
        json!({ "iss": "\"><canary>" }),
        json!({ "aud": "canary" }),
        json!({ "scope": "canary\"" }),
        json!({ "scope": "canary" }),
        json!({ "sub": ["canary"] }),
        json!({ "act": { "sub": "canary", "sub_profile": "canary" } }),
        json!({ "cnf": { "canary": "canary" } }),
        json!({ "roles": "canary" }),
    ] {
        let reply = service.ask("GET", "/projects/p", &claims).await;
        let answer = format!("{:?} {}", reply.headers, reply.body);
        assert!(reply.status.is_client_error() && !answer.contains("canary"), "{claims}: {answer}");
    }
}

#[tokio::test]
async fn absent_and_denied_are_told_apart_by_nothing_but_the_id_of_the_decision() {
    let service = Service::new();
    let denied = service.ask("GET", "/secrets/s", &json!({})).await;
    let absent = service.ask("GET", "/secrets/none", &json!({})).await;
    assert_eq!(denied.headers, absent.headers);
    let without_id = |reply: &crate::service::Reply| {
        let mut problem = reply.problem();
        problem.as_object_mut().unwrap().remove("decision").unwrap();
        problem
    };
    assert_eq!(without_id(&denied), without_id(&absent));
    assert_ne!(denied.body, absent.body);
}

#[tokio::test]
async fn a_permit_needs_its_obligations_discharged() {
    let auditor = json!({ "roles": ["auditor"] });
    let discharged = Service::audited(|gate| gate.obligation("record", |_: &_, _: &_| Ok(())));
    assert_eq!(discharged.ask("GET", "/projects/p/audit", &auditor).await.status, 200);
    // No handler, or one that fails: nothing is permitted.
    let unknown = Service::audited(|gate| gate.obligation("other", |_: &_, _: &_| Ok(())));
    assert_eq!(unknown.ask("GET", "/projects/p/audit", &auditor).await.kind(), "internal-error");
    let failing =
        Service::audited(|gate| gate.obligation("record", |duty: &_, _: &_| Err(ObligationError::new(duty, "full"))));
    assert_eq!(failing.ask("GET", "/projects/p/audit", &auditor).await.kind(), "internal-error");
    assert_eq!((unknown.calls.count(), failing.calls.count()), (0, 0));
}

#[tokio::test]
async fn the_realm_is_the_operators() {
    let service = Service::with_options(
        "@id(\"people\") permit (principal is User, action, resource);",
        |gate| gate.realm("my api"),
        |gate| crate::service::router(&gate).build().unwrap(),
    );
    let reply = service.send("GET", "/projects/p", &[]).await;
    assert_eq!(reply.challenge().unwrap()["realm"], "my api"); // HTP-06
}

#[tokio::test]
async fn a_successful_answer_is_private_unless_the_application_says_otherwise() {
    // HTP-12
    let reply = Service::new().ask("GET", "/projects/p", &json!({})).await;
    assert_eq!(reply.headers["cache-control"], "private");
    // What a handler says stands as it is; an error of its own is private, too.
    for said in [Some("no-store"), Some("private, max-age=60"), None] {
        let service = Service::with(move |gate| {
            let headers = said.map(|said| [("cache-control", said)]);
            let answer = async move || match headers {
                Some(headers) => (headers, "said").into_response(),
                None => StatusCode::CONFLICT.into_response(),
            };
            gate.protect(Router::new().route("/projects/{project}", get(answer)))
        });
        let reply = service.ask("GET", "/projects/p", &json!({})).await;
        let fields: Vec<_> = reply.headers.get_all("cache-control").iter().collect();
        assert_eq!(fields, [said.unwrap_or("private")]);
    }
}

#[tokio::test]
async fn an_error_stays_an_error_whatever_the_client_accepts() {
    // PRB-05
    let service = Service::new();
    for accepted in ["image/png", "text/html", "*/*;q=0", "none"] {
        let reply = service.send("GET", "/projects/p", &[("accept", accepted)]).await;
        assert_eq!((reply.status.as_u16(), reply.kind()), (401, "credentials-required".to_owned()), "{accepted}");
    }
    // HEAD: the length of what GET would have brought (RFC 9110 §8.6), and no body.
    let head = service.send("HEAD", "/projects/p", &[]).await;
    let get = service.send("GET", "/projects/p", &[]).await;
    assert_eq!(head.headers["content-length"], get.body.len().to_string());
}
