//! A service with projects, and how tests talk to it.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::{Json, Router};
use http_body_util::BodyExt;
use portcullis::{
    Algorithm, BoxFuture, Bundle, BundleFiles, BundleSettings, Issuer, KeySet, KeySource, Profile, ProtectedResource,
    ResourceData, Source, SourceSettings, Verifier,
};
use portcullis_axum::{
    Authz, Caller, Clock, Connection, Directory, DirectoryError, Gate, GateBuilder, GateExt, Parents, Permit,
    Rejection, Resource, UnixTime,
};
use portcullis_testkit::TestIssuer;
use serde::Serialize;
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::challenge;
use crate::log::Log;

pub(crate) const NOW: i64 = 1_767_226_000;

pub(crate) const SCHEMA: &str = r#"
@scope action "manage:projects";
@scope action "read:projects" in ["manage:projects"];
@scope("projects.write") action "write:projects" in ["manage:projects"];
@scope action "read:profile";
@scope @hidden action "support:projects" in ["manage:projects"];

entity Role;
entity AgentClass;
entity User in [Role];
entity Agent in [AgentClass];
entity Project { owner: User, archived: Bool };
@hide entity Secret { owner: User };
entity Report { sealed: Bool, size: Long };
entity File;
entity Api enum ["self"];

@http("GET /projects/{project}")
action "GetProject" in ["read:projects"] appliesTo {
  principal: [User, Agent], resource: [Project], context: Portcullis::Context
};
@http("GET /projects/{project}/members/{member}") @resource("Project::{project}")
action "GetMember" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("PUT /projects/{project}") @deferred("decided on the project") @requires("read:profile")
action "UpdateProject" in ["write:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("DELETE /projects/{project}")
action "DeleteProject" in ["manage:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("POST /projects/{project}/payments") @deferred("depends on the amount")
action "Pay" in ["write:projects"] appliesTo {
  principal: [User], resource: [Project], context: { auth: Portcullis::Auth, now: datetime, amount: Long }
};
@http("GET /projects/{project}/export")
action "Export" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("GET /projects/{project}/keys")
action "GetKeys" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("GET /projects/{project}/audit")
action "Audit" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("GET /secrets/{secret}") @deferred("decided on the secret")
action "GetSecret" in ["read:projects"] appliesTo {
  principal: [User], resource: [Secret], context: Portcullis::Context
};
@http("DELETE /secrets/{secret}")
action "DeleteSecret" in ["read:projects"] appliesTo {
  principal: [User], resource: [Secret], context: Portcullis::Context
};
@http("GET /reports/{report}")
action "GetReport" in ["read:projects"] appliesTo {
  principal: [User], resource: [Report], context: Portcullis::Context
};
@http("GET /files/{*path}")
action "GetFile" in ["read:projects"] appliesTo {
  principal: [User], resource: [File], context: Portcullis::Context
};
@http("GET /{project}/raw")
action "GetRaw" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("GET /probes/{project}")
action "ReadProbe" in ["manage:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("HEAD /probes/{project}")
action "HeadProbe" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@via("POST /rpc")
action "RpcRead" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@via("POST /rpc")
action "RpcWrite" in ["write:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("GET /me") @resource("Api::\"self\"") @no_consent("says what the token says")
action "WhoAmI" appliesTo { principal: [User], resource: [Api], context: Portcullis::Context };
@http("GET /health") @public("load balancers have no token")
action "Health";
"#;

pub(crate) const ROLES: &str = r#"
@id("people") permit (principal is User, action, resource);
@id("agents") permit (principal is Agent, action, resource);
"#;

const CEILINGS: &str = r#"
@id("readers") permit (principal in AgentClass::"reader", action == Action::"GetProject", resource);
"#;

const GUARDRAILS: &str = r#"
@id("mine-only") forbid (principal, action, resource is Secret) unless { principal in Role::"keeper" };
@id("archived") @message("An archived project is read-only.")
forbid (principal, action in [Action::"UpdateProject", Action::"RpcWrite"], resource is Project)
when { resource.archived };
@id("banned-project") forbid (principal, action, resource == Project::"banned");
@id("slash") forbid (principal, action, resource == Project::"a/b");
@id("slash-file") forbid (principal, action, resource == File::"a/b");
@id("strong") @step_up("mfa phr") forbid (principal, action == Action::"DeleteProject", resource)
unless { context.auth has acr && ["mfa", "phr"].contains(context.auth.acr) };
@id("fresh") @max_age("5m") forbid (principal, action == Action::"DeleteProject", resource)
unless { context.auth has authenticated_at && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
@id("bound") @require_binding("dpop") forbid (principal, action == Action::"Export", resource)
unless { context.auth.binding.contains(Portcullis::Binding::"dpop") };
@id("certified") @require_binding("mtls") forbid (principal, action == Action::"GetKeys", resource)
unless { context.auth.binding.contains(Portcullis::Binding::"mtls") };
@id("sealed") forbid (principal, action, resource is Report) when { resource.sealed };
@id("no-overflow") forbid (principal, action, resource is Report) when { resource.size + 9223372036854775807 < 0 };
@id("expensive") forbid (principal, action == Action::"Pay", resource) when { context.amount > 100 };
"#;

const AUDIT: &str = r#"
@id("audited") @obligation("record:audit") permit (principal in Role::"auditor", action == Action::"Audit", resource);
"#;

const ENTITIES: &str = r#"[
  { "uid": {"type": "Role", "id": "keeper"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Role", "id": "auditor"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "AgentClass", "id": "reader"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Agent", "id": "scribe"}, "attrs": {}, "parents": [{"type": "AgentClass", "id": "reader"}] }
]"#;

/// The bundle, with one file of its roles replaced.
pub(crate) fn bundle_with(schema: &str, roles: &str) -> Arc<Bundle> {
    let settings: SourceSettings =
        serde_json::from_value(json!({ "unlisted_clients": "person", "scope_names": { "profile": "read:profile" } }))
            .unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let files = files(schema, roles);
    let settings = BundleSettings::new(vec![source])
        .with_empty_layer(portcullis::Layer::Consent)
        .with_required_file("guardrails/care.cedar")
        .with_supplied("Report");
    Bundle::load(&files, settings).unwrap()
}

fn files(schema: &str, roles: &str) -> BundleFiles {
    BundleFiles::new()
        .with_file("schema.cedarschema", schema)
        .with_file("roles/people.cedar", roles)
        .with_file("ceilings/software.cedar", CEILINGS)
        .with_file("guardrails/care.cedar", GUARDRAILS)
        .with_file("entities.json", ENTITIES)
}

/// The same bundle, as settings describe it.
const SETTINGS: &str = r#"
[layers]
consent = "none"
guardrails = ["care.cedar"]

[directory]
supplies = ["Report"]

[[issuer]]
issuer = "https://as.example.com"
preset = "rfc9068"
audience = ["https://api.example.com"]
algorithms = ["ES256"]
keys = { url = "https://as.example.com/jwks" }
unlisted_clients = "person"
scope_names = { profile = "read:profile" }
"#;

/// A service under test and its issuer.
pub(crate) struct Service {
    pub(crate) issuer: TestIssuer,
    /// How often a handler ran.
    pub(crate) calls: Calls,
    pub(crate) app: Router,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Calls(Arc<AtomicUsize>);

impl Calls {
    pub(crate) fn count(&self) -> usize {
        self.0.load(Ordering::SeqCst)
    }

    pub(crate) fn add(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Service {
    /// All actions of the bundle, through the router that the gate makes.
    pub(crate) fn new() -> Self {
        Self::with(|gate| router(&gate).build().unwrap())
    }

    /// An application of the test's own.
    pub(crate) fn with<A: Into<Router<Calls>>>(app: impl FnOnce(Gate) -> A) -> Self {
        Self::with_options(ROLES, |gate| gate, app)
    }

    pub(crate) fn with_options<A: Into<Router<Calls>>>(
        roles: &str,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
        app: impl FnOnce(Gate) -> A,
    ) -> Self {
        let issuer = TestIssuer::new("https://as.example.com");
        let gate = Gate::builder(bundle_with(SCHEMA, roles), verifier(&issuer));
        let gate = gate.clock(Noon).directory(Reports).resource(resource(&["https://api.example.com"]));
        Self::of(issuer, options(gate).build().unwrap(), app)
    }

    /// A service whose issuer publishes its keys at `keys`.
    pub(crate) fn with_keys(keys: impl Into<KeySource>) -> Self {
        let issuer = TestIssuer::new("https://as.example.com");
        let gate = Gate::builder(bundle_with(SCHEMA, ROLES), verifier_with(&issuer, keys));
        let gate = gate.clock(Noon).directory(Reports).resource(resource(&["https://api.example.com"]));
        Self::of(issuer, gate.build().unwrap(), |gate| router(&gate).build().unwrap())
    }

    /// A service that believes its issuer under `rules`.
    pub(crate) fn with_issuer(
        rules: impl FnOnce(Issuer) -> Issuer,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Self {
        let issuer = TestIssuer::new("https://as.example.com");
        let trusted = rules(trusted(&issuer, KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap()));
        let gate = Gate::builder(bundle_with(SCHEMA, ROLES), Verifier::new([trusted]).unwrap());
        let gate = gate.clock(Noon).directory(Reports).resource(resource(&["https://api.example.com"]));
        Self::of(issuer, options(gate).build().unwrap(), |gate| router(&gate).build().unwrap())
    }

    /// All actions of the bundle, behind a gate with `options`.
    pub(crate) fn with_gate(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::with_options(ROLES, options, |gate| router(&gate).build().unwrap())
    }

    /// A service whose settings hold `limits`, behind a gate with `options`.
    pub(crate) fn limited(limits: &str, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::with_limits(ROLES, limits, options)
    }

    /// The same, where `Audit` carries an obligation.
    pub(crate) fn audited_and_limited(limits: &str, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::with_limits(AUDIT, limits, options)
    }

    fn with_limits(roles: &str, limits: &str, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let issuer = TestIssuer::new("https://as.example.com");
        let files = files(SCHEMA, roles).with_file("portcullis.toml", format!("{SETTINGS}{limits}"));
        let mut loaded = portcullis::load(&files).unwrap();
        loaded.verifier = verifier(&issuer);
        let gate = loaded.gate().clock(Noon).directory(Reports).resource(resource(&["https://api.example.com"]));
        Self::of(issuer, options(gate).build().unwrap(), |gate| router(&gate).build().unwrap())
    }

    fn of<A: Into<Router<Calls>>>(issuer: TestIssuer, gate: Gate, app: impl FnOnce(Gate) -> A) -> Self {
        let calls = Calls::default();
        let app = app(gate).into().with_state(calls.clone());
        Self { issuer, calls, app }
    }

    /// A service where `Audit` carries an obligation.
    pub(crate) fn audited(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::with_options(AUDIT, options, |gate| router(&gate).build().unwrap())
    }

    /// A token of the user `ann`, with the members of `more` added or, where they are `null`, left out.
    pub(crate) fn token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "auth_time": NOW - 6000,
            "scope": "read:projects projects.write", "roles": [], "groups": [], "entitlements": [],
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

    /// Sends a request with a token of `ann` that has `more`.
    pub(crate) async fn ask(&self, method: &str, path: &str, more: &Value) -> Reply {
        let field = format!("Bearer {}", self.token(more));
        self.send(method, path, &[("authorization", &field)]).await
    }

    /// Sends a request with the `Authorization` field `bearer` and one more.
    pub(crate) async fn send_owned(&self, method: &str, path: &str, bearer: &str, field: (&str, &str)) -> Reply {
        self.send(method, path, &[("authorization", bearer), field]).await
    }

    /// Sends a request as it is.
    pub(crate) async fn send(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        self.send_with_body(method, path, fields, "").await
    }

    /// Sends a request with `body`.
    pub(crate) async fn send_with_body(&self, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Reply {
        self.exchange(Connection::unknown(), method, path, fields, body).await
    }

    /// Sends a request on a connection that the server describes as `connection`.
    pub(crate) async fn send_on<C>(&self, connection: C, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply
    where
        C: Clone + Send + Sync + 'static,
    {
        self.exchange(connection, method, path, fields, "").await
    }

    async fn exchange<C>(&self, connection: C, method: &str, path: &str, fields: &[(&str, &str)], body: &str) -> Reply
    where
        C: Clone + Send + Sync + 'static,
    {
        let log = Log::start();
        let mut request = Request::builder().method(method).uri(path).extension(connection);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let response = self.app.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
        let (parts, body) = response.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().into()).unwrap();
        let reply = Reply { status: parts.status, headers: parts.headers, body, log: log.take() };
        reply.check_form(&format!("{method} {path}"), method == "HEAD");
        // GEN-04, GEN-08, O21-03: nothing that was sent to prove who it is, and nothing of the query, comes out again.
        let written = format!("{:?} {:?} {}", reply.log, reply.headers, reply.body);
        for secret in secrets(path, fields) {
            assert!(!written.contains(&secret), "{method} {path}: `{secret}` came out: {written}");
        }
        reply
    }
}

/// Parts of the credentials and of the query, as long as they cannot stand anywhere by chance.
fn secrets(path: &str, fields: &[(&str, &str)]) -> Vec<String> {
    let holds_credentials = |name: &str| ["authorization", "proxy-authorization", "cookie", "dpop"].contains(&name);
    let fields = fields.iter().filter(|(name, _)| holds_credentials(name)).map(|(_, value)| *value);
    let query = path.split_once('?').map(|(_, query)| query);
    let parts = fields.chain(query).flat_map(|text| text.split([' ', '.', ';', '=', '&', ',']).chain([text]));
    parts.filter(|part| part.len() >= 8 && *part != "access_token").map(str::to_owned).collect()
}

/// A response.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    /// A line for each field of an event.
    pub(crate) log: Vec<String>,
}

impl Reply {
    /// The only challenge.
    pub(crate) fn challenge(&self) -> Option<BTreeMap<String, String>> {
        let mut challenges = self.challenges().into_iter();
        let first = challenges.next();
        assert_eq!(challenges.next(), None, "one scheme is supported, so there is one challenge");
        first.map(|(scheme, parameters)| {
            assert_eq!(scheme, "Bearer");
            parameters
        })
    }

    /// All challenges, one of each field line, with their schemes.
    pub(crate) fn challenges(&self) -> Vec<(String, BTreeMap<String, String>)> {
        self.headers.get_all(header::WWW_AUTHENTICATE).iter().map(challenge::parse).collect()
    }

    /// As [`Reply::demands`], for answers with challenges of several schemes.
    pub(crate) fn demands_of_each_scheme(&self) -> Vec<String> {
        let mut shown = Vec::new();
        for (scheme, mut parameters) in self.challenges() {
            assert_eq!(parameters.remove("realm").as_deref(), Some("api")); // BRR-10
            assert!(parameters.remove("resource_metadata").is_some()); // PRM-09
            parameters.remove("error_description");
            let parameters = parameters.iter().map(|(name, value)| format!("; {name}={value}"));
            shown.push(scheme + &parameters.collect::<String>());
        }
        shown
    }

    /// The challenge without its realm, as `name=value` joined by spaces; `-` for none.
    pub(crate) fn demands(&self) -> String {
        let Some(mut challenge) = self.challenge() else {
            return "-".to_owned();
        };
        assert_eq!(challenge.remove("realm").as_deref(), Some("api")); // BRR-10
        // PRM-09
        let metadata = challenge.remove("resource_metadata");
        assert_eq!(metadata.as_deref(), Some("https://api.example.com/.well-known/oauth-protected-resource"));
        challenge.remove("error_description");
        challenge.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    pub(crate) fn problem(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The last part of the problem type.
    pub(crate) fn kind(&self) -> String {
        let problem = self.problem();
        problem["type"].as_str().unwrap_or("-").rsplit([':', '/', '#']).next().unwrap().to_owned()
    }

    /// What holds for every answer of the gate.
    fn check_form(&self, name: &str, is_head: bool) {
        let problem = self.problem();
        let ours = self.headers.get(header::CONTENT_TYPE).is_some_and(|value| value == "application/problem+json");
        if self.status == StatusCode::UNAUTHORIZED {
            assert!(!self.challenges().is_empty(), "{name}: a 401 without challenge"); // HTP-05
        }
        if !ours {
            return;
        }
        assert!(!self.headers.contains_key("proxy-authenticate"), "{name}"); // HTP-08
        assert_eq!(self.headers[header::CACHE_CONTROL], "no-store", "{name}"); // HTP-12
        // What went wrong stands in the first one; the others say the same or nothing.
        let challenge = self.challenges().into_iter().next().map(|(_, parameters)| parameters);
        let nonces = self.headers.get_all("dpop-nonce").iter().count();
        assert!(nonces <= 1, "{name}: {nonces} nonces");
        // HTP-11
        let exposed = self.headers.get("access-control-expose-headers").map_or("", |value| value.to_str().unwrap());
        assert_eq!(challenge.is_some() || nonces == 1, exposed.contains("WWW-Authenticate"), "{name}");
        assert_eq!(nonces == 1, exposed.contains("DPoP-Nonce"), "{name}");
        assert!(!challenge.as_ref().is_some_and(|challenge| challenge.contains_key("error_uri")), "{name}"); // BRR-12
        let error = challenge.and_then(|challenge| challenge.get("error").cloned());
        if is_head {
            assert_eq!(self.body, "", "{name}"); // PRB-05
        } else {
            // PRB-01, PRB-03
            let kind = problem["type"].as_str().unwrap();
            let quota = kind == "https://iana.org/assignments/http-problem-types#quota-exceeded";
            assert!(kind.starts_with("urn:problem-type:portcullis:") || quota, "{name}");
            assert!(problem["title"].is_string() && problem.get("instance").is_none(), "{name}");
            assert_eq!(problem["status"], self.status.as_u16(), "{name}"); // PRB-02
            assert_eq!(problem["error"].as_str().map(str::to_owned), error, "{name}"); // PRB-04
            // Metadata are public: nothing is decided about them.
            let id = problem["decision"].as_str().map(str::len);
            assert!(id == Some(36) || (id.is_none() && name.contains("/.well-known/")), "{name}");
        }
    }
}

/// The router that the gate makes, with a handler for everything.
pub(crate) fn router(gate: &Gate) -> portcullis_axum::GateRouter<Calls> {
    gate.router()
        .action("GetProject", shown)
        .action("GetMember", member)
        .action("UpdateProject", update)
        .action("DeleteProject", shown)
        .action("Pay", pay)
        .action("Export", shown)
        .action("GetKeys", shown)
        .action("Audit", shown)
        .action("GetSecret", secret)
        .action("DeleteSecret", shown)
        .action("GetReport", shown)
        .action("GetFile", shown)
        .action("GetRaw", shown)
        .action("ReadProbe", shown)
        .action("HeadProbe", shown)
        .via("POST /rpc", rpc)
        .action("WhoAmI", who)
        .action("Health", health)
}

/// Says what was permitted, and which id axum's own extractor yields.
pub(crate) async fn shown(State(calls): State<Calls>, permit: Permit, Path(id): Path<String>) -> String {
    calls.add();
    let (entity_type, allowed) = permit.resource();
    assert_eq!(allowed, id, "what was decided is what the handler sees");
    format!("{} {entity_type} {allowed}", permit.action())
}

async fn member(permit: Permit, Path((project, member)): Path<(String, String)>) -> String {
    assert_eq!(permit.resource(), ("Project", project.as_str()));
    format!("{member} of {project}")
}

#[derive(Debug, Serialize)]
pub(crate) struct Project {
    #[serde(skip)]
    pub(crate) id: String,
    pub(crate) owner: String,
    pub(crate) archived: bool,
}

impl Resource for Project {
    const TYPE: &'static str = "Project";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

/// Projects that begin with `old` are archived; `none` does not exist; `down` cannot be loaded.
pub(crate) async fn find_project(id: &str) -> Result<Option<Project>, std::io::Error> {
    match id {
        "none" => Ok(None),
        "down" => Err(std::io::Error::other("database canary")),
        _ => Ok(Some(Project { id: id.to_owned(), owner: "ann".to_owned(), archived: id.starts_with("old") })),
    }
}

async fn update(State(calls): State<Calls>, authz: Authz, Path(id): Path<String>) -> Result<String, Rejection> {
    calls.add();
    let project = authz.load(|| find_project(&id)).await?;
    Ok(store(project.permit(), &project))
}

/// A data function: it cannot be called without a decision.
fn store(permit: &portcullis::Permit, project: &Project) -> String {
    format!("{} {}", permit.action(), project.id)
}

async fn pay(authz: Authz, Path(id): Path<String>, headers: HeaderMap) -> Result<String, Rejection> {
    #[derive(Serialize)]
    struct Payment {
        amount: i64,
    }
    let amount = headers["amount"].to_str().unwrap().parse().unwrap();
    let project = authz.load_with(|| find_project(&id), &Payment { amount }).await?;
    Ok(format!("paid for {}", project.id))
}

#[derive(Serialize)]
struct Secret {
    #[serde(skip)]
    id: String,
    owner: String,
}

impl Resource for Secret {
    const TYPE: &'static str = "Secret";

    fn id(&self) -> Cow<'_, str> {
        self.id.as_str().into()
    }
}

async fn secret(authz: Authz, Path(id): Path<String>) -> Result<String, Rejection> {
    let found = (id != "none").then(|| Secret { id, owner: "bob".to_owned() });
    let secret = authz.load(|| async { Ok::<_, Infallible>(found) }).await?;
    Ok(secret.owner.clone())
}

/// The field `do` names the action, the field `on` the project.
async fn rpc(State(calls): State<Calls>, authz: Authz, headers: HeaderMap) -> Result<String, Rejection> {
    calls.add();
    let id = headers.get("on").map_or("p", |id| id.to_str().unwrap());
    let project = find_project(id).await.unwrap().unwrap();
    let project = match headers.get("do") {
        Some(action) => authz.check_as(action.to_str().unwrap(), project)?,
        None => authz.check(project)?,
    };
    Ok(project.permit().action().to_owned())
}

async fn who(caller: Caller) -> Json<Value> {
    Json(json!({ "sub": caller.subject().id, "client": caller.client() }))
}

async fn health(caller: Option<Caller>) -> String {
    caller.map_or("up".to_owned(), |caller| format!("up, {}", caller.subject().id))
}

/// A resource with these identifiers.
pub(crate) fn resource(identifiers: &[&str]) -> ProtectedResource {
    ProtectedResource::new(identifiers.iter().map(|text| text.parse().unwrap())).unwrap()
}

pub(crate) fn verifier(issuer: &TestIssuer) -> Verifier {
    verifier_with(issuer, KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap())
}

fn verifier_with(issuer: &TestIssuer, keys: impl Into<KeySource>) -> Verifier {
    Verifier::new([trusted(issuer, keys)]).unwrap()
}

/// The issuer as the gate knows it.
pub(crate) fn trusted(issuer: &TestIssuer, keys: impl Into<KeySource>) -> Issuer {
    Issuer::new("main", issuer.identifier(), ["https://api.example.com"], [Algorithm::Es256], keys).unwrap()
}

#[derive(Debug)]
pub(crate) struct Noon;

impl Clock for Noon {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW).unwrap()
    }
}

/// Knows the reports by their ids.
pub(crate) struct Reports;

impl Directory for Reports {
    fn resource<'a>(
        &'a self,
        entity_type: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        let report = |id: &str, sealed: bool, size: i64| {
            let attributes = json!({ "sealed": sealed, "size": size });
            Ok(Some(ResourceData::from_json(entity_type, id, &attributes, Parents::none()).unwrap()))
        };
        let answer = match id {
            "none" => Ok(None),
            "down" => Err(DirectoryError::new("directory canary")),
            "other" => report("another", false, 0),
            "sealed" => report(id, true, 0),
            "huge" => report(id, false, 1),
            _ => report(id, false, 0),
        };
        Box::pin(async { answer })
    }

    fn supplies(&self) -> Vec<String> {
        vec!["Report".to_owned()]
    }
}
