//! What is counted, through the facade `metrics`: a service that installs no recorder pays next to nothing.
//!
//! Every label has few values, all known beforehand: nothing that a caller chooses becomes one.

use portcullis_core::{Caller, Kind};

use crate::observe::Event;

/// Counts a request at its end.
pub(crate) fn request(event: &Event<'_>) {
    let denial = event.denial();
    metrics::counter!(
        "portcullis_requests_total",
        "decision" => event.decision(),
        "denial" => denial.map_or(NONE, |denial| denial.kind().as_str()),
        "layer" => denial.and_then(|denial| denial.layers().first().copied()).map_or(NONE, |layer| layer.folder()),
        "class" => event.session.map_or(NONE, |session| class(session.caller())),
    )
    .increment(1);
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
        Kind::User => "human",
        Kind::Service => "service",
        Kind::Agent => "agent",
    }
}

const NONE: &str = "none";
