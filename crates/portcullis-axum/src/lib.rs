//! Portcullis for axum: a router whose routes come from the schema, extractors and rejections.
//!
//! Bring [`GateExt`] into scope, and a [`Gate`] makes routers:
//!
//! ```no_run
//! use axum::extract::Path;
//! use portcullis_axum::{Gate, GateExt, Permit};
//!
//! async fn read_project(permit: Permit, Path(id): Path<String>) -> String {
//!     format!("project {id}, until {}", permit.deadline())
//! }
//!
//! # fn app(gate: Gate) -> Result<(), Box<dyn std::error::Error>> {
//! let app = gate.router() // paths and methods come from the schema's `@http`
//!     .action("GetProject", read_project) // an unknown action does not start
//!     .build()?; // nor does an action left without a handler
//! # let app: portcullis_axum::GuardedRouter<()> = app;
//! # Ok(())
//! # }
//! ```
//!
//! Routes are decided before the handler, unless the schema marks the action `@deferred` or the route `@via`. There the
//! handler takes [`Authz`] and asks:
//!
//! ```
//! use std::borrow::Cow;
//!
//! use axum::Json;
//! use axum::extract::Path;
//! use portcullis_axum::{Authz, Parents, Permit, Rejection, Resource};
//! use serde::Serialize;
//!
//! #[derive(Serialize)]
//! struct Project {
//!     id: String,
//!     archived: bool,
//! }
//!
//! impl Resource for Project {
//!     const TYPE: &'static str = "Project";
//!     fn id(&self) -> Cow<'_, str> {
//!         self.id.as_str().into()
//!     }
//! }
//!
//! # async fn find(id: &str) -> Result<Option<Project>, std::io::Error> { let _ = id; Ok(None) }
//! # async fn archive(permit: &Permit, project: &Project) -> String { let _ = (permit, project); String::new() }
//! async fn archive_project(authz: Authz, Path(id): Path<String>) -> Result<Json<String>, Rejection> {
//!     let project = authz.load(|| find(&id)).await?; // loads and decides
//!     Ok(Json(archive(project.permit(), &project).await)) // what was checked is what is used
//! }
//! ```
//!
//! Which paths a gate guards, and how:
//!
//! - A route is looked up by axum's own matched path, so nested and merged routers need nothing special.
//! - A fallback and a service below `nest_service` have no matched path. They are answered with 401 or 404, and their
//!   handlers are never called: guard the inner router instead, with its paths in full in the schema.
//! - A preflight request of CORS carries no credentials. Put the CORS layer around the guarded router.
//! - Metadata of the protected resource (RFC 9728) are served to anybody at their well-known place, beside the routes. A
//!   guarded router that is nested does not see requests for them: [`GateExt::metadata_router`].

mod extract;
mod layer;
mod rejection;
mod router;

pub use extract::{Allowed, Authz, Axum, Caller, Permit};
pub use layer::AxumRoute;
pub use portcullis::handler::{RouterError, RouterProblem};
pub use portcullis::{
    Actor, Admission, AllowedAction, Answer, BoxFuture, Clock, Connection, DecisionId, Directory, DirectoryError,
    Discharge, Ended, Facts, Gate, GateBuilder, GateError, Grant, Kind, Lease, Leased, Needs, Obligation,
    ObligationError, Parents, PrincipalFacts, ProtectedResource, ProtectedResourceError, Proxies, ProxiesError,
    QueryToken, Resource, ResourceData, ResourceIdentifier, ResourceIdentifierError, Subject, UnixTime, handler,
};
pub use rejection::Rejection;
pub use router::{GateExt, GateRouter, GuardedRouter};

// The example of the README is compiled with the tests.
#[cfg(doctest)]
#[doc = include_str!("../../../README.md")]
struct Readme;
