//! The service: handlers, and the gate in front of them. This is what an application looks like.

use std::net::SocketAddr;

use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use axum::{Json, Router};
use http::StatusCode;
use portcullis_axum::{
    Authz, BoxFuture, Caller, Directory, DirectoryError, Gate, GateExt, Permit, Rejection, Resource, ResourceData,
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::Failure;
use crate::store::{Project, Store};

/// The guarded application. Paths and methods come from the schema; an action without a handler does not start.
///
/// The gate learns the address of the peer: it tells a proxy from a stranger, and policies may ask for it.
pub(crate) fn app(gate: &Gate, store: Store) -> Result<IntoMakeServiceWithConnectInfo<Router, SocketAddr>, Failure> {
    let router = gate
        .router()
        .action("ListProjects", list_projects)
        .action("CreateProject", create_project)
        .action("GetProject", get_project)
        .action("UpdateProject", update_project)
        .action("ShareProject", share_project)
        .action("DeleteProject", delete_project)
        .action("ExportReport", export_report)
        .action("GetBilling", billing)
        .action("UpdateBilling", billing)
        .action("GetProfile", whoami)
        .action("WhoAmI", whoami)
        .action("Health", health)
        .build()?;
    Ok(router.with_state(store).into_make_service_with_connect_info())
}

// Decided before the handler, on the resource that the directory supplied: the permit is the proof.

/// Each project in the list is decided by itself (`@lists`).
async fn list_projects(
    authz: Authz,
    Path(workspace): Path<String>,
    State(store): State<Store>,
) -> Result<Json<Vec<Project>>, Rejection> {
    Ok(Json(authz.filter(store.projects(&workspace))?))
}

async fn create_project(permit: Permit, Path(workspace): Path<String>, State(store): State<Store>) -> Response {
    let owner = permit.subject().map(|subject| subject.id.clone()).unwrap_or_default();
    let project = Project::new(&workspace, &owner);
    store.save(&permit, project.clone());
    (StatusCode::CREATED, Json(project)).into_response()
}

async fn get_project(
    _: Permit,
    Path(id): Path<String>,
    State(store): State<Store>,
) -> Result<Json<Project>, StatusCode> {
    store.project(&id).map(Json).ok_or(StatusCode::NOT_FOUND)
}

async fn export_report(_: Permit, Path(workspace): Path<String>, State(store): State<Store>) -> Json<Value> {
    Json(json!({ "workspace": workspace, "projects": store.projects(&workspace).len() }))
}

async fn billing(_: Permit, Path(account): Path<String>) -> Json<Value> {
    Json(json!({ "account": account, "plan": "team" }))
}

// Decided in the handler, on what it loaded: what was checked is what is used.

/// What a client may change about a project.
#[derive(Debug, Deserialize)]
struct Change {
    title: Option<String>,
    owner: Option<String>,
}

/// What the policies want to know of a change.
#[derive(Serialize)]
struct Facts {
    changed: Vec<&'static str>,
}

async fn update_project(
    authz: Authz,
    Path(id): Path<String>,
    State(store): State<Store>,
    Json(change): Json<Change>,
) -> Result<Json<Project>, Rejection> {
    let fields = [("title", change.title.is_some()), ("owner", change.owner.is_some())];
    let changed = fields.into_iter().filter(|(_, changes)| *changes).map(|(field, _)| field).collect();
    let (permit, mut project) = authz.load_with(|| store.load(&id), &Facts { changed }).await?.into_parts();
    project.title = change.title.unwrap_or(project.title);
    project.owner = change.owner.unwrap_or(project.owner);
    store.save(&permit, project.clone());
    Ok(Json(project))
}

async fn share_project(
    authz: Authz,
    Path((id, user)): Path<(String, String)>,
    State(store): State<Store>,
) -> Result<Json<Project>, Rejection> {
    let (permit, mut project) = authz.load(|| store.load(&id)).await?.into_parts();
    if !project.collaborators.contains(&user) {
        project.collaborators.push(user);
    }
    store.save(&permit, project.clone());
    Ok(Json(project))
}

async fn delete_project(
    authz: Authz,
    Path(id): Path<String>,
    State(store): State<Store>,
) -> Result<StatusCode, Rejection> {
    let project = authz.load(|| store.load(&id)).await?;
    store.remove(project.permit(), &project);
    Ok(StatusCode::NO_CONTENT)
}

async fn whoami(_: Permit, caller: Caller) -> Json<Value> {
    let actor = caller.actor().map(|actor| actor.id.clone());
    Json(json!({ "kind": caller.subject().kind.as_str(), "id": caller.subject().id, "actor": actor }))
}

async fn health() -> &'static str {
    "ok"
}

/// The store supplies resources that are decided before the handler.
impl Directory for Store {
    fn supplies(&self) -> Vec<String> {
        ["Account", "Project", "Workspace"].map(str::to_owned).into()
    }

    fn resource<'a>(
        &'a self,
        entity_type: &'a str,
        id: &'a str,
    ) -> BoxFuture<'a, Result<Option<ResourceData>, DirectoryError>> {
        fn data(found: Option<impl Resource>) -> Result<Option<ResourceData>, DirectoryError> {
            found.map(|found| ResourceData::of(&found)).transpose().map_err(DirectoryError::new)
        }
        Box::pin(async move {
            match entity_type {
                "Project" => data(self.project(id)),
                "Workspace" => data(self.workspace(id)),
                "Account" => data(self.account(id)),
                _ => Ok(None),
            }
        })
    }
}
