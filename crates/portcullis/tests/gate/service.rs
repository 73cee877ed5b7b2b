//! The smallest service.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Admission, Algorithm, Answer, Bundle, BundleFiles, BundleSettings, Clock, Gate, GateBuilder, GateError,
    Introspection, Issuer, KeySet, Layer, Profile, RequestHead, RouteMatch, Source, SourceSettings, UnixTime, Verifier,
};
use portcullis_testkit::TestIssuer;
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const NOW: i64 = 1_767_226_000;

const SCHEMA: &str = r#"
@scope action "read:notes";
@scope action "write:notes";
entity Role;
entity User in [Role];
entity Note;
@http("GET /notes/{note}")
action "GetNote" in ["read:notes"] appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
@http("PUT /notes/{note}") @deferred("decided on the note")
action "PutNote" in ["read:notes"] appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
"#;

const ENTITIES: &str = r#"[{ "uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": [] }]"#;

const ROLES: &str = r#"@id("readers") permit (principal in Role::"reader", action, resource);"#;

#[derive(Debug)]
pub(crate) struct Service {
    issuer: TestIssuer,
    gate: Gate,
}

impl Service {
    pub(crate) fn new(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::with_source(&json!({}), options)
    }

    pub(crate) fn with_source(source: &Value, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::try_with_source(source, options).unwrap()
    }

    pub(crate) fn try_with_source(
        source: &Value,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Result<Self, GateError> {
        Self::start(source, |issuer| issuer, options)
    }

    /// A service whose issuer is asked about opaque tokens.
    pub(crate) fn asking(introspection: Introspection) -> Self {
        Self::start(&json!({}), |issuer| issuer.with_introspection(introspection), |gate| gate).unwrap()
    }

    fn start(
        source: &Value,
        rules: impl FnOnce(Issuer) -> Issuer,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Result<Self, GateError> {
        let files = BundleFiles::new()
            .with_file("schema.cedarschema", SCHEMA)
            .with_file("roles/people.cedar", ROLES)
            .with_file("entities.json", ENTITIES);
        let source = Source::new("main", SourceSettings::deserialize(source).unwrap(), Profile::rfc9068()).unwrap();
        let settings = BundleSettings::new(vec![source])
            .with_empty_layer(Layer::Consent)
            .with_empty_layer(Layer::Ceilings)
            .with_empty_layer(Layer::Guardrails);
        let bundle: Arc<Bundle> = Bundle::load(&files, settings).unwrap();
        let issuer = TestIssuer::new("https://as.example.com");
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted =
            Issuer::new("main", issuer.identifier(), ["https://api.example.com"], [Algorithm::Es256], keys).unwrap();
        let verifier = Verifier::new([rules(trusted)]).unwrap();
        let gate = options(Gate::builder(bundle, verifier).clock(Noon)).build()?;
        Ok(Self { issuer, gate })
    }

    /// A token of `ann` with the members of `more` added or, where they are `null`, left out.
    pub(crate) fn token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "scope": "read:notes",
            "roles": ["reader"], "groups": [], "entitlements": [],
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in more.as_object().unwrap() {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        self.issuer.sign(&claims)
    }

    /// Opens `GET /notes/n1` for a token of `ann` that has `more`.
    pub(crate) async fn open(&self, more: &Value) -> Result<Admission, Answer> {
        self.open_as(&Method::GET, &format!("Bearer {}", self.token(more))).await
    }

    /// The scopes in the metadata of the resource.
    pub(crate) fn offered_scopes(&self) -> Value {
        let target = Uri::from_static("/.well-known/oauth-protected-resource");
        let answer = self.gate.metadata(&RequestHead::new(&Method::GET, &target, &HeaderMap::new(), None)).unwrap();
        serde_json::from_str::<Value>(answer.body()).unwrap()["scopes_supported"].clone()
    }

    pub(crate) async fn open_as(&self, method: &Method, authorization: &str) -> Result<Admission, Answer> {
        self.open_with(method, HeaderMap::from_iter([(AUTHORIZATION, authorization.parse().unwrap())])).await
    }

    pub(crate) async fn open_with(&self, method: &Method, headers: HeaderMap) -> Result<Admission, Answer> {
        let route = RouteMatch::new("/notes/{id}", ["n1"]);
        let target = Uri::from_static("/notes/n1");
        self.gate.open(&RequestHead::new(method, &target, &headers, Some(&route))).await
    }
}

#[derive(Debug)]
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW).unwrap()
    }
}
