//! Which tokens are asked about, and who is asked.

use portcullis_token::{AbsentAudience, Algorithm, IntrospectedTokens, Issuer, KeySet, Malformed, VerifierError};

use super::endpoint::Reply;
use super::*;

#[tokio::test]
async fn a_jwt_is_verified_and_never_asked_about() {
    // INT-17
    let endpoint = Endpoint::answering(active());
    let verifier = verifier_asking(&endpoint);
    let good = sign(&header(), &claims());
    assert!(verifier.verify(&good, time(NOW)).await.is_ok());
    let (message, signature) = good.rsplit_once('.').unwrap();
    for jwt in [
        format!("{message}.{}", signature.replace(&signature[..4], "AAAA")),
        format!("{message}.!!!!"),
        format!("{message}."),
        format!("{message}.{signature}="),
        good.replacen(".ey", ".eY", 1),
        sign(&header_with(json!({ "alg": "none" })), &claims()),
        sign(&header_with(json!({ "alg": "HS256" })), &claims()),
        sign(&header_with(json!({ "typ": "JWT" })), &claims()),
        sign(&header(), &claims_with(json!({ "exp": NOW }))),
        sign(&header(), &claims_with(json!({ "iss": "https://other.example.com" }))),
        sign_as(Signer::StrangeEd25519, &header(), &claims()),
        sign_text(Signer::Ed25519, " {}".trim_start(), "{}"),
        format!("{good}.a.b"), // encrypted
    ] {
        let result = verifier.verify(&jwt, time(NOW)).await;
        assert!(result.is_err() && !is_unavailable(&result), "{jwt}");
    }
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn what_no_token_may_hold_is_not_asked_about() {
    // INT-01: bounded before anybody is asked
    let endpoint = Endpoint::answering(active());
    let verifier = verifier_asking(&endpoint);
    for token in ["", "=", "a b", "a&token=b", "a\r\nb", "a%20b", "é", "a=b", "a\0"] {
        let result = verifier.verify(token, time(NOW)).await;
        assert_eq!(result, Err(TokenError::Malformed(Malformed::Characters)), "{token:?}");
    }
    let too_long = "a".repeat(16 * 1024 + 1);
    let result = verifier.verify(&too_long, time(NOW)).await;
    assert!(matches!(result, Err(TokenError::Malformed(Malformed::TooLarge { .. }))));
    assert_eq!(endpoint.count(), 0);
    assert!(verifier.verify(&too_long[1..], time(NOW)).await.is_ok());
}

#[tokio::test]
async fn without_introspection_an_opaque_token_is_malformed() {
    assert!(matches!(verifier().verify(OPAQUE, time(NOW)).await, Err(TokenError::Malformed(_))));
}

#[tokio::test]
async fn a_prefix_decides_whom_an_opaque_token_is_shown_to() {
    // INT-17, GEN-11
    let (one, other) = (Endpoint::answering(active()), Endpoint::answering(inactive()));
    let verifier = Verifier::new([
        issuer_named("one", ISSUER, Some("one_"), &one),
        issuer_named("other", "https://other.example.com", Some("other_"), &other),
    ])
    .unwrap();
    assert_eq!(verifier.verify("one_x", time(NOW)).await.unwrap().source(), "one");
    assert_eq!(verifier.verify("other_x", time(NOW)).await, Err(TokenError::Inactive));
    for token in ["x", "one", "One_x", "xone_"] {
        assert_eq!(verifier.verify(token, time(NOW)).await, Err(TokenError::UnknownIssuer), "{token}");
    }
    assert_eq!((one.count(), other.count()), (1, 1));
}

#[test]
fn issuers_whose_opaque_tokens_look_alike_do_not_start() {
    // INT-17
    let endpoint = Endpoint::start(Reply::Close);
    let start = |one, other, third| {
        Verifier::new([
            issuer_named("one", ISSUER, one, &endpoint),
            issuer_named("other", "https://other.example.com", other, &endpoint),
            issuer_named("third", "https://third.example.com", third, &endpoint),
        ])
    };
    assert!(start(Some("a_"), Some("b_"), Some("c_")).is_ok());
    for (one, other, third) in [
        (None, Some("b_"), Some("c_")),
        (None, None, Some("c_")),
        (Some("a_"), Some("a_"), Some("c_")),
        (Some("a_b"), Some("c_"), Some("a_")),
    ] {
        let error = start(one, other, third).unwrap_err();
        assert!(matches!(error, VerifierError::AmbiguousOpaqueTokens { .. }), "{error}");
        assert!(error.to_string().contains("`token_prefix`"));
    }
    let longest = "a".repeat(32);
    assert!(introspection(&endpoint).with_token_prefix(&longest).is_ok());
    for prefix in ["", "a b", "é", &format!("{longest}a")] {
        assert!(introspection(&endpoint).with_token_prefix(prefix).is_err(), "{prefix}");
    }
}

#[tokio::test]
async fn an_issuer_that_is_asked_about_jwts_only_takes_no_opaque_tokens() {
    // INT-17
    let endpoint = Endpoint::answering(active());
    let [jwt, wrapped] = [IntrospectedTokens::Jwt, IntrospectedTokens::Wrapped]
        .map(|tokens| issuer().with_introspection(introspection(&endpoint).with_tokens(tokens)));
    for issuer in [jwt, wrapped] {
        let other = issuer_named("other", "https://other.example.com", Some("other_"), &endpoint);
        let verifier = Verifier::new([issuer, other]).unwrap();
        assert_eq!(verifier.verify("one_x", time(NOW)).await, Err(TokenError::UnknownIssuer));
        assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    }
    assert_eq!(endpoint.count(), 2);
}

#[tokio::test]
async fn an_issuer_cannot_answer_for_another() {
    // INT-06, GEN-11
    let endpoint = Endpoint::answering(active_with(json!({ "iss": "https://other.example.com" })));
    let result = verifier_asking(&endpoint).verify(OPAQUE, time(NOW)).await;
    assert!(matches!(result, Err(TokenError::InvalidClaim { claim: "iss", .. })), "{result:?}");
}

#[tokio::test]
async fn a_verified_jwt_may_also_need_an_active_answer() {
    // INT-16: (changes of the answer, the claim in dispute)
    let (token, all) = (sign(&header(), &claims()), IntrospectedTokens::All);
    assert!(ask_about(&token, IntrospectedTokens::Jwt, active()).await.is_ok());
    assert_eq!(ask_about(&token, IntrospectedTokens::Jwt, inactive()).await, Err(TokenError::Inactive));
    for (changes, disputed) in [
        (json!({}), None),
        (json!({ "aud": null }), None), // the JWT says whom it is for
        (json!({ "scope": "orders:write", "exp": EXP + 60 }), None),
        (json!({ "sub": "user-2" }), Some("sub")),
        (json!({ "sub": null }), Some("sub")),
        (json!({ "client_id": "client-2" }), Some("client_id")),
        (json!({ "client_id": null }), Some("client_id")),
    ] {
        let result = ask_about(&token, all, active_with(changes.clone())).await;
        match disputed {
            // The claims are those that were signed.
            None => assert_eq!(Value::Object(result.unwrap().claims().clone()), claims(), "{changes}"),
            Some(claim) => assert_eq!(result, Err(TokenError::AnswerDisagrees { claim }), "{changes}"),
        }
    }
    let bound = active_with(json!({ "cnf": { "jkt": "x" }, "token_type": "DPoP" }));
    // The answer binds what the signed claims leave free: which of them is right cannot be told.
    assert_eq!(ask_about(&token, all, bound).await, Err(TokenError::AnswerDisagrees { claim: "cnf" }));
    let elsewhere = active_with(json!({ "aud": "https://other.example.com" }));
    assert_eq!(ask_about(&token, all, elsewhere).await, Err(TokenError::WrongAudience));
    assert_eq!(ask_about(&token, all, inactive()).await, Err(TokenError::Inactive));
    assert!(is_unavailable(&ask_about(&token, all, json!({})).await));
    assert!(ask_about(OPAQUE, all, active()).await.is_ok());
}

#[tokio::test]
async fn a_jwt_that_is_refused_anyway_is_not_asked_about() {
    // INT-17
    let endpoint = Endpoint::answering(active());
    for tokens in [IntrospectedTokens::Jwt, IntrospectedTokens::All, IntrospectedTokens::Wrapped] {
        let verifier = verifier_with(introspection(&endpoint).with_tokens(tokens));
        for jwt in [
            sign_as(Signer::StrangeEd25519, &header(), &claims()),
            sign(&header(), &claims_with(json!({ "exp": NOW }))),
            sign(&header_with(json!({ "typ": "logout+jwt" })), &claims()),
        ] {
            let result = verifier.verify(&jwt, time(NOW)).await;
            assert!(result.is_err() && !is_unavailable(&result), "{tokens:?}: {jwt}");
        }
    }
    assert_eq!(endpoint.count(), 0);
}

#[tokio::test]
async fn a_jwt_may_be_the_wrapping_of_an_opaque_token() {
    // INT-16: it says hardly anything, and the answer says who this is
    let wrapped = IntrospectedTokens::Wrapped;
    let token = sign(&header(), &json!({ "iss": ISSUER, "exp": EXP, "jti": "w-1" }));
    let verified = ask_about(&token, wrapped, active()).await.unwrap();
    assert_eq!(Value::Object(verified.claims().clone()), active());
    assert_eq!(ask_about(&token, wrapped, inactive()).await, Err(TokenError::Inactive));
    let unaddressed = active_with(json!({ "aud": null }));
    assert_eq!(ask_about(&token, wrapped, unaddressed).await, Err(TokenError::MissingClaim { claim: "aud" }));
    for (own, answer, claim) in [
        (json!({ "sub": "user-2" }), json!({}), "sub"),
        (json!({ "client_id": "client-2" }), json!({}), "client_id"),
        (json!({ "cnf": { "jkt": "x" } }), json!({}), "cnf"), // the binding must not get lost
    ] {
        let token = sign(&header(), &claims_with(own));
        let result = ask_about(&token, wrapped, active_with(answer)).await;
        assert_eq!(result, Err(TokenError::AnswerDisagrees { claim }));
    }
    let elsewhere = sign(&header(), &claims_with(json!({ "aud": "https://other.example.com" })));
    let unaddressed = active_with(json!({ "aud": null }));
    assert_eq!(ask_about(&elsewhere, wrapped, unaddressed).await, Err(TokenError::WrongAudience));
    // Unless that is said, such a token lacks its claims.
    let result = ask_about(&token, IntrospectedTokens::Opaque, active()).await;
    assert!(matches!(result, Err(TokenError::MissingClaim { .. })), "{result:?}");
}

async fn ask_about(token: &str, tokens: IntrospectedTokens, answer: Value) -> Result<VerifiedClaims, TokenError> {
    let endpoint = Endpoint::answering(answer);
    verifier_with(introspection(&endpoint).with_tokens(tokens)).verify(token, time(NOW)).await
}

fn issuer_named(alias: &str, identifier: &str, prefix: Option<&str>, endpoint: &Endpoint) -> Issuer {
    let keys = KeySet::from_json(key_set().to_string().as_bytes()).unwrap();
    let mut introspection = introspection(endpoint).with_absent_audience(AbsentAudience::Accept);
    if let Some(prefix) = prefix {
        introspection = introspection.with_token_prefix(prefix).unwrap();
    }
    let issuer = Issuer::new(alias, identifier, [AUDIENCE], [Algorithm::EdDsa], keys).unwrap();
    issuer.with_introspection(introspection)
}
