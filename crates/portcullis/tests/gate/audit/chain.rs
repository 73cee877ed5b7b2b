//! Whatever is done to a log is found.

use std::fs;

use http::StatusCode;
use portcullis::audit::{AuditLog, Ending, FaultKind, FileSink, read_heads, verify};
use serde_json::json;

use super::Scratch;
use crate::service::Service;

#[tokio::test]
async fn a_log_goes_on_after_a_restart_and_is_intact() {
    let dir = Scratch::new("restart");
    let (path, heads) = (dir.path("audit.jsonl"), dir.path("heads.jsonl"));
    for _ in 0..2 {
        let log = AuditLog::new(FileSink::new(&path));
        let log = log.heads(FileSink::new(&heads), 2.try_into().unwrap(), std::time::Duration::from_secs(60));
        let service = Service::new(|gate| gate.audit(log));
        for _ in 0..3 {
            let _ = service.open(&json!({})).await.unwrap().conclude(StatusCode::OK);
        }
    }
    let found = verify(&path, &read_heads(&heads).unwrap()).unwrap();
    assert!(found.is_intact(), "{found}\n{}", fs::read_to_string(&path).unwrap());
    assert_eq!((found.lines, found.records, found.crashes, found.ending), (10, 6, 0, Ending::Closed));
    assert!(found.heads >= 4, "{found}");
}

#[tokio::test]
async fn a_full_file_is_kept_and_the_chain_goes_on_in_the_next_one() {
    let dir = Scratch::new("rotation");
    let (path, heads) = (dir.path("audit.jsonl"), dir.path("heads.jsonl"));
    let log = || {
        let log = AuditLog::new(FileSink::new(&path).rotate_at(3_000));
        log.heads(FileSink::new(&heads), 1.try_into().unwrap(), std::time::Duration::from_secs(60))
    };
    for _ in 0..2 {
        let service = Service::new(|gate| gate.audit(log()));
        for _ in 0..12 {
            let lines = fs::metadata(&heads).unwrap().len();
            let _ = service.open(&json!({})).await.unwrap().conclude(StatusCode::OK);
            // One at a time, as they are told: else all of them are one piece.
            while fs::metadata(&heads).unwrap().len() == lines {
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
            }
        }
    }
    let check = || verify(&path, &read_heads(&heads).unwrap()).unwrap();
    let found = check();
    assert!(found.is_intact() && found.records == 24 && found.ending == Ending::Closed, "{found}");
    let third = dir.path("audit.jsonl.000003");
    assert!(third.exists() && fs::metadata(&path).unwrap().len() < 5_000);

    // The oldest may be kept elsewhere; one from the middle, or the newest, may not be lost.
    fs::rename(dir.path("audit.jsonl.000001"), dir.path("old.jsonl")).unwrap();
    let found = check();
    assert!(found.is_intact() && found.first > Some(0), "{found}");
    fs::rename(&third, dir.path("third.jsonl")).unwrap();
    assert!(matches!(check().fault.unwrap().kind, FaultKind::Lost(_)));
    fs::rename(dir.path("third.jsonl"), &third).unwrap();
    fs::remove_file(&path).unwrap();
    assert!(matches!(check().fault.unwrap().kind, FaultKind::Cut(_)));
    assert_eq!(verify(&path, &[]).unwrap().ending, Ending::Elsewhere);
}

#[tokio::test]
async fn a_log_that_was_removed_as_a_whole_is_missed_by_who_goes_on() {
    let dir = Scratch::new("removed");
    let (path, heads) = (dir.path("audit.jsonl"), dir.path("heads.jsonl"));
    for _ in 0..2 {
        let _ = fs::remove_file(&path);
        let log = AuditLog::new(FileSink::new(&path));
        let log = log.heads(FileSink::new(&heads), 100.try_into().unwrap(), std::time::Duration::from_secs(60));
        let service = Service::new(|gate| gate.audit(log));
        let _ = service.open(&json!({})).await.unwrap().conclude(StatusCode::OK);
    }
    let found = verify(&path, &read_heads(&heads).unwrap()).unwrap();
    assert_eq!((found.fault.as_ref(), found.replaces.as_ref().map(|gone| gone.seq)), (None, Some(2)));
    assert!(!found.is_intact(), "{found}");
}
