//! Keys behind a URL, served by a real HTTP server on this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_token::{Algorithm, Issuer, KeySource, TokenError, Verifier};
use serde_json::{Value, json};

use crate::mint::*;

#[tokio::test]
async fn keys_are_fetched_when_the_first_token_arrives() {
    let server = KeyServer::start(200, key_set());
    let verifier = server.verifier();
    assert_eq!(server.requests(), 0);
    for _ in 0..3 {
        assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn tokens_of_strangers_fetch_nothing() {
    // JWS-14
    let server = KeyServer::start(200, key_set());
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
    let server = KeyServer::start(200, key_set());
    let verifier = server.verifier();
    assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    let mut requests = server.requests();
    for (now, fetches) in [(NOW + 29, 0), (NOW + 30, 1), (NOW + 59, 0), (NOW + 60, 1)] {
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
    let server = KeyServer::start(200, key_set());
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
    let server = KeyServer::start(200, json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "as-1" }))] }));
    let verifier = server.verifier();
    let (old, new) = (
        sign(&header(), &claims()),
        sign_as(Signer::Es256, &header_with(json!({ "alg": "ES256", "kid": "ec" })), &claims()),
    );
    assert!(verifier.verify(&old, time(NOW)).await.is_ok());
    server.answer(200, json!({ "keys": [Signer::Es256.jwk_with(json!({ "kid": "ec" }))] }));
    assert_eq!(verifier.verify(&new, time(NOW + 29)).await, Err(TokenError::UnknownKey));
    assert!(verifier.verify(&new, time(NOW + 30)).await.is_ok());
    assert_eq!(verifier.verify(&old, time(NOW + 31)).await, Err(TokenError::UnknownKey));
}

#[tokio::test]
async fn without_keys_no_token_is_called_invalid() {
    // GEN-01, JWK-02, JWK-12
    for (status, body) in [
        (500, json!({})),
        (404, key_set()),
        (204, json!({})),
        (200, json!({ "keys": [] })),
        (200, json!([])),
        (200, json!({ "keys": [{ "kty": "oct", "k": "AAAA" }] })),
        (200, json!({ "keys": key_set()["keys"], "padding": vec!["x".repeat(8000); 70] })), // 560 KB
    ] {
        let server = KeyServer::start(status, body);
        let verifier = server.verifier();
        let error = verifier.verify(&sign(&header(), &claims()), time(NOW)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(5)), "{error}");
        // The next request does not ask again at once, and says how long that lasts.
        let error = verifier.verify(&sign(&header(), &claims()), time(NOW + 2)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)), "{error}");
        assert_eq!(server.requests(), 1);
        // Once the issuer answers, so do we.
        server.answer(200, key_set());
        assert!(verifier.verify(&sign(&header(), &claims()), time(NOW + 5)).await.is_ok());
    }
}

#[tokio::test]
async fn a_set_as_large_as_allowed_is_read() {
    // 504 KB
    let server = KeyServer::start(200, json!({ "keys": key_set()["keys"], "padding": vec!["x".repeat(8000); 63] }));
    assert!(server.verifier().verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
}

#[tokio::test]
async fn an_issuer_that_cannot_be_reached_is_unavailable() {
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
    let target = KeyServer::start(200, key_set());
    let server = KeyServer::start(302, json!({}));
    server.redirect(&target.url);
    let error = server.verifier().verify(&sign(&header(), &claims()), time(NOW)).await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable { .. }), "{error}");
    assert_eq!((server.requests(), target.requests()), (1, 0));
}

#[tokio::test]
async fn an_outage_does_not_take_known_keys_away() {
    let server = KeyServer::start(200, key_set());
    let verifier = server.verifier();
    let (known, unknown) = (sign(&header(), &claims()), sign(&header_with(json!({ "kid": "new" })), &claims()));
    assert!(verifier.verify(&known, time(NOW)).await.is_ok());
    server.answer(500, json!({}));
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
    let server = KeyServer::start(200, key_set());
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
    let server = KeyServer::start(200, key_set());
    let verifier = server.verifier();
    assert!(verifier.verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    let unknown = sign(&header_with(json!({ "kid": "new" })), &claims_with(json!({ "iat": 1 })));
    assert_eq!(verifier.verify(&unknown, time(NOW - 1)).await, Err(TokenError::UnknownKey));
    assert_eq!(server.requests(), 1);
    assert_eq!(verifier.verify(&unknown, time(NOW - 3600)).await, Err(TokenError::UnknownKey));
    assert_eq!(server.requests(), 2);
}

/// A server that gives one answer to every request and counts them. Its thread ends with the test process.
struct KeyServer {
    url: String,
    requests: Arc<AtomicUsize>,
    answer: Arc<Mutex<Answer>>,
}

struct Answer {
    status: u16,
    location: Option<String>,
    body: String,
}

impl KeyServer {
    fn start(status: u16, body: Value) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let answer = Arc::new(Mutex::new(Answer { status, location: None, body: body.to_string() }));
        let (counter, answers) = (Arc::clone(&requests), Arc::clone(&answer));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                // A client that has seen enough closes the connection; that is no fault of the server.
                let _ = respond(stream.unwrap(), &answers.lock().unwrap());
            }
        });
        Self { url, requests, answer }
    }

    fn answer(&self, status: u16, body: Value) {
        *self.answer.lock().unwrap() = Answer { status, location: None, body: body.to_string() };
    }

    fn redirect(&self, location: &str) {
        *self.answer.lock().unwrap() = Answer { status: 302, location: Some(location.to_owned()), body: String::new() };
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> Verifier {
        verifier_of(&self.url)
    }
}

fn verifier_of(url: &str) -> Verifier {
    let keys = KeySource::url(url).unwrap();
    let algorithms = [Algorithm::EdDsa, Algorithm::Es256];
    Verifier::new([Issuer::new("main", ISSUER, [AUDIENCE], algorithms, keys).unwrap()]).unwrap()
}

fn respond(mut stream: TcpStream, answer: &Answer) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let mut line = String::new();
    while request.read_line(&mut line)? > 2 {
        line.clear();
    }
    let location = answer.location.as_ref().map_or(String::new(), |url| format!("location: {url}\r\n"));
    write!(
        stream,
        "HTTP/1.1 {} x\r\n{location}content-length: {}\r\nconnection: close\r\n\r\n{}",
        answer.status,
        answer.body.len(),
        answer.body
    )
}
