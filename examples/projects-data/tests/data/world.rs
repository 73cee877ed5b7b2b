//! A gate with a database, and requests as an adapter would hand them over.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use http::header::AUTHORIZATION;
use http::{HeaderMap, Method, Uri};
use portcullis::handler::{Adapter, Allowed, Authz};
use portcullis::{Admission, Answer, BundleFiles, Clock, GateBuilder, Permit, RequestHead, RouteMatch, SystemClock};
use projects_data::{Demo, Project, Store};
use serde_json::{Value, json};
use sqlx::{Connection as _, SqliteConnection};

pub(crate) struct World {
    pub(crate) store: Store,
    gate: portcullis::Gate,
    demo: Demo,
}

impl World {
    /// With a database in memory.
    pub(crate) async fn in_memory() -> Self {
        Self::with(Store::open(Store::IN_MEMORY).await.unwrap(), |gate| gate)
    }

    pub(crate) fn with(store: Store, change: impl FnOnce(GateBuilder) -> GateBuilder) -> Self {
        let demo = Demo::new("https://api.example.com", SystemClock.now());
        let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/projects");
        let files = demo.trusted_by(BundleFiles::from_dir(policies).unwrap()).unwrap();
        let gate = portcullis::load(&files).unwrap().gate().directory(store.clone());
        Self { store, gate: change(gate).build().unwrap(), demo }
    }

    /// Asks for `route`, as in `GET /projects/{project}`, with the values of its parameters, as whom `claims` describe.
    pub(crate) async fn ask(&self, route: &str, values: &[&str], claims: Value) -> Result<Admission, Answer> {
        let (method, template) = route.split_once(' ').unwrap();
        let method = Method::try_from(method).unwrap();
        let route = RouteMatch::new(template, values.iter().copied());
        let mut fields = HeaderMap::new();
        fields.insert(AUTHORIZATION, format!("Bearer {}", self.demo.token(claims)).parse().unwrap());
        self.gate.open(&RequestHead::new(&method, &Uri::from_static("/"), &fields, Some(&route))).await
    }

    /// The status of an answer in place of the handler's; 200 if the request is let through.
    pub(crate) async fn status(&self, route: &str, values: &[&str], claims: Value) -> u16 {
        self.ask(route, values, claims).await.map_or_else(|answer| answer.status().as_u16(), |_| 200)
    }

    /// A permit of a route that is decided before the handler.
    pub(crate) async fn permit(&self, route: &str, value: &str, claims: Value) -> Arc<Permit> {
        let admission = self.ask(route, &[value], claims).await.unwrap();
        Arc::clone(admission.permit().unwrap())
    }

    /// A handler that loads a project, and asks.
    pub(crate) async fn handler(&self, route: &str, values: &[&str], claims: Value) -> Authz<Plain> {
        self.ask(route, values, claims).await.unwrap().into()
    }

    /// What a handler that deletes `project` has got, as Ada.
    pub(crate) async fn to_delete(&self, project: &str) -> Allowed<Project, Arc<Permit>> {
        let authz = self.handler("DELETE /projects/{project}", &[project], ada()).await;
        authz.load(|| self.store.project(project)).await.unwrap()
    }

    /// What a handler that shares `project` has got, as Ada.
    pub(crate) async fn to_share(&self, project: &str) -> Allowed<Project, Arc<Permit>> {
        let authz = self.handler("PUT /projects/{project}/collaborators/{user}", &[project, "ed"], ada()).await;
        authz.load(|| self.store.project(project)).await.unwrap()
    }

    /// What a handler that changes the owner of `project` has got, as Ada.
    pub(crate) async fn to_change(&self, project: &str) -> Allowed<Project, Arc<Permit>> {
        let authz = self.handler("PATCH /projects/{project}", &[project], ada()).await;
        authz.load_with(|| self.store.project(project), &json!({ "changed": ["owner"] })).await.unwrap()
    }
}

/// No framework: permits and refusals as they are.
pub(crate) struct Plain;

impl Adapter for Plain {
    type Permit = Arc<Permit>;
    type Rejection = Answer;
}

pub(crate) fn ada() -> Value {
    person("ada")
}

/// A person at Acme, who holds back nothing.
pub(crate) fn person(sub: &str) -> Value {
    json!({ "sub": sub, "scope": "manage:projects manage:billing" })
}

/// A database in a file.
pub(crate) struct DatabaseFile(PathBuf);

impl DatabaseFile {
    /// One that is not there yet.
    pub(crate) fn new(test: &str) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("projects-data");
        std::fs::create_dir_all(&folder).unwrap();
        let file = Self(folder.join(format!("{test}.db")));
        // It may be left from an earlier run.
        let _ = std::fs::remove_file(&file.0);
        file
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn url(&self) -> String {
        format!("sqlite:{}", self.0.display())
    }

    /// A connection that the store knows nothing of.
    pub(crate) async fn connect(&self) -> SqliteConnection {
        SqliteConnection::connect(&self.url()).await.unwrap()
    }
}
