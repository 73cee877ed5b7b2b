//! Step-up authentication (RFC 9470): what a stronger or fresher login lifts, and for whom.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::sync::Arc;

use portcullis_core::{
    Bundle, BundleFiles, BundleSettings, Decision, Engine, Layer, LoadError, Profile, Request, ResourceData, Source,
    UnixTime, VerifiedClaims,
};
use serde_json::{Value, json};

const SCHEMA: &str = r#"
@scope action "pay";
entity AgentClass;
entity User;
entity Service;
entity Agent in [AgentClass];
entity Api enum ["self"];
@http("POST /payments") @resource("Api::\"self\"")
action "Pay" in ["pay"] appliesTo { principal: [User, Service, Agent], resource: [Api], context: Portcullis::Context };
"#;

const STRONG: &str = r#"
@id("strong") @step_up("mfa phr") forbid (principal, action == Action::"Pay", resource)
unless { context.auth has acr && ["mfa", "phr"].contains(context.auth.acr) };
"#;

const FRESH: &str = r#"
@id("fresh") @max_age("5m") forbid (principal, action == Action::"Pay", resource)
unless { context.auth has authenticated_at && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
"#;

const EVERYBODY: &str = "permit (principal, action, resource);";

fn load(guardrails: &str) -> Result<Arc<Bundle>, LoadError> {
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/all.cedar", format!("@id(\"granted\") {EVERYBODY}"))
        .with_file("ceilings/all.cedar", format!("@id(\"trusted\") {EVERYBODY}"))
        .with_file("guardrails/care.cedar", guardrails);
    let settings = serde_json::from_value(json!({ "unlisted_clients": "person" })).unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let settings = BundleSettings::new(vec![source])
        .with_empty_layer(Layer::Consent)
        .without_entities()
        .with_required_file("guardrails/care.cedar");
    Bundle::load(&files, settings)
}

/// What a caller with `claims` would have to do: `allowed`, or the remedy, which is empty if nothing helps.
fn answer(claims: Value) -> String {
    let mut all = json!({ "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "scope": "pay", "iat": NOW, "exp": NOW + 60,
        "roles": [], "groups": [], "entitlements": [] });
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    let engine = Engine::new(load(&format!("{STRONG}{FRESH}")).unwrap());
    let verified = VerifiedClaims::assume_verified("main", all.as_object().unwrap().clone());
    let session = engine.session(&verified).unwrap();
    let api = ResourceData::bare("Api", "self");
    match session.decide(&Request::new("Pay", &api, UnixTime::from_secs(NOW).unwrap())) {
        Decision::Allow(_) => "allowed".to_owned(),
        Decision::Deny(denial) => denial.remedy().map(ToString::to_string).unwrap_or_default(),
    }
}

const NOW: i64 = 1_767_226_000;

#[test]
fn any_of_the_listed_levels_suffices_and_no_other() {
    // STP-02, STP-05
    for (acr, answered) in [
        (json!("mfa"), "allowed"),
        (json!("phr"), "allowed"),
        (json!("mfa2"), "acr mfa or phr"),
        (json!("MFA"), "acr mfa or phr"),
        (json!("mfa phr"), "acr mfa or phr"),
        (json!(""), "acr mfa or phr"),
    ] {
        assert_eq!(answer(json!({ "acr": acr, "auth_time": NOW })), answered, "{acr}");
    }
    assert_eq!(answer(json!({ "auth_time": NOW })), "acr mfa or phr");
}

#[test]
fn everything_that_is_missing_is_asked_for_at_once() {
    // STP-02
    assert_eq!(answer(json!({ "scope": "" })), "scope pay, acr mfa or phr, a login at most 300 s old");
}

#[test]
fn the_age_of_a_login_is_known_and_within_the_limit() {
    // STP-04
    for (auth_time, answered) in [
        (json!(NOW), "allowed"),
        (json!(NOW - 300), "allowed"),
        (json!(NOW - 301), "a login at most 300 s old"),
        (json!(NOW + 3_600), "a login at most 300 s old"),
    ] {
        assert_eq!(answer(json!({ "acr": "mfa", "auth_time": auth_time })), answered, "{auth_time}");
    }
    assert_eq!(answer(json!({ "acr": "mfa" })), "a login at most 300 s old");
}

#[test]
fn a_limit_that_is_no_time_does_not_load() {
    // STP-03
    for age in ["-5m", "-1s", "soon", "", "5"] {
        assert!(load(&FRESH.replace("@max_age(\"5m\")", &format!("@max_age(\"{age}\")"))).is_err(), "{age}");
    }
    assert!(load(FRESH).is_ok());
}

#[test]
fn the_login_of_the_user_counts_for_an_agent_too() {
    // STP-08
    let by_agent = |acr: &str, auth_time: i64| {
        json!({ "acr": acr, "auth_time": auth_time,
            "act": { "sub": "scribe", "sub_profile": "ai_agent", "acr": "mfa", "auth_time": NOW } })
    };
    assert_eq!(answer(by_agent("mfa", NOW)), "allowed");
    assert_eq!(answer(by_agent("pwd", NOW - 3_600)), "acr mfa or phr, a login at most 300 s old");
}

#[test]
fn no_login_is_asked_of_a_client_without_a_person() {
    // M2M-03, STP-08
    for claims in [json!({}), json!({ "acr": "pwd", "auth_time": NOW - 3_600 })] {
        let mut service = json!({ "sub": "indexer", "client_id": "indexer" });
        service.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
        assert_eq!(answer(service), "", "{claims}");
    }
}
