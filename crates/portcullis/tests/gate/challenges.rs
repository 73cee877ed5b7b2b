//! A challenge asks only for what the caller can obtain.

use serde_json::json;

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
