//! What stands on the wire, seen by a client that knows nothing of gRPC.

use bytes::Bytes;
use http::{HeaderMap, Method, Request, Version};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message;
use serde_json::json;
use tokio::net::TcpStream;

use crate::service::{NOW, Service};

/// The frames of an answer.
struct Captured {
    status: u16,
    headers: HeaderMap,
    data: Bytes,
    trailers: Option<HeaderMap>,
}

type Fields<'a> = &'a [(&'a str, &'a str)];

async fn capture(service: &Service, method: Method, path: &str, fields: Fields<'_>) -> Captured {
    let stream = TcpStream::connect(service.address).await.unwrap();
    let handshake = hyper::client::conn::http2::handshake(TokioExecutor::new(), TokioIo::new(stream));
    let (mut sender, connection) = handshake.await.unwrap();
    tokio::spawn(connection);
    let mut message = vec![0];
    let text = "old".to_owned().encode_to_vec();
    message.extend(u32::try_from(text.len()).unwrap().to_be_bytes());
    message.extend(text);
    let mut request = Request::builder().method(method).version(Version::HTTP_2);
    request = request.uri(format!("http://api.example.com{path}")).header("te", "trailers");
    request = request.header("content-type", "application/grpc");
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    let response = sender.send_request(request.body(Full::new(Bytes::from(message))).unwrap()).await.unwrap();
    let (head, body) = response.into_parts();
    let body = body.collect().await.unwrap();
    let trailers = body.trailers().cloned();
    Captured { status: head.status.as_u16(), headers: head.headers, data: body.to_bytes(), trailers }
}

#[tokio::test]
async fn a_refusal_is_one_block_of_header_fields_under_http_status_200() {
    // GRP-03, GRP-05: "Trailers-Only"
    let service = Service::start().await;
    let expired = format!("Bearer {}", service.token(&json!({ "exp": NOW - 100 })));
    let unscoped = format!("Bearer {}", service.token(&json!({ "scope": "" })));
    let good = format!("Bearer {}", service.token(&json!({})));
    let cases: [(&str, Fields<'_>, &str); 6] = [
        ("GetProject", &[], "16"),
        ("GetProject", &[("authorization", &expired)], "16"),
        ("GetProject", &[("authorization", &unscoped)], "7"),
        ("GetProject", &[("authorization", "Bearer a b")], "3"),
        // By the handler, and by the net below it.
        ("UpdateProject", &[("authorization", &good)], "7"),
        ("Forget", &[("authorization", &good)], "13"),
    ];
    for (method, fields, code) in cases {
        let got = capture(&service, Method::POST, &format!("/acme.v1.Projects/{method}"), fields).await;
        assert_eq!((got.status, got.headers["grpc-status"].to_str().unwrap()), (200, code), "{method}");
        assert_eq!(got.headers["content-type"], "application/grpc");
        assert!(got.data.is_empty() && got.trailers.is_none(), "{method}");
        assert!(got.headers.contains_key("grpc-status-details-bin"), "GRP-06");
        let challenged = matches!(code, "16" | "3") || method == "GetProject";
        assert_eq!(got.headers.contains_key("www-authenticate"), challenged, "{method} {code}");
        assert!(!got.headers.contains_key("content-length") || got.headers["content-length"] == "0");
    }
}

#[tokio::test]
async fn what_is_left_of_limits_is_said_in_header_fields_and_never_in_trailers() {
    // RLM-06
    let service =
        Service::start_limited("[[limit]]\nname = \"people\"\nper = [\"subject\"]\nrate = \"1/d\"\nburst = 3\n").await;
    let good = format!("Bearer {}", service.token(&json!({})));
    let policy = "\"people\";q=3;w=259200";
    // With a message, with a refusal of the handler, and by one of the gate.
    for (method, code, left) in
        [("GetProject", "0", 2), ("ReadProject", "0", 1), ("UpdateProject", "7", 0), ("GetProject", "8", 0)]
    {
        let got =
            capture(&service, Method::POST, &format!("/acme.v1.Projects/{method}"), &[("authorization", &good)]).await;
        assert_eq!(got.headers["ratelimit-policy"], policy, "{method}");
        let state = got.headers["ratelimit"].to_str().unwrap();
        assert!(state.starts_with(&format!("\"people\";r={left};t=")), "{method}: {state}");
        assert_eq!(got.headers.contains_key("retry-after"), code == "8", "{method}");
        let trailers = got.trailers.unwrap_or_default();
        let status = trailers.get("grpc-status").or(got.headers.get("grpc-status"));
        assert_eq!(status.unwrap(), code, "{method}");
        assert!(!trailers.keys().any(|name| name.as_str().starts_with("ratelimit")), "{method}: {trailers:?}");
    }
}

#[tokio::test]
async fn a_message_is_percent_encoded() {
    // GRP-07
    let service = Service::start().await;
    let good = format!("Bearer {}", service.token(&json!({})));
    let got = capture(&service, Method::POST, "/acme.v1.Projects/UpdateProject", &[("authorization", &good)]).await;
    assert_eq!(
        got.headers["grpc-message"],
        "Denied:%20Ein%20archiviertes%20Projekt%20l%C3%A4%C3%9Ft%20sich%20nicht%20%C3%A4ndern:%20100%20%25."
    );
}

#[tokio::test]
async fn a_call_is_a_post() {
    // GRP-08: what a proof is for
    let service = Service::start().await;
    let good = format!("Bearer {}", service.token(&json!({})));
    for method in [Method::GET, Method::PUT] {
        let got = capture(&service, method, "/acme.v1.Projects/GetProject", &[("authorization", &good)]).await;
        assert_eq!(got.headers["grpc-status"], "12");
    }
    assert_eq!(service.projects.calls(), 0);
}

#[tokio::test]
async fn metadata_of_the_resource_are_served_to_anybody() {
    let service = Service::start().await;
    let path = "/.well-known/oauth-protected-resource";
    let got = capture(&service, Method::GET, path, &[]).await;
    assert_eq!((got.status, &got.headers["content-type"]), (200, &"application/json".parse().unwrap()));
    let document: serde_json::Value = serde_json::from_slice(&got.data).unwrap();
    assert_eq!(document["resource"], "https://api.example.com");
}
