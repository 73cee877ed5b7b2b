//! What stands in a record.

use http::{HeaderMap, Method, StatusCode};
use portcullis::audit::AuditLog;
use serde_json::json;

use super::Memory;
use crate::service::Service;

#[tokio::test]
async fn a_record_says_who_asked_for_what_and_why_it_was_allowed() {
    let log = Memory::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone())));
    let mut headers = HeaderMap::new();
    headers.insert("authorization", format!("Bearer {}", service.token(&json!({}))).parse().unwrap());
    headers.insert("traceparent", "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01".parse().unwrap());
    let admission = service.open_with(&Method::GET, headers).await.unwrap();
    assert!(admission.conclude(StatusCode::OK).is_none());
    let (id, bundle) = (admission.decision_id().to_string(), admission.session().unwrap().bundle().hash().to_string());
    drop((service, admission));
    let [mut record] = log.records().try_into().unwrap();
    let members = record.as_object_mut().unwrap();
    for name in ["writer", "seq", "prev", "hash", "latency_us"] {
        assert!(members.remove(name).is_some(), "{name}");
    }
    let layer = |layer, policies: &[&str]| match policies {
        [] => json!({ "layer": layer, "answer": "allow" }),
        policies => json!({ "layer": layer, "answer": "allow", "policies": policies }),
    };
    let expected = json!({
        "v": 1, "type": "request", "id": id, "time": "2026-01-01T00:06:40Z", "bundle": bundle, "class": "human",
        "method": "GET", "route": "/notes/{}", "action": "GetNote", "outcome": "allow", "status": 200,
        "trace_id": "4bf92f3577b34da6a3ce929d0e0e4736",
        "caller": {
            "source": "main", "issuer": "https://as.example.com", "subject": { "kind": "user", "id": "ann" },
            "client": "web", "credential": "access_token", "jti": "t1", "kid": record_kid(members),
            "issued_at": 1_767_225_940, "expires_at": 1_767_226_600,
            "scopes": ["read:notes"], "roles": ["reader"], "groups": [], "entitlements": [],
        },
        "decisions": [{
            "question": { "action": "GetNote", "resource": { "type": "Note", "id": "n1" }, "now": 1_767_226_000 },
            "answer": { "answer": "allow", "layers": [
                { "layer": "consent", "answer": "allow", "covered_by": ["read:notes"] },
                layer("ceilings", &[]), layer("roles", &["readers"]), layer("guardrails", &[]),
            ] },
        }],
    });
    assert_eq!(record, expected, "{record:#}");
}

fn record_kid(members: &serde_json::Map<String, serde_json::Value>) -> serde_json::Value {
    members["caller"]["kid"].clone()
}
