//! actix-web keeps the contract of adapters: one table of requests and answers for all frameworks.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

use actix_web::body::to_bytes;
use actix_web::dev::Service;
use actix_web::http::{Method, StatusCode, header::HeaderValue};
use actix_web::test::{TestRequest, init_service};
use actix_web::web::{Bytes, Data, Path};
use actix_web::{HttpMessage, HttpResponse};
use http::{Request, Response};
use portcullis::Connection;
use portcullis_actix::{Authz, Caller, GateExt, Permit, Rejection};
use portcullis_testkit::contract::{self, App, Handlers, SHOWN};

#[tokio::test]
async fn actix_web_keeps_the_contract() {
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
    let handlers = Data::new(app.handlers().clone());
    let service = init_service(actix_web::App::new().app_data(handlers).service(router.build().unwrap())).await;
    async move |request: Request<Vec<u8>>| {
        let (parts, body) = request.into_parts();
        let method = Method::from_bytes(parts.method.as_str().as_bytes()).unwrap();
        let mut sent = TestRequest::default().method(method).uri(&parts.uri.to_string()).set_payload(body);
        for (name, value) in &parts.headers {
            sent = sent.append_header((name.as_str(), HeaderValue::from_bytes(value.as_bytes()).unwrap()));
        }
        let sent = sent.to_request();
        if let Some(connection) = parts.extensions.get::<Connection>() {
            sent.extensions_mut().insert(*connection);
        }
        let response = match service.call(sent).await {
            Ok(response) => response.into_parts().1.map_into_boxed_body(),
            Err(error) => error.error_response(),
        };
        let mut answer = Response::builder().status(response.status().as_u16());
        for (name, value) in response.headers() {
            answer = answer.header(name.as_str(), value.as_bytes());
        }
        let body = to_bytes(response.into_body()).await.unwrap().to_vec();
        // The server of actix-web sends no body in the answer to a `HEAD`; here there is no server.
        answer.body(if parts.method == http::Method::HEAD { Vec::new() } else { body }).unwrap()
    }
}

type Answer = Result<HttpResponse, Rejection>;

/// An answer of the contract, as actix-web sends it.
fn sent(response: Response<String>) -> HttpResponse {
    let mut answer = HttpResponse::build(StatusCode::from_u16(response.status().as_u16()).unwrap());
    for (name, value) in response.headers() {
        answer.append_header((name.as_str(), value.as_bytes()));
    }
    answer.body(response.into_body())
}

async fn shown(handlers: Data<Handlers>, permit: Permit, id: Path<String>) -> HttpResponse {
    sent(handlers.shown(&permit, &id))
}

async fn stream(handlers: Data<Handlers>, permit: Permit) -> HttpResponse {
    HttpResponse::Ok().body(handlers.pieces(&permit).concat())
}

async fn member(handlers: Data<Handlers>, permit: Permit, path: Path<(String, String)>) -> HttpResponse {
    sent(handlers.member(&permit, &path.0, &path.1))
}

async fn answer(handlers: Data<Handlers>, permit: Permit, path: Path<(String, String)>) -> HttpResponse {
    sent(handlers.answer(&permit, &path.1))
}

async fn list(handlers: Data<Handlers>, permit: Permit, authz: Authz) -> Answer {
    Ok(sent(handlers.listed(&permit, &authz.filter(handlers.projects())?)))
}

async fn list_carelessly(handlers: Data<Handlers>, permit: Permit) -> HttpResponse {
    sent(handlers.listed(&permit, &handlers.projects()))
}

async fn offers(handlers: Data<Handlers>, authz: Authz, id: Path<String>) -> Answer {
    let project = authz.load(|| handlers.project(&id)).await?;
    Ok(sent(handlers.offered(&authz.allowed_actions(&*project)?)))
}

async fn caller(handlers: Data<Handlers>, caller: Caller) -> HttpResponse {
    sent(handlers.caller(&caller))
}

async fn health(handlers: Data<Handlers>, caller: Option<Caller>) -> HttpResponse {
    sent(handlers.health(caller.as_deref()))
}

async fn update(handlers: Data<Handlers>, authz: Authz, id: Path<String>) -> Answer {
    let project = authz.load(|| handlers.project(&id)).await?;
    Ok(sent(handlers.updated(project.permit(), &project)))
}

async fn pay(handlers: Data<Handlers>, authz: Authz, id: Path<String>, body: Bytes) -> Answer {
    let project = authz.load_with(|| handlers.project(&id), &handlers.payment(&body)).await?;
    Ok(sent(handlers.paid(project.permit(), &project)))
}

async fn mail(handlers: Data<Handlers>, authz: Authz, id: Path<String>) -> Answer {
    let project = authz.load_with(|| handlers.project(&id), &()).await?;
    Ok(sent(handlers.mailed(project.permit(), &project)))
}

async fn approve(handlers: Data<Handlers>, _: Permit, authz: Authz, body: Bytes) -> Answer {
    let ticket = authz.ticket(&handlers.ticket(&body))?;
    Ok(sent(handlers.approved(&authz.approve(&ticket)?)))
}

async fn secret(handlers: Data<Handlers>, authz: Authz, id: Path<String>) -> Answer {
    let secret = authz.load(|| handlers.secret(&id)).await?;
    Ok(sent(handlers.revealed(secret.permit(), &secret)))
}

async fn silent(handlers: Data<Handlers>, body: Bytes) -> HttpResponse {
    sent(handlers.silent(&body))
}

async fn defy(handlers: Data<Handlers>, authz: Authz, body: Bytes) -> HttpResponse {
    for id in handlers.projects_to_defy(&body) {
        drop(authz.load(|| handlers.project(&id)).await);
    }
    sent(handlers.defied())
}

async fn rpc(handlers: Data<Handlers>, authz: Authz, body: Bytes) -> Answer {
    let rpc = handlers.rpc(&body);
    let project = handlers.project(&rpc.project).await.unwrap().unwrap();
    let project = match (&rpc.action, &rpc.payment) {
        (Some(action), Some(payment)) => authz.check_as_with(action, project, payment).await?,
        (Some(action), None) => authz.check_as(action, project)?,
        (None, _) => authz.check(project)?,
    };
    Ok(sent(handlers.rpc_done(project.permit(), &project)))
}
