//! Portcullis for tonic: a layer whose methods come from the schema, extractors and rejections.
//!
//! Bring [`GateExt`] into scope, and a [`Gate`] makes the layer that stands before all services of a server:
//!
//! ```
//! use portcullis_tonic::{Gate, GateExt};
//! use tonic::transport::Server;
//!
//! # fn server(gate: &Gate) {
//! let server = Server::builder().layer(gate.layer()); // then `.add_service(…)`, as ever
//! # let _ = server;
//! # }
//! ```
//!
//! The schema says by `@grpc("acme.projects.v1.Projects/GetProject")` which action a method means. What a method is about
//! mostly stands in its message, which only the handler reads: it asks for the decision with [`RequestExt::authz`].
//!
//! ```
//! # use std::borrow::Cow;
//! use portcullis_tonic::{Parents, Permit, RequestExt, Resource};
//! use tonic::{Request, Response, Status};
//!
//! #[derive(serde::Serialize)]
//! struct Project {
//!     #[serde(skip)]
//!     id: String,
//!     owner: String,
//! }
//!
//! impl Resource for Project {
//!     const TYPE: &'static str = "Project";
//!
//!     fn id(&self) -> Cow<'_, str> {
//!         self.id.as_str().into()
//!     }
//! #   fn parents(&self) -> Parents {
//! #       Parents::none()
//! #   }
//! }
//! # async fn find(id: &str) -> Result<Option<Project>, std::io::Error> {
//! #     Ok(Some(Project { id: id.to_owned(), owner: String::new() }))
//! # }
//! # async fn archive(_: &Permit, project: &Project) -> String {
//! #     project.owner.clone()
//! # }
//!
//! async fn archive_project(request: Request<String>) -> Result<Response<String>, Status> {
//!     let authz = request.authz()?;
//!     let project = authz.load(|| find(request.get_ref())).await?; // loads and decides
//!     Ok(Response::new(archive(project.permit(), &project).await)) // what was checked is what is used
//! }
//! ```
//!
//! What is decided before the handler, and so has a [`Permit`] there ([`RequestExt::permit`]): actions whose `@resource` is
//! the subject or always the same, and public ones.
//!
//! - Every method needs an action, those of reflection and health checks too. Whatever the schema does not name is refused:
//!   16 without a token, else 7 with an error in the log.
//! - Errors are statuses of gRPC: the challenge stands in the metadata `www-authenticate`, and the details hold
//!   [`google.rpc.ErrorInfo`](https://github.com/googleapis/googleapis/blob/master/google/rpc/error_details.proto) with the
//!   id of the decision.
//! - A handler that answers with success although nothing was allowed is not heard: no message leaves before a check that
//!   allows, and the call ends with the status of the check that failed, or 13.
//! - A stream, in either direction, ends with 16 as soon as the token expires or is revoked.

mod extract;
mod layer;
mod protocol;
mod rejection;
mod stream;

pub use extract::{Allowed, Authz, Caller, Permit, RequestExt};
pub use layer::{GateExt, GrpcRoute};
pub use portcullis::{
    Actor, Admission, Answer, BoxFuture, Clock, Connection, DecisionId, Directory, DirectoryError, Discharge, Facts,
    Gate, GateBuilder, GateError, Grant, Kind, Obligation, ObligationError, Parents, PrincipalFacts, ProtectedResource,
    ProtectedResourceError, Proxies, ProxiesError, QueryToken, Resource, ResourceData, ResourceIdentifier,
    ResourceIdentifierError, Subject, UnixTime,
};
pub use protocol::Grpc;
pub use rejection::Rejection;
