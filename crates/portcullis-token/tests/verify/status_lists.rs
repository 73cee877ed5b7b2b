//! Token status lists, served by a real HTTP server on this machine.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use portcullis_token::{StatusCheck, StatusLists, TokenError, Verifier};
use serde_json::{Value, json};

use crate::mint::*;

/// `1,0,0,1,1,1,0,1,1,1,0,0,0,1,0,1` of one bit each.
const ONE_BIT: &str = "eNrbuRgAAhcBXQ";
/// `1,2,0,3,0,1,0,1,1,2,3,3` of two bits each.
const TWO_BITS: &str = "eNo76fITAAPfAgc";

#[tokio::test]
async fn only_the_status_valid_is_accepted() {
    // TSL-10, TSL-11, TSL-12
    for (bits, lst, statuses) in [(1, ONE_BIT, [1, 0, 0, 1]), (2, TWO_BITS, [1, 2, 0, 3])] {
        let server = ListServer::start();
        server.serve(&server.list(json!({ "status_list": { "bits": bits, "lst": lst } })));
        let verifier = server.verifier();
        for (index, status) in statuses.into_iter().enumerate() {
            let result = verifier.verify(&server.token(json!(index)), time(NOW)).await.map(|_| ());
            let expected = if status == 0 { Ok(()) } else { Err(TokenError::StatusNotValid { status }) };
            assert_eq!(result, expected, "{index}");
        }
        assert_eq!(server.requests(), 1, "one fetch serves them all");
        for beyond in [json!(16), json!(u64::MAX)] {
            let error = verifier.verify(&server.token(beyond), time(NOW)).await.unwrap_err();
            assert!(matches!(error, TokenError::InvalidClaim { claim: "status", .. }), "{error}");
        }
    }
}

#[tokio::test]
async fn a_token_without_a_status_needs_no_list() {
    let server = ListServer::start();
    assert!(server.verifier().verify(&sign(&header(), &claims()), time(NOW)).await.is_ok());
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn a_status_that_nobody_decided_about_is_refused() {
    let server = ListServer::start();
    let token = server.token(json!(1));
    let refused = verifier().verify(&token, time(NOW)).await;
    assert_eq!(refused, Err(TokenError::StatusNotChecked));
    let ignoring = Verifier::new([issuer().with_status(StatusCheck::Ignore)]).unwrap();
    assert!(ignoring.verify(&token, time(NOW)).await.is_ok());
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn nothing_is_fetched_for_a_token_that_is_refused_anyway() {
    // TSL-01, JWS-14; and a list that says "valid" changes nothing about it
    let server = ListServer::start();
    server.serve(&server.list(json!({})));
    let verifier = server.verifier();
    let status = json!({ "status_list": { "idx": 1, "uri": server.url } });
    let with = |changes: Value| {
        let mut claims = claims_with(changes);
        claims["status"] = status.clone();
        claims
    };
    let valid = sign(&header(), &with(json!({})));
    for token in [
        sign(&header(), &with(json!({ "exp": NOW }))),
        sign(&header(), &with(json!({ "nbf": NOW + 1 }))),
        sign(&header(), &with(json!({ "aud": "https://other.example.com" }))),
        sign(&header_with(json!({ "typ": "JWT" })), &with(json!({}))),
        sign_as(Signer::StrangeEd25519, &header(), &with(json!({}))),
    ] {
        assert!(verifier.verify(&token, time(NOW)).await.is_err());
    }
    assert_eq!(server.requests(), 0);
    assert!(verifier.verify(&valid, time(NOW)).await.is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_revoked_token_is_refused_for_that_before_anybody_proves_anything() {
    // GEN-03: the status comes before the sender, so a bound token may cause a fetch before its proof is looked at
    let server = ListServer::start();
    server.serve(&server.list(json!({})));
    let verifier = server.verifier();
    let bound = |index: u64| {
        let cnf = json!({ "jkt": "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk" });
        let status = json!({ "status_list": { "idx": index, "uri": server.url } });
        sign(&header(), &claims_with(json!({ "cnf": cnf, "status": status })))
    };
    let revoked = TokenError::StatusNotValid { status: 1 };
    assert_eq!(verifier.verify(&bound(0), time(NOW)).await, Err(revoked));
    assert_eq!(verifier.verify(&bound(1), time(NOW)).await, Err(TokenError::BoundTokenAsBearer));
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_reference_that_names_no_allowed_list_is_refused_without_a_fetch() {
    // TSL-02, TSL-03
    let server = ListServer::start();
    let verifier = server.verifier();
    let url = &server.url;
    for status in [
        json!({}),
        json!({ "other": 1 }),
        json!({ "status_list": [] }),
        json!({ "status_list": { "uri": url } }),
        json!({ "status_list": { "idx": 1 } }),
        json!({ "status_list": { "idx": -1, "uri": url } }),
        json!({ "status_list": { "idx": "5", "uri": url } }),
        json!({ "status_list": { "idx": 1.5, "uri": url } }),
        json!({ "status_list": { "idx": null, "uri": url } }),
        json!({ "status_list": { "idx": 1, "uri": 1 } }),
        json!({ "status_list": { "idx": 1, "uri": "http://169.254.169.254/" } }),
        json!({ "status_list": { "idx": 1, "uri": url.replace("/lists/", "/lists/../secret/") } }),
        json!({ "status_list": { "idx": 1, "uri": url.replace("/lists/", "/other/") } }),
    ] {
        let token = sign(&header(), &claims_with(json!({ "status": status })));
        let error = verifier.verify(&token, time(NOW)).await.unwrap_err();
        assert!(matches!(error, TokenError::InvalidClaim { claim: "status", .. }), "{status}: {error}");
    }
    assert_eq!(server.requests(), 0);
}

#[tokio::test]
async fn without_a_usable_list_nobody_is_accepted_and_no_token_is_called_invalid() {
    // TSL-04, TSL-05, TSL-06, TSL-08, TSL-13
    let server = ListServer::start();
    let good = server.list(json!({}));
    let bad_list = |changes: Value| Reply::list(&server.list(changes));
    let signed = |signer, header: Value| Reply::list(&sign_as(signer, &header, &server.list_claims(json!({}))));
    let list_header = |changes| {
        let mut header = header_with(json!({ "typ": "statuslist+jwt" }));
        header.as_object_mut().unwrap().extend(Value::as_object(&changes).unwrap().clone());
        header
    };
    for (what, reply) in [
        ("not found", Reply { status: 404, ..Reply::list(&good) }),
        ("an error", Reply { status: 500, ..Reply::list(&good) }),
        ("a redirect", Reply { status: 302, ..Reply::list(&good) }),
        ("a page", Reply { media_type: "text/html", ..Reply::list(&good) }),
        ("another JWT", Reply { media_type: "application/jwt", ..Reply::list(&good) }),
        ("nonsense", Reply::list("x")),
        ("an access token", Reply::list(&sign(&header(), &server.list_claims(json!({}))))),
        ("a stranger's list", signed(Signer::StrangeEd25519, list_header(json!({})))),
        ("an unknown key", signed(Signer::Ed25519, list_header(json!({ "kid": "new" })))),
        (
            "an algorithm that the issuer may not use",
            signed(Signer::Es384, list_header(json!({ "alg": "ES384", "kid": "ec-384" }))),
        ),
        ("an unsecured list", Reply::list(&server.list(json!({})).replace("eyJ", "eyJub25l"))),
        ("another list", bad_list(json!({ "sub": "https://status.example.com/2" }))),
        ("an expired list", bad_list(json!({ "exp": NOW }))),
        ("three bits", bad_list(json!({ "status_list": { "bits": 3, "lst": ONE_BIT } }))),
    ] {
        let verifier = server.verifier();
        server.reply(reply);
        let before = server.requests();
        let error = verifier.verify(&server.token(json!(1)), time(NOW)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(5)), "{what}: {error}");
        assert_eq!(error.description(), "the access token cannot be verified now");
        // The next request does not ask again at once.
        let error = verifier.verify(&server.token(json!(1)), time(NOW + 2)).await.unwrap_err();
        assert_eq!(error.retry_after(), Some(Duration::from_secs(3)), "{what}: {error}");
        assert_eq!(server.requests() - before, 1, "{what}");
        server.serve(&good);
        assert!(verifier.verify(&server.token(json!(1)), time(NOW + 5)).await.is_ok(), "{what}");
    }
}

#[tokio::test]
async fn a_host_that_is_down_accepts_nobody() {
    // TSL-13
    let mut server = ListServer::start();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    server.url = format!("http://{}/lists/1", listener.local_addr().unwrap());
    drop(listener);
    let error = server.verifier().verify(&server.token(json!(1)), time(NOW)).await.unwrap_err();
    assert!(matches!(error, TokenError::StatusUnavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_list_is_used_as_long_as_it_says_within_the_bounds() {
    // TSL-07: (claims of the list, the last second in which it is used, counted from NOW)
    for (claims, last) in [
        (json!({}), 299),
        (json!({ "ttl": 60 }), 59),
        (json!({ "ttl": 1 }), 29),     // not less than the lower bound
        (json!({ "ttl": 1e9 }), 3599), // not more than the upper bound
        (json!({ "ttl": 1e300 }), 3599),
        (json!({ "ttl": 600, "exp": NOW + 90 }), 89), // never after its end
        (json!({ "ttl": 1, "exp": NOW + 9 }), 8),
    ] {
        let server = ListServer::start();
        server.serve(&server.list(claims.clone()));
        let verifier = server.verifier();
        let at = async |seconds: i64| {
            let token = server.token_with(json!(1), json!({ "exp": NOW + 7200 }));
            assert!(verifier.verify(&token, time(NOW + seconds)).await.is_ok(), "{claims} {seconds}");
            server.requests()
        };
        assert_eq!((at(0).await, at(last).await), (1, 1), "{claims}");
        server.serve(&server.list(json!({}))); // without `exp`
        assert_eq!(at(last + 1).await, 2, "{claims}");
    }
}

#[tokio::test]
async fn a_stale_list_serves_for_a_while_and_then_nobody_is_accepted() {
    // TSL-13
    let server = ListServer::start();
    server.serve(&server.list(json!({ "ttl": 60 })));
    let verifier = server.verifier();
    let token = server.token_with(json!(1), json!({ "exp": NOW + 7200 }));
    assert!(verifier.verify(&token, time(NOW)).await.is_ok());
    server.reply(Reply { status: 500, ..Reply::list("") });
    assert!(verifier.verify(&token, time(NOW + 60)).await.is_ok());
    assert!(verifier.verify(&token, time(NOW + 62)).await.is_ok());
    assert_eq!(server.requests(), 2, "a failed fetch is not repeated at once");
    assert!(verifier.verify(&token, time(NOW + 3599)).await.is_ok());
    let error = verifier.verify(&token, time(NOW + 3604)).await.unwrap_err();
    assert!(matches!(error, TokenError::StatusUnavailable { .. }), "{error}");
}

#[tokio::test]
async fn a_revocation_is_seen_once_the_list_is_fetched_again() {
    // SEC-03
    let server = ListServer::start();
    server.serve(&server.list(json!({ "ttl": 60 })));
    let verifier = server.verifier();
    let token = server.token(json!(1));
    assert!(verifier.verify(&token, time(NOW)).await.is_ok());
    server.serve(&server.list(json!({ "status_list": { "bits": 2, "lst": TWO_BITS } })));
    assert!(verifier.verify(&token, time(NOW + 59)).await.is_ok());
    let suspended = verifier.verify(&token, time(NOW + 60)).await.unwrap_err();
    assert_eq!(suspended, TokenError::StatusNotValid { status: 2 });
    assert_eq!(suspended.description(), "the access token was revoked or suspended");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn requests_at_one_time_share_one_fetch() {
    let server = Arc::new(ListServer::start());
    server.serve(&server.list(json!({})));
    let verifier = Arc::new(server.verifier());
    let tasks: Vec<_> = (0..50)
        .map(|_| {
            let (verifier, token) = (Arc::clone(&verifier), server.token(json!(1)));
            tokio::spawn(async move { verifier.verify(&token, time(NOW)).await.is_ok() })
        })
        .collect();
    for task in tasks {
        assert!(task.await.unwrap());
    }
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn a_request_that_goes_away_does_not_abort_the_fetch() {
    let server = ListServer::start();
    server.serve(&server.list(json!({})));
    let verifier = server.verifier();
    let token = server.token(json!(1));
    {
        let mut first = Box::pin(verifier.verify(&token, time(NOW)));
        assert!(
            std::future::poll_fn(|context| std::task::Poll::Ready(first.as_mut().poll(context))).await.is_pending()
        );
    }
    assert!(verifier.verify(&token, time(NOW)).await.is_ok());
    assert_eq!(server.requests(), 1);
}

#[tokio::test]
async fn the_number_of_lists_in_memory_is_bounded() {
    // TSL-09: the 17th displaces the one that nobody asked for the longest.
    let server = ListServer::start();
    let verifier = server.verifier();
    let ask = async |number: i64, seconds: i64| {
        let url = server.url.replace("/lists/1", &format!("/lists/{number}"));
        server.serve(&server.list(json!({ "sub": url })));
        let status = json!({ "status_list": { "idx": 1, "uri": url } });
        let token = sign(&header(), &claims_with(json!({ "status": status })));
        assert!(verifier.verify(&token, time(NOW + seconds)).await.is_ok());
        server.requests()
    };
    for number in 1..=16 {
        ask(number, number).await;
    }
    assert_eq!(ask(1, 17).await, 16, "still there");
    assert_eq!(ask(17, 18).await, 17);
    assert_eq!(ask(1, 19).await, 17, "asked for just now, so another one went");
    assert_eq!(ask(2, 20).await, 18);
}

/// A server that gives one answer to every request and counts them. Its thread ends with the test process.
struct ListServer {
    url: String,
    requests: Arc<AtomicUsize>,
    reply: Arc<Mutex<Reply>>,
}

#[derive(Clone)]
struct Reply {
    status: u16,
    media_type: &'static str,
    body: String,
}

impl Reply {
    fn list(body: &str) -> Self {
        Self { status: 200, media_type: "application/statuslist+jwt; charset=x", body: body.to_owned() }
    }
}

impl ListServer {
    fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/lists/1", listener.local_addr().unwrap());
        let requests = Arc::new(AtomicUsize::new(0));
        let reply = Arc::new(Mutex::new(Reply::list("")));
        let (counter, replies) = (Arc::clone(&requests), Arc::clone(&reply));
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                counter.fetch_add(1, Ordering::SeqCst);
                let reply = replies.lock().unwrap().clone();
                // A client that has seen enough closes the connection; that is no fault of the server.
                let _ = respond(stream.unwrap(), &reply);
            }
        });
        Self { url, requests, reply }
    }

    /// A token whose status is the entry `index` of the list.
    fn token(&self, index: Value) -> String {
        self.token_with(index, json!({}))
    }

    fn token_with(&self, index: Value, changes: Value) -> String {
        let mut claims = claims_with(changes);
        claims["status"] = json!({ "status_list": { "idx": index, "uri": self.url } });
        sign(&header(), &claims)
    }

    fn list_claims(&self, changes: Value) -> Value {
        let mut claims = json!({ "sub": self.url, "iat": IAT, "status_list": { "bits": 1, "lst": ONE_BIT } });
        claims.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        claims
    }

    /// A list, some of its claims replaced.
    fn list(&self, changes: Value) -> String {
        sign(&header_with(json!({ "typ": "statuslist+jwt" })), &self.list_claims(changes))
    }

    fn serve(&self, list: &str) {
        self.reply(Reply::list(list));
    }

    fn reply(&self, reply: Reply) {
        *self.reply.lock().unwrap() = reply;
    }

    fn requests(&self) -> usize {
        self.requests.load(Ordering::SeqCst)
    }

    fn verifier(&self) -> Verifier {
        let lists = StatusLists::new([self.url.trim_end_matches('1')]).unwrap();
        Verifier::new([issuer().with_status(StatusCheck::Lists(lists))]).unwrap()
    }
}

fn respond(mut stream: TcpStream, reply: &Reply) -> std::io::Result<()> {
    let mut request = BufReader::new(stream.try_clone()?);
    let (mut line, mut accepts) = (String::new(), false);
    while request.read_line(&mut line)? > 2 {
        accepts |= line.trim_end().eq_ignore_ascii_case("accept: application/statuslist+jwt");
        line.clear();
    }
    let status = if accepts { reply.status } else { 406 };
    let Reply { media_type, body, .. } = reply;
    write!(
        stream,
        "HTTP/1.1 {status} x\r\nlocation: /lists/1\r\ncontent-type: {media_type}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}",
        body.len(),
    )
}
