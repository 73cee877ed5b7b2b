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
use std::hint::black_box;
use std::time::Duration;

use criterion::{BatchSize, Bencher, Criterion};
use portcullis_core::{Request, ResourceData, Session};

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

/// Measures decisions about a resource that nobody has asked about yet, as a request's is: what Cedar sees of it would else be made
/// once for all of them. An id alone has nothing to be kept.
pub fn decide(bencher: &mut Bencher<'_>, caller: &Session, action: &str, resource: &ResourceData) {
    let decide = |resource: &ResourceData| caller.decide(black_box(&Request::new(action, resource, now())));
    if resource.is_bare() {
        bencher.iter(|| decide(resource));
    } else {
        bencher.iter_batched_ref(|| resource.clone(), |resource| decide(resource), BatchSize::SmallInput);
    }
}
