//! Test issuer, policy cases, laws, the contract of adapters and the reference model of Portcullis: for tests of services and
//! their policies. Tests of a service's handlers begin with [`TestGate`], tests of its policies with [`cases`] and [`laws!`].
//!
//! ```
//! portcullis_testkit::laws!("../../policies/projects");
//! # fn main() {}
//! ```
//!
//! This one line makes up callers and requests from a bundle, and checks on each of them all that holds in every bundle, and the
//! bundle's own `invariants/*.toml`.

mod audit_lines;
pub mod cases;
mod client;
pub mod contract;
mod decider;
mod derive;
mod explained;
mod explanation_laws;
mod invariants;
mod issuer;
pub mod laws;
mod laws_of;
mod reference;
mod replay;
mod rewrite;
mod scenario;
mod strategies;
mod test_gate;

pub use audit_lines::AuditLines;
pub use client::TestClient;
pub use decider::{Decider, LayerVerdict, OfferedRemedy, Product, Verdict};
pub use derive::DeriveError;
pub use explained::{Decided, Explained, Explainer, Readings};
pub use issuer::{SigningAlgorithm, TestIssuer};
pub use laws_of::{Laws, LawsError};
pub use reference::{Reference, ReferenceError};
pub use scenario::{AskedResource, Scenario, Token};
pub use strategies::{Asking, World, scopes};
pub use test_gate::{TestCaller, TestCredentials, TestGate, service, user};

/// The guide, whose code runs.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/testing.md")]
mod guide {}

/// Another one.
#[cfg(doctest)]
#[doc = include_str!("../../../docs/explanations.md")]
mod explanations_guide {}
