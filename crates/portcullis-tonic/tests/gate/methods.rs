//! Which methods are guarded, and by which name.

use serde_json::json;
use tokio_stream::StreamExt;
use tonic::{Code, Request};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_client::HealthClient;
use tonic_reflection::pb::v1::ServerReflectionRequest;
use tonic_reflection::pb::v1::server_reflection_client::ServerReflectionClient;
use tonic_reflection::pb::v1::server_reflection_request::MessageRequest;

use crate::client::{Refused, assert_refused};
use crate::service::Service;

#[tokio::test]
async fn the_method_is_compared_whole_and_by_case() {
    // GRP-11: none of them is dispatched as the method that the schema names
    let service = Service::start().await;
    let ann = service.client(json!({})).await;
    for path in [
        "/acme.v1.Projects/getProject",
        "/acme.v1.Projects/GetProject/",
        "/acme.v1.Projects/GetProject/x",
        "/acme.v1.Projects//GetProject",
        "//acme.v1.Projects/GetProject",
        "/acme.v1.projects/GetProject",
        "/acme.v1.Projects/%47etProject",
        "/acme.v1.Projects/GetProject%20",
        "/acme.v1.Projects/{}",
        "/acme/v1/Projects/GetProject",
        "/x/../acme.v1.Projects/GetProject",
        "/projects/p",
        "/",
    ] {
        assert_refused(ann.ask(path, "p").await, Code::PermissionDenied, "DENIED");
        let anybody = service.anybody().await;
        assert_refused(anybody.ask(path, "p").await, Code::Unauthenticated, "CREDENTIALS_REQUIRED");
    }
    assert_eq!(service.projects.calls(), 0);
    // Two methods may mean one action.
    assert_eq!(ann.ask("/acme.v1.Projects/ReadProject", "p").await.unwrap(), "GetProject p of ann");
    // What the schema names and nobody serves is for the server to say.
    assert_eq!(ann.call("NotServed", "").await.unwrap_err().code(), Code::Unimplemented);
}

#[tokio::test]
async fn a_health_check_is_open_only_as_far_as_the_schema_says() {
    // GRP-10
    let service = Service::start().await;
    let mut health = HealthClient::new(service.anybody().await.channel());
    let check = HealthCheckRequest { service: String::new() };
    let answer = health.check(check.clone()).await.unwrap();
    assert_eq!(answer.into_inner().status, 1);
    // A credential that is presented must still be valid.
    let expired = service.client(json!({ "exp": 1 })).await;
    assert_refused(expired.ask("/grpc.health.v1.Health/Check", "").await, Code::Unauthenticated, "INVALID_TOKEN");
    // No action has the other method.
    let status = health.watch(check).await.unwrap_err();
    assert_eq!(Refused::of(&status), Refused { code: 16, reason: "CREDENTIALS_REQUIRED".to_owned() });
}

#[tokio::test]
async fn reflection_is_guarded_as_everything_is() {
    // GRP-10
    let service = Service::start().await;
    let list = || {
        let message_request = Some(MessageRequest::ListServices(String::new()));
        tokio_stream::once(ServerReflectionRequest { host: String::new(), message_request })
    };
    let mut anybody = ServerReflectionClient::new(service.anybody().await.channel());
    assert_eq!(anybody.server_reflection_info(list()).await.unwrap_err().code(), Code::Unauthenticated);
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let mut request = Request::new(list());
    request.metadata_mut().insert("authorization", bearer.parse().unwrap());
    let answer = anybody.server_reflection_info(request).await;
    assert_eq!(answer.map(|mut stream| drop(stream.get_mut().next())).unwrap_err().code(), Code::PermissionDenied);
}
