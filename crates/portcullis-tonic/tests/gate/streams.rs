//! Streams end with the token by which they were let in.
//!
//! Time is paused: while everything waits, the timer by which a lease looks at the clock again jumps.

use std::time::Duration;

use serde_json::json;
use tokio::sync::mpsc;
use tokio_stream::wrappers::UnboundedReceiverStream;
use tonic::{Code, Status, Streaming};

use crate::client::Refused;
use crate::service::{EXPIRY, Service};

/// The clocks of issuer and service may differ by so much.
const LEEWAY: i64 = 30;

fn expire(service: &Service) {
    service.clock.set(EXPIRY + LEEWAY);
}

type End = fn(&Service);

/// The ways in which a token ceases to be good.
const ENDS: [(&str, End); 2] = [("expired", expire), ("was revoked", Service::revoke)];

/// Lets enough of the paused time pass that every lease looks at the clock.
async fn look_again() {
    for _ in 0..3 {
        tokio::time::advance(Duration::from_secs(1)).await;
    }
}

#[track_caller]
fn assert_ended(status: &Status, how: &str) {
    assert_eq!(Refused::of(status), Refused { code: 16, reason: "INVALID_TOKEN".to_owned() }, "{how}");
    assert_eq!(status.message(), format!("Invalid access token: the access token {how}"));
    let challenge = status.metadata().get("www-authenticate").unwrap().to_str().unwrap();
    assert!(challenge.contains("error=\"invalid_token\""), "{challenge}");
}

async fn next(events: &mut Streaming<String>) -> Result<String, Status> {
    events.message().await.map(|event| event.expect("the stream goes on"))
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_the_server_ends_with_the_token() {
    // GRP-09
    for (how, end) in ENDS {
        let service = Service::start().await;
        let mut events = service.client(json!({})).await.server_streaming("Watch", "p").await.unwrap().into_inner();
        service.projects.publish("p", "one");
        assert_eq!(next(&mut events).await.unwrap(), "one");
        // Not before exp and leeway have passed.
        service.clock.set(EXPIRY + LEEWAY - 1);
        look_again().await;
        service.projects.publish("p", "two");
        assert_eq!(next(&mut events).await.unwrap(), "two");
        end(&service);
        assert_ended(&next(&mut events).await.unwrap_err(), how);
        assert!(!service.projects.is_watched("p"), "the handler's stream was dropped");
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_never_idle_ends_too() {
    // GRP-09
    let service = Service::start().await;
    let mut events = service.client(json!({})).await.server_streaming("Watch", "p").await.unwrap().into_inner();
    service.projects.publish("p", "one");
    assert_eq!(next(&mut events).await.unwrap(), "one");
    expire(&service);
    let ended = loop {
        service.projects.publish("p", "more");
        match next(&mut events).await {
            Ok(_) => tokio::task::yield_now().await,
            Err(status) => break status,
        }
    };
    assert_ended(&ended, "expired");
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_is_always_ahead_of_its_reader_ends_too() {
    // GRP-09
    let service = Service::start().await;
    let mut events = service.client(json!({})).await.server_streaming("Flood", "p").await.unwrap().into_inner();
    next(&mut events).await.unwrap();
    expire(&service);
    // What is on its way already arrives.
    for _ in 0..100 {
        look_again().await;
        if let Err(status) = next(&mut events).await {
            return assert_ended(&status, "expired");
        }
    }
    panic!("it goes on");
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_the_client_ends_with_the_token() {
    // GRP-09
    // Whatever the handler makes of it: it has seen a part only.
    for ((how, end), method) in ENDS.into_iter().flat_map(|end| [(end, "Import"), (end, "Shrug")]) {
        let service = Service::start().await;
        let (sender, messages) = mpsc::unbounded_channel();
        let client = service.client(json!({})).await;
        let call = async move { client.client_streaming(method, UnboundedReceiverStream::new(messages)).await };
        let call = tokio::spawn(call);
        sender.send("p".to_owned()).unwrap();
        sender.send("one".to_owned()).unwrap();
        while service.projects.received.lock().unwrap().is_empty() {
            tokio::task::yield_now().await;
        }
        end(&service);
        assert_ended(&call.await.unwrap().unwrap_err(), how);
        assert_eq!(*service.projects.received.lock().unwrap(), [Ok("one".to_owned()), Err(Code::Unauthenticated)]);
    }
}

#[tokio::test(start_paused = true)]
async fn a_stream_of_both_ends_with_the_token() {
    // GRP-09
    for (how, end) in ENDS {
        let service = Service::start().await;
        let (sender, messages) = mpsc::unbounded_channel();
        let messages = UnboundedReceiverStream::new(messages);
        let mut answers = service.client(json!({})).await.bidi("Chat", messages).await.unwrap().into_inner();
        sender.send("hello".to_owned()).unwrap();
        assert_eq!(next(&mut answers).await.unwrap(), "hello");
        end(&service);
        assert_ended(&next(&mut answers).await.unwrap_err(), how);
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_does_not_read_its_stream_ends_too() {
    // GRP-09
    let service = Service::start().await;
    let (sender, messages) = mpsc::unbounded_channel();
    let client = service.client(json!({})).await;
    let call = async move { client.client_streaming("Stall", UnboundedReceiverStream::new(messages)).await };
    let call = tokio::spawn(call);
    sender.send("p".to_owned()).unwrap();
    service.projects.watched("p").await;
    expire(&service);
    assert_ended(&call.await.unwrap().unwrap_err(), "expired");
    assert!(!service.projects.is_watched("p"), "the handler was dropped");
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_complete_gets_its_answer_though_the_token_expires_meanwhile() {
    // Else the client would repeat what has been done.
    let service = Service::start().await;
    let client = service.client(json!({})).await;
    let call = tokio::spawn(async move { client.ask("Slow", "p").await });
    service.projects.watched("p").await;
    expire(&service);
    look_again().await;
    service.projects.publish("p", "done");
    assert_eq!(call.await.unwrap().unwrap(), "done");
}

#[tokio::test(start_paused = true)]
async fn streams_that_end_before_the_token_are_left_alone() {
    let service = Service::start().await;
    let client = service.client(json!({})).await;
    let notes = tokio_stream::iter(["p", "one", "two"].map(str::to_owned));
    assert_eq!(client.client_streaming("Import", notes).await.unwrap().into_inner(), "2 into p");
    let mut answers = client.bidi("Chat", tokio_stream::iter(["a".to_owned()])).await.unwrap().into_inner();
    assert_eq!(answers.message().await.unwrap().as_deref(), Some("a"));
    assert_eq!(answers.message().await.unwrap(), None);
}

#[tokio::test(start_paused = true)]
async fn streams_are_decided_at_their_start() {
    // GRP-09: none of them begins without the scope
    let service = Service::start().await;
    let client = service.client(json!({ "scope": "" })).await;
    let refused = Refused { code: 7, reason: "INSUFFICIENT_SCOPE".to_owned() };
    let notes = || tokio_stream::iter(["p".to_owned()]);
    assert_eq!(Refused::of(&client.server_streaming("Watch", "p").await.unwrap_err()), refused);
    assert_eq!(Refused::of(&client.client_streaming("Import", notes()).await.unwrap_err()), refused);
    assert_eq!(Refused::of(&client.bidi("Chat", notes()).await.unwrap_err()), refused);
    assert_eq!(service.projects.calls(), 0);
}
