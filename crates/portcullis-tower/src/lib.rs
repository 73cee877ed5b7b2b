//! The Portcullis gate as a tower layer over `http::Request`.
//!
//! It decides nothing: [`GateService`] hands the head of a request and the route that the framework matched to
//! [`Gate::open`](portcullis::Gate::open), sends the answer of a refusal, and puts the
//! [`Admission`](portcullis::Admission) into the request's extensions otherwise. Where the matched route is found
//! differs between frameworks: [`MatchedRoute`].

mod layer;
mod matched_route;
mod service;

pub use layer::GateLayer;
pub use matched_route::MatchedRoute;
pub use service::GateService;
