//! However a call ends, it leaves one audit record.

use portcullis_testkit::AuditLines;
use serde_json::json;

use crate::service::{EXPIRY, Service};

#[tokio::test]
async fn streams_that_end_with_the_token_or_are_dropped_and_refusals_leave_one_record_each() {
    let (log, lines) = AuditLines::log();
    let service = Service::start_with(|gate| gate.audit(log)).await;

    // Without credentials.
    let refused = service.anybody().await.server_streaming("Watch", "p").await.unwrap_err();
    assert_eq!(refused.code() as i32, 16);
    let (record_of_nobody, lines) = lines.next_request().await;
    assert_eq!((&record_of_nobody["grpc_status"], &record_of_nobody["class"]), (&json!(16), &json!("anonymous")));

    // A reader that goes away.
    let client = service.client(json!({})).await;
    let events = client.server_streaming("Watch", "p").await.unwrap().into_inner();
    drop((events, client));
    let (dropped, lines) = lines.next_request().await;
    assert_eq!((&dropped["outcome"], dropped["decisions"].as_array().unwrap().len()), (&json!("allow"), 1));

    // A stream that ends with its token.
    let mut events = service.client(json!({})).await.server_streaming("Watch", "p").await.unwrap().into_inner();
    service.projects.publish("p", "one");
    assert!(events.message().await.is_ok());
    service.clock.set(EXPIRY + 31);
    assert!(events.message().await.is_err());
    let (ended, _) = lines.next_request().await;
    assert_eq!((&ended["outcome"], &ended["grpc_status"]), (&json!("deny"), &json!(16)));
}
