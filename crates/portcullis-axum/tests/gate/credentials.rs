//! What counts as credentials, through the whole stack.

use serde_json::json;

use crate::service::Service;

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
    // BRR-02, BRR-03: the method is off.
    let service = Service::new();
    let form = [("content-type", "application/x-www-form-urlencoded")];
    assert_eq!(service.send("POST", "/rpc", &form).await.demands(), "");
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
            assert_eq!((reply.status.as_u16(), reply.demands().as_str()), (400, "error=invalid_request"), "{path}");
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
    let expired = json!({ "exp": crate::service::NOW - 100 });
    assert_eq!(service.ask("GET", "/projects/p", &expired).await.status, 401);
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.status, 200); // JWT-15
}
