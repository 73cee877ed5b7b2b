//! One handler in three frameworks, each with and without a gate.

use std::borrow::Cow;
use std::convert::Infallible;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::mpsc;
use std::task::{Context, Poll};

use portcullis::{Bundle, Clock, Gate, GateBuilder, Resource, UnixTime, Verifier};
use tokio::net::TcpListener;
use tonic::body::Body;
use tonic::server::{Grpc, NamedService};
use tonic::transport::server::TcpIncoming;
use tonic_prost::ProstCodec;

use crate::{engine, must, now};

/// What stands in front of a service.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "the benches need no more")]
pub enum Guard<'a> {
    /// Nothing.
    None,
    /// A gate.
    Gate(&'a Gate),
}

/// A gate for the bundle of the benches, which lives at the time of the benches.
///
/// # Panics
///
/// If the fixture is broken.
#[must_use]
pub fn gate(verifier: Verifier) -> Gate {
    gate_with(verifier, |gate| gate)
}

/// The same with `options`.
///
/// # Panics
///
/// If the fixture is broken.
#[must_use]
pub fn gate_with(verifier: Verifier, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Gate {
    gate_of(Arc::clone(engine(10).bundle()), verifier, options)
}

/// The same for `bundle`.
///
/// # Panics
///
/// If the fixture is broken.
#[must_use]
pub fn gate_of(bundle: Arc<Bundle>, verifier: Verifier, options: impl FnOnce(GateBuilder) -> GateBuilder) -> Gate {
    must(options(Gate::builder(bundle, verifier).clock(Stopped)).build())
}

/// Serves with axum, and says where.
///
/// # Panics
///
/// If the fixture is broken.
pub async fn axum(guard: Guard<'_>) -> SocketAddr {
    use portcullis_axum::GateExt;

    let show = axum::routing::get(async |axum::extract::Path(id): axum::extract::Path<String>| id);
    let router = axum::Router::new().route("/projects/{project}", show);
    let router = match guard {
        Guard::None => router,
        Guard::Gate(gate) => gate.protect(router).into_router(),
    };
    let listener = must(TcpListener::bind("127.0.0.1:0").await);
    let address = must(listener.local_addr());
    tokio::spawn(async move { axum::serve(listener, router).await });
    address
}

/// Serves with actix-web, and says where.
///
/// # Panics
///
/// If the fixture is broken.
#[must_use]
pub fn actix(guard: &Guard<'_>) -> SocketAddr {
    use actix_web::{App, HttpServer, rt, web};
    use portcullis_actix::GateExt;

    let gate = match guard {
        Guard::None => None,
        Guard::Gate(gate) => Some((*gate).clone()),
    };
    let (send, receive) = mpsc::channel();
    std::thread::spawn(move || {
        let server = HttpServer::new(move || {
            let gate = gate.clone();
            App::new().configure(move |app| {
                let show = async |id: web::Path<String>| id.into_inner();
                let projects = web::resource("/projects/{project}").route(web::get().to(show));
                match gate {
                    None => app.service(projects),
                    Some(gate) => app.service(gate.protect(projects)),
                };
            })
        });
        let server = must(server.workers(WORKERS).disable_signals().bind(("127.0.0.1", 0)));
        must(send.send(server.addrs().first().copied()).map_err(|_| "nobody waits for the address"));
        must(rt::System::new().block_on(server.run()));
    });
    must(must(receive.recv()).ok_or("no address"))
}

/// Serves with tonic, and says where.
///
/// # Panics
///
/// If the fixture is broken.
pub async fn tonic(guard: Guard<'_>) -> SocketAddr {
    use portcullis_tonic::GateExt;
    use tonic::transport::Server;

    let listener = must(TcpListener::bind("127.0.0.1:0").await);
    let address = must(listener.local_addr());
    let incoming = TcpIncoming::from(listener).with_nodelay(Some(true));
    match guard {
        Guard::None => {
            let server = Server::builder().add_service(Projects { is_guarded: false });
            tokio::spawn(server.serve_with_incoming(incoming));
        }
        Guard::Gate(gate) => {
            let server = Server::builder().layer(gate.layer()).add_service(Projects { is_guarded: true });
            tokio::spawn(server.serve_with_incoming(incoming));
        }
    }
    address
}

/// Answers with the id in the message; behind a gate, after it has asked.
#[derive(Debug, Clone, Copy)]
struct Projects {
    is_guarded: bool,
}

impl NamedService for Projects {
    const NAME: &'static str = "bench.Projects";
}

impl tower_service::Service<http::Request<Body>> for Projects {
    type Response = http::Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: http::Request<Body>) -> Self::Future {
        let this = *self;
        Box::pin(async move {
            let mut grpc = Grpc::new(ProstCodec::<String, String>::default());
            Ok(grpc.unary(this, request).await)
        })
    }
}

impl tonic::server::UnaryService<String> for Projects {
    type Response = String;
    type Future = Pin<Box<dyn Future<Output = Result<tonic::Response<String>, tonic::Status>> + Send>>;

    fn call(&mut self, request: tonic::Request<String>) -> Self::Future {
        use portcullis_tonic::RequestExt;

        let is_guarded = self.is_guarded;
        Box::pin(async move {
            let id = request.get_ref().clone();
            if is_guarded {
                request.authz()?.check(Project(&id))?;
            }
            Ok(tonic::Response::new(id))
        })
    }
}

/// A project as the handler has loaded it.
#[derive(Debug)]
#[expect(clippy::exhaustive_structs, reason = "the benches make it")]
pub struct Project<'a>(pub &'a str);

impl Resource for Project<'_> {
    const TYPE: &'static str = "Project";

    fn id(&self) -> Cow<'_, str> {
        self.0.into()
    }
}

impl serde::Serialize for Project<'_> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeStruct;

        let mut project = serializer.serialize_struct("Project", 3)?;
        project.serialize_field("tenant", "acme")?;
        project.serialize_field("owner", "ann")?;
        project.serialize_field("archived", &false)?;
        project.end()
    }
}

/// The time of the benches.
#[derive(Debug)]
struct Stopped;

impl Clock for Stopped {
    fn now(&self) -> UnixTime {
        now()
    }
}

/// The path of the method that the service for gRPC has.
pub const GRPC_PATH: &str = "/bench.Projects/GetProject";

/// As many as cores of the reference machine.
const WORKERS: usize = 2;
