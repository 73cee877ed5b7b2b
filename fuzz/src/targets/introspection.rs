//! Whatever an issuer answers about a token, only a token that is active, for us and not at its end gets in.
// GEN-10

use std::sync::LazyLock;

use portcullis::{ClientCredentials, Introspection, Issuer, Verifier};
use serde_json::Value;

use crate::server::Server;
use crate::{RUNTIME, TRUSTED_KEY, issuer, keys, now};

pub(super) fn run(answer: &[u8]) {
    SERVER.serve([("/", "application/json", answer.to_vec())]);
    let credentials = ClientCredentials::secret("api", "secret").unwrap();
    let asked = issuer(keys(TRUSTED_KEY)).with_introspection(Introspection::new(&SERVER.url, credentials).unwrap());
    let Ok(verified) = RUNTIME.block_on(verifier(asked).verify("opaque", now())) else { return };

    let answer: Value = serde_json::from_slice(answer).expect("accepted, although it is not JSON");
    assert_eq!(answer["active"], true);
    assert!(answer.get("iss").is_none_or(|iss| iss == "https://as.example.com"), "of another issuer");
    let (us, aud) = (Value::from("https://api.example.com"), &answer["aud"]);
    assert!(*aud == us || aud.as_array().is_some_and(|all| all.contains(&us)), "for somebody else");
    let now = now().as_secs() as f64;
    let time = |member: &str| answer.get(member).map(|time| time.as_f64().expect("accepted, although it is no time"));
    assert!(time("exp").is_none_or(|exp| exp + 30.0 > now) && time("nbf").is_none_or(|nbf| nbf < now + 61.0));
    assert!(answer.get("cnf").is_none(), "a bound token is a bearer token");
    let mut expected = answer.as_object().unwrap().clone();
    expected.entry("iss").or_insert_with(|| "https://as.example.com".into());
    assert_eq!(*verified.claims(), expected, "other claims");
}

fn verifier(issuer: Issuer) -> Verifier {
    Verifier::new([issuer]).unwrap()
}

static SERVER: LazyLock<Server> = LazyLock::new(Server::start);
