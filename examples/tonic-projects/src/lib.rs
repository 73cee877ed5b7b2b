//! A complete gRPC service: tonic, a database, and the projects of `policies/projects`.

mod failure;
mod service;

// What the generated code names.
use {prost as _, tonic_prost as _};

pub use service::serve;

/// What `proto/projects.proto` defines.
#[allow(
    missing_docs,
    unused_qualifications,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::exhaustive_structs,
    clippy::missing_errors_doc,
    clippy::must_use_candidate,
    clippy::return_self_not_must_use,
    clippy::too_many_lines,
    clippy::wildcard_imports,
    reason = "it is generated"
)]
pub mod proto {
    tonic::include_proto!("acme.projects.v1");
}
