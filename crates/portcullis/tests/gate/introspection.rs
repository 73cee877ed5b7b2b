//! What callers learn when an issuer is asked about their tokens.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpListener;

use http::Method;
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use portcullis::{ClientCredentials, Introspection};
use serde_json::{Value, json};

use crate::service::{NOW, Service};

#[tokio::test]
async fn only_what_is_wrong_with_the_token_is_called_an_invalid_token() {
    // INT-12, INT-13, GEN-01: (status and body of the endpoint, status of the answer, whether it blames the token)
    for (status, body, expected, blames) in [
        (200, active(&json!({})), None, false),
        (200, active(&json!({ "roles": [] })), Some(403), false),
        (200, json!({ "active": false }), Some(401), true),
        (200, active(&json!({ "exp": NOW - 600 })), Some(401), true),
        (200, active(&json!({ "aud": "https://other.example.com" })), Some(401), true),
        (200, active(&json!({ "sub": null, "username": "ann" })), Some(401), true), // INT-15
        (200, json!({ "active": "true" }), Some(503), false),
        (500, active(&json!({})), Some(503), false),
        (401, json!({}), Some(500), false),
        (403, json!({}), Some(500), false),
    ] {
        let credentials = ClientCredentials::secret("notes", "secret").unwrap();
        let introspection = Introspection::new(&endpoint(status, body.to_string()), credentials).unwrap();
        let opened = Service::asking(introspection).open_as(&Method::GET, "Bearer opaque").await;
        let Some(expected) = expected else {
            assert!(opened.is_ok(), "{body}");
            continue;
        };
        let answer = opened.unwrap_err();
        assert_eq!(answer.status(), expected, "{status} {body}");
        let challenge = answer.headers().get(WWW_AUTHENTICATE).map(|value| value.to_str().unwrap());
        assert_eq!(challenge.is_some_and(|challenge| challenge.contains("invalid_token")), blames, "{status} {body}");
        assert_eq!(answer.headers().contains_key(RETRY_AFTER), expected == 503, "{status} {body}");
    }
}

/// What an issuer says about a token of `ann`; what `changes` holds as `null` is left out.
fn active(changes: &Value) -> Value {
    let mut answer = json!({
        "active": true, "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann",
        "client_id": "web", "exp": NOW + 600, "scope": "read:notes", "roles": ["reader"], "groups": [],
        "entitlements": [],
    });
    let members = answer.as_object_mut().unwrap();
    for (name, value) in changes.as_object().unwrap() {
        if value.is_null() {
            members.remove(name);
        } else {
            members.insert(name.clone(), value.clone());
        }
    }
    answer
}

/// The URL of a server that gives one answer, once.
pub(crate) fn endpoint(status: u16, body: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/introspect", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let mut request = BufReader::new(stream.try_clone().unwrap());
        let (mut line, mut length) = (String::new(), 0);
        while request.read_line(&mut line).unwrap() > 2 {
            if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length: ") {
                length = value.trim().parse().unwrap();
            }
            line.clear();
        }
        request.read_exact(&mut vec![0; length]).unwrap();
        let length = body.len();
        write!(
            stream,
            "HTTP/1.1 {status} x\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
        )
        .unwrap();
    });
    url
}
