//! `[issuer.introspection]`, and what becomes of the secrets that it points to.

use std::cell::RefCell;
use std::fmt::{Debug, Write as _};
use std::path::{Path, PathBuf};

use portcullis_token::{Issuer, IssuerSettings, SettingsError};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

use super::endpoint::Reply;
use super::*;

#[tokio::test]
async fn settings_make_an_issuer_that_is_asked() {
    // INT-02
    let endpoint = Endpoint::answering(active());
    let verifier = Verifier::new([with(&endpoint, &[]).unwrap()]).unwrap();
    assert!(verifier.verify("ory_at_x", time(NOW)).await.is_ok());
    let field = endpoint.requests()[0].field("authorization").unwrap().to_owned();
    assert_eq!(field, "Basic cnMlM0ExOnAlNDBzcyt3b3JkJTJGJTJC", "the line break that ends the file is no part of it");
    assert_eq!(verifier.verify("x", time(NOW)).await, Err(TokenError::UnknownIssuer));

    let signed = with(&endpoint, &[("signed", Some("true"))]).unwrap();
    assert!(is_unavailable(&Verifier::new([signed]).unwrap().verify("ory_at_x", time(NOW)).await));
    let keyed = [("client_secret", None), ("private_key", Some(r#"{ file = "key.pem" }"#)), ("key_id", Some(r#""k""#))];
    let verifier = Verifier::new([with(&endpoint, &keyed).unwrap()]).unwrap();
    assert!(verifier.verify("ory_at_x", time(NOW)).await.is_ok());
    assert!(endpoint.requests().pop().unwrap().member("client_assertion").is_some());
}

#[test]
fn settings_that_would_ask_unsafely_are_refused() {
    // INT-02, INT-11, GEN-04
    let endpoint = Endpoint::start(Reply::Close);
    for (changes, reason) in [
        (&[("client_secret", None)][..], "either a `client_secret` or a `private_key`"),
        (&[("client_id", None)], "needs a `client_id`"),
        (&[("private_key", Some(r#"{ file = "key.pem" }"#))], "both a `client_secret` and a `private_key`"),
        (&[("client_secret", Some(r#"{ file = "absent" }"#))], "absent` cannot be read"),
        (&[("client_secret", Some(r#"{ file = "empty" }"#))], "is empty"),
        (&[("client_secret", Some(r#"{ env = "PORTCULLIS_TEST_UNSET" }"#))], "`PORTCULLIS_TEST_UNSET` is not set"),
        (&[("client_secret", None), ("private_key", Some(r#"{ file = "secret" }"#))], "not an unencrypted"),
        (&[("cache", Some(r#""301s""#))], "keep them for less"),
        (&[("token_prefix", Some(r#""""#))], "not the beginning of tokens"),
        (&[("endpoint", Some(r#""http://as.example.com/introspect""#))], "use https"),
    ] {
        let error = with(&endpoint, changes).unwrap_err();
        assert!(matches!(error, SettingsError::Introspection(_)), "{changes:?}");
        assert!(error.to_string().contains(reason), "{changes:?}: {error}");
    }
    for (key, value, reason) in [
        ("client_secret", r#""canary""#, "a secret never stands in the settings"),
        ("private_key", r#""canary""#, "a secret never stands in the settings"),
        ("tokens", r#""jwts""#, "unknown variant"),
        ("audience_absent", r#""ignore""#, "unknown variant"),
        ("cache", "30", "invalid type"),
        ("client_secrets", "1", "unknown field"),
    ] {
        let error = toml::from_str::<IssuerSettings>(&text(&endpoint, &[(key, Some(value))])).unwrap_err();
        assert!(error.message().contains(reason), "{key}: {}", error.message());
        assert!(!error.message().contains("canary"), "{}", error.message());
    }
}

#[tokio::test]
async fn no_secret_is_printed_or_logged() {
    // GEN-04: everything on, down to the HTTP client
    let _guard = tracing::subscriber::set_default(Log);
    for reply in [
        Reply::json(active()),
        Reply::json(inactive()),
        Reply::json(json!({ "active": "canary" })),
        Reply::json(active_with(json!({ "sub": "canary", "canary": "canary", "exp": NOW }))),
        Reply::Http { status: 200, content_type: "application/json", body: "{\"canary\":canary}".to_owned() },
        Reply::status(401),
        Reply::status(500),
        Reply::Close,
        Reply::Redirect("http://127.0.0.1:1/canary".to_owned()),
    ] {
        let endpoint = Endpoint::start(reply);
        let key = ClientCredentials::private_key("rs", include_str!("../../data/p256.pem")).unwrap();
        for credentials in [ClientCredentials::secret("rs", "canary").unwrap(), key] {
            let introspection = Introspection::new(&endpoint.url, credentials).unwrap();
            let verifier = verifier_with(introspection);
            let result = verifier.verify("canary-token", time(NOW)).await;
            // Claims may come back, but they do not print either.
            LOG.with_borrow_mut(|log| write!(log, "{verifier:?} {result:?}").unwrap());
            if let Err(error) = result {
                LOG.with_borrow_mut(|log| write!(log, "{error} {}", error.description()).unwrap());
            }
        }
        for request in endpoint.requests() {
            let assertion = request.member("client_assertion").unwrap_or("no assertion").to_owned();
            let field = request.field("authorization").unwrap_or("no field").to_owned();
            LOG.with_borrow(|log| assert!(!log.contains(&assertion) && !log.contains(&field), "{log}"));
        }
    }
    let log = LOG.take();
    assert!(log.contains("does not accept this resource server"), "the log is heard");
    let private = include_str!("../../data/p256.pem").lines().nth(1).unwrap();
    for secret in ["canary", private, "Y2FuYXJ5"] {
        assert!(!log.contains(secret), "{secret}: {log}");
    }
}

thread_local! {
    static LOG: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Writes every event and span of this thread down. Servers run on others.
struct Log;

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut Writer);
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut Writer);
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &Event<'_>) {
        event.record(&mut Writer);
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

struct Writer;

impl Visit for Writer {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        LOG.with_borrow_mut(|log| writeln!(log, "{field}={value:?}").unwrap());
    }
}

/// The issuer of good settings, with keys replaced, added or left out.
fn with(endpoint: &Endpoint, changes: &[(&str, Option<&str>)]) -> Result<Issuer, SettingsError> {
    let settings: IssuerSettings = toml::from_str(&text(endpoint, changes)).unwrap();
    settings.into_issuers(&[AUDIENCE.to_owned()], &directory()).map(|mut issuers| issuers.remove(0))
}

fn text(endpoint: &Endpoint, changes: &[(&str, Option<&str>)]) -> String {
    let url = format!("{:?}", endpoint.url);
    let mut keys = vec![
        ("endpoint", url.as_str()),
        ("client_id", r#""rs:1""#),
        ("client_secret", r#"{ file = "secret" }"#),
        ("tokens", r#""all""#),
        ("token_prefix", r#""ory_at_""#),
        ("cache", r#""5m""#),
        ("audience_absent", r#""accept""#),
    ];
    for (key, value) in changes {
        keys.retain(|(other, _)| other != key);
        keys.extend(value.map(|value| (*key, value)));
    }
    let keys: String = keys.iter().map(|(key, value)| format!("{key} = {value}\n")).collect();
    format!(
        "issuer = \"{ISSUER}\"\npreset = \"rfc9068\"\nalgorithms = [\"EdDSA\"]\n\
         keys = {{ url = \"https://as.example.com/jwks\" }}\n[introspection]\n{keys}"
    )
}

/// A folder with the files that the settings name. Its content is always the same, so tests may share it.
fn directory() -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("introspection");
    std::fs::create_dir_all(&directory).unwrap();
    for (file, content) in
        [("secret", "p@ss word/+\n"), ("empty", " \n"), ("key.pem", include_str!("../../data/p256.pem"))]
    {
        std::fs::write(directory.join(file), content).unwrap();
    }
    directory
}
