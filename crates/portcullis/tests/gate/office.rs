//! A service for people, services and agents.

use std::borrow::Cow;

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Uri};
use portcullis::{
    Admission, Algorithm, Answer, Bundle, BundleFiles, BundleSettings, Gate, GateBuilder, Introspection, Issuer,
    KeySet, Layer, Profile, RequestHead, Resource, RouteMatch, Source, SourceSettings, Verifier,
};
use portcullis_testkit::TestIssuer;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::service::{NOW, Noon};

const SCHEMA: &str = r#"
@scope action "read:letters";
@scope action "write:letters";
entity Role;
entity AgentClass in [AgentClass];
entity User in [Role] {
  @claim("/authorization_details/0/type") detail?: String,
  helpers?: Set<String>,
};
entity Service in [Role];
entity Agent in [AgentClass, Role];
entity Letter;
@http("GET /letters/{letter}")
action "ReadLetter" in ["read:letters"] appliesTo {
  principal: [User, Service, Agent], resource: [Letter], context: Portcullis::Context
};
@http("PUT /letters/{letter}") @deferred("decided on the letter")
action "EditLetter" in ["read:letters"] appliesTo {
  principal: [User, Service, Agent], resource: [Letter], context: Portcullis::Context
};
@http("POST /letters/{letter}/signature")
action "SignLetter" in ["write:letters"] appliesTo {
  principal: [User], resource: [Letter], context: Portcullis::Context
};
@http("POST /letters/{letter}/postage")
action "PayPostage" in ["write:letters"] appliesTo {
  principal: [User, Agent], resource: [Letter], context: Portcullis::Context
};
@http("POST /letters/{letter}/help")
action "HelpWithLetter" in ["read:letters"] appliesTo {
  principal: [User, Agent], resource: [Letter], context: Portcullis::Context
};
"#;

const ROLES: &str = r#"
@id("clerks") permit (principal in Role::"clerk", action, resource) unless { action == Action::"PayPostage" };
@id("postage") permit (principal is User, action == Action::"PayPostage", resource)
when { principal has detail && principal.detail == "postage" };
@id("software-reads") permit (principal, action == Action::"ReadLetter", resource)
when { principal is Service || principal is Agent };
"#;

const CEILINGS: &str = r#"
@id("office") permit (principal in AgentClass::"office", action, resource);
@id("unlisted") permit (principal in AgentClass::"unlisted", action == Action::"ReadLetter", resource);
@id("unclassified") permit (principal in AgentClass::"unclassified", action == Action::"EditLetter", resource);
@id("franking") permit (principal == Agent::"franking", action == Action::"ReadLetter", resource);
@id("console") permit (principal is Agent, action == Action::"ReadLetter", resource)
when { context.auth has client && context.auth.client == "console" };
@id("archive") permit (principal == Service::"archive", action == Action::"ReadLetter", resource);
@id("support") permit (principal == User::"sue", action == Action::"ReadLetter", resource);
@id("stated-class") permit (principal is Agent, action == Action::"ReadLetter", resource)
when { context.auth has actor && context.auth.actor has class && context.auth.actor.class == "stated" };
@id("helpers") permit (principal is Agent, action == Action::"HelpWithLetter", resource)
when { context.auth has user && context.auth has actor && context.auth.user has helpers
       && context.auth.user.helpers.contains(context.auth.actor.id) };
"#;

/// `scribe` is one of the dictation agents, which belong to the office.
const ENTITIES: &str = r#"[
  { "uid": {"type": "Role", "id": "clerk"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "AgentClass", "id": "office"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "AgentClass", "id": "dictation"}, "attrs": {}, "parents": [{"type": "AgentClass", "id": "office"}] },
  { "uid": {"type": "AgentClass", "id": "unlisted"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "AgentClass", "id": "unclassified"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "AgentClass", "id": "idle"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Agent", "id": "scribe"}, "attrs": {}, "parents": [{"type": "AgentClass", "id": "dictation"}] },
  { "uid": {"type": "Agent", "id": "franking"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Agent", "id": "parrot"}, "attrs": {}, "parents": [{"type": "AgentClass", "id": "idle"}] }
]"#;

/// A letter, decided in the handler.
#[derive(Serialize)]
pub(crate) struct Letter;

impl Resource for Letter {
    const TYPE: &'static str = "Letter";

    fn id(&self) -> Cow<'_, str> {
        "1".into()
    }
}

pub(crate) struct Office {
    pub(crate) gate: Gate,
    issuer: TestIssuer,
}

impl Office {
    /// One that knows `web` as a client of people and that takes every other for an agent.
    pub(crate) fn new(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::with(&json!({}), |issuer| issuer, options)
    }

    /// One with more settings of its issuer.
    pub(crate) fn with_source(source: &Value) -> Self {
        Self::with(source, |issuer| issuer, |gate| gate)
    }

    /// One that asks its issuer about opaque tokens.
    pub(crate) fn asking(source: &Value, introspection: Introspection) -> Self {
        Self::with(source, |issuer| issuer.with_introspection(introspection), |gate| gate)
    }

    pub(crate) fn with(
        source: &Value,
        rules: impl FnOnce(Issuer) -> Issuer,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Self {
        let files = BundleFiles::new()
            .with_file("schema.cedarschema", SCHEMA)
            .with_file("roles/office.cedar", ROLES)
            .with_file("ceilings/software.cedar", CEILINGS)
            .with_file("entities.json", ENTITIES);
        let mut all = json!({ "unlisted_clients": "agent", "person_clients": ["web"] });
        all.as_object_mut().unwrap().extend(source.as_object().unwrap().clone());
        let source = Source::new("main", SourceSettings::deserialize(all).unwrap(), Profile::rfc9068()).unwrap();
        let settings = BundleSettings::new(vec![source])
            .with_empty_layer(Layer::Consent)
            .with_required_file("ceilings/software.cedar")
            .with_empty_layer(Layer::Guardrails);
        let bundle = Bundle::load(&files, settings).unwrap();
        let issuer = TestIssuer::new("https://as.example.com");
        let keys = KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap();
        let trusted =
            Issuer::new("main", issuer.identifier(), ["https://api.example.com"], [Algorithm::Es256], keys).unwrap();
        let verifier = Verifier::new([rules(trusted)]).unwrap();
        let gate = options(Gate::builder(bundle, verifier).clock(Noon)).build().unwrap();
        Self { gate, issuer }
    }

    /// What a token of the clerk `ann` claims, with the members of `more` added or, where they are `null`, left out.
    pub(crate) fn claims(more: &Value) -> Value {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "scope": "read:letters",
            "roles": ["clerk"], "groups": [], "entitlements": [],
        });
        let members = claims.as_object_mut().unwrap();
        for (name, value) in more.as_object().unwrap() {
            if value.is_null() {
                members.remove(name);
            } else {
                members.insert(name.clone(), value.clone());
            }
        }
        claims
    }

    pub(crate) fn token(&self, more: &Value) -> String {
        self.issuer.sign(&Self::claims(more))
    }

    /// Sends `request`, such as `GET /letters/1`, with a token that has `more`.
    pub(crate) async fn open(&self, request: &str, more: &Value) -> Result<Admission, Answer> {
        self.open_with(request, &self.token(more)).await
    }

    pub(crate) async fn open_with(&self, request: &str, token: &str) -> Result<Admission, Answer> {
        send(&self.gate, request, token).await
    }

    /// The status, with the error of the challenge if there is one: `403 insufficient_scope`.
    pub(crate) async fn status(&self, request: &str, more: &Value) -> String {
        status(self.open(request, more).await)
    }
}

pub(crate) async fn send(gate: &Gate, request: &str, token: &str) -> Result<Admission, Answer> {
    let (method, path) = request.split_once(' ').unwrap();
    let headers = HeaderMap::from_iter([(AUTHORIZATION, format!("Bearer {token}").parse().unwrap())]);
    let route = RouteMatch::new(&path.replace("/1", "/{letter}"), ["1"]);
    let (method, target) = (Method::from_bytes(method.as_bytes()).unwrap(), path.parse::<Uri>().unwrap());
    gate.open(&RequestHead::new(&method, &target, &headers, Some(&route))).await
}

/// The status, and the error of the challenge.
pub(crate) fn status(opened: Result<Admission, Answer>) -> String {
    let answer = match opened {
        Ok(_) => return "200".to_owned(),
        Err(answer) => answer,
    };
    let challenge = answer.headers().get(WWW_AUTHENTICATE).map_or("", |challenge| challenge.to_str().unwrap());
    let error = challenge.split_once("error=\"").and_then(|(_, rest)| rest.split('"').next());
    format!("{} {}", answer.status().as_u16(), error.unwrap_or_default()).trim_end().to_owned()
}
