//! What the benches measure with: one bundle, its callers and their tokens.

mod asker;
mod bundle;
mod keys;
pub mod log;
mod record;
pub mod served;
mod tokens;
mod turns;

pub use asker::Asker;
pub use bundle::{
    GUARDRAILS, ROLES_FILE, SCHEMA_FILE, bare_project, engine, extended, files, project, session, settings, source,
};
pub use keys::SignatureAlone;
pub use record::{Unit, record};
pub use tokens::{AUDIENCE, ISSUER, Person, agent, asking, claims, now, trusted, verified};
pub use turns::{Bench, median, ready};

use std::fmt::Display;
use std::time::Duration;

use criterion::Criterion;

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

/// Criterion in a hurry: the report makes all measurements in one run.
#[must_use]
pub fn brief() -> Criterion {
    let times = Criterion::default().warm_up_time(Duration::from_millis(500)).measurement_time(Duration::from_secs(1));
    times.sample_size(50)
}
