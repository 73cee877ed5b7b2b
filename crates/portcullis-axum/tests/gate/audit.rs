//! However a request ends, it leaves one audit record.

use std::future::pending;
use std::io;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::http::Request;
use axum::routing::get;
use portcullis::audit::{AuditLog, AuditSink};
use portcullis_axum::{Gate, GateExt, Permit};
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tower::ServiceExt;

use crate::service::{Calls, ROLES, Service};

struct Lines(Sender<Vec<u8>>);

impl AuditSink for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.send(lines.to_vec()).map_err(io::Error::other)
    }
}

/// A service with `handler` at `/projects/{project}`, and its log.
fn audited<A: Into<Router<Calls>>>(app: impl FnOnce(Gate) -> A) -> (Service, Receiver<Vec<u8>>) {
    let (sender, lines) = channel();
    (Service::with_options(ROLES, |gate| gate.audit(AuditLog::new(Lines(sender))), app), lines)
}

/// All records, once the service is gone.
fn records(service: Service, lines: &Receiver<Vec<u8>>) -> Vec<Value> {
    drop(service);
    let mut text = Vec::new();
    while let Ok(more) = lines.recv_timeout(Duration::from_secs(10)) {
        text.extend(more);
    }
    let lines: Vec<Value> =
        String::from_utf8(text).unwrap().lines().map(|l| serde_json::from_str(l).unwrap()).collect();
    assert_eq!(lines.last().unwrap()["type"], "end", "something still holds the gate");
    lines.into_iter().filter(|line| line["type"] == "request").collect()
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
    let [record] = records(service, &lines).try_into().unwrap();
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
    let (begin, mut seen) = (Instant::now(), Vec::new());
    while !String::from_utf8_lossy(&seen).contains("\"type\":\"request\"") {
        assert!(begin.elapsed() < Duration::from_secs(10), "no record");
        seen.extend(lines.try_iter().flatten());
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    server.abort();
    assert!(server.await.is_err());
    assert_eq!(records(service, &lines), Vec::<Value>::new(), "and no other");
}

#[tokio::test(start_paused = true)]
async fn a_stream_whose_reader_goes_away_leaves_one_record() {
    let app = |gate: Gate| gate.protect(Router::new().route("/projects/{project}", get(crate::streams::feed)));
    let (service, lines) = audited(app);
    let bearer = format!("Bearer {}", service.token(&json!({})));
    let request = Request::get("/projects/p").header("authorization", bearer).body(Body::empty()).unwrap();
    drop(service.app.clone().oneshot(request).await.unwrap());
    let [record] = records(service, &lines).try_into().unwrap();
    assert_eq!((&record["outcome"], &record["status"]), (&json!("allow"), &json!(200)));
}
