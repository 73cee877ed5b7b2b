//! Who calls is what the token says.

use http::{HeaderMap, HeaderName, Method};
use serde_json::json;

use crate::service::Service;

#[tokio::test]
async fn header_fields_say_nothing_about_who_acts() {
    // AGT-03
    let service = Service::new(|gate| gate);
    let authorization = format!("Bearer {}", service.token(&json!({})));
    let fields = [
        ("authorization", authorization.as_str()),
        ("user-agent", "scribe/1.0 (agent)"),
        ("x-agent-id", "scribe"),
        ("x-user", "eve"),
        ("x-forwarded-user", "eve"),
        ("x-client-id", "scribe"),
    ];
    let fields = fields.map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
    let admission = service.open_with(&Method::GET, HeaderMap::from_iter(fields)).await.unwrap();
    let caller = admission.caller().unwrap();
    assert_eq!((caller.subject().id.as_str(), caller.client(), caller.actor()), ("ann", Some("web"), None));
}
