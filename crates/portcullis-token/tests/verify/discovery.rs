//! Keys that the issuer's metadata lead to.

use portcullis_token::{Algorithm, Issuer, IssuerError, KeySource, KeySourceError, TokenError, Verifier};
use serde_json::{Value, json};

use crate::mint::*;
use crate::server::{Answer, Server};

const OAUTH: &str = "/.well-known/oauth-authorization-server";
const OPENID: &str = "/.well-known/openid-configuration";

/// An issuer with its keys at `/jwks`, other ones at `/other-jwks`, and no metadata yet.
struct TestIssuer {
    server: Server,
    identifier: String,
    verifier: Verifier,
}

impl TestIssuer {
    fn start() -> Self {
        Self::start_at("")
    }

    fn start_at(path: &str) -> Self {
        let server = Server::start();
        server.serve("/jwks", Answer::json(&json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "as-1" }))] })));
        server.serve("/other-jwks", Answer::json(&json!({ "keys": [Signer::StrangeEd25519.jwk()] })));
        let identifier = server.url(path);
        let keys = KeySource::discovered(&identifier).unwrap();
        let issuer = Issuer::new("main", identifier.clone(), [AUDIENCE], [Algorithm::EdDsa], keys).unwrap();
        Self { server, identifier, verifier: Verifier::new([issuer]).unwrap() }
    }

    fn metadata(&self) -> Value {
        json!({ "issuer": self.identifier, "jwks_uri": self.server.url("/jwks"), "scopes_supported": ["a"], "x": {} })
    }

    fn metadata_with(&self, changes: Value) -> Value {
        let Value::Object(changes) = changes else { panic!("changes are an object") };
        let mut metadata = self.metadata();
        metadata.as_object_mut().unwrap().extend(changes);
        metadata
    }

    /// The metadata as the server sends them, some of them replaced.
    fn answer(&self, changes: Value) -> Answer {
        Answer::json(&self.metadata_with(changes))
    }

    async fn verify(&self, after: i64) -> Result<(), TokenError> {
        let claims = claims_with(json!({ "iss": self.identifier, "exp": EXP + 1_000_000 }));
        self.verifier.verify(&sign(&header(), &claims), time(NOW + after)).await.map(drop)
    }

    /// Has the keys fetched again, and waits for that: a token names a key that does not exist.
    async fn refresh(&self, after: i64) -> Result<(), TokenError> {
        let claims = claims_with(json!({ "iss": self.identifier, "exp": EXP + 1_000_000 }));
        let token = sign(&header_with(json!({ "kid": "new" })), &claims);
        self.verifier.verify(&token, time(NOW + after)).await.map(drop)
    }
}

#[tokio::test]
async fn any_of_the_three_locations_will_do() {
    // ASM-02, ASM-03, ASM-04: a slash at the end of the issuer makes another issuer, but no other location.
    for path in ["", "/", "/tenant1", "/tenant1/"] {
        let bare = path.trim_end_matches('/');
        for location in [format!("{OAUTH}{bare}"), format!("{OPENID}{bare}"), format!("{bare}{OPENID}")] {
            let issuer = TestIssuer::start_at(path);
            issuer.server.serve(&location, Answer::json(&issuer.metadata()));
            assert_eq!(issuer.verify(0).await, Ok(()), "{path} {location}");
            assert_eq!(issuer.server.requests_for("/jwks"), 1);
        }
    }
}

#[tokio::test]
async fn locations_are_asked_in_their_order_and_only_when_needed() {
    // ASM-04
    let issuer = TestIssuer::start_at("/tenant1");
    let (first, second, third) = (format!("{OAUTH}/tenant1"), format!("{OPENID}/tenant1"), format!("/tenant1{OPENID}"));
    issuer.server.serve(&third, Answer::json(&issuer.metadata()));
    assert_eq!(issuer.server.requests(), 0);
    assert_eq!(issuer.verify(0).await, Ok(()));
    assert_eq!(issuer.server.requested(), [&first, &second, &third, "/jwks"]);
    assert_eq!(issuer.verify(1).await, Ok(()));
    assert_eq!(issuer.server.requests(), 4);
    // For the sake of an unknown key only the keys are fetched again.
    assert_eq!(issuer.refresh(31).await, Err(TokenError::UnknownKey));
    assert_eq!((issuer.server.requests(), issuer.server.requests_for("/jwks")), (5, 2));
}

#[tokio::test]
async fn a_document_that_is_not_acceptable_ends_the_search() {
    // ASM-04: a good one behind it is not looked for. GEN-01
    type Case = (&'static str, fn(&TestIssuer) -> Answer);
    let cases: [Case; 18] = [
        ("ASM-05: with a slash", |it| it.answer(json!({ "issuer": format!("{}/", it.identifier) }))),
        ("ASM-05: in another case", |it| it.answer(json!({ "issuer": it.identifier.to_uppercase() }))),
        ("ASM-05: an honest issuer", |it| it.answer(json!({ "issuer": "https://honest.example.com" }))),
        ("ASM-05: a list", |it| it.answer(json!({ "issuer": [it.identifier] }))),
        ("ASM-05: none", |it| Answer::json(&json!({ "jwks_uri": it.server.url("/jwks") }))),
        ("ASM-06: 204", |_| Answer::status(204)),
        ("ASM-06: 500", |_| Answer::status(500)),
        ("ASM-06: 429", |_| Answer::status(429)),
        ("ASM-06: redirect", |_| Answer::status(302).with_header("location", OPENID)),
        ("ASM-06: HTML", |it| Answer::text("text/html", &it.metadata().to_string())),
        ("ASM-06: array", |it| Answer::json(&json!([it.metadata()]))),
        ("ASM-06: repeated member", |it| {
            Answer::text("application/json", &it.metadata().to_string().replacen('{', "{\"issuer\":\"\",", 1))
        }),
        ("ASM-06: no jwks_uri", |it| Answer::json(&json!({ "issuer": it.identifier }))),
        ("ASM-06: jwks_uri is a list", |it| it.answer(json!({ "jwks_uri": [it.server.url("/jwks")] }))),
        ("ASM-06: http jwks_uri", |it| it.answer(json!({ "jwks_uri": "http://as.example.com/jwks" }))),
        ("ASM-06: relative jwks_uri", |it| it.answer(json!({ "jwks_uri": "/jwks" }))),
        ("ASM-06: http endpoint", |it| it.answer(json!({ "introspection_endpoint": "http://as.example.com/i" }))),
        ("ASM-10: too large", |it| it.answer(json!({ "x": vec!["x".repeat(8000); 70] }))),
    ];
    for (case, answer) in cases {
        let issuer = TestIssuer::start();
        issuer.server.serve(OPENID, issuer.answer(json!({})));
        issuer.server.serve(OAUTH, answer(&issuer));
        assert_unavailable(issuer.verify(0).await, case);
        assert_eq!(issuer.server.requests_for("/jwks"), 0, "{case}");
        issuer.server.serve(OAUTH, Answer::status(404));
        assert_eq!(issuer.verify(5).await, Ok(()), "{case}");
    }
    // Nothing anywhere.
    assert_unavailable(TestIssuer::start().verify(0).await, "no metadata");
}

#[tokio::test]
async fn two_documents_must_not_contradict_each_other() {
    // ASM-07
    type Second = fn(&TestIssuer) -> Answer;
    let cases: [(&str, Second, bool); 6] = [
        ("the same keys", |it| it.answer(json!({ "userinfo_endpoint": "https://as.example.com/userinfo" })), true),
        ("other keys", |it| it.answer(json!({ "jwks_uri": it.server.url("/other-jwks") })), false),
        ("another issuer", |it| it.answer(json!({ "issuer": "https://as.example.com" })), false),
        ("nobody knows", |_| Answer::status(503), false),
        // Some servers answer every path with their start page.
        ("no document", |_| Answer::text("text/html", "<html>"), true),
        ("absent", |_| Answer::status(403), true),
    ];
    for (case, second, accepted) in cases {
        let issuer = TestIssuer::start();
        issuer.server.serve(OAUTH, issuer.answer(json!({})));
        issuer.server.serve(OPENID, second(&issuer));
        let result = issuer.verify(0).await;
        if accepted { assert_eq!(result, Ok(()), "{case}") } else { assert_unavailable(result, case) }
    }
}

#[tokio::test]
async fn signed_metadata_change_nothing() {
    // ASM-08: forged ones that name other keys, and ones that are no JWT at all.
    let issuer = TestIssuer::start();
    let forged =
        issuer.metadata_with(json!({ "jwks_uri": issuer.server.url("/other-jwks"), "iss": issuer.identifier }));
    let forged = sign_as(Signer::StrangeEd25519, &json!({ "alg": "EdDSA" }), &forged);
    for signed in [json!(forged), json!("x"), json!(1), json!("x".repeat(20_000))] {
        let issuer = TestIssuer::start();
        issuer.server.serve(OAUTH, issuer.answer(json!({ "signed_metadata": signed })));
        assert_eq!(issuer.verify(0).await, Ok(()));
        assert_eq!(issuer.server.requests_for("/other-jwks"), 0);
    }
}

#[tokio::test]
async fn a_token_triggers_no_discovery_at_its_issuer() {
    // ASM-09
    let (issuer, stranger) = (TestIssuer::start(), TestIssuer::start());
    stranger.server.serve(OAUTH, stranger.answer(json!({})));
    let token = sign(&header(), &claims_with(json!({ "iss": stranger.identifier })));
    assert_eq!(issuer.verifier.verify(&token, time(NOW)).await.map(drop), Err(TokenError::UnknownIssuer));
    assert_eq!((issuer.server.requests(), stranger.server.requests()), (0, 0));
}

#[tokio::test]
async fn keys_that_move_to_another_server_are_not_followed() {
    // ASM-11: the new place has keys for the tokens of somebody else, and is never asked.
    let elsewhere = Server::start();
    elsewhere.serve("/jwks", Answer::json(&json!({ "keys": [Signer::StrangeEd25519.jwk()] })));
    type Change = fn(&TestIssuer, &Server) -> Value;
    let changes: [(&str, Change); 3] = [
        ("jwks_uri", |it, elsewhere| it.metadata_with(json!({ "jwks_uri": elsewhere.url("/jwks") }))),
        ("issuer", |it, elsewhere| it.metadata_with(json!({ "issuer": elsewhere.origin() }))),
        ("introspection_endpoint", |it, elsewhere| {
            it.metadata_with(json!({ "introspection_endpoint": elsewhere.url("/introspect") }))
        }),
    ];
    for (case, change) in changes {
        let issuer = TestIssuer::start();
        issuer
            .server
            .serve(OAUTH, issuer.answer(json!({ "introspection_endpoint": issuer.server.url("/introspect") })));
        assert_eq!(issuer.verify(0).await, Ok(()));
        issuer.server.serve(OAUTH, Answer::json(&change(&issuer, &elsewhere)));
        // Far beyond the time for which metadata are used that cannot be fetched: held back is not out of reach.
        for after in [300, 20_000, 400_000] {
            issuer.refresh(after).await.unwrap_err();
            assert_eq!(issuer.verify(after).await, Ok(()), "{case} after {after}");
        }
        assert_eq!((issuer.server.requests_for("/jwks"), elsewhere.requests()), (4, 0), "{case}");
    }
}

#[tokio::test]
async fn keys_that_move_within_their_server_are_followed() {
    let issuer = TestIssuer::start();
    // Metadata may be kept for a day, but not once the keys are gone from where they say.
    issuer.server.serve(OAUTH, issuer.answer(json!({})).with_header("cache-control", "max-age=86400"));
    assert_eq!(issuer.verify(0).await, Ok(()));
    issuer.server.serve("/jwks", Answer::status(404));
    issuer.server.serve("/new", Answer::json(&json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "as-1" }))] })));
    issuer.server.serve(OAUTH, issuer.answer(json!({ "jwks_uri": issuer.server.url("/new") })));
    assert_unavailable(issuer.refresh(300).await, "the old place is empty");
    assert_eq!(issuer.refresh(330).await, Err(TokenError::UnknownKey));
    assert_eq!(issuer.server.requests_for("/new"), 1);
    assert_eq!(issuer.verify(10_000).await, Ok(()));
}

#[tokio::test]
async fn metadata_that_cannot_be_fetched_again_are_used_for_a_while() {
    // GEN-01, JWK-10: the keys still can.
    let issuer = TestIssuer::start();
    issuer.server.serve(OAUTH, issuer.answer(json!({})));
    assert_eq!(issuer.verify(0).await, Ok(()));
    issuer.server.serve(OAUTH, Answer::status(503));
    for after in [300, 3_000, 3_899] {
        assert_eq!(issuer.refresh(after).await, Err(TokenError::UnknownKey), "{after}");
    }
    assert_unavailable(issuer.refresh(3_930).await, "metadata expired");
    assert_unavailable(issuer.verify(3_899 + 3_900).await, "keys expired");
    issuer.server.serve(OAUTH, issuer.answer(json!({})));
    assert_eq!(issuer.verify(3_899 + 4_000).await, Ok(()));
}

#[test]
fn an_issuer_that_is_no_url_has_no_metadata() {
    for issuer in ["", "accounts.google.com", "urn:issuer", "http://as.example.com", "https://as.example.com/#a"] {
        assert!(matches!(KeySource::discovered(issuer), Err(KeySourceError::Endpoint(_))), "{issuer}");
    }
    // The keys of one issuer are not those of another, not even of one spelled nearly so.
    let keys = KeySource::discovered("https://as.example.com/").unwrap();
    let issuer = Issuer::new("main", "https://as.example.com", [AUDIENCE], [Algorithm::EdDsa], keys);
    assert!(matches!(issuer, Err(IssuerError::OtherIssuersKeys { .. })));
}

#[track_caller]
fn assert_unavailable(result: Result<(), TokenError>, case: &str) {
    assert!(matches!(result, Err(TokenError::Unavailable { .. })), "{case}: {result:?}");
}
