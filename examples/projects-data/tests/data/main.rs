//! The store behind a gate, with the policies of `policies/projects`.

#![expect(clippy::unwrap_used, reason = "helpers of tests assert as tests do")]

mod changes;
mod outages;
mod resources;
mod roles;
mod world;
