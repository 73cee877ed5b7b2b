//! What does not start.

use portcullis::{Gate, StaticDirectory};
use portcullis_axum::{GateError, GateExt, RouterProblem};
use portcullis_testkit::TestIssuer;

use crate::service::{Calls, Noon, Reports, SCHEMA, bundle_with, router, verifier};

const ROLES: &str = r#"@id("people") permit (principal, action, resource);"#;

fn gate(schema: &str) -> Gate {
    let issuer = TestIssuer::new("https://as.example.com");
    Gate::builder(bundle_with(schema, ROLES), verifier(&issuer)).clock(Noon).directory(Reports).build().unwrap()
}

#[test]
fn every_route_of_the_schema_has_exactly_one_handler() {
    assert!(router(&gate(SCHEMA)).build().is_ok());
    let error = gate(SCHEMA).router::<Calls>().build().unwrap_err();
    let routes: usize = gate(SCHEMA).bundle().actions().map(|action| action.routes().len()).sum();
    assert_eq!(error.problems().len(), routes + 1); // the two actions of `@via` share one
    assert!(
        error.to_string().contains("route `GET /projects/{project}` of action `GetProject` has no handler"),
        "{error}"
    );
    let twice = router(&gate(SCHEMA)).action("Health", async || ()).build().unwrap_err();
    assert_eq!(twice.problems(), [RouterProblem::Repeated { route: "GET /health".into() }]);
}

#[test]
fn a_name_that_the_schema_does_not_know_does_not_start() {
    // A scope is no action, and an action of a `@via` route has no route of its own.
    for (action, problem) in [
        ("GetProjects", RouterProblem::UnknownAction { action: "GetProjects".into() }),
        ("read:projects", RouterProblem::UnknownAction { action: "read:projects".into() }),
        ("RpcRead", RouterProblem::NoRoutes { action: "RpcRead".into() }),
    ] {
        let error = router(&gate(SCHEMA)).action(action, async || ()).build().unwrap_err();
        assert_eq!(error.problems(), [problem]);
    }
    let error = router(&gate(SCHEMA)).via("POST /mcp", async || ()).build().unwrap_err();
    assert_eq!(error.problems(), [RouterProblem::UnknownVia { route: "POST /mcp".into() }]);
}

#[test]
fn what_axum_cannot_route_is_said_before_it_panics() {
    let renamed = SCHEMA.replace("PUT /projects/{project}\"", "PUT /projects/{id}\"");
    let error = router(&gate(&renamed)).build().unwrap_err();
    let (route, other) = ("PUT /projects/{id}".into(), "GET /projects/{project}".into());
    assert_eq!(error.problems(), [RouterProblem::ParameterNames { route, other }]);
    let exotic = SCHEMA.replace("GET /health", "PROPFIND /health");
    let error = router(&gate(&exotic)).build().unwrap_err();
    assert_eq!(error.problems(), [RouterProblem::Method { route: "PROPFIND /health".into() }]);
}

#[test]
fn a_gate_that_would_decide_on_too_little_does_not_start() {
    let issuer = TestIssuer::new("https://as.example.com");
    let builder = || Gate::builder(bundle_with(SCHEMA, ROLES), verifier(&issuer));
    let not_supplied = GateError::NotSupplied { entity_type: "Report".into() };
    assert_eq!(builder().build().unwrap_err(), not_supplied);
    assert_eq!(builder().directory(StaticDirectory).build().unwrap_err(), not_supplied);
    for realm in ["", "a\"b", "a\\b", "\u{e9}", "a\nb"] {
        let error = builder().directory(Reports).realm(realm).build().unwrap_err();
        assert_eq!(error, GateError::Realm { realm: realm.into() });
    }
}
