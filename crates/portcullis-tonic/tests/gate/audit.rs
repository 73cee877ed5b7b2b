//! However a call ends, it leaves one audit record.

use std::io;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use portcullis::audit::{AuditLog, AuditSink};
use serde_json::{Value, json};

use crate::service::{EXPIRY, Service};

struct Lines(Sender<Vec<u8>>);

impl AuditSink for Lines {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.send(lines.to_vec()).map_err(io::Error::other)
    }
}

/// The next record. The server runs on the same thread.
async fn record(lines: &Receiver<Vec<u8>>, seen: &mut Vec<u8>) -> Value {
    let begin = Instant::now();
    loop {
        seen.extend(lines.try_iter().flatten());
        let text = String::from_utf8(std::mem::take(seen)).unwrap();
        let mut records = text.lines().filter(|line| line.contains("\"type\":\"request\""));
        if let Some(record) = records.next() {
            assert_eq!(records.next(), None, "one call, one record");
            return serde_json::from_str(record).unwrap();
        }
        assert!(begin.elapsed() < Duration::from_secs(10), "no record");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn streams_that_end_with_the_token_or_are_dropped_and_refusals_leave_one_record_each() {
    let (sender, lines) = channel();
    let service = Service::start_with(|gate| gate.audit(AuditLog::new(Lines(sender)))).await;
    let mut seen = Vec::new();

    // Without credentials.
    let refused = service.anybody().await.server_streaming("Watch", "p").await.unwrap_err();
    assert_eq!(refused.code() as i32, 16);
    let record_of_nobody = record(&lines, &mut seen).await;
    assert_eq!((&record_of_nobody["grpc_status"], &record_of_nobody["class"]), (&json!(16), &json!("anonymous")));

    // A reader that goes away.
    let client = service.client(json!({})).await;
    let events = client.server_streaming("Watch", "p").await.unwrap().into_inner();
    drop((events, client));
    let dropped = record(&lines, &mut seen).await;
    assert_eq!((&dropped["outcome"], dropped["decisions"].as_array().unwrap().len()), (&json!("allow"), 1));

    // A stream that ends with its token.
    let mut events = service.client(json!({})).await.server_streaming("Watch", "p").await.unwrap().into_inner();
    service.projects.publish("p", "one");
    assert!(events.message().await.is_ok());
    service.clock.set(EXPIRY + 31);
    assert!(events.message().await.is_err());
    let ended = record(&lines, &mut seen).await;
    assert_eq!((&ended["outcome"], &ended["grpc_status"]), (&json!("deny"), &json!(16)));
}
