//! What counts as credentials, through the whole stack.

use axum::http::HeaderName;
use portcullis::{KeySource, QueryToken};
use serde_json::{Value, json};

use crate::service::{NOW, Service};

#[tokio::test]
async fn without_credentials_the_challenge_has_no_error_code() {
    let service = Service::new();
    let token = service.token(&json!({}));
    let (query, cookie, bearer) =
        (format!("/projects/p?access_token={token}"), format!("access_token={token}"), format!("Bearer {token}"));
    let nothing: [(&str, &[(&str, &str)]); 7] = [
        ("/projects/p", &[]),                                 // BRR-05
        (&query, &[]),                                        // O21-01
        ("/projects/p", &[("cookie", &cookie)]),              // BRR-17
        ("/projects/p", &[("proxy-authorization", &bearer)]), // HTP-08
        ("/projects/p", &[("authorization", "Basic dTpw")]),  // HTP-09
        ("/projects/p", &[("authorization", "DPoP abc")]),
        ("/projects/p", &[("accept", "image/png")]), // PRB-05
    ];
    for (path, fields) in nothing {
        let reply = service.send("GET", path, fields).await;
        assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (401, ""), "{path} {fields:?}");
        assert_eq!(reply.kind(), "credentials-required");
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn a_form_is_no_place_for_a_token() {
    // BRR-02, BRR-03, BRR-04: the method is off, so a body is never looked at, whatever it says it is.
    let service = Service::new();
    let token = service.token(&json!({}));
    for kind in ["application/x-www-form-urlencoded", "multipart/form-data", "application/json"] {
        let form = format!("access_token={token}&access_token={token}");
        let reply = service.send_with_body("POST", "/rpc", &[("content-type", kind)], &form).await;
        assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (401, ""), "{kind}");
        // Beside a token in the header it is the application's.
        let bearer = format!("Bearer {token}");
        let fields = [("content-type", kind), ("authorization", bearer.as_str()), ("do", "RpcRead")];
        assert_eq!(service.send_with_body("POST", "/rpc", &fields, &form).await.body, "RpcRead", "{kind}");
    }
}

#[tokio::test]
async fn malformed_credentials_are_a_bad_request() {
    let service = Service::new();
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let too_long = format!("Bearer {}", "a".repeat(1024 * 1024));
    let malformed: [&[(&str, &str)]; 5] = [
        &[("authorization", &bearer), ("authorization", &bearer)], // HTP-02
        &[("authorization", "Bearer")],                            // BRR-06
        &[("authorization", "Bearer a b")],                        // HTP-04
        &[("authorization", "Bearer\tabc")],                       // HTP-03
        &[("authorization", &too_long)],                           // HTP-13
    ];
    for fields in malformed {
        // On public routes, too: what is presented must be valid.
        for path in ["/projects/p", "/health", "/nowhere"] {
            let reply = service.send("GET", path, fields).await;
            assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (400, "error=invalid_request"), "{path}"); // BRR-07
            let description = reply.challenge().unwrap().remove("error_description");
            assert_eq!(description.as_deref(), reply.problem()["detail"].as_str(), "the body says the same");
        }
    }
}

#[tokio::test]
async fn a_token_in_the_query_does_not_matter_beside_one_in_the_header() {
    // O21-02, default
    let reply = Service::new().ask("GET", "/projects/p?access_token=junk", &json!({})).await;
    assert_eq!(reply.status, 200);
}

#[tokio::test]
async fn an_operator_may_refuse_tokens_in_the_query() {
    // O21-02, strict
    let service = Service::with_gate(|gate| gate.query_token(QueryToken::Refuse));
    for path in [
        "/projects/p?access_token=junk",
        "/projects/p?a=b&access%5Ftoken",
        "/health?access_token=",
        "/nowhere?access_token",
    ] {
        let reply = service.ask("GET", path, &json!({})).await;
        assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (400, "error=invalid_request"), "{path}");
        assert_eq!(service.send("GET", path, &[]).await.status, 400, "{path}");
    }
    assert_eq!(service.calls.count(), 0);
    assert_eq!(service.ask("GET", "/projects/p?token=a&access_tokens=b", &json!({})).await.status, 200);
}

#[tokio::test]
async fn credentials_that_were_sent_in_plain_text_are_refused_where_the_proxy_tells() {
    // HTP-14: neither used nor redirected
    let service = Service::with_gate(|gate| gate.forwarded_scheme(HeaderName::from_static("x-forwarded-proto")));
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let credentials = ("authorization", bearer.as_str());
    for fields in [
        &[credentials][..],
        &[credentials, ("x-forwarded-proto", "http")],
        &[credentials, ("x-forwarded-proto", "https,http")],
    ] {
        for path in ["/projects/p", "/health", "/nowhere"] {
            let reply = service.send("GET", path, fields).await;
            assert_eq!((reply.status.as_u16(), reply.kind()), (403, "https-required".to_owned()), "{path}");
            assert_eq!((reply.demands().as_str(), reply.headers.get("location")), ("-", None));
        }
    }
    assert_eq!(service.calls.count(), 0);
    let reply = service.send("GET", "/projects/p", &[credentials, ("x-forwarded-proto", "https")]).await;
    assert_eq!(reply.status, 200);
    // A probe of the load balancer does not pass through the proxy, and has no credentials.
    assert_eq!(service.send("GET", "/health", &[]).await.body, "up");
}

#[tokio::test]
async fn what_a_proxy_could_say_is_not_believed_of_anybody() {
    // SEC-01: no field changes an answer that the operator did not name
    let service = Service::new();
    let forged = [
        ("x-forwarded-for", "127.0.0.1"),
        ("x-forwarded-proto", "http"),
        ("forwarded", "for=127.0.0.1;proto=http;host=api.example.com"),
        ("client-cert", ":AAAA:"),
        ("x-ssl-client-cert", "AAAA"),
        ("x-original-url", "/health"),
        ("x-rewrite-url", "/health"),
        ("x-user", "ann"),
        ("x-forwarded-user", "ann"),
    ];
    for field in forged {
        assert_eq!(service.send("GET", "/projects/p", &[field]).await.status, 401, "{field:?}");
        for (more, status) in [(json!({}), 200), (json!({ "scope": "" }), 403)] {
            let bearer = format!("Bearer {}", service.token(&more));
            assert_eq!(service.send_owned("GET", "/projects/p", &bearer, field).await.status, status, "{field:?}");
        }
    }
}

#[tokio::test]
async fn a_token_for_another_place_is_no_token_here() {
    // SEC-02, RSI-02, RSI-03: compared whole, octet by octet
    let service = Service::new();
    let refused = |audience: Value| {
        let service = &service;
        async move { service.ask("GET", "/projects/p", &json!({ "aud": audience })).await }
    };
    for audience in [
        json!("https://api.example.com.evil.example"),
        json!("https://api-example.com"),
        json!("https://api.example.com/"),
        json!("https://api.example.com/tenant1"),
        json!("https://API.example.com"),
        json!("https://"),
        json!("https://*"),
        json!("*"),
        json!(["https://api.example.org", "api.example.com"]),
    ] {
        let reply = refused(audience.clone()).await;
        assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (401, "error=invalid_token"), "{audience}");
    }
}

#[tokio::test]
async fn an_issuer_out_of_reach_is_not_the_fault_of_the_token() {
    // GEN-01: 503 and never an allow, for a good token as for a bad one
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let service = Service::with_keys(KeySource::url(&format!("http://{closed}/jwks")).unwrap());
    for claims in [json!({}), json!({ "exp": NOW - 100 })] {
        let reply = service.ask("GET", "/projects/p", &claims).await;
        assert_eq!(
            (reply.status.as_u16(), reply.kind(), reply.demands().as_str()),
            (503, "unavailable".to_owned(), "-")
        );
        assert!(reply.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
    }
    assert_eq!(service.calls.count(), 0);
    // Whoever has no token is not affected.
    assert_eq!(service.send("GET", "/projects/p", &[]).await.status, 401);
    assert_eq!(service.send("GET", "/health", &[]).await.status, 200);
}

#[tokio::test]
async fn every_spelling_of_the_scheme_is_accepted() {
    let service = Service::new();
    for scheme in ["bearer", "BEARER", "bEaReR", "Bearer "] {
        let field = format!("{scheme} {}", service.token(&json!({})));
        assert_eq!(service.send("GET", "/projects/p", &[("authorization", &field)]).await.status, 200, "{scheme}"); // HTP-01
    }
}

#[tokio::test]
async fn each_request_is_judged_by_its_own_token() {
    // GEN-02
    let service = Service::new();
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.status, 200);
    let expired = json!({ "exp": NOW - 100 });
    assert_eq!(service.ask("GET", "/projects/p", &expired).await.status, 401);
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.status, 200); // JWT-15
}
