//! A service with projects, and how tests talk to it.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use actix_web::body::{MessageBody, to_bytes};
use actix_web::dev::{HttpServiceFactory, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{AUTHORIZATION, HeaderMap};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{Data, Path, ServiceConfig};
use actix_web::{App, HttpRequest};
use portcullis::{
    Algorithm, Bundle, BundleFiles, BundleSettings, Issuer, KeySet, KeySource, Profile, ProtectedResource, Source,
    SourceSettings, Verifier,
};
use portcullis_actix::{
    Authz, Caller, Clock, Gate, GateBuilder, GateExt as _, GateRouter, Permit, Rejection, Resource, UnixTime,
};
use portcullis_testkit::TestIssuer;
use serde::Serialize;
use serde_json::{Value, json};

use crate::log::Log;

pub(crate) const NOW: i64 = 1_767_226_000;

const SCHEMA: &str = r#"
@scope action "manage:projects";
@scope action "read:projects" in ["manage:projects"];
@scope action "write:projects" in ["manage:projects"];

entity Role;
entity User in [Role];
entity Project { owner: User, archived: Bool };
@hide entity Secret;
entity File;
entity Api enum ["self"];

@http("GET /projects/{project}")
action "GetProject" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("GET /projects/new") @resource("Api::\"self\"")
action "NewProject" in ["write:projects"] appliesTo {
  principal: [User], resource: [Api], context: Portcullis::Context
};
@http("GET /projects/{project}/members/{member}") @resource("Project::{project}")
action "GetMember" in ["read:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("PUT /projects/{project}") @deferred("decided on the project")
action "UpdateProject" in ["write:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("DELETE /projects/{project}")
action "DeleteProject" in ["manage:projects"] appliesTo {
  principal: [User], resource: [Project], context: Portcullis::Context
};
@http("GET /secrets/{secret}")
action "GetSecret" in ["read:projects"] appliesTo {
  principal: [User], resource: [Secret], context: Portcullis::Context
};
@http("GET /files/{*path}")
action "GetFile" in ["read:projects"] appliesTo {
  principal: [User], resource: [File], context: Portcullis::Context
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

const ROLES: &str = r#"@id("people") permit (principal is User, action, resource);"#;

const GUARDRAILS: &str = r#"
@id("nobody") forbid (principal, action, resource is Secret);
@id("archived") @message("An archived project is read-only.")
forbid (principal, action in [Action::"UpdateProject", Action::"RpcWrite"], resource is Project)
when { resource.archived };
@id("banned-project") forbid (principal, action, resource == Project::"banned");
@id("slash") forbid (principal, action, resource == Project::"a/b");
@id("slash-file") forbid (principal, action, resource == File::"a/b");
@id("fresh") @max_age("5m") forbid (principal, action == Action::"DeleteProject", resource)
unless { context.auth has authenticated_at && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
"#;

/// A bundle with `schema` and `guardrails`, in which people may do everything.
pub(crate) fn bundle(schema: &str, guardrails: &str) -> Arc<Bundle> {
    let settings: SourceSettings = serde_json::from_value(json!({ "unlisted_clients": "person" })).unwrap();
    let source = Source::new("main", settings, Profile::rfc9068()).unwrap();
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", schema)
        .with_file("roles/people.cedar", ROLES)
        .with_file("guardrails/care.cedar", guardrails)
        .with_file("entities.json", "[]");
    let settings = BundleSettings::new(vec![source])
        .with_empty_layer(portcullis::Layer::Consent)
        .with_empty_layer(portcullis::Layer::Ceilings)
        .with_required_file("guardrails/care.cedar");
    Bundle::load(&files, settings).unwrap()
}

/// A gate and its issuer.
pub(crate) struct Service {
    issuer: TestIssuer,
    pub(crate) gate: Gate,
    /// How often a handler ran.
    pub(crate) calls: Calls,
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
    pub(crate) fn new() -> Self {
        Self::with_gate(|gate| gate)
    }

    pub(crate) fn with_gate(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        Self::of(bundle(SCHEMA, GUARDRAILS), None, options)
    }

    /// A service whose issuer publishes its keys at `keys`.
    pub(crate) fn with_keys(keys: KeySource) -> Self {
        Self::of(bundle(SCHEMA, GUARDRAILS), Some(keys), |gate| gate)
    }

    pub(crate) fn of(
        bundle: Arc<Bundle>,
        keys: Option<KeySource>,
        options: impl FnOnce(GateBuilder) -> GateBuilder,
    ) -> Self {
        let issuer = TestIssuer::new("https://as.example.com");
        let own = || KeySet::from_json(issuer.jwks().to_string().as_bytes()).unwrap().into();
        let keys: KeySource = keys.unwrap_or_else(own);
        let trusted =
            Issuer::new("main", issuer.identifier(), ["https://api.example.com"], [Algorithm::Es256], keys).unwrap();
        let resource = ProtectedResource::new(["https://api.example.com".parse().unwrap()]).unwrap();
        let gate = Gate::builder(bundle, Verifier::new([trusted]).unwrap()).clock(Noon).resource(resource);
        Self { issuer, gate: options(gate).build().unwrap(), calls: Calls::default() }
    }

    /// A token of the user `ann`, with the members of `more` added.
    pub(crate) fn token(&self, more: &Value) -> String {
        let mut claims = json!({
            "iss": "https://as.example.com", "aud": "https://api.example.com", "sub": "ann", "client_id": "web",
            "exp": NOW + 600, "iat": NOW - 60, "jti": "t1", "auth_time": NOW - 6000,
            "scope": "read:projects write:projects", "roles": [], "groups": [], "entitlements": [],
        });
        let members = more.as_object().unwrap().clone();
        claims.as_object_mut().unwrap().extend(members);
        self.issuer.sign(&claims)
    }

    pub(crate) fn bearer(&self, more: &Value) -> String {
        format!("Bearer {}", self.token(more))
    }

    /// Sends a request with a token of `ann` that has `more` to the router that the gate makes.
    pub(crate) async fn ask(&self, method: &str, path: &str, more: &Value) -> Reply {
        self.send(method, path, &[("authorization", &self.bearer(more))]).await
    }

    /// Sends a request as it is to the router that the gate makes.
    pub(crate) async fn send(&self, method: &str, path: &str, fields: &[(&str, &str)]) -> Reply {
        let router = router(&self.gate).build().unwrap();
        self.send_to(only(router), request(method, path, fields)).await
    }

    /// Sends a request with a token of `ann` that has `more` to an application of the test's own.
    pub(crate) async fn ask_of(
        &self,
        app: impl FnOnce(&mut ServiceConfig),
        method: &str,
        path: &str,
        more: &Value,
    ) -> Reply {
        let bearer = self.bearer(more);
        self.send_to(app, request(method, path, &[(AUTHORIZATION.as_str(), &bearer)])).await
    }

    /// Sends a request to an application of the test's own.
    pub(crate) async fn send_to(&self, app: impl FnOnce(&mut ServiceConfig), request: TestRequest) -> Reply {
        let app = App::new().app_data(Data::new(self.calls.clone())).configure(app);
        reply(&init_service(app).await, request.to_request()).await
    }
}

/// An application with one service.
pub(crate) fn only(service: impl HttpServiceFactory + 'static) -> impl FnOnce(&mut ServiceConfig) {
    move |config| {
        config.service(service);
    }
}

pub(crate) fn request(method: &str, path: &str, fields: &[(&str, &str)]) -> TestRequest {
    let request = TestRequest::with_uri(path).method(Method::from_bytes(method.as_bytes()).unwrap());
    fields.iter().fold(request, |request, field| request.append_header(*field))
}

/// What `app` answers, with errors as the server sends them.
pub(crate) async fn reply<S, R, B>(app: &S, request: R) -> Reply
where
    S: actix_web::dev::Service<R, Response = ServiceResponse<B>, Error = actix_web::Error>,
    B: MessageBody + 'static,
{
    let log = Log::start();
    let response = match app.call(request).await {
        Ok(response) => response.into_parts().1.map_into_boxed_body(),
        Err(error) => error.error_response(),
    };
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.unwrap_or_else(|_| panic!("a body that breaks off"));
    let reply = Reply { status, headers, body: String::from_utf8(body.to_vec()).unwrap(), log: log.take() };
    if reply.status == 401 {
        assert!(reply.headers.contains_key("www-authenticate")); // HTP-05
    }
    if reply.field("content-type") == "application/problem+json" {
        assert_eq!(reply.field("cache-control"), "no-store"); // HTP-12
    }
    reply
}

/// A response, and what was logged until its body ended.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
    pub(crate) log: Vec<String>,
}

impl Reply {
    pub(crate) fn field(&self, name: &str) -> &str {
        self.headers.get(name).map_or("-", |value| value.to_str().unwrap())
    }

    pub(crate) fn problem(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or(Value::Null)
    }

    /// The last part of the problem type.
    pub(crate) fn kind(&self) -> String {
        let problem = self.problem();
        problem["type"].as_str().unwrap_or("-").rsplit([':', '/']).next().unwrap().to_owned()
    }

    /// How many requests the log tells of.
    pub(crate) fn events(&self) -> usize {
        self.log.iter().filter(|line| line.starts_with("decision_id=")).count()
    }
}

/// The router that the gate makes, with a handler for everything.
pub(crate) fn router(gate: &Gate) -> GateRouter {
    gate.router()
        .action("GetProject", shown)
        .action("NewProject", new)
        .action("GetMember", member)
        .action("UpdateProject", update)
        .action("DeleteProject", shown)
        .action("GetSecret", shown)
        .action("GetFile", shown)
        .action("ReadProbe", shown)
        .action("HeadProbe", shown)
        .via("POST /rpc", rpc)
        .action("WhoAmI", who)
        .action("Health", health)
}

/// Says what was permitted, and which id the extractor of actix-web yields.
pub(crate) async fn shown(calls: Data<Calls>, permit: Permit, id: Path<String>) -> String {
    calls.add();
    let (entity_type, allowed) = permit.resource();
    assert_eq!(allowed, *id, "what was decided is what the handler sees");
    format!("{} {entity_type} {allowed}", permit.action())
}

async fn new(permit: Permit) -> String {
    permit.action().to_owned()
}

async fn member(permit: Permit, path: Path<(String, String)>) -> String {
    let (project, member) = path.into_inner();
    assert_eq!(permit.resource(), ("Project", project.as_str()));
    format!("{member} of {project}")
}

#[derive(Debug, Serialize)]
pub(crate) struct Project {
    #[serde(skip)]
    id: String,
    owner: String,
    archived: bool,
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

async fn update(calls: Data<Calls>, authz: Authz, id: Path<String>) -> Result<String, Rejection> {
    calls.add();
    let project = authz.load(|| find_project(&id)).await?;
    Ok(store(project.permit(), &project))
}

/// A data function: it cannot be called without a decision.
fn store(permit: &portcullis::Permit, project: &Project) -> String {
    format!("{} {}", permit.action(), project.id)
}

/// The field `do` names the action, the field `on` the project.
async fn rpc(authz: Authz, request: HttpRequest) -> Result<String, Rejection> {
    let field = |name| request.headers().get(name).map(|value| value.to_str().unwrap());
    let project = find_project(field("on").unwrap_or("p")).await.unwrap().unwrap();
    let project = match field("do") {
        Some(action) => authz.check_as(action, project)?,
        None => authz.check(project)?,
    };
    Ok(project.permit().action().to_owned())
}

async fn who(caller: Caller) -> String {
    caller.subject().id.clone()
}

async fn health(caller: Option<Caller>) -> String {
    caller.map_or("up".to_owned(), |caller| format!("up, {}", caller.subject().id))
}

#[derive(Debug)]
struct Noon;

impl Clock for Noon {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(NOW).unwrap()
    }
}
