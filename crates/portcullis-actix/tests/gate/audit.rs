//! However a request ends, it leaves one audit record.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::test::init_service;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpRequest};
use portcullis::audit::{AuditLog, AuditSink};
use portcullis_actix::{Authz, GateExt, Permit};
use serde_json::{Value, json};
use tokio::task::LocalSet;

use crate::service::{Service, request};

struct Lines(Sender<Vec<u8>>);

impl AuditSink for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.send(lines.to_vec()).map_err(io::Error::other)
    }
}

fn audited() -> (Service, Receiver<Vec<u8>>) {
    let (sender, lines) = channel();
    (Service::with_gate(|gate| gate.audit(AuditLog::new(Lines(sender)))), lines)
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

/// Sends a request of ann to `app`, until it is answered, panics, or 50 ms are over.
async fn send(service: &Service, app: impl FnOnce(&mut ServiceConfig) + 'static) {
    let bearer = service.bearer(&json!({}));
    let request = request("GET", "/projects/p", &[("authorization", &bearer)]).to_request();
    let calls = service.calls.clone();
    let local = LocalSet::new();
    let sent = local.run_until(async move {
        let one = tokio::task::spawn_local(async move {
            let app = init_service(App::new().app_data(Data::new(calls)).configure(app)).await;
            let _ = tokio::time::timeout(Duration::from_millis(50), app.call(request)).await;
        });
        let _ = one.await;
    });
    sent.await;
}

#[tokio::test]
async fn handlers_that_panic_or_are_dropped_and_requests_that_nobody_decided_leave_one_record_each() {
    let panicking = async |_: Permit| -> String { panic!("on purpose") };
    let waiting = async |_: Permit| std::future::pending::<String>().await;
    let asking = async |_: Authz| std::future::pending::<String>().await;
    let deaf = async |_: HttpRequest| std::future::pending::<String>().await;
    let (service, lines) = audited();
    let gate = service.gate.clone();
    send(&service, move |config| {
        config.service(gate.protect(web::resource("/projects/{id}").route(web::get().to(panicking))));
    })
    .await;
    let gate = service.gate.clone();
    send(&service, move |config| {
        config.service(gate.protect(web::resource("/projects/{id}").route(web::get().to(waiting))));
    })
    .await;
    let gate = service.gate.clone();
    send(&service, move |config| {
        config.service(gate.protect(web::resource("/projects/{id}").route(web::get().to(asking))));
    })
    .await;
    // Behind the layer alone, nothing is decided before a handler asks: this one never does, and is given up.
    let gate = service.gate.clone();
    send(&service, move |config| {
        config.service(web::scope("").wrap(gate.layer()).route("/projects/{id}", web::get().to(deaf)));
    })
    .await;
    let records = records(service, &lines);
    let outcomes: Vec<_> = records.iter().map(|record| record["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["allow", "allow", "allow", "undecided"]);
    assert!(records.iter().all(|record| record.get("status").is_none()), "{records:?}");
}
