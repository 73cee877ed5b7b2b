//! However a request ends, it leaves one audit record.

use std::future::pending;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::get;
use portcullis_axum::{Gate, GateExt, Permit};
use portcullis_testkit::AuditLines;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::service::{Calls, ROLES, Service};

/// A service with `handler` at `/projects/{project}`, and its log.
fn audited<A: Into<Router<Calls>>>(app: impl FnOnce(Gate) -> A) -> (Service, AuditLines) {
    let (log, lines) = AuditLines::log();
    (Service::with_options(ROLES, |gate| gate.audit(log), app), lines)
}

async fn panicking(_: Permit) -> String {
    panic!("on purpose")
}

#[tokio::test]
async fn a_handler_that_panics_leaves_one_record() {
    let (service, lines) = audited(|gate| gate.protect(Router::new().route("/projects/{project}", get(panicking))));
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let request = Request::get("/projects/p").header("authorization", bearer).body(Body::empty()).unwrap();
    let joined = tokio::spawn(service.app.clone().oneshot(request)).await;
    assert!(joined.unwrap_err().is_panic());
    drop(service);
    let [record] = lines.requests().try_into().unwrap();
    assert_eq!((&record["outcome"], record.get("status")), (&json!("allow"), None));
    assert_eq!(record["decisions"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_one_record() {
    let started = Arc::new(Notify::new());
    let handler = {
        let started = Arc::clone(&started);
        async move |State(_): State<Calls>, _: Permit| {
            started.notify_one();
            pending::<String>().await
        }
    };
    let (service, lines) = audited(|gate| gate.protect(Router::new().route("/projects/{project}", get(handler))));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = tokio::spawn(axum::serve(listener, service.app.clone()).into_future());
    let mut client = TcpStream::connect(address).await.unwrap();
    let bearer = service.token(&json!({}));
    client
        .write_all(format!("GET /projects/p HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {bearer}\r\n\r\n").as_bytes())
        .await
        .unwrap();
    started.notified().await;
    drop(client);
    // The record comes as soon as the server has noticed, not when the service ends.
    let (_, lines) = lines.next_request().await;
    server.abort();
    assert!(server.await.is_err());
    drop(service);
    assert_eq!(lines.requests(), Vec::<Value>::new(), "and no other");
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_reader_goes_away_leaves_one_record() {
    let app = |gate: Gate| gate.protect(Router::new().route("/projects/{project}", get(crate::streams::feed)));
    let (service, lines) = audited(app);
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let request = Request::get("/projects/p").header("authorization", bearer).body(Body::empty()).unwrap();
    drop(service.app.clone().oneshot(request).await.unwrap());
    drop(service);
    let [record] = lines.requests().try_into().unwrap();
    assert_eq!((&record["outcome"], &record["status"]), (&json!("allow"), &json!(200)));
}
