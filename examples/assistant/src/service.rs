//! The routes, and the gate in front of them.

use std::net::SocketAddr;

use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use axum::extract::{Path, Query, State};
use axum::middleware::from_fn_with_state;
use axum::{Json, Router};
use http::StatusCode;
use mcp_tools::mcp::Origins;
use portcullis::SystemClock;
use portcullis_axum::{Authz, Clock as _, Gate, GateExt, Rejection, RouterError};
use serde::Deserialize;

use crate::calendar::{Calendar, Event, Window};
use crate::draft::Recipients;
use crate::failure::Failure;
use crate::post::Post;
use crate::store::Store;
use crate::waiting::Waiting;
use crate::{approvals, tools};

/// What handlers work with.
#[derive(Debug, Clone)]
pub(crate) struct Desk {
    pub(crate) store: Store,
    pub(crate) waiting: Waiting,
    pub(crate) post: Post,
}

/// The guarded application, with the routes of `page` beside it. Only pages of `origin` may send requests.
pub(crate) fn app(
    gate: &Gate,
    desk: Desk,
    page: Router,
    origin: &str,
) -> Result<IntoMakeServiceWithConnectInfo<Router, SocketAddr>, RouterError> {
    let guarded = gate
        .router()
        .action("ListEvents", list_events)
        .action("GetEvent", get_event)
        .action("SendEmail", send_email)
        .action("ListPending", approvals::list)
        .action("ApproveAction", approvals::answer)
        .via("POST /mcp", tools::post)
        .build()?
        .with_state(desk)
        .into_router();
    let origins = Origins::new([origin]);
    let app = gate.metadata_router().merge(guarded.merge(page).layer(from_fn_with_state(origins, Origins::check)));
    Ok(app.into_make_service_with_connect_info())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Days {
    days: u8,
}

async fn list_events(
    State(desk): State<Desk>,
    authz: Authz,
    Path(owner): Path<String>,
    Query(Days { days }): Query<Days>,
) -> Result<Json<Vec<Event>>, Failure> {
    let window = Window::of_days(SystemClock.now(), days);
    let calendar = authz.check_with(Calendar { owner }, &window.facts()).await?;
    Ok(Json(events(&desk, &authz, &calendar, window)?))
}

/// Those events of `calendar` that the caller may see: each is decided by itself.
pub(crate) fn events(desk: &Desk, authz: &Authz, calendar: &Calendar, window: Window) -> Result<Vec<Event>, Rejection> {
    authz.filter(desk.store.events(&calendar.owner).filter(|event| window.holds(event)))
}

async fn get_event(State(desk): State<Desk>, authz: Authz, Path(id): Path<String>) -> Result<Json<Event>, Failure> {
    let event = authz.load(async || Ok::<_, Failure>(desk.store.event(&id))).await?;
    let (_, event) = event.into_parts();
    Ok(Json(event))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Send {
    to: Recipients,
}

async fn send_email(
    State(desk): State<Desk>,
    authz: Authz,
    Path(id): Path<String>,
    Json(Send { to }): Json<Send>,
) -> Result<StatusCode, Failure> {
    let draft = authz.load_with(async || Ok::<_, Failure>(desk.store.draft(&id)), &to.facts()).await;
    let draft = draft.map_err(|rejection| desk.ask(&authz, rejection, &to))?;
    desk.post.send(draft.permit(), &draft, &to).await?;
    Ok(StatusCode::NO_CONTENT)
}

impl Desk {
    /// Keeps what a person's word would help with, for their page. The denial stays as it is.
    pub(crate) fn ask(&self, authz: &Authz, denial: Rejection, to: &Recipients) -> Rejection {
        let ticket = denial.answer().ticket().and_then(|ticket| authz.ticket(ticket).ok());
        if let Some(ticket) = ticket {
            self.waiting.ask(ticket, to.clone(), SystemClock.now());
        }
        denial
    }
}
