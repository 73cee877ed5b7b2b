//! What counts as credentials, through the whole stack.

use portcullis::KeySource;
use portcullis_actix::QueryToken;
use serde_json::json;

use crate::service::{NOW, Service};

#[tokio::test]
async fn without_credentials_the_challenge_has_no_error_code() {
    let service = Service::new();
    let token = service.token(&json!({}));
    let (query, bearer) = (format!("/projects/p?access_token={token}"), format!("Bearer {token}"));
    let nothing: [(&str, &[(&str, &str)]); 4] = [
        ("/projects/p", &[]),                                 // BRR-05
        (&query, &[]),                                        // O21-01
        ("/projects/p", &[("proxy-authorization", &bearer)]), // HTP-08
        ("/projects/p", &[("authorization", "Basic dTpw")]),  // HTP-09
    ];
    for (path, fields) in nothing {
        let reply = service.send("GET", path, fields).await;
        assert_eq!((reply.status, reply.kind()), (401, "credentials-required".to_owned()), "{path} {fields:?}");
        assert!(!reply.field("www-authenticate").contains("error"), "{path} {fields:?}");
        // GEN-04, GEN-08
        assert!(!format!("{:?}{}{:?}", reply.log, reply.body, reply.headers).contains(&token), "{path}");
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn malformed_credentials_are_a_bad_request_before_anything_is_routed() {
    let service = Service::new();
    let bearer = service.bearer(&json!({}));
    let malformed: [&[(&str, &str)]; 3] = [
        &[("authorization", &bearer), ("authorization", &bearer)], // HTP-02
        &[("authorization", "Bearer")],                            // BRR-06
        &[("authorization", "Bearer a b")],                        // HTP-04
    ];
    for fields in malformed {
        for path in ["/projects/p", "/health", "/nowhere"] {
            let reply = service.send("GET", path, fields).await;
            assert_eq!((reply.status, reply.events()), (400, 1), "{path} {fields:?}"); // BRR-07
        }
    }
}

#[tokio::test]
async fn an_operator_may_refuse_tokens_in_the_query() {
    // O21-02
    let service = Service::with_gate(|gate| gate.query_token(QueryToken::Refuse));
    assert_eq!(service.ask("GET", "/projects/p?access_token=junk", &json!({})).await.status, 400);
    assert_eq!(service.ask("GET", "/projects/p?token=a", &json!({})).await.status, 200);
}

#[tokio::test]
async fn an_issuer_out_of_reach_is_not_the_fault_of_the_token() {
    // GEN-01: 503 and never an allow
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let service = Service::with_keys(KeySource::url(&format!("http://{closed}/jwks")).unwrap());
    let reply = service.ask("GET", "/projects/p", &json!({})).await;
    assert_eq!((reply.status, reply.kind(), service.calls.count()), (503, "unavailable".to_owned(), 0));
    assert_eq!(service.send("GET", "/health", &[]).await.status, 200);
}

#[tokio::test]
async fn each_request_is_judged_by_its_own_token() {
    // GEN-02
    let service = Service::new();
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.status, 200);
    assert_eq!(service.ask("GET", "/projects/p", &json!({ "exp": NOW - 100 })).await.kind(), "invalid-token");
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.status, 200);
}
