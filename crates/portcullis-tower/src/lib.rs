//! The Portcullis gate as a tower layer over `http::Request`.
//!
//! It decides nothing: [`GateService`] hands the head of a request and the route that the framework matched to
//! [`Gate::open`](portcullis::Gate::open), sends the answer of a refusal, and puts the
//! [`Admission`](portcullis::Admission) into the request's extensions otherwise. Where the matched route is found
//! differs between frameworks: [`MatchedRoute`]. So does how an answer is sent, and how success is told: [`Protocol`].

mod layer;
mod matched_route;
mod protocol;
mod service;

pub use layer::GateLayer;
pub use matched_route::MatchedRoute;
pub use protocol::{Http, Protocol};
pub use service::GateService;
