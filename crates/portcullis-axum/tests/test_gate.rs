//! How a service tests its own handlers: with its policies, and without keys or network.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::http::{Request, StatusCode};
use portcullis::{Bundle, BundleFiles, BundleSettings, Gate, Layer, Profile, Source, SourceSettings, UnixTime};
use portcullis_axum::{Clock, GateExt, Permit};
use portcullis_testkit::{TestCaller, TestGate, service, user};
use serde_json::json;
use tower::ServiceExt;

// ---- The service under test. --------------------------------------------------------------------------------------------

const SCHEMA: &str = r#"
@scope action "write:notes";
@scope action "read:notes" in ["write:notes"];
entity Role;
entity AgentClass;
entity User in [Role];
entity Service;
entity Agent in [AgentClass];
entity Note;
@http("GET /notes/{note}") action "GetNote" in ["read:notes"]
appliesTo { principal: [User, Service, Agent], resource: [Note], context: Portcullis::Context };
@http("DELETE /notes/{note}") action "DeleteNote" in ["write:notes"]
appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
"#;

const ROLES: &str = r#"
@id("readers") permit (principal, action == Action::"GetNote", resource);
@id("editors") permit (principal in Role::"editor", action, resource);
"#;

const GUARDRAILS: &str = r#"
@id("strong") @step_up("mfa") forbid (principal, action == Action::"DeleteNote", resource)
unless { context.auth has acr && context.auth.acr == "mfa" };
@id("fresh") @max_age("5m") forbid (principal, action == Action::"DeleteNote", resource)
unless { context.auth has authenticated_at && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
"#;

fn bundle() -> Arc<Bundle> {
    let settings: SourceSettings = serde_json::from_value(json!({ "unlisted_clients": "person" })).unwrap();
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/people.cedar", ROLES)
        .with_file("ceilings/machines.cedar", "@id(\"machines\") permit (principal is Service, action, resource);")
        .with_file("guardrails/care.cedar", GUARDRAILS)
        .with_file("entities.json", r#"[{ "uid": { "type": "Role", "id": "editor" }, "attrs": {}, "parents": [] }]"#);
    let settings = BundleSettings::new(vec![Source::new("main", settings, Profile::rfc9068()).unwrap()]);
    let settings = settings.with_empty_layer(Layer::Consent).with_required_file("guardrails/care.cedar");
    Bundle::load(&files, settings).unwrap()
}

fn notes(gate: &Gate) -> Router {
    let handler = async |_: Permit, Path(id): Path<String>| format!("note {id}");
    gate.router().action("GetNote", handler).action("DeleteNote", handler).build().unwrap().into_router()
}

// ---- Its tests. -----------------------------------------------------------------------------------------------------------

#[tokio::test]
async fn a_reader_reads() {
    let gate = TestGate::new(bundle());
    let ann = gate.as_caller(user("ann").scopes(["read:notes"]));
    let response =
        notes(gate.gate()).oneshot(ann.request("GET", "/notes/n").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
}

async fn status(method: &str, caller: TestCaller) -> u16 {
    let gate = TestGate::new(bundle());
    let request = gate.as_caller(caller).request(method, "/notes/n").body(Body::empty()).unwrap();
    notes(gate.gate()).oneshot(request).await.unwrap().status().as_u16()
}

#[tokio::test]
async fn whatever_decides_in_production_decides_here() {
    let ann = || user("ann").scopes(["write:notes"]).roles(["editor"]).acr("mfa");
    for (method, caller, expected) in [
        ("DELETE", ann(), 200),
        ("GET", ann(), 200),
        ("DELETE", ann().scopes(["read:notes"]), 403),
        ("DELETE", ann().roles(["reader"]), 403),
        ("DELETE", ann().acr("pwd"), 401),
        ("DELETE", ann().claim("auth_time", 1_767_226_000), 401),
        ("GET", user("ann"), 403),
        ("GET", user("ann").scopes(["read:notes"]).through_agent("scribe"), 403),
        ("GET", service("billing").scopes(["read:notes"]), 200),
        ("DELETE", service("billing").scopes(["write:notes"]), 403),
        ("GET", user("ann").scopes(["read:notes"]).client("mobile"), 200),
        // A token that no issuer would make is no token.
        ("GET", user("ann").scopes(["read:notes"]).claim("sub", json!(null)), 401),
        ("GET", user("ann").scopes(["read:notes"]).claim("exp", 1_767_226_000), 401),
    ] {
        assert_eq!(status(method, caller.clone()).await, expected, "{method} {caller:?}");
    }
}

#[tokio::test]
async fn the_callers_of_one_gate_are_nobody_at_another() {
    let (gate, other) = (TestGate::new(bundle()), TestGate::new(bundle()));
    let stranger = other.as_caller(user("ann").scopes(["read:notes"]));
    let request = stranger.request("GET", "/notes/n").body(Body::empty()).unwrap();
    assert_eq!(notes(gate.gate()).oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
    let request = Request::get("/notes/n").body(Body::empty()).unwrap();
    assert_eq!(notes(gate.gate()).oneshot(request).await.unwrap().status(), StatusCode::UNAUTHORIZED);
}

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(1_767_268_800).unwrap()
    }
}

#[tokio::test]
async fn a_test_may_stop_the_clock() {
    let gate = TestGate::with_options(bundle(), |gate| gate.clock(Noon));
    let ask = async |caller: TestCaller| {
        let request = gate.as_caller(caller).request("GET", "/notes/n").body(Body::empty()).unwrap();
        notes(gate.gate()).oneshot(request).await.unwrap().status().as_u16()
    };
    let ann = || user("ann").scopes(["read:notes"]);
    assert_eq!(ask(ann().at(Noon.now())).await, 200);
    assert_eq!(ask(ann().at(UnixTime::from_secs(1_767_000_000).unwrap())).await, 401);
}

#[tokio::test]
async fn nothing_that_proves_who_calls_is_printed() {
    let ann = TestGate::new(bundle()).as_caller(user("ann"));
    assert_eq!(format!("{ann:?}"), "TestCredentials { .. }");
    assert!(ann.authorization().starts_with("Bearer ey"));
}
