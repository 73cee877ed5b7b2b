//! Whatever the issuer signs, only an access token for us is accepted, with the meaning that its JSON has.

use std::sync::LazyLock;

use portcullis::Verifier;
use serde_json::Value;

use crate::{TRUSTED_KEY, now, signed, trusting, verify};

pub(super) fn run(input: &[u8]) {
    // A line of header, and then the claims.
    let Some(end) = input.iter().position(|octet| *octet == b'\n') else { return };
    let (header, payload) = (&input[..end], &input[end + 1..]);
    let Some(verified) = verify(&TRUSTED, &signed(header, payload)) else { return };
    let read = |json| serde_json::from_slice::<Value>(json).expect("accepted, although it is not JSON");
    let (header, claims) = (read(header), read(payload));
    assert_eq!((Some(verified.header()), Some(verified.claims())), (header.as_object(), claims.as_object()));
    assert!(header["typ"].as_str().is_some_and(|typ| typ.to_ascii_lowercase().ends_with("at+jwt")));
    assert!(header.get("crit").is_none() && claims.get("cnf").is_none(), "understood, although nobody can");
    assert_eq!(claims["iss"], "https://as.example.com");
    let (us, aud) = (Value::from("https://api.example.com"), &claims["aud"]);
    assert!(*aud == us || aud.as_array().is_some_and(|all| all.contains(&us)), "for somebody else");
    assert!(claims["exp"].as_f64().is_some_and(|exp| exp + 30.0 > now().as_secs() as f64), "expired");
}

static TRUSTED: LazyLock<Verifier> = LazyLock::new(|| trusting(TRUSTED_KEY));
