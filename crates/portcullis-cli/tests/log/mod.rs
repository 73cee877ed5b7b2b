//! An audit log of a service with the policies of `policies/projects`, as the library writes it.

use std::path::Path;
use std::time::Duration;

use http::StatusCode;
use portcullis::audit::{AuditLog, FileSink};
use portcullis::{BoxFuture, Directory, DirectoryError, RequestHead, ResourceData, RouteMatch};
use portcullis_core::Parents;
use portcullis_testkit::{TestCaller, TestGate, user};
use serde_json::{Value, json};

/// A log that is written to the file at `path`, and a head for each of its lines beside it.
pub(crate) fn with_heads(path: &Path) -> AuditLog {
    let heads = FileSink::new(path.with_extension("heads"));
    AuditLog::new(FileSink::new(path)).heads(heads, 1.try_into().unwrap(), Duration::from_secs(60))
}

/// Lets a service with the bundle in `directory` answer seven requests: 9 lines. In all of them vic is a viewer, and ed an editor.
pub(crate) fn write(directory: &Path, log: AuditLog) {
    let bundle = portcullis::load_dir(directory).unwrap().bundle;
    let service = TestGate::with_options(bundle, |gate| gate.directory(Projects).audit(log));
    let person = |name, role, scope| user(name).client("mobile").claim("org_id", "acme").roles([role]).scopes([scope]);
    let ask = |method: &str, uri: &str, caller: Option<TestCaller>| {
        let (pattern, values): (_, Vec<&str>) = match uri.split('/').collect::<Vec<_>>()[..] {
            [_, "projects", id] => ("/projects/{project}", vec![id]),
            [_, "workspaces", id, _] => ("/workspaces/{workspace}/projects", vec![id]),
            _ => ("/health", vec![]),
        };
        let headers = caller.map(|caller| {
            let request = service.as_caller(caller).request(method, uri).body(()).unwrap();
            request.headers().clone()
        });
        let (headers, route) = (headers.unwrap_or_default(), RouteMatch::new(pattern, values));
        let (method, uri) = (method.parse().unwrap(), uri.parse().unwrap());
        let head = RequestHead::new(&method, &uri, &headers, Some(&route));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        if let Ok(admission) = runtime.block_on(service.gate().open(&head)) {
            assert!(admission.conclude(StatusCode::OK).is_none());
        }
    };
    ask("GET", "/projects/apollo", Some(person("vic", "viewer", "read:projects")));
    ask("GET", "/projects/apollo", Some(person("vic", "viewer", "")));
    ask("POST", "/workspaces/w1/projects", Some(person("vic", "viewer", "write:projects")));
    ask("POST", "/workspaces/w1/projects", Some(person("ed", "editor", "write:projects")));
    ask("POST", "/workspaces/w1/projects", Some(person("ed", "editor", "write:projects")));
    ask("GET", "/projects/apollo", None);
    ask("GET", "/health", None);
}

struct Projects;

impl Directory for Projects {
    fn resource<'a>(
        &'a self,
        entity_type: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        let attributes: Value = match entity_type {
            "Project" => json!({ "tenant": "acme", "owner": "olga", "collaborators": [], "archived": false }),
            _ => json!({ "tenant": "acme" }),
        };
        let parents = if entity_type == "Project" { vec![("Workspace", "w1")] } else { Vec::new() };
        let resource = ResourceData::from_json(entity_type, id, &attributes, Parents::from_iter(parents));
        Box::pin(async { Ok(Some(resource.unwrap())) })
    }

    fn supplies(&self) -> Vec<String> {
        ["Account", "Project", "Workspace"].map(str::to_owned).to_vec()
    }
}
