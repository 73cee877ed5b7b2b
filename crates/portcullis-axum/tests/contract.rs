//! axum keeps the contract of adapters: one table of requests and answers for all frameworks.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, State};
use axum::http::{Request, Response};
use http_body_util::{BodyExt, Channel};
use portcullis_axum::{Authz, Caller, GateExt, Permit, Rejection};
use portcullis_testkit::contract::{self, App, Handlers, SHOWN};
use tower::ServiceExt;

#[tokio::test]
async fn axum_keeps_the_contract() {
    // GEN-05: what is compared is the same for every adapter
    // HTP-01, HTP-02, HTP-03, HTP-04, HTP-05, HTP-06, HTP-07, HTP-08, HTP-09, HTP-11, HTP-12, HTP-13, HTP-14
    contract::check(serve).await.assert_kept();
}

async fn serve(app: App) -> impl AsyncFn(Request<Vec<u8>>) -> Response<Vec<u8>> {
    let router = app.gate().router();
    let router = SHOWN.into_iter().fold(router, |router, action| router.action(action, shown));
    let router = router
        .action("Stream", stream)
        .action("GetMember", member)
        .action("GetAnswer", answer)
        .action("ListProjects", list)
        .action("ListCarelessly", list_carelessly)
        .action("ShowOffers", offers)
        .action("WhoAmI", caller)
        .action("Visit", caller)
        .action("Health", health)
        .action("UpdateProject", update)
        .action("Pay", pay)
        .action("Mail", mail)
        .action("Approve", approve)
        .action("GetSecret", secret)
        .action("KeepSilent", silent)
        .action("Defy", defy)
        .via("POST /rpc", rpc);
    let router: Router = router.build().unwrap().with_state(app.handlers().clone()).into_router();
    async move |request: Request<Vec<u8>>| {
        let response = router.clone().oneshot(request.map(Body::from)).await.unwrap();
        let (parts, body) = response.into_parts();
        Response::from_parts(parts, body.collect().await.unwrap().to_bytes().into())
    }
}

type Answer = Result<Response<Body>, Rejection>;

/// An answer of the contract, as axum sends it.
fn sent(response: Response<String>) -> Response<Body> {
    response.map(Body::from)
}

async fn shown(State(handlers): State<Handlers>, permit: Permit, Path(id): Path<String>) -> Response<Body> {
    sent(handlers.shown(&permit, &id))
}

async fn stream(State(handlers): State<Handlers>, permit: Permit) -> Response<Body> {
    let (mut sender, body) = Channel::<Bytes>::new(1);
    let pieces = handlers.pieces(&permit);
    tokio::spawn(async move {
        for piece in pieces {
            sender.send_data(piece.into()).await.unwrap();
        }
    });
    Response::new(Body::new(body))
}

async fn member(
    State(handlers): State<Handlers>,
    permit: Permit,
    Path((project, member)): Path<(String, String)>,
) -> Response<Body> {
    sent(handlers.member(&permit, &project, &member))
}

async fn answer(
    State(handlers): State<Handlers>,
    permit: Permit,
    Path((_, answer)): Path<(String, String)>,
) -> Response<Body> {
    sent(handlers.answer(&permit, &answer))
}

async fn list(State(handlers): State<Handlers>, permit: Permit, authz: Authz) -> Answer {
    Ok(sent(handlers.listed(&permit, &authz.filter(handlers.projects())?)))
}

async fn list_carelessly(State(handlers): State<Handlers>, permit: Permit) -> Response<Body> {
    sent(handlers.listed(&permit, &handlers.projects()))
}

async fn offers(State(handlers): State<Handlers>, authz: Authz, Path(id): Path<String>) -> Answer {
    let project = authz.load(|| handlers.project(&id)).await?;
    Ok(sent(handlers.offered(&authz.allowed_actions(&*project)?)))
}

async fn caller(State(handlers): State<Handlers>, caller: Caller) -> Response<Body> {
    sent(handlers.caller(&caller))
}

async fn health(State(handlers): State<Handlers>, caller: Option<Caller>) -> Response<Body> {
    sent(handlers.health(caller.as_deref()))
}

async fn update(State(handlers): State<Handlers>, authz: Authz, Path(id): Path<String>) -> Answer {
    let project = authz.load(|| handlers.project(&id)).await?;
    Ok(sent(handlers.updated(project.permit(), &project)))
}

async fn pay(State(handlers): State<Handlers>, authz: Authz, Path(id): Path<String>, body: Bytes) -> Answer {
    let project = authz.load_with(|| handlers.project(&id), &handlers.payment(&body)).await?;
    Ok(sent(handlers.paid(project.permit(), &project)))
}

async fn mail(State(handlers): State<Handlers>, authz: Authz, Path(id): Path<String>) -> Answer {
    let project = authz.load_with(|| handlers.project(&id), &()).await?;
    Ok(sent(handlers.mailed(project.permit(), &project)))
}

async fn approve(State(handlers): State<Handlers>, _: Permit, authz: Authz, body: Bytes) -> Answer {
    let ticket = authz.ticket(&handlers.ticket(&body))?;
    Ok(sent(handlers.approved(&authz.approve(&ticket)?)))
}

async fn secret(State(handlers): State<Handlers>, authz: Authz, Path(id): Path<String>) -> Answer {
    let secret = authz.load(|| handlers.secret(&id)).await?;
    Ok(sent(handlers.revealed(secret.permit(), &secret)))
}

async fn silent(State(handlers): State<Handlers>, body: Bytes) -> Response<Body> {
    sent(handlers.silent(&body))
}

async fn defy(State(handlers): State<Handlers>, authz: Authz, body: Bytes) -> Response<Body> {
    for id in handlers.projects_to_defy(&body) {
        drop(authz.load(|| handlers.project(&id)).await);
    }
    sent(handlers.defied())
}

async fn rpc(State(handlers): State<Handlers>, authz: Authz, body: Bytes) -> Answer {
    let rpc = handlers.rpc(&body);
    let project = handlers.project(&rpc.project).await.unwrap().unwrap();
    let project = match (&rpc.action, &rpc.payment) {
        (Some(action), Some(payment)) => authz.check_as_with(action, project, payment).await?,
        (Some(action), None) => authz.check_as(action, project)?,
        (None, _) => authz.check(project)?,
    };
    Ok(sent(handlers.rpc_done(project.permit(), &project)))
}
