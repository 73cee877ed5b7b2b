//! API keys beside access tokens, from the settings file to the answer.

use std::num::NonZeroUsize;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use http::header::WWW_AUTHENTICATE;
use http::{HeaderMap, HeaderName, Method};
use portcullis::{Admission, Answer, Clock, Gate, Kind, RequestHead, RevocationList, RouteMatch, Target, UnixTime};
use portcullis_core::Credential;
use portcullis_testkit::TestIssuer;
use portcullis_token::NewApiKey;
use serde_json::{Value, json};

use crate::service::NOW;

const SCHEMA: &str = r#"
@scope action "read:notes";
@scope action "write:notes";
entity User;
entity Service;
entity Note;
@http("GET /notes/{note}")
action "GetNote" in ["read:notes"] appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
@http("PUT /notes/{note}")
action "PutNote" in ["write:notes"] appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
@http("GET /mine/{note}")
action "GetMine" in ["read:notes"] appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
@http("GET /strong/{note}")
action "GetStrong" in ["read:notes"] appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
@http("GET /bound/{note}")
action "GetBound" in ["read:notes"] appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
@http("GET /tokens/{note}")
action "GetWithToken" in ["read:notes"] appliesTo { principal: [User, Service], resource: [Note], context: Portcullis::Context };
"#;

const GUARDRAILS: &str = r#"
@id("strong") @step_up("mfa") forbid (principal, action == Action::"GetStrong", resource)
unless { context.auth has acr && context.auth.acr == "mfa" };
@id("bound") @require_binding("dpop") forbid (principal, action == Action::"GetBound", resource)
unless { context.auth.binding.contains(Portcullis::Binding::"dpop") };
@id("tokens-only") forbid (principal, action == Action::"GetWithToken", resource)
unless { context.auth.credential == Portcullis::Credential::"access_token" };
"#;

#[tokio::test]
async fn a_key_is_a_service_of_its_own_source() {
    // KEY-04, M2M-05: the owner is the client, and no issuer's subject has its id
    let service = Service::start("caller", "header = \"api-key\"", |gate| gate);
    let admission = service.open("/notes/{}", &[("api-key", service.key())]).await.unwrap();
    let caller = admission.caller().unwrap();
    assert_eq!((caller.subject().kind, caller.subject().id.as_str()), (Kind::Service, "keys|billing"));
    assert_eq!((caller.client(), caller.source(), caller.credential()), (Some("billing"), "keys", Credential::ApiKey));
    let admission = service.open("/notes/{}", &[("authorization", &service.bearer())]).await.unwrap();
    assert_eq!(admission.caller().unwrap().subject().id, "main|ann");
}

#[tokio::test]
async fn a_key_satisfies_nothing_that_asks_for_more_than_a_key() {
    // KEY-04, KEY-08, M2M-03, STP-08: and the answer names nothing that a key could never have
    let service = Service::start("limits", "header = \"api-key\"", |gate| gate);
    for (route, rule) in [
        ("/mine/{}", "for people"),
        ("/strong/{}", "step-up"),
        ("/bound/{}", "sender constraint"),
        ("/tokens/{}", "token required"),
    ] {
        let answer = service.open(route, &[("api-key", service.key())]).await.expect_err(rule);
        assert_eq!((answer.status().as_u16(), challenges(&answer).len()), (403, 0), "{rule}");
    }
}

#[tokio::test]
async fn a_key_confers_no_scope_that_its_source_may_not() {
    // KEY-05: the key says `write:notes`, the settings do not
    let service = Service::start("scopes", "header = \"api-key\"", |gate| gate);
    let answer = service.put(&[("api-key", service.key())]).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), challenges(&answer).len()), (403, 0));
}

#[tokio::test]
async fn a_key_counts_only_where_the_settings_say() {
    // KEY-01, KEY-07, KEY-09
    let by_field = Service::start("field", "header = \"api-key\"", |gate| gate);
    let by_scheme = Service::start("scheme", "scheme = \"ApiKey\"", |gate| gate);
    let of_scheme = format!("ApiKey {}", by_scheme.key());
    assert!(by_scheme.open("/notes/{}", &[("authorization", &of_scheme)]).await.is_ok());

    let bearer =
        r#"Bearer realm="api", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#;
    let answer = by_field.open("/notes/{}", &[]).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), challenges(&answer)), (401, vec![bearer]));
    let answer = by_scheme.open("/notes/{}", &[]).await.unwrap_err();
    assert_eq!((answer.status().as_u16(), challenges(&answer)), (401, vec![bearer, r#"ApiKey realm="api""#]));
    let answer = by_scheme.open("/notes/{}", &[("api-key", by_scheme.key())]).await.unwrap_err();
    assert_eq!(answer.status(), 401);

    // Swapped: neither is ever taken for the other.
    let key_as_token = format!("Bearer {}", by_field.key());
    let answer = by_field.open("/notes/{}", &[("authorization", &key_as_token)]).await.unwrap_err();
    let malformed = r#"Bearer realm="api", error="invalid_token", error_description="the access token is malformed", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#;
    assert_eq!(challenges(&answer), [malformed]);
    let answer = by_field.open("/notes/{}", &[("api-key", &by_field.token())]).await.unwrap_err();
    assert_eq!(challenges(&answer), [NOT_ACCEPTED]);
}

#[tokio::test]
async fn a_key_and_a_token_in_one_request_are_refused() {
    // KEY-06: although each of them is good
    let service = Service::start("both", "header = \"api-key\"", |gate| gate);
    let both = [("api-key", service.key()), ("authorization", &service.bearer())];
    let answer = service.open("/notes/{}", &both).await.unwrap_err();
    assert_eq!(answer.status(), 400);
    let challenge = challenges(&answer).concat();
    assert!(challenge.contains(r#"error_description="there are an access token and an API key""#), "{challenge}");
}

#[tokio::test]
async fn the_answer_does_not_say_what_is_wrong_with_a_key() {
    // KEY-03, GEN-08
    let service = Service::start("wrong", "header = \"api-key\"", |gate| gate);
    let stranger = new_key(Duration::from_secs(60));
    let mut bodies = Vec::new();
    for key in [stranger.text.reveal(), "portcullis_x", &service.expired, &service.disabled] {
        let answer = service.open("/notes/{}", &[("api-key", key)]).await.unwrap_err();
        assert_eq!((answer.status().as_u16(), challenges(&answer)), (401, vec![NOT_ACCEPTED]));
        let mut body: Value = serde_json::from_str(answer.body()).unwrap();
        body.as_object_mut().unwrap().remove("decision");
        bodies.push(body);
    }
    bodies.dedup();
    assert_eq!(bodies.len(), 1);
}

#[tokio::test]
async fn a_key_is_revoked_as_a_token_is() {
    // SEC-03
    let now = UnixTime::from_secs(NOW).unwrap();
    let revoked = Arc::new(RevocationList::new(NonZeroUsize::MIN));
    let service = Service::start("revoked", "header = \"api-key\"", |gate| gate.revocations(Arc::clone(&revoked)));
    assert!(service.open("/notes/{}", &[("api-key", service.key())]).await.is_ok());
    let id = service.key().split('_').nth(1).unwrap();
    revoked.revoke(Target::Token { source: "keys".into(), id: id.into() }, now, now).unwrap();
    assert_eq!(service.open("/notes/{}", &[("api-key", service.key())]).await.unwrap_err().status(), 401);
}

#[test]
fn the_settings_of_keys_are_checked_with_all_others() {
    let dir = Directory::new("settings");
    dir.write("keys.json", r#"{ "keys": [] }"#);
    let load = |from: &str, to: &str| {
        let text = settings("header = \"api-key\"");
        assert!(text.contains(from), "{from}");
        dir.write("portcullis.toml", &text.replacen(from, to, 1));
        portcullis::load_dir(&dir.0).map(|_| ()).map_err(|error| error.to_string())
    };
    assert_eq!(load("", ""), Ok(()));
    for (from, to, expected) in [
        ("file = \"keys.json\"", "file = \"lost.json\"", "cannot be read"),
        ("file = \"keys.json\"\n", "", "missing field `file`"),
        ("header = \"api-key\"", "header = \"x-key\"", "leave out the `x-`"),
        ("header = \"api-key\"", "", "either `header` or `scheme`"),
        ("max_age = \"90d\"", "max_age = \"90\"", "`90` is not a duration"),
        ("max_age = \"90d\"\n", "", "missing field `max_age`"),
        ("max_age = \"90d\"", "max_age = \"90d\"\nkinds = [\"user\"]", "unknown key `kinds`"),
        ("max_age = \"90d\"", "max_age = \"90d\"\nalias = \"main\"", "alias `main`"),
        // With keys there are two sources, and each says what it may confer.
        ("scopes = [\"read:notes\"]", "", "source `keys` has to state `scopes`"),
        ("scopes = [\"read:notes\"]", "scopes = [\"red:notes\"]", "`red:notes`, which is no scope"),
        ("kinds = [\"user\"]", "", "source `main` has to state `kinds`"),
    ] {
        let error = load(from, to).expect_err(to);
        assert!(error.contains(expected), "{to}: {error}");
    }
}

const NOT_ACCEPTED: &str = r#"Bearer realm="api", error="invalid_token", error_description="the API key is not accepted", resource_metadata="https://api.example.com/.well-known/oauth-protected-resource""#;

fn challenges(answer: &Answer) -> Vec<&str> {
    answer.headers().get_all(WWW_AUTHENTICATE).iter().map(|line| line.to_str().unwrap()).collect()
}

fn new_key(lifetime: Duration) -> NewApiKey {
    let now = UnixTime::from_secs(NOW - 60).unwrap();
    let scopes = ["read:notes", "write:notes"];
    NewApiKey::generate("billing", scopes, ["https://api.example.com"], now, lifetime).unwrap()
}

fn settings(place: &str) -> String {
    format!(
        r#"
resource = ["https://api.example.com"]
[layers]
consent = "none"
entities = "none"
guardrails = ["care.cedar"]
[[issuer]]
alias = "main"
issuer = "https://as.example.com"
preset = "rfc9068"
algorithms = ["ES256"]
keys = {{ file = "jwks.json" }}
scopes = "all"
roles = "all"
kinds = ["user"]
absent_lists = "empty"
[api_keys]
file = "keys.json"
{place}
max_age = "90d"
scopes = ["read:notes"]
"#
    )
}

struct Service {
    issuer: TestIssuer,
    gate: Gate,
    key: NewApiKey,
    expired: String,
    disabled: String,
    _directory: Directory,
}

impl Service {
    fn start(
        name: &str,
        place: &str,
        options: impl FnOnce(portcullis::GateBuilder) -> portcullis::GateBuilder,
    ) -> Self {
        let (directory, issuer) = (Directory::new(name), TestIssuer::new("https://as.example.com"));
        let day = Duration::from_secs(86_400);
        let (key, expired, disabled) = (new_key(day), new_key(Duration::from_secs(1)), new_key(day));
        let mut entries = json!([key.entry, expired.entry, disabled.entry]);
        entries[2]["status"] = json!("disabled");
        directory.write("keys.json", &json!({ "keys": entries }).to_string());
        directory.write("jwks.json", &issuer.jwks().to_string());
        directory.write("portcullis.toml", &settings(place));
        let gate = options(Gate::from_dir(&directory.0).unwrap().clock(Noon)).build().unwrap();
        let text = |key: &NewApiKey| key.text.reveal().to_owned();
        let (expired, disabled) = (text(&expired), text(&disabled));
        Self { issuer, gate, key, expired, disabled, _directory: directory }
    }

    fn key(&self) -> &str {
        self.key.text.reveal()
    }

    fn token(&self) -> String {
        self.issuer.sign(&json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "scope": "read:notes",
        }))
    }

    fn bearer(&self) -> String {
        format!("Bearer {}", self.token())
    }

    async fn open(&self, route: &str, fields: &[(&'static str, &str)]) -> Result<Admission, Answer> {
        self.send(&Method::GET, route, fields).await
    }

    async fn put(&self, fields: &[(&'static str, &str)]) -> Result<Admission, Answer> {
        self.send(&Method::PUT, "/notes/{}", fields).await
    }

    async fn send(&self, method: &Method, route: &str, fields: &[(&'static str, &str)]) -> Result<Admission, Answer> {
        let fields = fields.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap()));
        let headers: HeaderMap = fields.collect();
        let route = RouteMatch::new(&route.replace("{}", "{id}"), ["n1"]);
        self.gate.open(&RequestHead::new(method, &http::Uri::from_static("/"), &headers, Some(&route))).await
    }
}

/// A bundle that goes with its test.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let dir = Self(std::env::temp_dir().join(format!("portcullis-api-keys-{}-{name}", std::process::id())));
        dir.write("schema.cedarschema", SCHEMA);
        dir.write("roles/all.cedar", r#"@id("all") permit (principal, action, resource);"#);
        dir.write("ceilings/services.cedar", r#"@id("services") permit (principal is Service, action, resource);"#);
        dir.write("guardrails/care.cedar", GUARDRAILS);
        dir.write("jwks.json", &TestIssuer::new("https://as.example.com").jwks().to_string());
        dir
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW).unwrap()
    }
}
