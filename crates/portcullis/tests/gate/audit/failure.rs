//! What happens if records cannot be written.

use std::io;
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use http::{HeaderMap, Method, StatusCode};
use portcullis::audit::{AuditClass, AuditLog, AuditSink, FileSink, OnFailure, verify};
use portcullis::{Gate, GateError};
use serde_json::{Value, json};

use super::service::{Note, Service, agent, delegate, service};
use super::{Memory, Scratch};

/// A disk that can be full, or slow.
#[derive(Clone, Default)]
struct Disk {
    memory: Memory,
    state: Arc<(Mutex<State>, Condvar)>,
}

#[derive(Default, Clone, Copy, PartialEq)]
enum State {
    #[default]
    Good,
    Full,
    Stuck,
}

impl Disk {
    fn set(&self, state: State) {
        *self.state.0.lock().unwrap() = state;
        self.state.1.notify_all();
    }
}

impl AuditSink for Disk {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let state = self.state.0.lock().unwrap();
        let state = self.state.1.wait_while(state, |state| *state == State::Stuck).unwrap();
        if *state == State::Full {
            return Err(io::ErrorKind::StorageFull.into());
        }
        self.memory.write(lines)
    }
}

/// Waits until the writer has noticed.
async fn until(gate: &Gate, failing: bool) {
    for _ in 0..500 {
        if gate.readiness().await.audit_failing == failing {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the writer never noticed");
}

fn status(opened: Result<portcullis::Admission, portcullis::Answer>) -> u16 {
    match opened {
        Ok(admission) => {
            assert!(admission.filter(Vec::<Note>::new()).is_ok());
            let _ = admission.conclude(StatusCode::OK);
            200
        }
        Err(answer) => {
            assert!(answer.status() != StatusCode::SERVICE_UNAVAILABLE || answer.headers().contains_key("retry-after"));
            answer.status().as_u16()
        }
    }
}

/// Checks the chain of `text`.
fn assert_intact(text: &str) {
    let dir = Scratch::new("text");
    std::fs::write(dir.path("log"), text).unwrap();
    let found = verify(dir.path("log"), &[]).unwrap();
    assert!(found.is_intact(), "{found}\n{text}");
}

#[tokio::test]
async fn software_is_refused_while_the_disk_is_full_and_people_are_as_configured() {
    // GEN-01
    for (people, expected) in [(None, 200), (Some(OnFailure::Deny), 503)] {
        let disk = Disk::default();
        let mut log = AuditLog::new(disk.clone());
        if let Some(people) = people {
            log = log.on_failure(AuditClass::Human, people);
        }
        let service = Service::new(|gate| gate.audit(log));
        assert_eq!(status(service.list(&agent()).await), 200);
        while disk.memory.text().lines().count() < 2 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        disk.set(State::Full);
        assert_eq!(status(service.list(&json!({})).await), 200, "nobody knows yet");
        until(&service.gate, true).await;
        for (who, claims, expected) in [
            ("an agent", agent(), 503),
            ("an agent for ann", delegate(), 503),
            ("a service", self::service(), 503),
            ("ann", json!({}), expected),
        ] {
            assert_eq!(status(service.list(&claims).await), expected, "{who}");
        }
        assert_eq!(status(service.open(&Method::GET, "/notes", &HeaderMap::new()).await), 401);
        disk.set(State::Good);
        until(&service.gate, false).await;
        assert_eq!(status(service.list(&agent()).await), 200);
        drop(service);
        let statuses: Vec<_> = disk.memory.records().iter().map(|record| record["status"].clone()).collect();
        assert_eq!(statuses, [200, 200, 503, 503, 503, expected, 401, 200].map(Value::from), "nothing is lost");
        assert_intact(&disk.memory.text());
    }
}

#[tokio::test]
async fn no_more_software_is_let_in_than_there_are_places_and_what_people_lose_is_counted() {
    let disk = Disk::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(disk.clone()).places(4.try_into().unwrap())));
    disk.set(State::Stuck);
    // Whoever sends no credentials has at most half of the places.
    for _ in 0..5 {
        assert_eq!(status(service.open(&Method::GET, "/notes", &HeaderMap::new()).await), 401);
    }
    let (first, second) = (service.list(&agent()).await.unwrap(), service.put(&delegate()).await.unwrap());
    assert_eq!(status(service.list(&self::service()).await), 503);
    assert_eq!(status(service.list(&json!({})).await), 200);
    disk.set(State::Good);
    for admission in [first, second] {
        let _ = admission.conclude(StatusCode::FORBIDDEN);
    }
    drop(service);
    let lost: Vec<_> = disk.memory.lines().into_iter().filter(|line| line["type"] == "lost").collect();
    let count = |class: &str| lost.iter().filter_map(|line| line["classes"][class].as_u64()).sum::<u64>();
    assert_eq!((count("anonymous"), count("service"), count("human"), count("agent")), (3, 1, 1, 0), "{lost:?}");
    assert_eq!(disk.memory.records().len(), 4);
    assert_intact(&disk.memory.text());
}

#[tokio::test]
async fn a_gate_whose_log_cannot_be_opened_does_not_start() {
    // GEN-09
    let dir = Scratch::new("open");
    let start = |path: &str| {
        let log = AuditLog::new(FileSink::new(dir.path(path)));
        Service::start(|gate| gate.audit(log)).err().map(|error| error.to_string())
    };
    assert!(start("none/audit.jsonl").unwrap().starts_with("the audit log cannot be opened: "));
    std::fs::write(dir.path("other.jsonl"), "{\"not\":\"a record\"}\n").unwrap();
    assert!(start("other.jsonl").unwrap().contains("keep the file elsewhere"));
    std::fs::write(dir.path("foreign.conf"), "not ours").unwrap();
    assert!(start("foreign.conf").unwrap().contains("remove it"));
    assert_eq!(std::fs::read_to_string(dir.path("foreign.conf")).unwrap(), "not ours", "it is as it was");
    let held = Service::new(|gate| gate.audit(AuditLog::new(FileSink::new(dir.path("audit.jsonl")))));
    assert!(start("audit.jsonl").unwrap().contains("another process writes to it"));
    drop(held);
    assert_eq!(start("audit.jsonl"), None);
    if cfg!(target_os = "linux") {
        let full = Service::start(|gate| gate.audit(AuditLog::new(FileSink::new("/dev/full"))));
        assert!(matches!(full.err(), Some(GateError::Audit { .. })));
    }
}

#[tokio::test]
async fn what_is_given_up_at_the_end_leaves_no_hole_in_the_chain() {
    let disk = Disk::default();
    let service = Service::new(|gate| gate.audit(AuditLog::new(disk.clone())));
    assert_eq!(status(service.list(&agent()).await), 200);
    while disk.memory.text().lines().count() < 2 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    disk.set(State::Full);
    assert_eq!(status(service.list(&json!({})).await), 200);
    drop(service);
    disk.set(State::Good);
    assert_eq!(disk.memory.lines().len(), 2, "neither the record nor an end");
    assert_intact(&disk.memory.text());
}

#[tokio::test]
async fn heads_that_cannot_be_told_keep_nobody_out() {
    let (disk, heads) = (Disk::default(), Disk::default());
    let log = AuditLog::new(disk.clone()).heads(heads.clone(), 1.try_into().unwrap(), Duration::from_secs(60));
    let service = Service::new(|gate| gate.audit(log));
    heads.set(State::Full);
    for _ in 0..3 {
        assert_eq!(status(service.list(&agent()).await), 200);
    }
    assert!(!service.gate.readiness().await.audit_failing);
    drop(service);
    assert_eq!((disk.memory.records().len(), heads.memory.text().lines().count()), (3, 1));
}
