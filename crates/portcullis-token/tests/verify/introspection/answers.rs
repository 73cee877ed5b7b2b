//! What an answer must say.

use portcullis_core::{
    AgentType, ClaimsError, Kind, Profile, Source, SourceSettings, Sources, UnlistedClients, VerifiedClaims,
};
use portcullis_token::AbsentAudience;

use super::endpoint::Reply;
use super::*;

#[tokio::test]
async fn an_active_token_becomes_claims_without_a_header() {
    let verified = verify_against(active()).await.unwrap();
    assert_eq!((verified.source(), verified.header().len()), ("main", 0));
    assert_eq!(&Value::Object(verified.claims().clone()), &active());
}

#[tokio::test]
async fn only_the_boolean_true_is_active() {
    // INT-04: never access, and not the token's fault
    for active in [json!("true"), json!(1), json!("active"), json!([true]), json!({}), json!(null)] {
        let mut answer = super::active();
        answer["active"] = active.clone();
        assert!(is_unavailable(&verify_against(answer).await), "{active}");
    }
    let absent = active_with(json!({ "active": null }));
    assert!(is_unavailable(&verify_against(absent).await), "absent");
}

#[tokio::test]
async fn a_malformed_answer_is_the_fault_of_the_issuer() {
    // INT-04, INT-12
    let endpoint = Endpoint::answering(json!({}));
    let verifier = verifier_asking(&endpoint);
    let well_formed = active().to_string();
    let with = |member: &str| format!("{}, {member}}}", well_formed.strip_suffix('}').unwrap());
    for body in [
        String::new(),
        "true".to_owned(),
        "[]".to_owned(),
        format!("[{well_formed}]"),
        format!("{well_formed} {well_formed}"),
        with(r#""active": false"#), // one name twice
        with(r#""\u0061ctive": false"#),
        with(r#""x": { "a": 1, "a": 2 }"#),
        with(&format!(r#""x": "{}""#, "x".repeat(8 * 1024 + 1))), // a string that is too long
        with(&format!(r#""x": {}{}"#, "[".repeat(16), "]".repeat(16))), // too deep
        with(&format!(r#""x": [{}0]"#, "\"padding of an answer that is too large\",".repeat(1700))), // 64 KiB
    ] {
        endpoint.reply(Reply::Http { status: 200, content_type: "application/json", body: body.clone() });
        assert!(is_unavailable(&verifier.verify(OPAQUE, time(NOW)).await), "{body}");
    }
    for (member, value) in [
        ("scope", json!(["orders:read"])),
        ("scope", json!("a  b")),
        ("exp", json!("1767229200")),
        ("nbf", json!(-1)),
        ("iat", json!(true)),
        ("aud", json!(7)),
        ("aud", json!([])),
        ("sub", json!(7)),
        ("client_id", json!([])),
        ("cnf", json!("x")),
        ("token_type", json!(1)),
        ("act", json!("agent")),
        ("iss", json!(["https://as.example.com"])),
    ] {
        let result = verify_against(active_with(json!({ member: value }))).await;
        assert!(is_unavailable(&result), "{member}: {value}");
    }
}

#[tokio::test]
async fn an_inactive_token_is_invalid_whatever_else_the_answer_says() {
    // INT-05
    for answer in [inactive(), json!({ "active": false, "scope": 7 }), {
        let mut answer = active();
        answer["active"] = false.into();
        answer
    }] {
        let error = verify_against(answer).await.unwrap_err();
        assert_eq!(error, TokenError::Inactive);
        assert_eq!(error.description(), "the access token is not active");
    }
}

#[tokio::test]
async fn every_member_is_checked_again() {
    // INT-06
    for (changes, acceptable) in [
        (json!({}), true),
        // Optional in an answer (RFC 7662 §2.2).
        (json!({ "iss": null, "exp": null, "iat": null, "jti": null, "token_type": null }), true),
        (json!({ "iss": "https://as.example.com/" }), false),
        (json!({ "iss": "https://other.example.com" }), false),
        (json!({ "exp": NOW }), false),
        (json!({ "exp": NOW + 1 }), true),
        (json!({ "nbf": NOW }), true),
        (json!({ "nbf": NOW + 1 }), false),
        (json!({ "iat": NOW + 60 }), true),
        (json!({ "iat": NOW + 61 }), false),
        (json!({ "aud": ["https://other.example.com", AUDIENCE] }), true),
        (json!({ "aud": "https://other.example.com" }), false),
        (json!({ "aud": ["https://api.example.com/"] }), false),
        (json!({ "token_use": "access_token" }), true),
        (json!({ "token_use": "refresh_token" }), false), // Ory
        (json!({ "typ": "Refresh" }), false),             // Keycloak
        (json!({ "nonce": "n" }), false),
        (json!({ "events": {} }), false),
    ] {
        let result = verify_against(active_with(changes.clone())).await;
        assert_eq!(result.is_ok(), acceptable, "{changes}: {result:?}");
        assert!(!is_unavailable(&result), "{changes}");
    }
}

#[tokio::test]
async fn an_answer_without_audience_is_refused_unless_the_issuer_is_known_to_filter() {
    // INT-07
    let answer = active_with(json!({ "aud": null }));
    assert_eq!(verify_against(answer.clone()).await, Err(TokenError::MissingClaim { claim: "aud" }));
    let endpoint = Endpoint::answering(answer);
    let verifier = verifier_with(introspection(&endpoint).with_absent_audience(AbsentAudience::Accept));
    assert!(verifier.verify(OPAQUE, time(NOW)).await.is_ok());
    // It says nothing about an audience that is there.
    let endpoint = Endpoint::answering(active_with(json!({ "aud": "https://other.example.com" })));
    let verifier = verifier_with(introspection(&endpoint).with_absent_audience(AbsentAudience::Accept));
    assert_eq!(verifier.verify(OPAQUE, time(NOW)).await, Err(TokenError::WrongAudience));
}

#[tokio::test]
async fn a_bound_token_is_never_a_bearer_token() {
    // INT-08
    for (cnf, token_type, expected) in [
        (json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" }), "DPoP", TokenError::BoundTokenAsBearer),
        (
            json!({ "x5t#S256": "A4DtL2JmUMhAsvJj5tKyn64SqzmuXbMrJa0n761y5v0" }),
            "Bearer",
            TokenError::CertificateMismatch,
        ),
        (json!({ "unknown": "method" }), "Bearer", TokenError::BindingUnsupported),
        (json!({}), "Bearer", TokenError::BindingUnsupported),
    ] {
        let result = verify_against(active_with(json!({ "cnf": cnf, "token_type": token_type }))).await;
        assert_eq!(result, Err(expected), "{cnf}");
    }
}

#[tokio::test]
async fn the_type_of_a_token_must_go_with_its_binding() {
    // INT-09
    for (token_type, cnf) in [
        ("DPoP", json!(null)),
        ("DPoP", json!({ "x5t#S256": "bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2" })),
        ("Bearer", json!({ "jkt": "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I" })),
        ("mac", json!(null)),
        ("", json!(null)),
    ] {
        let result = verify_against(active_with(json!({ "cnf": cnf, "token_type": token_type }))).await;
        let refused = matches!(result, Err(TokenError::InvalidClaim { claim: "token_type", .. }));
        assert!(refused, "{token_type}: {result:?}");
    }
    assert!(verify_against(active_with(json!({ "token_type": "bearer" }))).await.is_ok());
}

#[tokio::test]
async fn a_user_name_is_no_identity() {
    // INT-15
    let answer = active_with(json!({ "sub": null, "username": "ann", "name": "Ann" }));
    let verified = verify_against(answer).await.unwrap();
    assert!(matches!(read(verified), Err(ClaimsError::Claim { .. })));
}

#[tokio::test]
async fn an_answer_is_read_like_the_claims_of_a_token() {
    // INT-18
    let answer = active_with(json!({
        "client_id": "agent-7", "acr": "mfa", "auth_time": NOW - 60,
        "authorization_details": [{ "type": "payment" }],
        "act": { "sub": "agent-7", "sub_profile": "ai_agent" },
    }));
    let verified = verify_against(answer.clone()).await.unwrap();
    assert_eq!(verified.claims()["authorization_details"], answer["authorization_details"]);
    let caller = read(verified).unwrap();
    assert_eq!((caller.subject().kind, caller.subject().id.as_str()), (Kind::User, "user-1"));
    let actor = caller.actor().unwrap();
    assert_eq!((actor.kind, actor.id.as_str()), (Kind::Agent, "agent-7"));
    assert_eq!(caller.scopes().unwrap(), ["orders:read"]);
}

#[tokio::test]
async fn an_answer_of_ory_is_accepted_and_its_refresh_token_is_not() {
    // Sample of https://www.ory.com/docs/hydra/guides/oauth2-webhooks.
    let mut answer = json!({
        "active": true, "scope": "openid orders.read", "client_id": "4d2a9c17-6e80-4b3f-9157-c8ae20f3d6b1",
        "sub": "9b1e7c50-24fa-4d83-8a6f-3c5d0e2b7194", "exp": EXP, "iat": IAT, "nbf": IAT, "aud": [AUDIENCE],
        "iss": ISSUER, "token_type": "Bearer", "token_use": "access_token",
        "ext": { "tenant": "acme", "roles": ["order-clerk"] },
    });
    let caller = read(verify_against(answer.clone()).await.unwrap()).unwrap();
    assert_eq!(caller.subject().id, "9b1e7c50-24fa-4d83-8a6f-3c5d0e2b7194");
    answer["token_use"] = "refresh_token".into();
    assert_eq!(verify_against(answer).await, Err(TokenError::NotAnAccessToken { claim: "token_use" }));
}

fn read(verified: VerifiedClaims) -> Result<portcullis_core::Caller, ClaimsError> {
    let mut settings = SourceSettings::default();
    settings.unlisted_clients = Some(UnlistedClients::Person);
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    Sources::new([source], AgentType::Declared).unwrap().read(verified)
}
