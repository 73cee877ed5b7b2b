//! The handlers, and the gate in front of them.

use actix_web::HttpResponse;
use actix_web::http::header::LOCATION;
use actix_web::web::{Data, Json, Path};
use portcullis_actix::{AllowedAction, Authz, Caller, Gate, GateExt, GuardedRouter, Permit, RouterError};
use projects_data::{Account, Change, Plan, Project, Report, Store, Title};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::failure::Failure;

/// The guarded routes. Paths and methods come from the schema; an action without a handler does not start.
pub(crate) fn router(gate: &Gate) -> Result<GuardedRouter, RouterError> {
    gate.router()
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
        .build()
}

// ---- Workspaces: decided before the handler, on what the directory supplied ------------------------------------------

/// Everybody may ask for the list; each project in it is decided by itself (`@lists`).
async fn list_projects(permit: Permit, authz: Authz, store: Data<Store>) -> Result<Json<Vec<Project>>, Failure> {
    Ok(Json(authz.filter(store.projects(&permit).await?)?))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewProject {
    title: Title,
}

async fn create_project(permit: Permit, store: Data<Store>, new: Json<NewProject>) -> Result<HttpResponse, Failure> {
    let project = store.create(&permit, &new.title).await?;
    let location = format!("/projects/{}", project.id);
    Ok(HttpResponse::Created().insert_header((LOCATION, location)).json(project))
}

async fn export_report(permit: Permit, store: Data<Store>) -> Result<Json<Report>, Failure> {
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
async fn get_project(authz: Authz, id: Path<String>, store: Data<Store>) -> Result<Json<Shown>, Failure> {
    let (_, project) = authz.load(|| store.project(&id)).await?.into_parts();
    let actions = authz.allowed_actions(&project)?;
    Ok(Json(Shown { project, actions }))
}

// Decided in the handler, on the row that is changed.

async fn update_project(
    authz: Authz,
    id: Path<String>,
    store: Data<Store>,
    change: Json<Change>,
) -> Result<Json<Project>, Failure> {
    let project = authz.load_with(|| store.project(&id), &change.facts()).await?;
    Ok(Json(store.update(project.permit(), &project, &change).await?))
}

async fn share_project(
    authz: Authz,
    path: Path<(String, String)>,
    store: Data<Store>,
) -> Result<Json<Project>, Failure> {
    let (id, person) = path.into_inner();
    let project = authz.load(|| store.project(&id)).await?;
    Ok(Json(store.share(project.permit(), &project, &person).await?))
}

async fn delete_project(authz: Authz, id: Path<String>, store: Data<Store>) -> Result<HttpResponse, Failure> {
    let project = authz.load(|| store.project(&id)).await?;
    store.delete(project.permit(), &project).await?;
    Ok(HttpResponse::NoContent().finish())
}

// ---- Billing ---------------------------------------------------------------------------------------------------------

async fn get_billing(authz: Authz, id: Path<String>, store: Data<Store>) -> Result<Json<Account>, Failure> {
    let (_, account) = authz.load(|| store.account(&id)).await?.into_parts();
    Ok(Json(account))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NewPlan {
    plan: Plan,
}

async fn update_billing(permit: Permit, store: Data<Store>, new: Json<NewPlan>) -> Result<HttpResponse, Failure> {
    store.set_plan(&permit, new.into_inner().plan).await?;
    Ok(HttpResponse::NoContent().finish())
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
