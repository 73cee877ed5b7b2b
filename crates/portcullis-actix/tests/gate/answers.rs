//! What is answered, and what an answer says to caches.

use actix_web::body::MessageBody;
use actix_web::test::init_service;
use actix_web::{App, HttpResponse, dev::Service as _, web};
use portcullis_actix::GateExt;
use serde_json::json;

use crate::service::{Service, request, router};

#[tokio::test]
async fn each_denial_has_its_row_of_the_table() {
    let service = Service::new();
    let challenge = |parameters: &str| {
        let metadata = "https://api.example.com/.well-known/oauth-protected-resource";
        format!(r#"Bearer realm="api"{parameters}, resource_metadata="{metadata}""#)
    };
    let row = |reply: &crate::service::Reply| (reply.status, reply.kind(), reply.field("www-authenticate").to_owned());
    // BRR-05
    let nobody = service.send("GET", "/projects/p", &[]).await;
    assert_eq!(row(&nobody), (401, "credentials-required".to_owned(), challenge("")));
    let narrow = service.ask("GET", "/projects/p", &json!({ "scope": "" })).await;
    assert_eq!(narrow.status, 403);
    assert!(narrow.field("www-authenticate").contains(r#"error="insufficient_scope", scope="read:projects""#));
    let stale = service.ask("DELETE", "/projects/p", &json!({ "scope": "manage:projects" })).await;
    assert_eq!((stale.status, stale.kind()), (401, "stronger-login-required".to_owned()));
    assert!(stale.field("www-authenticate").contains(r#"max_age="300""#));
    let banned = service.ask("GET", "/projects/banned", &json!({})).await;
    assert_eq!(row(&banned), (403, "denied".to_owned(), "-".to_owned()));
    let hidden = service.ask("GET", "/secrets/s", &json!({})).await;
    assert_eq!(row(&hidden), (404, "not-found".to_owned(), "-".to_owned()));
    for reply in [nobody, narrow, stale, banned, hidden] {
        assert_eq!(reply.events(), 1);
    }
    assert_eq!(service.calls.count(), 0);
}

#[tokio::test]
async fn an_answer_to_head_has_the_length_of_its_body_and_not_the_body() {
    // PRB-05
    let service = Service::new();
    let app = init_service(App::new().service(router(&service.gate).build().unwrap())).await;
    let response = app.call(request("HEAD", "/projects/p", &[]).to_request()).await.unwrap();
    assert_eq!(response.status(), 401);
    // The server writes the size as the length, and sends no body after a HEAD.
    let stated = response.headers().get("content-length").unwrap().to_str().unwrap().parse().unwrap();
    assert_eq!(response.response().body().size(), actix_web::body::BodySize::Sized(stated));
    assert!(stated > 100);
    assert_eq!(service.send("HEAD", "/projects/p", &[]).await.body, "");
}

#[tokio::test]
async fn an_answer_to_one_caller_is_kept_in_no_shared_cache() {
    let service = Service::new();
    assert_eq!(service.ask("GET", "/projects/p", &json!({})).await.field("cache-control"), "private");
    let app = |config: &mut web::ServiceConfig| {
        let own = async |_: portcullis_actix::Permit| {
            HttpResponse::Ok().insert_header(("cache-control", "max-age=1")).finish()
        };
        config.service(service.gate.protect(web::resource("/projects/{id}").route(web::get().to(own))));
    };
    assert_eq!(service.ask_of(app, "GET", "/projects/p", &json!({})).await.field("cache-control"), "max-age=1");
}

#[tokio::test]
async fn metadata_are_served_to_anybody() {
    // PRM-01
    let service = Service::new();
    let path = "/.well-known/oauth-protected-resource";
    let reply = service.send("GET", path, &[("authorization", "Bearer junk")]).await;
    assert_eq!((reply.status, reply.field("content-type")), (200, "application/json"));
    assert_eq!(reply.problem()["resource"], "https://api.example.com");
    assert_eq!(service.send("POST", path, &[]).await.status, 405);
    assert_eq!(service.send("GET", &format!("{path}/other"), &[]).await.status, 404);
}
