//! Whatever stands in a status list that the issuer signed, a token gets in only if the list is the one that it names.
// GEN-10

use std::sync::LazyLock;

use portcullis::Verifier;
use portcullis_token::{StatusCheck, StatusLists};
use serde_json::{Value, json};

use crate::server::Server;
use crate::{RUNTIME, TRUSTED_KEY, issuer, keys, now, signed};

pub(super) fn run(input: &[u8]) {
    // A line of header, and then the claims, in which a word stands for the address of the list.
    let Some(end) = input.iter().position(|octet| *octet == b'\n') else { return };
    let (header, claims) = (&input[..end], String::from_utf8_lossy(&input[end + 1..]).replace("{uri}", &URI));
    SERVER.serve([("/", "application/statuslist+jwt", signed(header, claims.as_bytes()).into_bytes())]);
    let lists = StatusLists::new([URI.as_str()]).unwrap();
    let checked = issuer(keys(TRUSTED_KEY)).with_status(StatusCheck::Lists(lists));
    let verifier = Verifier::new([checked]).unwrap();
    let accepted = [0, 1].map(|place| RUNTIME.block_on(verifier.verify(&TOKENS[place], now())).is_ok());
    if accepted == [false, false] {
        return;
    }
    let read = |json| serde_json::from_slice::<Value>(json).expect("accepted, although it is not JSON");
    let (header, claims) = (read(header), read(claims.as_bytes()));
    assert!(header["typ"].as_str().is_some_and(|typ| typ.to_ascii_lowercase().ends_with("statuslist+jwt")));
    assert_eq!(claims["sub"], *URI, "another list");
    let time = |member: &str| claims.get(member).map(|time| time.as_f64().expect("accepted, although it is no time"));
    let now = now().as_secs() as f64;
    assert!(time("iat").is_some_and(|iat| iat < now + 61.0) && time("exp").is_none_or(|exp| exp > now));
    assert!([1, 2, 4, 8].map(Value::from).contains(&claims["status_list"]["bits"]));
    // In the list of the seeds, the two have different statuses.
    let of_seeds = json!({ "bits": 1, "lst": "eNrbuRgAAhcBXQ" });
    assert!(claims["status_list"] != of_seeds || accepted == [false, true], "a revoked token is accepted");
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);

static URI: LazyLock<String> = LazyLock::new(|| format!("{}/list", SERVER.url));

/// Tokens whose statuses are the first and the second of the list.
static TOKENS: LazyLock<[String; 2]> = LazyLock::new(|| {
    [0, 1].map(|place| {
        let claims = json!({
            "iss": "https://as.example.com", "sub": "ann", "aud": "https://api.example.com", "client_id": "web",
            "iat": now().as_secs(), "exp": now().as_secs() + 600, "jti": "t-4", "scope": "read:notes",
            "status": { "status_list": { "idx": place, "uri": *URI } },
        });
        signed(br#"{"alg":"Ed25519","typ":"at+jwt","kid":"as-1"}"#, claims.to_string().as_bytes())
    })
});
