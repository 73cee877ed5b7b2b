//! A gate for tests of a service's own handlers: without keys, files or network.

use std::fmt;
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::request;
use portcullis::{
    Action, Algorithm, ApprovalKey, Approvals, Bundle, Clock, Gate, GateBuilder, Issuer, KeySet, SystemClock, UnixTime,
    Verifier,
};
use serde_json::{Map, Value, json};

use crate::TestIssuer;

/// A gate for a bundle, and the callers that it believes.
///
/// Policies, routes and answers are those of the service. Only the issuer is another one: a key in memory, made for this
/// value, so nothing is fetched and no secret is needed.
///
/// ```
/// # use std::sync::Arc;
/// use portcullis_testkit::{TestGate, user};
///
/// # fn bundle() -> Arc<portcullis::Bundle> {
/// #     use portcullis::{Bundle, BundleFiles, BundleSettings, Layer, Profile, Source, SourceSettings};
/// #     let files = BundleFiles::new()
/// #         .with_file("schema.cedarschema", "@scope action \"read\"; entity User; entity Doc;
/// #             @http(\"GET /docs/{doc}\") action \"GetDoc\" in [\"read\"] appliesTo {
/// #             principal: [User], resource: [Doc], context: Portcullis::Context };")
/// #         .with_file("roles/all.cedar", "@id(\"all\") permit (principal, action, resource);");
/// #     let source = Source::new("main", SourceSettings::default(), Profile::rfc9068()).unwrap();
/// #     let settings = BundleSettings::new(vec![source]).with_empty_layer(Layer::Consent);
/// #     let settings = settings.with_empty_layer(Layer::Guardrails).with_empty_layer(Layer::Ceilings).without_entities();
/// #     Bundle::load(&files, settings).unwrap()
/// # }
/// let gate = TestGate::new(bundle());
/// let ann = gate.as_caller(user("ann").scopes(["read"]));
/// // The service under test is made with `gate.gate()`; this is a request of `ann` to it.
/// let request = ann.request("GET", "/docs/minutes").body(())?;
/// assert!(request.headers()["authorization"].to_str()?.starts_with("Bearer "));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// `crates/portcullis-axum/tests/test_gate.rs` tests the handlers of a service so.
///
/// # Defaults
///
/// The clock is the system's, and nothing is known beyond tokens and bundle. People approve with the client `web`. A bundle
/// that counts on a directory, or has obligations, needs [`TestGate::with_options`].
#[derive(Debug)]
pub struct TestGate {
    gate: Gate,
    issuer: TestIssuer,
}

impl TestGate {
    /// A gate for `bundle`.
    ///
    /// # Panics
    ///
    /// If there can be no such gate: the message says what is missing.
    #[must_use]
    #[track_caller]
    pub fn new(bundle: Arc<Bundle>) -> Self {
        Self::with_options(bundle, |gate| gate)
    }

    /// A gate for `bundle` with what the service adds: its directory, its handlers of obligations, a clock that stands still.
    ///
    /// # Panics
    ///
    /// As [`TestGate::new`].
    #[must_use]
    #[track_caller]
    pub fn with_options(bundle: Arc<Bundle>, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let issuer = TestIssuer::new("https://issuer.test");
        let issuers = bundle.sources().aliases().map(|alias| trusted(alias, &issuer));
        let verifier = possible(Verifier::new(issuers.collect::<Vec<_>>()));
        let waits = bundle.actions().any(Action::may_need_confirmation);
        let gate = Gate::builder(bundle, verifier);
        let gate = if waits { gate.approvals(approvals()) } else { gate };
        let gate = possible(options(gate).build());
        Self { gate, issuer }
    }

    /// The gate, for the service under test.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What `caller` sends its requests with: a token that the gate accepts for an hour.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn as_caller(&self, caller: TestCaller) -> TestCredentials {
        let TestCaller { source, at, mut claims } = caller;
        let first = || self.gate.bundle().sources().aliases().next().map(str::to_owned);
        let alias = source.or_else(first).unwrap_or_default();
        let now = at.unwrap_or_else(|| SystemClock.now()).as_secs();
        for (name, value) in [
            ("iss", json!(identifier(&alias))),
            ("aud", json!(AUDIENCE)),
            ("iat", json!(now)),
            ("exp", json!(now.saturating_add(3600))),
            ("jti", json!("test")),
        ] {
            claims.entry(name).or_insert(value);
        }
        if claims.get("auth_time") == Some(&json!(JUST_NOW)) {
            claims.insert("auth_time".to_owned(), json!(now));
        }
        claims.retain(|_, value| !value.is_null());
        TestCredentials { bearer: format!("Bearer {}", self.issuer.sign(&claims.into())) }
    }
}

fn approvals() -> Approvals {
    possible(Approvals::new(possible(ApprovalKey::random()), ["web"]))
}

/// A person called `id`, who has just logged in with the client `web`, and has neither scopes nor roles.
#[must_use]
pub fn user(id: &str) -> TestCaller {
    TestCaller::new(id, "web").claim("auth_time", JUST_NOW)
}

/// A service called `id`, that acts for itself and has neither scopes nor roles.
#[must_use]
pub fn service(id: &str) -> TestCaller {
    TestCaller::new(id, id)
}

/// Who calls, as the claims of RFC 9068 say it. Made by [`user`] and [`service`].
///
/// A bundle whose issuer says it in other claims needs [`TestCaller::claim`].
#[derive(Debug, Clone)]
pub struct TestCaller {
    source: Option<String>,
    at: Option<UnixTime>,
    claims: Map<String, Value>,
}

impl TestCaller {
    fn new(id: &str, client: &str) -> Self {
        let caller = Self { source: None, at: None, claims: Map::new() };
        let caller = caller.claim("sub", id).claim("client_id", client).claim("scope", "");
        ["roles", "groups", "entitlements"].into_iter().fold(caller, |caller, list| caller.claim(list, json!([])))
    }

    /// The scopes of the token, by their names on the wire.
    #[must_use]
    pub fn scopes<S: AsRef<str>>(self, scopes: impl IntoIterator<Item = S>) -> Self {
        let scopes: Vec<String> = scopes.into_iter().map(|scope| scope.as_ref().to_owned()).collect();
        self.claim("scope", scopes.join(" "))
    }

    /// The roles of the subject.
    #[must_use]
    pub fn roles<R: AsRef<str>>(self, roles: impl IntoIterator<Item = R>) -> Self {
        let roles: Vec<String> = roles.into_iter().map(|role| role.as_ref().to_owned()).collect();
        self.claim("roles", json!(roles))
    }

    /// The client that the subject uses.
    #[must_use]
    pub fn client(self, client: &str) -> Self {
        self.claim("client_id", client)
    }

    /// Lets the agent `id` act for the subject (RFC 8693 §4.1).
    #[must_use]
    pub fn through_agent(self, id: &str) -> Self {
        self.claim("act", json!({ "sub": id, "sub_profile": "ai_agent" }))
    }

    /// Says how strong the login was.
    #[must_use]
    pub fn acr(self, acr: &str) -> Self {
        self.claim("acr", acr)
    }

    /// Sets a claim, or leaves it out where `value` is `null`.
    #[must_use]
    pub fn claim(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.claims.insert(name.to_owned(), value.into());
        self
    }

    /// Issues the token at `time`, for a gate whose clock stands still. Otherwise it is issued now.
    #[must_use]
    pub fn at(mut self, time: UnixTime) -> Self {
        self.at = Some(time);
        self
    }

    /// Names the source, if the bundle has several. Otherwise it is the first.
    #[must_use]
    pub fn of_source(mut self, alias: &str) -> Self {
        self.source = Some(alias.to_owned());
        self
    }
}

/// What a caller sends its requests with.
#[derive(Clone)]
pub struct TestCredentials {
    bearer: String,
}

impl TestCredentials {
    /// The value of the field `Authorization`, for frameworks whose tests make requests of their own.
    #[must_use]
    pub fn authorization(&self) -> &str {
        &self.bearer
    }

    /// A request of this caller; its body is still missing.
    pub fn request(&self, method: &str, target: &str) -> request::Builder {
        request::Builder::new().method(method).uri(target).header(AUTHORIZATION, &self.bearer)
    }
}

/// The token prints as little as any other.
impl fmt::Debug for TestCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestCredentials").finish_non_exhaustive()
    }
}

/// One issuer for each source of the bundle: by the issuer a source is told.
fn trusted(alias: &str, issuer: &TestIssuer) -> Issuer {
    let keys = possible(KeySet::from_json(issuer.jwks().to_string().as_bytes()));
    possible(Issuer::new(alias, identifier(alias), [AUDIENCE], [Algorithm::Es256], keys))
}

fn identifier(alias: &str) -> String {
    format!("https://{alias}.issuer.test")
}

#[track_caller]
#[expect(clippy::panic, reason = "a test kit has nobody to report to but the test")]
fn possible<T, E: fmt::Display>(result: Result<T, E>) -> T {
    result.unwrap_or_else(|error| panic!("there is no such gate: {error}"))
}

const AUDIENCE: &str = "https://api.test";

/// Stands for the time at which the token is issued.
const JUST_NOW: &str = "just now";
