//! The handlers, and the gate in front of them.

use std::net::SocketAddr;

use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{Path, State};
use axum::{Json, Router};
use http::StatusCode;
use http::header::LOCATION;
use portcullis_axum::{AllowedAction, Authz, Caller, Gate, GateExt, Permit, RouterError};
use projects_data::{Account, Change, Plan, Project, Report, Store, Title};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;

/// The guarded application. Paths and methods come from the schema; an action without a handler does not start.
pub(crate) fn app(
    gate: &Gate,
    store: Store,
) -> Result<IntoMakeServiceWithConnectInfo<Router, SocketAddr>, RouterError> {
    let router = gate
        .router()
        .action("ListProjects", list_projects)
        .action("CreateProject", create_project)
        .action("GetProject", get_project)
        .action("UpdateProject", update_project)
        .action("ShareProject", share_project)
        .action("DeleteProject", delete_project)
        .action("ExportReport", export_report)
        .action("GetBilling", get_billing)
        .action("UpdateBilling", update_billing)
        .action("GetProfile", profile)
        .action("WhoAmI", whoami)
        .action("Health", health)
        .build()?;
    Ok(router.with_state(store).into_make_service_with_connect_info())
}

// ---- Workspaces: decided before the handler, on what the directory supplied ------------------------------------------

/// Everybody may ask for the list; each project in it is decided by itself (`@lists`).
async fn list_projects(
    permit: Permit,
    authz: Authz,
    State(store): State<Store>,
) -> Result<Json<Vec<Project>>, Failure> {
    Ok(Json(authz.filter(store.projects(&permit).await?)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProject {
    title: Title,
}

async fn create_project(
    permit: Permit,
    State(store): State<Store>,
    Json(new): Json<NewProject>,
) -> Result<(StatusCode, [(http::HeaderName, String); 1], Json<Project>), Failure> {
    let project = store.create(&permit, &new.title).await?;
    Ok((StatusCode::CREATED, [(LOCATION, format!("/projects/{}", project.id))], Json(project)))
}

async fn export_report(permit: Permit, State(store): State<Store>) -> Result<Json<Report>, Failure> {
    Ok(Json(store.report(&permit).await?))
}

// ---- Projects --------------------------------------------------------------------------------------------------------

/// A project, and what its reader may do with it.
#[derive(Serialize)]
struct Shown {
    #[serde(flatten)]
    project: Project,
    actions: Vec<AllowedAction>,
}

/// Decided before the handler. It is asked again on the row that is shown, which may have changed in between.
async fn get_project(authz: Authz, Path(id): Path<String>, State(store): State<Store>) -> Result<Json<Shown>, Failure> {
    let (_, project) = authz.load(|| store.project(&id)).await?.into_parts();
    let actions = authz.allowed_actions(&project)?;
    Ok(Json(Shown { project, actions }))
}

// Decided in the handler, on the row that is changed.

async fn update_project(
    authz: Authz,
    Path(id): Path<String>,
    State(store): State<Store>,
    Json(change): Json<Change>,
) -> Result<Json<Project>, Failure> {
    let project = authz.load_with(|| store.project(&id), &change.facts()).await?;
    Ok(Json(store.update(project.permit(), &project, &change).await?))
}

async fn share_project(
    authz: Authz,
    Path((id, person)): Path<(String, String)>,
    State(store): State<Store>,
) -> Result<Json<Project>, Failure> {
    let project = authz.load(|| store.project(&id)).await?;
    Ok(Json(store.share(project.permit(), &project, &person).await?))
}

async fn delete_project(
    authz: Authz,
    Path(id): Path<String>,
    State(store): State<Store>,
) -> Result<StatusCode, Failure> {
    let project = authz.load(|| store.project(&id)).await?;
    store.delete(project.permit(), &project).await?;
    Ok(StatusCode::NO_CONTENT)
}

// ---- Billing ---------------------------------------------------------------------------------------------------------

async fn get_billing(
    authz: Authz,
    Path(id): Path<String>,
    State(store): State<Store>,
) -> Result<Json<Account>, Failure> {
    let (_, account) = authz.load(|| store.account(&id)).await?.into_parts();
    Ok(Json(account))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPlan {
    plan: Plan,
}

async fn update_billing(
    permit: Permit,
    State(store): State<Store>,
    Json(new): Json<NewPlan>,
) -> Result<StatusCode, Failure> {
    store.set_plan(&permit, new.plan).await?;
    Ok(StatusCode::NO_CONTENT)
}

// ---- The caller ------------------------------------------------------------------------------------------------------

async fn profile(_: Permit, caller: Caller) -> Json<Value> {
    Json(json!({ "id": caller.subject().id, "email": caller.claims().get("email") }))
}

async fn whoami(_: Permit, caller: Caller) -> Json<Value> {
    let actor = caller.actor().map(|actor| &actor.id);
    Json(json!({ "kind": caller.subject().kind.as_str(), "id": caller.subject().id, "actor": actor }))
}

async fn health() -> &'static str {
    "ok"
}
