//! A challenge asks only for what the caller can obtain.

use http::{HeaderMap, Method};
use portcullis::{GateError, ProtectedResource};
use serde_json::{Value, json};

use crate::service::Service;

#[tokio::test]
async fn a_scope_that_the_issuer_cannot_confer_is_not_asked_for() {
    let without = json!({ "scope": "" });
    let cases = [
        (json!({}), Some("Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"read:notes\"")),
        (
            json!({ "scope_names": { "n.r": "read:notes" } }),
            Some("Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"n.r\""),
        ),
        (json!({ "scopes": ["write:notes"] }), None),
    ];
    for (source, challenge) in cases {
        let answer = Service::with_source(&source, |gate| gate).open(&without).await.unwrap_err();
        let sent = answer.headers().get("www-authenticate").map(|value| value.to_str().unwrap());
        assert_eq!((answer.status().as_u16(), sent), (403, challenge), "{source}");
    }
}

#[test]
fn metadata_offer_only_what_an_issuer_confers_under_the_name_that_it_has_for_it() {
    let cases = [
        (json!({}), json!(["read:notes", "write:notes"])),
        (json!({ "scope_names": { "n.r": "read:notes" } }), json!(["n.r", "write:notes"])),
        (json!({ "scopes": ["write:notes"] }), json!(["write:notes"])),
        (json!({ "scopes": [] }), Value::Null), // PRM-06: no member rather than an empty one
    ];
    for (source, offered) in cases {
        let resource = ProtectedResource::new(["https://api.example.com".parse().unwrap()]).unwrap();
        let service = Service::with_source(&source, |gate| gate.resource(resource));
        assert_eq!(service.offered_scopes(), offered, "{source}");
    }
}

#[tokio::test]
async fn a_client_without_a_token_is_told_what_to_ask_for_first() {
    // MCP-08: under the name that the issuer has for it, and only where an operator says so
    let cases = [
        (json!({}), vec!["read:notes"], "Bearer realm=\"api\", scope=\"read:notes\""),
        (json!({ "scope_names": { "n.r": "read:notes" } }), vec!["read:notes"], "Bearer realm=\"api\", scope=\"n.r\""),
        (json!({}), vec!["write:notes", "read:notes"], "Bearer realm=\"api\", scope=\"write:notes read:notes\""),
        (json!({}), vec![], "Bearer realm=\"api\""),
    ];
    for (source, scopes, challenge) in cases {
        let service = Service::with_source(&source, |gate| gate.initial_scopes(scopes));
        let answer = service.open_with(&Method::GET, HeaderMap::new()).await.unwrap_err();
        assert_eq!(
            (answer.status().as_u16(), answer.headers()["www-authenticate"].to_str().unwrap()),
            (401, challenge)
        );
    }
    // What the operation needs is not mixed with it.
    let service = Service::new(|gate| gate.initial_scopes(["write:notes"]));
    let answer = service.open(&json!({ "scope": "" })).await.unwrap_err();
    assert_eq!(
        answer.headers()["www-authenticate"],
        "Bearer realm=\"api\", error=\"insufficient_scope\", scope=\"read:notes\""
    );
}

#[test]
fn a_gate_does_not_tell_clients_to_ask_for_what_nobody_confers() {
    for (source, scope) in [
        (json!({}), "read:note"),
        (json!({}), ""),
        (json!({ "scopes": ["write:notes"] }), "read:notes"),
        (json!({ "scope_names": { "offline_access": "read:notes" } }), "read:notes"), // MCP-11
    ] {
        let error = Service::try_with_source(&source, |gate| gate.initial_scopes([scope])).unwrap_err();
        assert_eq!(error, GateError::InitialScope { scope: scope.to_owned() }, "{source}");
    }
}

#[tokio::test]
async fn nobody_is_told_to_ask_for_a_refresh_token() {
    // MCP-11: even where an issuer calls a scope so
    let source = json!({ "scope_names": { "offline_access": "read:notes" } });
    let resource = ProtectedResource::new(["https://api.example.com".parse().unwrap()]).unwrap();
    let service = Service::with_source(&source, |gate| gate.resource(resource));
    assert_eq!(service.offered_scopes(), json!(["write:notes"]));
    let answer = service.open(&json!({ "scope": "" })).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), answer.headers().get("www-authenticate")), (403, None));
    assert!(service.open(&json!({ "scope": "offline_access" })).await.is_ok());
}
