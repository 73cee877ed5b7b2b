//! Which status, metadata and details answer what.

use std::time::Duration;

use portcullis::KeySource;
use portcullis_testkit::TestIssuer;
use serde_json::json;
use tonic::Code;
use tonic_types::StatusExt;

use crate::client::{Refused, assert_refused};
use crate::service::{Down, NOW, Service, Stuck};

#[tokio::test]
async fn a_token_in_the_metadata_lets_a_call_in() {
    // GRP-01
    let service = Service::start().await;
    let ann = service.client(json!({})).await;
    assert_eq!(ann.ask("GetProject", "p").await.unwrap(), "GetProject p of ann");
    // Decided before the handler: the resource is fixed, or it is the subject.
    assert_eq!(ann.ask("WhoAmI", "").await.unwrap(), "WhoAmI Api self ann");
    assert_eq!(ann.ask("GetProfile", "").await.unwrap(), "GetProfile User ann ann");
    // A directory supplies it.
    assert_eq!(ann.ask("GetReport", "").await.unwrap(), "GetReport Report all ann");
    // The same parsing as in HTTP: the case of the scheme does not matter, and a tab is no space.
    let token = service.token(&json!({}));
    let shouting = service.anybody().await.with("authorization", &format!("BEARER {token}"));
    assert_eq!(shouting.ask("GetProject", "p").await.unwrap(), "GetProject p of ann");
    let tab = service.anybody().await.with("authorization", &format!("Bearer\t{token}"));
    assert_refused(tab.ask("GetProject", "p").await, Code::InvalidArgument, "MALFORMED_CREDENTIALS");
}

#[tokio::test]
async fn every_denial_has_its_code_and_reason() {
    // GRP-02
    let service = Service::start().await;
    let cases = [
        ("GetProject", "p", json!({ "exp": NOW - 100 }), 16, "INVALID_TOKEN"),
        ("GetProject", "p", json!({ "aud": "https://other.example.com" }), 16, "INVALID_TOKEN"),
        ("WhoAmI", "", json!({ "exp": NOW - 100 }), 16, "INVALID_TOKEN"),
        // Consent: before the handler where nothing of the message is needed.
        ("GetProject", "p", json!({ "scope": "write:projects" }), 7, "INSUFFICIENT_SCOPE"),
        ("GetReport", "", json!({ "scope": "" }), 7, "INSUFFICIENT_SCOPE"),
        // A stronger login would help: other credentials are needed.
        ("DeleteProject", "p", json!({}), 16, "STRONGER_LOGIN_REQUIRED"),
        // Nothing would help.
        ("UpdateProject", "old", json!({}), 7, "DENIED"),
        ("GetProfile", "", json!({ "sub": "eve" }), 7, "DENIED"),
        // Absent and denied look the same where the schema says so.
        ("GetSecret", "s", json!({}), 5, "NOT_FOUND"),
        ("GetSecret", "none", json!({}), 5, "NOT_FOUND"),
        ("GetProject", "none", json!({}), 5, "NOT_FOUND"),
        // The handler's own data (GRP-12).
        ("GetProject", "down", json!({}), 14, "UNAVAILABLE"),
    ];
    for (method, message, claims, code, reason) in cases {
        let refused = service.client(claims.clone()).await.ask(method, message).await.unwrap_err();
        assert_eq!(refused, Refused { code, reason: reason.to_owned() }, "{method} {message} {claims}");
    }
    assert_refused(service.anybody().await.ask("GetProject", "p").await, Code::Unauthenticated, "CREDENTIALS_REQUIRED");
}

#[tokio::test]
async fn who_is_refused_before_the_handler_does_not_reach_it() {
    let service = Service::start().await;
    for claims in [json!({ "exp": NOW - 100 }), json!({ "scope": "" })] {
        for method in ["GetProject", "GetReport"] {
            service.client(claims.clone()).await.ask(method, "p").await.unwrap_err();
        }
    }
    service.anybody().await.ask("WhoAmI", "").await.unwrap_err();
    assert_eq!(service.projects.calls(), 0);
}

#[tokio::test]
async fn a_second_credential_is_refused() {
    // GRP-04, GRP-02: equal and different ones, on public methods too
    let service = Service::start().await;
    let (one, other) = (service.token(&json!({})), service.token(&json!({ "jti": "t2" })));
    for second in [&one, &other] {
        let twice = service.client(json!({})).await.with("authorization", &format!("Bearer {second}"));
        for path in ["GetProject", "/grpc.health.v1.Health/Check", "/acme.v1.Nothing/Get"] {
            assert_refused(twice.ask(path, "").await, Code::InvalidArgument, "MALFORMED_CREDENTIALS");
        }
    }
    assert_eq!(service.projects.calls(), 0);
}

#[tokio::test]
async fn challenges_are_copied_to_the_metadata() {
    // GRP-05
    let service = Service::start().await;
    let challenge = async |claims, method: &str| {
        let status = service.client(claims).await.call(method, "p").await.unwrap_err();
        let challenges =
            status.metadata().get_all("www-authenticate").iter().map(|value| value.to_str().unwrap().to_owned());
        challenges.collect::<Vec<_>>().join("\n")
    };
    let realm = "Bearer realm=\"api\", ";
    let metadata = "resource_metadata=\"https://api.example.com/.well-known/oauth-protected-resource\"";
    assert_eq!(
        challenge(json!({ "exp": NOW - 100 }), "GetProject").await,
        format!("{realm}error=\"invalid_token\", error_description=\"the access token expired\", {metadata}")
    );
    assert_eq!(
        challenge(json!({ "scope": "" }), "GetProject").await,
        format!("{realm}error=\"insufficient_scope\", scope=\"read:projects\", {metadata}")
    );
    assert_eq!(
        challenge(json!({}), "DeleteProject").await,
        format!("{realm}error=\"insufficient_user_authentication\", acr_values=\"mfa phr\", {metadata}")
    );
    // What nothing lifts invites to nothing.
    assert_eq!(challenge(json!({ "sub": "eve" }), "GetProfile").await, "");
    let down = service.client(json!({})).await.call("GetProject", "down").await.unwrap_err();
    assert_eq!(down.metadata().get("retry-after").unwrap(), "1");
}

#[tokio::test]
async fn details_name_the_reason_and_the_decision() {
    // GRP-06
    let service = Service::start().await;
    let status = service.client(json!({ "exp": NOW - 100 })).await.call("GetProject", "p").await.unwrap_err();
    let info = status.get_details_error_info().unwrap();
    assert_eq!((info.reason.as_str(), info.domain.as_str()), ("INVALID_TOKEN", "portcullis"));
    assert_eq!(info.metadata.keys().collect::<Vec<_>>(), ["decision"]);
    assert_eq!(info.metadata["decision"].len(), 36);
    assert!(status.get_details_retry_info().is_none());
    let status = service.client(json!({})).await.call("GetProject", "down").await.unwrap_err();
    let retry = status.get_details_retry_info().unwrap();
    assert_eq!(retry.retry_delay, Some(Duration::from_secs(1)));
    // GEN-08: neither what the database said nor the token stands in it.
    assert!(!format!("{status:?}").contains("canary"));
}

#[tokio::test]
async fn a_message_may_have_characters_beyond_ascii() {
    // GRP-07: tonic's client decodes it again; `wire` shows how it is sent
    let service = Service::start().await;
    let status = service.client(json!({})).await.call("UpdateProject", "old").await.unwrap_err();
    assert_eq!(status.message(), "Denied: Ein archiviertes Projekt läßt sich nicht ändern: 100 %.");
}

#[tokio::test]
async fn a_dependency_that_fails_is_no_fault_of_the_credentials() {
    // GRP-12: nobody listens where the keys should be
    let keys = KeySource::url("http://127.0.0.1:9/jwks").unwrap();
    let issuer = TestIssuer::new("https://as.example.com");
    let service = Service::start_with_keys(issuer, keys, |gate| gate).await;
    let ann = service.client(json!({})).await;
    assert_refused(ann.ask("GetProject", "p").await, Code::Unavailable, "UNAVAILABLE");
    // The directory does not answer, or not in time.
    let service = Service::start_with(|gate| gate.directory(Down)).await;
    let ann = service.client(json!({})).await;
    assert_refused(ann.ask("GetReport", "").await, Code::Unavailable, "UNAVAILABLE");
    let service = Service::start_with(|gate| gate.directory(Stuck).directory_timeout(Duration::from_millis(1))).await;
    let ann = service.client(json!({})).await;
    let status = ann.call("GetReport", "").await.unwrap_err();
    assert_eq!(Refused::of(&status), Refused { code: 4, reason: "UNAVAILABLE".to_owned() });
    assert!(status.get_details_retry_info().is_some());
}

#[tokio::test]
async fn a_revoked_token_is_refused_with_the_next_call() {
    let service = Service::start().await;
    let ann = service.client(json!({})).await;
    assert!(ann.ask("GetProject", "p").await.is_ok());
    service.revoke();
    assert_refused(ann.ask("GetProject", "p").await, Code::Unauthenticated, "INVALID_TOKEN");
}

#[tokio::test]
async fn a_call_above_the_quota_is_told_when_to_come_back() {
    // RLM-01
    let limit = "[[limit]]\nname = \"people\"\nper = [\"subject\"]\nrate = \"1/m\"\nburst = 1\n";
    let service = Service::start_limited(limit).await;
    assert!(service.client(json!({})).await.call("GetProject", "p").await.is_ok());
    let status = service.client(json!({})).await.call("GetProject", "p").await.unwrap_err();
    assert_eq!(Refused::of(&status), Refused { code: 8, reason: "QUOTA_EXCEEDED".to_owned() });
    // RLM-07: in all three places the same.
    let text = |name: &str| status.metadata().get(name).unwrap().to_str().unwrap().to_owned();
    let seconds: u64 = text("retry-after").parse().unwrap();
    let delay = status.get_details_retry_info().unwrap().retry_delay.unwrap();
    assert!((1..=60).contains(&seconds) && delay.as_secs() == seconds, "{seconds} {delay:?}");
    assert_eq!(text("ratelimit"), format!("\"people\";r=0;t={seconds}"));
    assert_eq!(text("ratelimit-policy"), "\"people\";q=1;w=60");
}
