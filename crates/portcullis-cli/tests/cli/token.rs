use std::fs;

use portcullis_testkit::TestIssuer;
use serde_json::{Value, json};

use crate::bundle::Copy;
use crate::{Ran, run};

const NOW: &str = "2026-01-01T12:00:00Z";

/// The projects bundle with an issuer whose keys are in a file, and what runs `token` with one of its tokens.
struct Setting {
    bundle: Copy,
    issuer: TestIssuer,
}

impl Setting {
    fn of(test: &str) -> Self {
        let issuer = TestIssuer::new("https://issuer.example.com");
        let keys = "{ url = \"https://issuer.example.com/jwks\" }";
        let bundle = Copy::of("projects", test).with("portcullis.toml", keys, "{ file = \"jwks.json\" }");
        fs::write(bundle.path().join("jwks.json"), issuer.jwks().to_string()).unwrap();
        Self { bundle, issuer }
    }

    fn run(&self, token: &str, more: &[&str]) -> Ran {
        let file = self.bundle.path().join(".token");
        fs::write(&file, format!("{token}\n")).unwrap();
        let fixed = ["--token", file.to_str().unwrap(), "--now", NOW];
        self.bundle.run("token", &[&fixed, more].concat())
    }

    fn token(&self, change: impl FnOnce(&mut Value)) -> String {
        let mut claims = json!({
            "iss": "https://issuer.example.com", "aud": "https://api.example.com", "sub": "ed", "client_id": "mobile",
            "iat": 1_767_268_740, "exp": 1_767_272_340, "jti": "t1", "scope": "read:projects openid", "roles": ["editor"],
            "act": { "sub": "summariser", "sub_profile": "ai_agent" },
        });
        change(&mut claims);
        self.issuer.sign(&claims)
    }
}

#[test]
fn a_token_is_verified_and_its_caller_shown() {
    let setting = Setting::of("token-verified");
    let ran = setting.run(&setting.token(|_| ()), &[]).ends_with(0);
    assert!(ran.out.starts_with("verified at 2026-01-01T12:00:00Z\n"), "{}", ran.out);
    for line in [
        "  subject          user ed\n",
        "  actor            agent summariser\n",
        "  scopes           read:projects openid\n",
        "  unknown scopes   openid\n",
        "  roles            editor\n",
    ] {
        assert!(ran.out.contains(line), "{line}{}", ran.out);
    }
    // What was verified needs no other reading.
    assert!(!ran.out.contains("without proof"), "{}", ran.out);
    let answer = setting.run(&setting.token(|_| ()), &["--format", "json"]).ends_with(0).json();
    assert_eq!((&answer["state"], &answer["caller"]["subject"]), (&"verified".into(), &"user ed".into()));
}

#[test]
fn a_token_that_is_refused_says_why_and_what_it_claims() {
    let setting = Setting::of("token-refused");
    let expired = setting.token(|claims| claims["exp"] = 1_767_268_000.into());
    for (token, reason) in [
        (expired, "the token expired at 2026-01-01T11:46:40Z"),
        (setting.token(|claims| claims["aud"] = "https://other.example.com".into()), "no audience of ours is in `aud`"),
        (
            setting.token(|claims| claims["iss"] = "https://as.example.net".into()),
            "no trusted issuer has this `iss`; trusted are https://issuer.example.com\n",
        ),
        (TestIssuer::new("x").sign(&json!({ "iss": "https://issuer.example.com" })), "the signature is wrong"),
    ] {
        let ran = setting.run(&token, &[]).ends_with(1);
        assert!(ran.out.starts_with("refused at 2026-01-01T12:00:00Z\n"), "{}", ran.out);
        assert!(ran.out.contains(reason) && ran.out.contains("it says, without proof\n"), "{reason}: {}", ran.out);
    }
    let ran = setting.run("opaque", &[]).ends_with(1);
    assert!(ran.out.contains("it is no JWT"), "{}", ran.out);
}

#[test]
fn claims_that_make_no_caller_are_told_apart_from_a_bad_token() {
    let setting = Setting::of("token-claims");
    let ran = setting.run(&setting.token(|claims| claims["act"]["sub"] = "ed".into()), &[]).ends_with(1);
    assert!(ran.out.starts_with("verified, but makes no caller\n"), "{}", ran.out);
}

#[test]
fn inspecting_asks_nobody_and_never_says_verified() {
    let setting = Setting::of("token-inspect");
    // Signed by somebody else.
    let forged = TestIssuer::new("x").sign(&json!({
        "iss": "https://issuer.example.com", "sub": "ada", "client_id": "web", "iat": 1_767_268_740, "exp": 1_767_272_340,
    }));
    let ran = setting.run(&forged, &["--inspect"]).ends_with(0);
    assert!(ran.out.starts_with("not verified: anybody can have written this token\n"), "{}", ran.out);
    assert!(ran.out.contains("  subject    user ada\n"), "{}", ran.out);
    let answer = setting.run(&forged, &["--inspect", "--format", "json"]).ends_with(0).json();
    assert_eq!(answer["state"], "unverified");
}

#[test]
fn an_issuer_that_does_not_answer_is_no_answer() {
    let setting = Setting::of("token-outage");
    let text = setting.bundle.read("portcullis.toml");
    let keys = "{ url = \"http://127.0.0.1:9/jwks\" }";
    fs::write(setting.bundle.path().join("portcullis.toml"), text.replace("{ file = \"jwks.json\" }", keys)).unwrap();
    let ran = setting.run(&setting.token(|_| ()), &[]).ends_with(3);
    assert!(ran.out.is_empty() && ran.err.contains("error: "), "{ran:?}");
}

#[test]
fn a_decision_on_a_token_verifies_it() {
    let setting = Setting::of("token-decide");
    let file = setting.bundle.path().join(".token");
    let ask = |token: &str| {
        fs::write(&file, token).unwrap();
        let resource = "--resource=apollo";
        let words = ["--token", file.to_str().unwrap(), "--now", NOW, "--action", "GetProject", resource];
        setting.bundle.run("decide", &words)
    };
    let good = setting.token(|claims| claims["org_id"] = "acme".into());
    assert_eq!(ask(&good).ends_with(0).out, "allow\n");
    let expired = setting.token(|claims| claims["exp"] = 1.into());
    let ran = ask(&expired).ends_with(1);
    assert!(ran.out.starts_with("deny (no caller)\n  the token expired at"), "{}", ran.out);
    let ran = run("decide policies/projects --token /nowhere --action WhoAmI").ends_with(3);
    assert!(ran.err.starts_with("error: /nowhere: "), "{}", ran.err);
}
