//! Answers as signed JWTs (RFC 9701).

use super::endpoint::Reply;
use super::*;

#[tokio::test]
async fn a_signed_answer_is_asked_for_and_read() {
    // IJW-01
    for aud in [json!(CLIENT_ID), json!(["https://other.example.com", CLIENT_ID]), json!(AUDIENCE)] {
        let (endpoint, result) = answer_signed(&typ(), &statement_with(json!({ "aud": aud }))).await;
        assert_eq!(Value::Object(result.unwrap().claims().clone()), active(), "{aud}");
        assert_eq!(endpoint.requests()[0].field("accept"), Some(MEDIA_TYPE));
    }
}

#[tokio::test]
async fn a_plain_answer_will_not_do_where_a_signed_one_is_demanded() {
    // IJW-02
    let jwt = sign(&typ(), &statement_with(json!({})));
    for (content_type, body) in [
        ("application/json", active().to_string()),
        (MEDIA_TYPE, active().to_string()),
        ("application/json", jwt.clone()),
        ("application/jwt", jwt),
    ] {
        let (_, result) = answer(Reply::Http { status: 200, content_type, body: body.clone() }).await;
        assert!(is_unavailable(&result), "{content_type}: {body}");
    }
}

#[tokio::test]
async fn a_signed_answer_is_not_read_where_none_was_asked_for() {
    let body = sign(&typ(), &statement_with(json!({})));
    let endpoint = Endpoint::start(Reply::Http { status: 200, content_type: MEDIA_TYPE, body });
    assert!(is_unavailable(&verifier_asking(&endpoint).verify(OPAQUE, time(NOW)).await));
}

#[tokio::test]
async fn a_signed_answer_has_its_own_type_and_a_right_signature() {
    // IJW-03
    let statement = statement_with(json!({}));
    assert!(
        answer_signed(&header_with(json!({ "typ": format!("application/{SUBTYPE}") })), &statement).await.1.is_ok()
    );
    for header in [
        header_with(json!({ "typ": "JWT" })),
        header_with(json!({ "typ": "at+jwt" })),
        header_without("typ"),
        header_with(json!({ "typ": SUBTYPE, "alg": "none" })),
        header_with(json!({ "typ": SUBTYPE, "alg": "HS256" })),
        header_with(json!({ "typ": SUBTYPE, "kid": "unknown" })),
    ] {
        assert!(is_unavailable(&answer_signed(&header, &statement).await.1), "{header}");
    }
    let genuine = sign(&typ(), &statement);
    let (message, _) = genuine.rsplit_once('.').unwrap();
    for body in [
        sign_as(Signer::StrangeEd25519, &typ(), &statement),
        format!("{message}."),
        message.to_owned(),
        // Encrypted, with a content that nobody signed. None is decrypted here.
        format!("{}.{}.aaaa.aaaa.aaaa", encode(r#"{"alg":"dir","enc":"A128GCM"}"#), ""),
    ] {
        let reply = Reply::Http { status: 200, content_type: MEDIA_TYPE, body: body.clone() };
        assert!(is_unavailable(&answer(reply).await.1), "{body}");
    }
}

#[tokio::test]
async fn a_signed_answer_is_from_the_issuer_for_us_and_new() {
    // IJW-04
    for (changes, acceptable) in [
        (json!({ "iss": "https://other.example.com" }), false),
        (json!({ "iss": null }), false),
        (json!({ "aud": "another-resource-server" }), false), // replayed from somebody else
        (json!({ "aud": "" }), false),
        (json!({ "aud": null }), false),
        (json!({ "iat": null }), false),
        (json!({ "iat": "now" }), false),
        (json!({ "iat": NOW - 60 }), true),
        (json!({ "iat": NOW - 61 }), false),
        (json!({ "iat": NOW + 60 }), true),
        (json!({ "iat": NOW + 61 }), false),
    ] {
        let (_, result) = answer_signed(&typ(), &statement_with(changes.clone())).await;
        assert_eq!(result.is_ok(), acceptable, "{changes}");
        assert!(acceptable || is_unavailable(&result), "{changes}");
    }
}

#[tokio::test]
async fn only_the_inner_members_speak_of_the_token() {
    // IJW-05
    let (_, result) = answer_signed(
        &typ(),
        &statement_with(json!({ "active": true, "sub": "user-1", "token_introspection": inactive() })),
    )
    .await;
    assert_eq!(result, Err(TokenError::Inactive));
    for inner in [json!(null), json!("active"), json!([active()]), json!({}), json!({ "active": "true" })] {
        let statement = statement_with(json!({ "active": true, "scope": "all", "token_introspection": inner }));
        assert!(is_unavailable(&answer_signed(&typ(), &statement).await.1), "{inner}");
    }
    // They are checked like those of a plain answer.
    let expired = statement_with(json!({ "exp": EXP, "token_introspection": active_with(json!({ "exp": NOW })) }));
    assert!(matches!(answer_signed(&typ(), &expired).await.1, Err(TokenError::Expired { .. })));
}

fn typ() -> Value {
    header_with(json!({ "typ": SUBTYPE }))
}

/// The claims of a good signed answer, some of them replaced; what is replaced by `null` is left out.
fn statement_with(changes: Value) -> Value {
    let mut statement = json!({ "iss": ISSUER, "aud": CLIENT_ID, "iat": NOW, "token_introspection": active() });
    for (claim, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => statement.as_object_mut().unwrap().remove(claim),
            value => statement.as_object_mut().unwrap().insert(claim.clone(), value.clone()),
        };
    }
    statement
}

async fn answer_signed(header: &Value, statement: &Value) -> (Endpoint, Result<VerifiedClaims, TokenError>) {
    answer(Reply::Http { status: 200, content_type: MEDIA_TYPE, body: sign(header, statement) }).await
}

async fn answer(reply: Reply) -> (Endpoint, Result<VerifiedClaims, TokenError>) {
    let endpoint = Endpoint::start(reply);
    let verifier = verifier_with(introspection(&endpoint).with_signed_answers());
    let result = verifier.verify(OPAQUE, time(NOW)).await;
    (endpoint, result)
}

const SUBTYPE: &str = "token-introspection+jwt";
const MEDIA_TYPE: &str = "application/token-introspection+jwt";
