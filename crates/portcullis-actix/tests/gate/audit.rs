//! However a request ends, it leaves one audit record.

use std::time::Duration;

use actix_web::dev::Service as _;
use actix_web::test::init_service;
use actix_web::web::{self, Data, ServiceConfig};
use actix_web::{App, HttpRequest};
use portcullis_actix::{Authz, GateExt, Permit};
use portcullis_testkit::AuditLines;
use serde_json::json;
use tokio::task::LocalSet;

use crate::service::{Service, request};

fn audited() -> (Service, AuditLines) {
    let (log, lines) = AuditLines::log();
    (Service::with_gate(|gate| gate.audit(log)), lines)
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
    drop(service);
    let records = lines.requests();
    let outcomes: Vec<_> = records.iter().map(|record| record["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["allow", "allow", "allow", "undecided"]);
    assert!(records.iter().all(|record| record.get("status").is_none()), "{records:?}");
}
