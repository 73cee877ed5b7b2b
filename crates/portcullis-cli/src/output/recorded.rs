//! What audit records say, in few words.

use portcullis_core::{LayerAnswer, RecordedAnswer, RecordedCaller, RecordedLayer, RecordedQuestion};

/// `user ann through agent drafter`, or `nobody`.
pub(crate) fn caller(caller: Option<&RecordedCaller>) -> String {
    let Some(caller) = caller else { return "nobody".to_owned() };
    let subject = format!("{} {}", caller.subject().kind.as_str(), caller.subject().id);
    printable(&match caller.actor() {
        Some(actor) => format!("{subject} through {} {}", actor.kind.as_str(), actor.id),
        None => subject,
    })
}

/// `text` without what would steer a terminal: whoever sends requests has a say in what a log holds.
pub(crate) fn printable(text: &str) -> String {
    let escaped = |char: char| if char.is_control() { char.escape_default().to_string() } else { char.to_string() };
    text.chars().map(escaped).collect()
}

/// `Note::"n1"`; `None` if it was not known.
pub(crate) fn resource(question: &RecordedQuestion) -> Option<String> {
    question.resource_id().map(|(entity_type, id)| format!("{entity_type}::{id:?}"))
}

/// In what two answers to one question differ.
pub(crate) fn differences(before: &RecordedAnswer, after: &RecordedAnswer) -> Vec<String> {
    let of = |layer: &RecordedLayer| {
        let verb = match layer.answer {
            LayerAnswer::Allow => "allows",
            LayerAnswer::Deny => "denies",
            LayerAnswer::Error => "broken",
        };
        let why = [layer.policies.as_slice(), &layer.covered_by, &layer.errors].concat();
        if why.is_empty() { verb.to_owned() } else { printable(&format!("{verb} by {}", why.join(", "))) }
    };
    let layers = before.layers.iter().zip(&after.layers).filter(|(before, after)| before != after);
    let mut differences: Vec<String> =
        layers.map(|(before, after)| format!("{}: {} → {}", printable(&before.layer), of(before), of(after))).collect();
    let remedy = |answer: &RecordedAnswer| answer.remedy.clone().unwrap_or_else(|| "nothing".to_owned());
    if before.remedy != after.remedy {
        differences.push(format!("would help: {} → {}", remedy(before), remedy(after)));
    }
    if before.obligations != after.obligations {
        let [before, after] = [before, after].map(|answer| answer.obligations.join(", "));
        differences.push(format!("to be done: {before} → {after}"));
    }
    differences
}
