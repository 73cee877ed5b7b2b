//! Portcullis for actix-web: a router whose routes come from the schema, extractors and rejections.
//!
//! Bring [`GateExt`] into scope, and a [`Gate`] makes routers:
//!
//! ```no_run
//! use actix_web::{App, HttpServer, web::Path};
//! use portcullis_actix::{Gate, GateExt, Permit};
//!
//! async fn read_project(permit: Permit, id: Path<String>) -> String {
//!     format!("project {id}, until {}", permit.deadline())
//! }
//!
//! # fn app(gate: Gate) -> Result<(), Box<dyn std::error::Error>> {
//! let app = gate.router() // paths and methods come from the schema's `@http`
//!     .action("GetProject", read_project) // an unknown action does not start
//!     .build()?; // nor does an action left without a handler
//!
//! let server = HttpServer::new(move || App::new().service(app.clone()));
//! # let _ = server.bind("127.0.0.1:0");
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
//! use actix_web::web::{Json, Path};
//! use portcullis_actix::{Authz, Parents, Permit, Rejection, Resource};
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
//! async fn archive_project(authz: Authz, id: Path<String>) -> Result<Json<String>, Rejection> {
//!     let project = authz.load(|| find(&id)).await?; // loads and decides
//!     Ok(Json(archive(project.permit(), &project).await)) // what was checked is what is used
//! }
//! ```
//!
//! Which paths a gate guards, and how:
//!
//! - A [`GuardedRouter`] answers for every path that no service before it takes: register it last. For routes that the
//!   application makes itself there are [`GateExt::layer`] and [`GateExt::protect`].
//! - The action is found by the template of the resource that actix-web has chosen, and the resource's id is what
//!   [`actix_web::web::Path`] yields. Do not use `match_info` for ids: it leaves some characters encoded.
//! - A path whose values would be decoded twice, or are no UTF-8, is answered with 404.
//! - A preflight request of CORS carries no credentials. Put the CORS middleware around the gate: `App::wrap`.
//! - Without a token, `Option<Caller>` is `None` on a public route. It is `None`, too, where the request is refused and its
//!   handler runs all the same, whose answer is withheld then.
//! - An answer that lasts ends with the token if its stream goes through [`Lease::limit`].

mod extract;
mod head;
mod layer;
mod passage;
mod rejection;
mod route_match;
mod router;

pub use extract::{Actix, Allowed, Authz, Caller, Permit};
pub use layer::{GateLayer, GateService};
pub use portcullis::handler::{RouterError, RouterProblem};
pub use portcullis::{
    Actor, Admission, AllowedAction, Answer, BoxFuture, Clock, Connection, DecisionId, Directory, DirectoryError,
    Discharge, Ended, Facts, Gate, GateBuilder, GateError, Grant, Kind, Lease, Leased, Needs, Obligation,
    ObligationError, Parents, PrincipalFacts, ProtectedResource, ProtectedResourceError, Proxies, ProxiesError,
    QueryToken, Resource, ResourceData, ResourceIdentifier, ResourceIdentifierError, Subject, UnixTime, handler,
};
pub use rejection::Rejection;
pub use router::{GateExt, GateRouter, Guarded, GuardedRouter};
