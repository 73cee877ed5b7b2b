//! A gate for tests of a service's own handlers: without keys, files or network.

use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use http::header::AUTHORIZATION;
use http::{Method, request};
use portcullis::{Algorithm, Bundle, Gate, GateBuilder, Issuer, KeySet, Source, Verifier};
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
/// #     let settings = settings.with_empty_layer(Layer::Guardrails).with_empty_layer(Layer::Ceilings);
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
/// The clock is the system's, and nothing is known beyond tokens and bundle. A bundle that counts on a directory, or has
/// obligations, needs [`TestGate::with_options`].
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
        let issuers = bundle.sources().iter().map(|source| trusted(source, &issuer));
        let verifier = possible(Verifier::new(issuers.collect::<Vec<_>>()));
        let gate = possible(options(Gate::builder(bundle, verifier)).build());
        Self { gate, issuer }
    }

    /// The gate, for the service under test.
    #[must_use]
    pub fn gate(&self) -> &Gate {
        &self.gate
    }

    /// What `caller` sends its requests with: a token that the gate accepts for one hour.
    #[must_use]
    pub fn as_caller(&self, caller: TestCaller) -> TestCredentials {
        let alias = caller.source.or_else(|| self.gate.bundle().sources().iter().next().map(|source| source.alias().to_owned()));
        let mut claims = caller.claims;
        let identifier = identifier(&alias.unwrap_or_default());
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs());
        for (name, value) in [
            ("iss", json!(identifier)),
            ("aud", json!(AUDIENCE)),
            ("iat", json!(now)),
            ("exp", json!(now.saturating_add(3600))),
            ("auth_time", json!(now)),
            ("jti", json!("test")),
        ] {
            claims.entry(name).or_insert(value);
        }
        claims.retain(|_, value| !value.is_null());
        TestCredentials { token: self.issuer.sign(&claims.into()) }
    }
}
