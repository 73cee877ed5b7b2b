//! Keys behind a URL, served by a real HTTP server on this machine.

use std::net::TcpListener;
use std::sync::Arc;
use std::time::Duration;

use portcullis_token::{Algorithm, Issuer, KeySource, TokenError, Verifier};
use serde_json::json;

use crate::mint::*;
use crate::server::{Answer, Server};

#[tokio::test]
async fn keys_are_fetched_when_the_first_token_arrives() {
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    assert_eq!(server.requests(), 0);
    for _ in 0..3 {
        assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn tokens_of_strangers_fetch_nothing() {
    // JWS-14, ASM-09
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    for token in [
        "a.b.c".to_owned(),
        sign(&header(), &claims_with(json!({ "iss": "https://evil.example" }))),
        sign(&header_with(json!({ "alg": "HS256" })), &claims()),
        sign(&header_with(json!({ "alg": "ES384" })), &claims()),
        sign(&header_with(json!({ "crit": ["x"] })), &claims()),
    ] {
        assert!(verifier.verify(&token, time(NOW)).await.is_err());
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_thousand_unknown_keys_cause_one_fetch_per_cool_down() {
    // JWK-09
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    let mut requests = server.requests();
    for (now, fetches) in [(NOW + 4, 0), (NOW + 5, 1), (NOW + 34, 0), (NOW + 35, 1), (NOW + 64, 0)] {
        for n in 0..1000 {
            let token = sign(&header_with(json!({ "kid": format!("{now}-{n}") })), &claims());
            assert_eq!(verifier.verify(&token, time(now)).await, Err(TokenError::UnknownKey));
        }
        assert_eq!(server.requests() - requests, fetches, "{now}");
        requests = server.requests();
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_one_time_share_one_fetch() {
    // JWK-09
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = Arc::new(server.verifier());
    let tasks: Vec<_> = (0..100)
        .map(|_| {
            let verifier = Arc::clone(&verifier);
            tokio::spawn(async move { verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_rotated_key_is_found_and_the_old_one_stops() {
    // JWK-11
    let server =
        KeyServer::start(Answer::json(&json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "as-1" }))] })));
    let verifier = server.verifier();
    let (old, new) = (
        sign(&header(), &claims()),
        sign_as(Signer::Es256, &header_with(json!({ "alg": "ES256", "kid": "ec" })), &claims()),
    );
    assert!(verifier.verify(&old, time(NOW)).await.is_ok());
    server.answer(Answer::json(&json!({ "keys": [Signer::Es256.jwk_with(json!({ "kid": "ec" }))] })));
    // The keys were fetched a moment ago. That nobody asked for an unknown one yet lets it be found soon.
    assert_eq!(verifier.verify(&new, time(NOW + 4)).await, Err(TokenError::UnknownKey));
    assert!(verifier.verify(&new, time(NOW + 5)).await.is_ok());
    assert_eq!(verifier.verify(&old, time(NOW + 6)).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn without_keys_no_token_is_called_invalid() {
    // GEN-01, JWK-02, JWK-12
    let padded = |count| json!({ "keys": key_set()["keys"], "padding": vec!["x".repeat(8000); count] });
    for answer in [
        Answer::status(500),
        Answer::status(204),
        Answer::json(&key_set()).with_status(404),
        Answer::text("text/html", "<html>"),
        Answer::json(&json!([])),
        Answer::json(&json!({})),
        Answer::json(&json!({ "keys": [] })),
        Answer::json(&json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })), // JWK-06
        Answer::text("application/json", &key_set().to_string().replacen('{', "{\"keys\":[],", 1)),
        Answer::json(&padded(70)),    // 560 KB
        Answer::json(&padded(1_300)), // 10 MB
    ] {
        let server = KeyServer::start(answer);
        let verifier = server.verifier();
        let error = verifier.verify(&sign(&header(), &claims()), time(NOW)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(5)), "{error}");
        // The next request does not ask again at once, and says how long that lasts.
        let error = verifier.verify(&sign(&header(), &claims()), time(NOW + 2)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)), "{error}");
        assert_eq!(server.requests(), 1);
        // Once the issuer answers, so do we.
        server.answer(Answer::json(&key_set()));
        assert!(verifier.verify(&sign(&header(), &claims()), time(NOW + 5)).await.is_ok());
    }
}

#[tokio::test]
async fn a_set_as_large_as_allowed_is_read() {
    // 504 KB
    let server =
        KeyServer::start(Answer::json(&json!({ "keys": key_set()["keys"], "padding": vec!["x".repeat(8000); 63] })));
    assert!(server.verifier().verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_unavailable() {
    // GEN-01
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/jwks", listener.local_addr().unwrap());
    drop(listener);
    let error = verifier_of(&url).verify(&sign(&header(), &claims()), time(NOW)).await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable { .. }), "{error}");
    assert_eq!(error.description(), "the access token cannot be verified now");
}

#[tokio::test]
async fn redirects_are_not_followed() {
    // JWK-02
    let target = KeyServer::start(Answer::json(&key_set()));
    for location in [target.0.url("/jwks"), "/jwks".to_owned(), "http://169.254.169.254/jwks".to_owned()] {
        let server = KeyServer::start(Answer::status(302).with_header("location", &location));
        let error = server.verifier().verify(&sign(&header(), &claims()), time(NOW)).await.unwrap_err();
        assert!(matches!(error, TokenError::Unavailable { .. }), "{error}");
        assert_eq!((server.requests(), target.requests()), (1, 0));
    }
}

#[tokio::test]
async fn an_outage_does_not_take_known_keys_away() {
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    let (known, unknown) = (sign(&header(), &claims()), sign(&header_with(json!({ "kid": "new" })), &claims()));
    assert!(verifier.verify(&known, time(NOW)).await.is_ok());
    server.answer(Answer::status(500));
    // Nobody can say whether the key exists.
    let error = verifier.verify(&unknown, time(NOW + 30)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(30)));
    let error = verifier.verify(&unknown, time(NOW + 40)).await.unwrap_err();
    assert_eq!(error.retry_after(), Some(Duration::from_secs(20)));
    assert!(verifier.verify(&known, time(NOW + 41)).await.is_ok());
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_abort_the_fetch() {
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    let token = sign(&header(), &claims());
    {
        let mut first = Box::pin(verifier.verify(&token, time(NOW)));
        // One poll starts the fetch; dropping the future is what a client does that hangs up.
        assert!(matches!(
            std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context))).await,
            std::task::Poll::Pending
        ));
    }
    assert!(verifier.verify(&token, time(NOW)).await.is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_clock_that_is_set_back_does_not_lock_out_new_keys() {
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    let unknown = sign(&header_with(json!({ "kid": "new" })), &claims_with(json!({ "iat": 1 })));
    assert_eq!(verifier.verify(&unknown, time(NOW - 1)).await, Err(TokenError::UnknownKey));
    assert_eq!(server.requests(), 1);
    assert_eq!(verifier.verify(&unknown, time(NOW - 3600)).await, Err(TokenError::UnknownKey));
    assert_eq!(server.requests(), 2);
}

#[tokio::test]
async fn a_server_that_stops_in_the_middle_is_given_up() {
    // JWK-02
    let server = KeyServer::start(Answer::hanging());
    let verifier = server.verifier();
    let verification = tokio::spawn(async move { verifier.verify(&sign(&header(), &claims()), time(NOW)).await });
    server.0.is_hanging().await;
    // With the clock stopped, the runtime goes to the next deadline as soon as nothing else is left to do.
    tokio::time::pause();
    let error = verification.await.unwrap().unwrap_err();
    assert!(matches!(error, TokenError::Unavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_token_cannot_say_where_its_key_is() {
    // JWK-01
    let stranger = Server::start();
    let strange_key = Signer::StrangeEd25519.jwk_with(json!({ "kid": "strange" }));
    stranger.serve("/jwks", Answer::json(&json!({ "keys": [strange_key] })));
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    for parameters in [
        json!({ "kid": "strange", "jku": stranger.url("/jwks") }),
        json!({ "kid": "strange", "x5u": stranger.url("/jwks") }),
        json!({ "kid": "strange", "jwk": strange_key }),
        json!({ "kid": "strange", "x5c": ["MII="], "x5t": "AA", "x5t#S256": "AA" }),
        json!({ "kid": stranger.url("/jwks") }),
    ] {
        let token = sign_as(Signer::StrangeEd25519, &header_with(parameters.clone()), &claims());
        assert_eq!(verifier.verify(&token, time(NOW)).await, Err(TokenError::UnknownKey), "{parameters}");
    }
    assert_eq!((stranger.requests(), server.requests()), (0, 1));
}

#[tokio::test]
async fn a_key_id_is_a_name_and_nothing_else() {
    // JWK-03
    let names =
        ["../../etc/passwd", "' OR 1=1--", "%2e%2e/jwks?x=1#y", "as-1\r\nx: y", "AS-1", "as-1 ", "aſ-1", "\u{0}"];
    let server = KeyServer::start(Answer::json(&key_set()));
    let verifier = server.verifier();
    for (n, name) in (0..).zip(names) {
        let token = sign(&header_with(json!({ "kid": name })), &claims());
        assert_eq!(verifier.verify(&token, time(NOW + 30 * n)).await, Err(TokenError::UnknownKey), "{name}");
        // A key may have such a name all the same.
        let named =
            KeyServer::start(Answer::json(&json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": name }))] })));
        assert!(named.verifier().verify(&token, time(NOW)).await.is_ok(), "{name}");
    }
    let long = sign(&header_with(json!({ "kid": "k".repeat(10 * 1024) })), &claims());
    assert!(matches!(verifier.verify(&long, time(NOW)).await, Err(TokenError::Malformed(_))));
    assert!(server.0.requested().iter().all(|path| path == "/jwks"));
}

/// A server with a key set at one place.
pub(crate) struct KeyServer(Server);

impl KeyServer {
    pub(crate) fn start(answer: Answer) -> Self {
        let server = Server::start();
        server.serve("/jwks", answer);
        Self(server)
    }

    pub(crate) fn answer(&self, answer: Answer) {
        self.0.serve("/jwks", answer);
    }

    fn requests(&self) -> usize {
        self.0.requests()
    }

    pub(crate) fn verifier(&self) -> Verifier {
        verifier_of(&self.0.url("/jwks"))
    }
}

fn verifier_of(url: &str) -> Verifier {
    let keys = KeySource::url(url).unwrap();
    let algorithms = [Algorithm::EdDsa, Algorithm::Es256];
    Verifier::new([Issuer::new("main", ISSUER, [AUDIENCE], algorithms, keys).unwrap()]).unwrap()
}
