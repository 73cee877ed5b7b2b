//! The net below handlers that forget to ask.

use serde_json::json;
use tonic::{Code, Status};

use crate::client::{Client, Refused};
use crate::service::Service;

/// Nothing that a handler says comes out, neither in the status nor in its metadata.
#[track_caller]
fn assert_withheld(status: &Status, code: Code, reason: &str) {
    assert_eq!(Refused::of(status), Refused { code: code as i32, reason: reason.to_owned() });
    assert!(!format!("{status:?}").contains("canary"), "{status:?}");
}

async fn ann(service: &Service) -> Client {
    service.client(json!({})).await
}

#[tokio::test]
async fn a_unary_answer_that_nothing_allows_is_withheld() {
    let service = Service::start().await;
    let status = ann(&service).await.call("Forget", "p").await.unwrap_err();
    assert_withheld(&status, Code::Internal, "INTERNAL_ERROR");
    assert_eq!(service.projects.calls(), 1, "it ran");
}

#[tokio::test]
async fn success_without_a_message_is_withheld_too() {
    let service = Service::start().await;
    let status = ann(&service).await.call("Shortcut", "p").await.unwrap_err();
    assert_withheld(&status, Code::Internal, "INTERNAL_ERROR");
}

#[tokio::test]
async fn the_status_of_the_check_that_failed_is_sent_instead() {
    let service = Service::start().await;
    let status = ann(&service).await.call("Spill", "p").await.unwrap_err();
    assert_withheld(&status, Code::PermissionDenied, "DENIED");
}

#[tokio::test]
async fn a_stream_that_nothing_allows_is_withheld_with_its_metadata() {
    let service = Service::start().await;
    let client = ann(&service).await;
    // With messages at once, and without any.
    for method in ["ForgetStream", "ForgetNothing"] {
        match client.server_streaming(method, "p").await {
            Err(status) => assert_withheld(&status, Code::Internal, "INTERNAL_ERROR"),
            Ok(mut stream) => {
                assert!(!stream.metadata().contains_key("canary"), "{method}");
                assert_withheld(&stream.get_mut().message().await.unwrap_err(), Code::Internal, "INTERNAL_ERROR");
            }
        }
    }
    // The first message comes later.
    let mut later = client.server_streaming("ForgetLater", "p").await.unwrap();
    assert!(!later.metadata().contains_key("canary"));
    service.projects.publish("p", "canary");
    assert_withheld(&later.get_mut().message().await.unwrap_err(), Code::Internal, "INTERNAL_ERROR");
    assert!(!service.projects.is_watched("p"), "the handler's stream was dropped");
}

#[tokio::test]
async fn a_stream_may_decide_when_its_first_message_is_there() {
    let service = Service::start().await;
    let mut events = ann(&service).await.server_streaming("WatchLater", "p").await.unwrap();
    service.projects.publish("p", "one");
    assert_eq!(events.get_mut().message().await.unwrap().unwrap(), "one");
    service.projects.publish("p", "two");
    assert_eq!(events.get_mut().message().await.unwrap().unwrap(), "two");
}

#[tokio::test]
async fn metadata_of_an_allowed_answer_are_its_own() {
    let service = Service::start().await;
    let events = ann(&service).await.server_streaming("Watch", "p").await.unwrap();
    assert_eq!(events.metadata().get("canary").unwrap(), "canary");
}

#[test]
fn an_unguarded_handler_gets_nothing() {
    use portcullis_tonic::RequestExt;
    let request = tonic::Request::new(());
    for refused in [request.authz().err(), request.permit().err(), request.caller().err()] {
        let status = Status::from(refused.unwrap());
        assert_withheld(&status, Code::Internal, "INTERNAL_ERROR");
    }
}
