//! Whatever is done to a log is found.

use std::fs;

use http::StatusCode;
use portcullis::audit::{AuditLog, Ending, FileSink, read_heads, verify};
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
