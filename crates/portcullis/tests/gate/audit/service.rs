//! A service with all classes of traffic.

use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Admission, Algorithm, Answer, Bundle, BundleFiles, BundleSettings, Engine, Gate, GateBuilder, GateError, Issuer,
    KeySet, Layer, Profile, RequestHead, RouteMatch, Source, SourceSettings, Verifier,
};
use portcullis_testkit::TestIssuer;
use serde::Serialize;
use serde_json::{Value, json};

use crate::service::{NOW, Noon};

const SCHEMA: &str = r#"
@scope action "read:notes";
@scope action "write:notes";
entity Role;
entity AgentClass;
entity User in [Role] { @claim("/profile/email") email?: String };
entity Agent in [AgentClass];
entity Service;
entity Note { owner: User, word: String, size: Long };
entity Api enum ["self"];
@http("GET /notes") @lists("SeeNote") @resource("Api::\"self\"")
action "ListNotes" in ["read:notes"] appliesTo { principal: [User, Agent, Service], resource: [Api], context: Portcullis::Context };
@via("POST /rpc")
action "SeeNote" in ["read:notes"] appliesTo { principal: [User, Agent, Service], resource: [Note], context: Portcullis::Context };
@http("PUT /notes/{note}") @deferred("decided on the note")
action "PutNote" in ["write:notes"] appliesTo {
  principal: [User, Agent, Service], resource: [Note], context: { auth: Portcullis::Auth, now: datetime, amount: Long }
};
"#;
const ROLES: &str = r#"
@id("readers") permit (principal in Role::"reader", action in [Action::"read:notes"], resource);
@id("owners") permit (principal is User, action == Action::"PutNote", resource) when { resource.owner == principal };
@id("machines") permit (principal is Service, action in [Action::"read:notes"], resource);
@id("robots") permit (principal is Agent, action in [Action::"read:notes"], resource);
"#;
const CEILINGS: &str = r#"
@id("agents") permit (principal is Agent, action, resource);
@id("services") permit (principal is Service, action, resource);
"#;
const GUARDRAILS: &str = r#"
@id("no-overflow") forbid (principal, action, resource is Note) when { resource.size + 9223372036854775807 < 0 };
@id("expensive") forbid (principal, action == Action::"PutNote", resource) when { context.amount > 100 };
@id("polite") forbid (principal, action, resource is Note) when { resource.word == "rude" };
"#;
const ENTITIES: &str = r#"[{ "uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": [] }]"#;

pub(super) struct Service {
    issuer: TestIssuer,
    pub(super) gate: Gate,
}

/// A note, with an attribute that the schema does not know.
#[derive(Debug, Clone, Serialize)]
pub(super) struct Note {
    pub(super) id: &'static str,
    pub(super) owner: &'static str,
    pub(super) word: &'static str,
    pub(super) size: i64,
    pub(super) text: &'static str,
}

impl portcullis::Resource for Note {
    const TYPE: &'static str = "Note";

    fn id(&self) -> std::borrow::Cow<'_, str> {
        self.id.into()
    }
}

pub(super) fn note() -> Note {
    Note { id: "n1", owner: "ann", word: "canary-word", size: 0, text: "canary-text" }
}

impl Service {
    #[track_caller]
    pub(super) fn new(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::start(options).unwrap()
    }

    pub(super) fn start(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Result<Self, GateError> {
        let issuer = TestIssuer::new("https://as.example.com");
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted =
            Issuer::new("main", issuer.identifier(), ["https://api.example.com"], [Algorithm::Es256], keys).unwrap();
        let verifier = Verifier::new([trusted]).unwrap();
        let gate = options(Gate::builder(bundle(""), verifier).clock(Noon)).build()?;
        Ok(Self { issuer, gate })
    }

    /// Decides as the gate does.
    pub(super) fn engine(&self) -> Engine {
        Engine::new(self.gate.bundle())
    }

    pub(super) fn token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "scope": "read:notes write:notes",
            "roles": ["reader"], "groups": [], "entitlements": [],
            "profile": { "email": "canary-email", "name": "canary-name" },
        });
        let members = claims.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        members.retain(|_, value| !value.is_null());
        self.issuer.sign(&claims)
    }

    pub(super) fn headers(&self, more: &Value) -> HeaderMap {
        HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {}", self.token(more)).parse().unwrap())])
    }

    /// `GET /notes`.
    pub(super) async fn list(&self, more: &Value) -> Result<Admission, Answer> {
        self.open(&Method::GET, "/notes", &self.headers(more)).await
    }

    /// `PUT /notes/n1`, to be decided.
    pub(super) async fn put(&self, more: &Value) -> Result<Admission, Answer> {
        self.open(&Method::PUT, "/notes/n1", &self.headers(more)).await
    }

    pub(super) async fn open(&self, method: &Method, target: &str, headers: &HeaderMap) -> Result<Admission, Answer> {
        let uri: Uri = target.parse().unwrap();
        let route = match uri.path() {
            "/notes" => Some(RouteMatch::new("/notes", [""; 0])),
            "/rpc" => Some(RouteMatch::new("/rpc", [""; 0])),
            path => path.strip_prefix("/notes/").map(|id| RouteMatch::new("/notes/{id}", [id])),
        };
        self.gate.open(&RequestHead::new(method, &uri, headers, route.as_ref())).await
    }
}

/// The bundle, with more guardrails.
pub(super) fn bundle(more: &str) -> Arc<Bundle> {
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/people.cedar", ROLES)
        .with_file("ceilings/software.cedar", CEILINGS)
        .with_file("guardrails/care.cedar", format!("{GUARDRAILS}{more}"))
        .with_file("entities.json", ENTITIES);
    let settings: SourceSettings = serde_json::from_value(json!({ "unlisted_clients": "person" })).unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let settings =
        BundleSettings::new(vec![source]).with_empty_layer(Layer::Consent).with_required_file("guardrails/care.cedar");
    Bundle::load(&files, settings).unwrap_or_else(|error| panic!("{error}"))
}

/// Claims of an agent that acts for itself, of one that acts for ann, and of a service.
pub(super) fn agent() -> Value {
    json!({ "sub": "crawler", "client_id": "crawler", "sub_profile": "ai_agent" })
}

pub(super) fn delegate() -> Value {
    json!({ "act": { "sub": "drafter", "sub_profile": "ai_agent", "act": { "sub": "planner" } } })
}

pub(super) fn service() -> Value {
    json!({ "sub": "nightly", "client_id": "nightly" })
}
