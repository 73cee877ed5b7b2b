//! What is counted, through the facade `metrics`: a service that installs no recorder pays next to nothing.
//!
//! Every label has few values, all known beforehand: nothing that a caller chooses becomes one.

use portcullis_core::{Caller, Kind};

use crate::observe::Event;

/// Counts a request at its end.
pub(crate) fn request(event: &Event<'_>) {
    let class = event.session.map_or(NONE, |session| class(session.caller()));
    if event.is_allowed() {
        return allowed(class);
    }
    let denial = event.denial();
    metrics::counter!(
        "portcullis_requests_total",
        "decision" => event.decision(),
        "denial" => denial.map_or(NONE, |denial| denial.kind().as_str()),
        "layer" => denial.and_then(|denial| denial.layers().first().copied()).map_or(NONE, |layer| layer.folder()),
        "class" => class,
    )
    .increment(1);
}

/// Most requests are allowed, so no labels are put together for them: where all are literals, they stand ready.
fn allowed(class: &'static str) {
    macro_rules! count {
        ($class:expr) => {
            metrics::counter!(
                "portcullis_requests_total", "decision" => "allow", "denial" => "none", "layer" => "none", "class" => $class
            )
            .increment(1)
        };
    }
    match class {
        HUMAN => count!("human"),
        SERVICE => count!("service"),
        AGENT => count!("agent"),
        _ => count!("none"),
    }
}

/// Counts what became of a bundle.
pub(crate) fn reload(outcome: &'static str) {
    metrics::counter!("portcullis_reloads_total", "outcome" => outcome).increment(1);
}

/// Counts an audit record that found no place.
pub(crate) fn lost_record(class: &'static str) {
    metrics::counter!("portcullis_audit_records_lost_total", "class" => class).increment(1);
}

/// The traffic class, by who acts.
fn class(caller: &Caller) -> &'static str {
    match caller.actor().map_or(caller.subject().kind, |actor| actor.kind) {
        Kind::User => HUMAN,
        Kind::Service => SERVICE,
        Kind::Agent => AGENT,
    }
}

const NONE: &str = "none";
const HUMAN: &str = "human";
const SERVICE: &str = "service";
const AGENT: &str = "agent";
