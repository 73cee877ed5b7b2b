//! A challenge asks only for what the caller can obtain.

use portcullis::ProtectedResource;
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
