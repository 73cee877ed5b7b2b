//! What the benches measure with: one bundle, its callers and their tokens.

mod bundle;
mod keys;
pub mod log;
pub mod served;
mod tokens;
mod turns;

pub use bundle::{ROLES_FILE, bare_project, engine, files, project, session, settings};
pub use keys::SignatureAlone;
pub use tokens::{AUDIENCE, ISSUER, Person, agent, asking, claims, now, trusted, verified};
pub use turns::Bench;

use std::fmt::Display;

/// The value, or an end to the bench.
///
/// # Panics
///
/// If there is an error.
#[track_caller]
#[expect(clippy::panic, reason = "a bench has nobody to report to")]
pub fn must<T, E: Display>(result: Result<T, E>) -> T {
    match result {
        Ok(value) => value,
        Err(error) => panic!("the fixture is broken: {error}"),
    }
}
