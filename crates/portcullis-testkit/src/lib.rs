//! Test issuer, policy cases, laws and the reference model of Portcullis: for tests of services and their policies.

pub mod cases;
mod client;
pub mod contract;
mod decider;
mod issuer;
pub mod laws;
mod reference;
mod scenario;
mod strategies;

pub use client::TestClient;
pub use decider::{Decider, LayerVerdict, OfferedRemedy, Product, Verdict};
pub use issuer::{SigningAlgorithm, TestIssuer};
pub use reference::{Reference, ReferenceError};
pub use scenario::{AskedResource, Scenario, Token};
pub use strategies::{Asking, World, scopes};
