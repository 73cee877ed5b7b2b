//! One event per request, which says everything but secrets.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fmt::Debug;

use http::{Method, StatusCode};
use serde_json::json;
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use crate::service::Service;

pub(crate) type Fields = BTreeMap<String, String>;

thread_local! {
    static EVENTS: RefCell<Vec<Fields>> = const { RefCell::new(Vec::new()) };
}

/// Keeps events by thread: every test runs on one of its own. Set for the whole process, because what one thread finds
/// disabled stays disabled for all.
pub(crate) struct Log;

impl Log {
    pub(crate) fn start() -> Self {
        // Fails for all tests but the first.
        let _ = tracing::subscriber::set_global_default(Self);
        EVENTS.take();
        Self
    }

    pub(crate) fn take(&self) -> Vec<Fields> {
        EVENTS.take()
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &Attributes<'_>) -> Id {
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        let level = ("level".to_owned(), event.metadata().level().to_string());
        let mut fields = Collect(Fields::from([level]));
        event.record(&mut fields);
        if event.metadata().target() == "portcullis" {
            EVENTS.with_borrow_mut(|events| events.push(fields.0));
        }
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Collect(Fields);

impl Visit for Collect {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.0.insert(field.name().to_owned(), format!("{value:?}"));
    }
}

#[tokio::test]
async fn an_admission_is_logged_once_when_its_request_ends() {
    let (service, log) = (Service::new(|gate| gate), Log::start());
    let admission = service.open(&json!({})).await.unwrap();
    assert_eq!(log.take(), []);
    assert!(admission.conclude(StatusCode::OK).is_none());
    let id = admission.decision_id().to_string();
    let bundle = admission.session().unwrap().bundle().hash().to_string();
    drop(admission);
    let expected = [
        ("action", "\"GetNote\""),
        ("bundle", &bundle),
        ("client", "\"web\""),
        ("decision", "\"allow\""),
        ("decision_id", &id),
        ("issuer", "\"https://as.example.com\""),
        ("level", "INFO"),
        ("method", "\"GET\""),
        ("route", "\"/notes/{}\""),
        ("status", "200"),
        ("subject", "\"ann\""),
        ("subject_kind", "\"user\""),
    ];
    let expected: Fields = expected.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    assert_eq!(log.take(), [expected]);
}

#[tokio::test]
async fn a_request_that_is_dropped_is_logged_without_a_status() {
    let (service, log) = (Service::new(|gate| gate), Log::start());
    drop(service.open(&json!({})).await.unwrap());
    let [event] = log.take().try_into().unwrap();
    assert_eq!((event["decision"].as_str(), event.get("status")), ("\"allow\"", None));
}

#[tokio::test]
async fn a_refusal_is_logged_with_its_reason_and_the_id_that_the_caller_sees() {
    let (service, log) = (Service::new(|gate| gate), Log::start());
    let answer = service.open(&json!({ "roles": [], "scope": "" })).await.unwrap_err();
    let [event] = log.take().try_into().unwrap();
    assert_eq!(event["decision"], "\"deny\"");
    assert_eq!(event["denial"], "\"role\"");
    assert_eq!(event["layers"], "[Consent, Roles]");
    assert!(answer.body().contains(&event["decision_id"]), "{}", answer.body());
    // Whose fault it is decides the level.
    let _ = service.open(&json!({ "exp": 1 })).await.unwrap_err();
    let _ = service.open(&json!({ "roles": null })).await.unwrap_err();
    let _ = service
        .open_as(&Method::PUT, &format!("Bearer {}", service.token(&json!({}))))
        .await
        .unwrap()
        .conclude(StatusCode::OK);
    let levels: Vec<_> = log.take().iter().map(|event| (event["level"].clone(), event["decision"].clone())).collect();
    let expected = [("INFO", "\"deny\""), ("ERROR", "\"error\""), ("ERROR", "\"error\"")];
    assert_eq!(levels, expected.map(|(level, decision)| (level.to_owned(), decision.to_owned())));
}

#[tokio::test]
async fn a_profile_that_is_not_the_issuers_shows_in_the_log() {
    // Nothing is wrong with these tokens: their claims have other names than the profile expects.
    let (service, log) = (Service::new(|gate| gate), Log::start());
    let answer =
        service.open(&json!({ "scope": null, "scp": ["read:notes"], "entitlements": null })).await.unwrap_err();
    let [event] = log.take().try_into().unwrap();
    assert_eq!(
        (answer.status(), event["decision"].as_str(), event["level"].as_str()),
        (StatusCode::FORBIDDEN, "\"deny\"", "INFO")
    );
    assert_eq!(
        (event["layers"].as_str(), event["absent_claims"].as_str()),
        ("[Consent]", r#""scopes in `scope`, entitlements in `entitlements`""#)
    );
    // The caller does not learn how its token is read.
    assert!(!answer.body().contains("`scope`"), "{}", answer.body());
    // There is nothing to see where the claim is there.
    let _ = service.open(&json!({ "scope": "" })).await.unwrap_err();
    let [event] = log.take().try_into().unwrap();
    assert!(!event.contains_key("absent_claims"));

    // What the profile cannot do without.
    let profile = json!({ "classify": [{ "kind": "user", "id": "uid" }], "scopes": "scope" });
    let (service, log) = (Service::with_source(&json!({ "profile": profile }), |gate| gate), Log::start());
    let answer = service.open(&json!({})).await.unwrap_err();
    let [event] = log.take().try_into().unwrap();
    assert_eq!((answer.status(), event["level"].as_str()), (StatusCode::UNAUTHORIZED, "WARN"));
    let reason = "unusable claims: issuer `main`: claim `uid` is missing, so the subject cannot be told";
    assert!(event["reason"].contains(reason), "{event:?}");
    assert!(!answer.body().contains("uid"), "{}", answer.body());
    // ATJ-07
    assert!(answer.headers()[http::header::WWW_AUTHENTICATE].to_str().unwrap().contains("error=\"invalid_token\""));
}

#[tokio::test]
async fn no_credential_reaches_the_log_and_no_line_is_injected() {
    // GEN-04, JWT-14
    let (service, log) = (Service::new(|gate| gate), Log::start());
    let valid = service.token(&json!({ "client_id": "web\r\nlevel=ERROR" }));
    let expired = service.token(&json!({ "exp": 1 }));
    for token in [valid.as_str(), &expired, "canary", "canary.canary.canary"] {
        let opened = service.open_as(&Method::GET, &format!("Bearer {token}")).await;
        assert!(!format!("{opened:?}").contains(token));
    }
    let _ = service.open_as(&Method::GET, "Bearer canary canary").await.unwrap_err();
    let events = log.take();
    assert_eq!(events.len(), 5);
    let text = format!("{events:?}");
    for secret in [valid.rsplit('.').next().unwrap(), expired.rsplit('.').next().unwrap(), "canary"] {
        assert!(!text.contains(secret), "{text}");
    }
    assert!(events.iter().flat_map(BTreeMap::values).all(|value| !value.contains(['\r', '\n'])));
}
