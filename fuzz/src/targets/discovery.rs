//! Keys are taken from where an issuer's own metadata say that they are, and from nowhere else.
// GEN-10

use std::sync::LazyLock;

use portcullis::{KeySource, Verifier};
use serde_json::{Value, json};

use crate::server::Server;
use crate::{RUNTIME, TRUSTED_KEY, issuer_of, jwks, now, signed, text};

pub(super) fn run(octets: &[u8]) {
    let document = text(octets).replace("{issuer}", &SERVER.url);
    // Nothing is asked of other servers.
    if document.matches("://").count() != document.matches(&SERVER.url).count() || document.contains(['\\', '@']) {
        return;
    }
    SERVER.serve([
        ("/.well-known/", "application/json", document.clone().into_bytes()),
        ("/keys", "application/json", jwks(TRUSTED_KEY).into_bytes()),
    ]);
    let verifier = Verifier::new([issuer_of(&SERVER.url, KeySource::discovered(&SERVER.url).unwrap())]).unwrap();
    if RUNTIME.block_on(verifier.verify(&TOKEN, now())).is_err() {
        return;
    }
    let document: Value = serde_json::from_str(&document).expect("accepted, although it is not JSON");
    assert_eq!(document["issuer"], SERVER.url, "the metadata of another issuer");
    assert!(document["jwks_uri"].as_str().is_some_and(|uri| uri.starts_with(&SERVER.url)), "keys of nobody");
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

/// A token of the issuer at [`SERVER`].
static TOKEN: LazyLock<String> = LazyLock::new(|| {
    let claims = json!({
        "iss": SERVER.url, "sub": "ann", "aud": "https://api.example.com", "client_id": "web",
        "iat": now().as_secs(), "exp": now().as_secs() + 600, "jti": "t-3", "scope": "read:notes",
    });
    signed(br#"{"alg":"Ed25519","typ":"at+jwt","kid":"as-1"}"#, claims.to_string().as_bytes())
});
