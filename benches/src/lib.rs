//! What the benches measure with: one bundle, its callers and their tokens.

mod bundle;
mod tokens;

pub use bundle::{bare_project, engine, project, session};
pub use tokens::{Person, agent, asking, claims, now, trusted, verified};

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
