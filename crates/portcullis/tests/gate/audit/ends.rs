//! However a request ends, it leaves one record.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Waker};

use http::{HeaderMap, Method, StatusCode};
use portcullis::audit::AuditLog;
use portcullis::{BoxFuture, Caller, Directory, DirectoryError, PrincipalFacts, ResourceData};
use serde_json::json;

use super::Memory;
use super::service::{Service, note};

/// Never answers.
#[derive(Debug)]
struct Silent;

impl Directory for Silent {
    fn principal<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        Box::pin(std::future::pending())
    }

    fn resource<'a>(&'a self, _: &'a str, _: &'a str) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        Box::pin(std::future::pending())
    }
}

#[tokio::test]
async fn a_request_that_is_given_up_while_the_gate_works_leaves_a_record() {
    let log = Memory::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone())).directory(Silent));
    {
        let headers = service.headers(&json!({}));
        let mut open = pin!(service.open(&Method::GET, "/notes", &headers));
        assert!(open.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    }
    drop(service);
    let [record] = log.records().try_into().unwrap();
    assert_eq!((&record["outcome"], record.get("status")), (&json!("undecided"), None));
    assert_eq!((&record["caller"]["subject"]["id"], &record["route"]), (&json!("ann"), &json!("/notes")));
    assert_eq!(record["reason"], "the request was given up before it was decided");
}

#[tokio::test]
async fn a_directory_that_is_late_leaves_a_record_that_says_whose_request_it_was() {
    let log = Memory::default();
    let service = Service::new(|gate| {
        gate.audit(AuditLog::new(log.clone())).directory(Silent).directory_timeout(std::time::Duration::ZERO)
    });
    assert_eq!(service.list(&json!({})).await.unwrap_err().status(), StatusCode::SERVICE_UNAVAILABLE);
    let (nowhere, headers) = ("/elsewhere", service.headers(&json!({})));
    assert_eq!(service.open(&Method::GET, nowhere, &headers).await.unwrap_err().status(), StatusCode::NOT_FOUND);
    assert_eq!(
        service.open(&Method::POST, "/notes", &headers).await.unwrap_err().status(),
        StatusCode::METHOD_NOT_ALLOWED
    );
    drop(service);
    let records = log.records();
    assert_eq!(records.iter().map(|record| record["status"].clone()).collect::<Vec<_>>(), [503, 404, 405]);
    assert!(records.iter().all(|record| record["caller"]["subject"]["id"] == "ann"), "{records:?}");
}

#[tokio::test]
async fn what_is_decided_after_the_record_was_written_follows_in_a_later_line() {
    let log = Memory::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone())));
    let admission = service.put(&json!({})).await.unwrap();
    let _ = admission.check_with(&note(), &json!({ "amount": 1 })).await.unwrap();
    assert!(admission.conclude(StatusCode::OK).is_none());
    assert!(admission.conclude(StatusCode::OK).is_none(), "twice is once");
    // A stream goes on, and asks for each of its parts.
    for amount in [2, 200] {
        let _ = admission.check_with(&note(), &json!({ "amount": amount }));
    }
    let engine = service.engine();
    drop((service, admission));
    let [record] = log.records().try_into().unwrap();
    assert_eq!(record["decisions"].as_array().unwrap().len(), 1);
    let [later] =
        log.lines().into_iter().filter(|line| line["type"] == "later").collect::<Vec<_>>().try_into().unwrap();
    assert_eq!((&later["id"], later["decisions"].as_array().unwrap().len()), (&record["id"], 2));
    let replayed = portcullis::audit::replay(&engine, &later.to_string()).unwrap();
    assert_eq!(replayed, [portcullis::audit::Replayed::Same, portcullis::audit::Replayed::Same]);
}

#[tokio::test]
async fn decisions_without_end_do_not_make_a_record_without_end() {
    let log = Memory::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(log.clone())));
    let admission = service.put(&json!({})).await.unwrap();
    for amount in 0..150 {
        let _ = admission.check_with(&note(), &json!({ "amount": amount }));
    }
    let _ = admission.conclude(StatusCode::OK);
    let nobody = service.open(&Method::PUT, "/notes/n1", &HeaderMap::new()).await.unwrap_err();
    assert_eq!(nobody.status(), StatusCode::UNAUTHORIZED);
    drop((service, admission));
    let [record, refused] = log.records().try_into().unwrap();
    assert_eq!(record["decisions"].as_array().unwrap().len(), 100);
    assert_eq!(record["further"], json!({ "allow": 1, "deny": 49 }));
    assert_eq!((refused.get("caller"), &refused["reason"]), (None, &json!("no credentials")));
}
