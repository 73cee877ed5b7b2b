//! tonic keeps the contract of adapters: what HTTP answers, as gRPC says it.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::convert::Infallible;
use std::pin::Pin;
use std::task::{Context, Poll};

use portcullis_testkit::contract::grpc::{self, Call, Status as Answered};
use portcullis_testkit::contract::{App, Handlers, Report};
use portcullis_tonic::{GateExt, RequestExt};
use tonic::body::Body;
use tonic::codegen::http::uri::PathAndQuery;
use tonic::metadata::MetadataMap;
use tonic::server::NamedService;
use tonic::service::Routes;
use tonic::{Request, Response, Status};
use tonic_prost::ProstCodec;
use tower::{Layer, Service, service_fn};

#[tokio::test]
async fn tonic_keeps_the_contract() {
    // GEN-05: the same rows as for axum and actix-web, but for the mapping of the status
    // GRP-01, GRP-02, GRP-04, GRP-05, GRP-08, GRP-11, GRP-12
    let report = check(|answered| answered).await;
    assert!(report.rows() >= 150, "{} rows", report.rows());
    report.assert_kept();
}

#[tokio::test]
async fn an_adapter_that_answers_otherwise_is_found() {
    // Clients would throw good tokens away.
    let always_16 = |Answered { code, metadata }| Answered { code: if code == 0 { 0 } else { 16 }, metadata };
    // From the status of HTTP, 4 does not follow.
    let by_http = |Answered { code, metadata }| Answered { code: if code == 4 { 14 } else { code }, metadata };
    let without = |name: &'static str| {
        move |Answered { code, mut metadata }: Answered| {
            metadata.remove(name);
            Answered { code, metadata }
        }
    };
    let down = "handlers.http: a resource that cannot be loaded\n    UpdateProject down\n  - ";
    let slow = "decisions.http: a directory that does not answer in time\n    GetProject apollo\n  - ";
    let nobody = "dpop.http: no credentials\n    GetProject apollo\n  - ";
    let ageing =
        "nonces.http: an ageing nonce is good, and the next one comes with the answer\n    GetProject apollo\n  - ";
    for (report, row, lines) in [
        (check(always_16).await, down, "grpc-status: 14\n  + grpc-status: 16\n"),
        (check(by_http).await, slow, "grpc-status: 4\n  + grpc-status: 14\n"),
        (check(without("www-authenticate")).await, nobody, "www-authenticate: Bearer realm"),
        (check(without("dpop-nonce")).await, ageing, "dpop-nonce: <nonce>\n"),
        (check(without("retry-after")).await, down, "retry-after: 1\n"),
    ] {
        let said = report.to_string();
        assert!(said.contains(&format!("{row}{lines}")), "{said}");
    }
}

/// What becomes of the contract if the adapter answers what `change` makes of its answers.
async fn check(change: impl Fn(Answered) -> Answered) -> Report {
    let change = &change;
    grpc::check(async |app: App| async move |sent: Call| change(call(&app, sent).await)).await
}

/// The call, as tonic's own client makes it and tonic's router dispatches it.
async fn call(app: &App, sent: Call) -> Answered {
    let guarded = app.gate().layer().layer(Routes::new(Projects(app.handlers().clone())));
    let mut request = Request::new(sent.id);
    *request.metadata_mut() = MetadataMap::from_headers(sent.metadata);
    if let Some(connection) = sent.connection {
        request.extensions_mut().insert(connection);
    }
    let path: PathAndQuery = format!("/{}", sent.method).parse().unwrap();
    let mut client = tonic::client::Grpc::new(guarded);
    client.ready().await.unwrap();
    let answer = client.unary(request, path, ProstCodec::<String, String>::default()).await;
    let (code, metadata) = match answer {
        Ok(answer) => (0, answer.metadata().clone()),
        Err(status) => (status.code() as i32, status.metadata().clone()),
    };
    Answered { code: code.try_into().unwrap(), metadata: metadata.into_headers() }
}

/// The service of the contract. Messages are strings.
#[derive(Debug, Clone)]
struct Projects(Handlers);

impl Projects {
    async fn answer(&self, method: &str, request: Request<String>) -> Result<Response<String>, Status> {
        let (handlers, id) = (&self.0, request.get_ref());
        let authz = request.authz()?;
        let answer = match method {
            "GetProject" | "DeleteProject" => {
                let project = authz.load(|| handlers.project(id)).await?;
                handlers.shown(project.permit(), id)
            }
            "UpdateProject" => {
                let project = authz.load(|| handlers.project(id)).await?;
                handlers.updated(project.permit(), &project)
            }
            "Mail" => {
                let project = authz.load_with(|| handlers.project(id), &()).await?;
                handlers.mailed(project.permit(), &project)
            }
            "GetSecret" => {
                let secret = authz.load(|| handlers.secret(id)).await?;
                handlers.revealed(secret.permit(), &secret)
            }
            _ => return Err(Status::unimplemented("")),
        };
        Ok(Response::new(answer.into_body()))
    }
}

impl NamedService for Projects {
    const NAME: &'static str = "portcullis.contract.v1.Projects";
}

impl Service<http::Request<Body>> for Projects {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = self.clone();
        Box::pin(async move {
            let method = request.uri().path().rsplit_once('/').unwrap().1.to_owned();
            let (this, method) = (&this, method.as_str());
            let serve = service_fn(|request| this.answer(method, request));
            Ok(tonic::server::Grpc::new(ProstCodec::<String, String>::default()).unary(serve, request).await)
        })
    }
}
