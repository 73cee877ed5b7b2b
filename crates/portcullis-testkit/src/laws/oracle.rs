//! A caller reads nothing that it may not know: not from what people are told, nor from what agents are told, nor from the answer
//! over HTTP.
//!
//! What two denials may differ in, for the same caller and action, is this and nothing else:
//!
//! - whether the service is at fault: a policy failed to evaluate, or what is known does not fit the schema;
//! - what the caller can obtain to be allowed: then everything but that allows it already;
//! - what policies say to the caller (`@message`), where nothing but guardrails denies, and the type is not hidden (`@hide`).

use std::collections::BTreeSet;

use portcullis_core::{DenialKind, Layer};
use serde_json::Value;

use super::{Violation, violation};
use crate::decider::OfferedRemedy;
use crate::explained::{Explained, Explainer};
use crate::scenario::Scenario;

/// Of two denials on resources of one type, the caller reads the same, unless it may know what they differ in. Where roles deny
/// both, it reads the same in any case but one: a defect.
///
/// # Errors
///
/// If it can tell them apart.
pub fn denials_look_alike(explainer: &dyn Explainer, scenario: &Scenario, other: &Scenario) -> Result<(), Violation> {
    let law = "what the caller may not know never changes what it reads";
    let both = explainer.explained(scenario).zip(explainer.explained(other));
    let Some((one, two)) = both.filter(|(one, two)| !one.verdict.allowed && !two.verdict.allowed) else {
        return Ok(());
    };
    let same_question = scenario.action == other.action && scenario.resource.entity_type == other.resource.entity_type;
    let ungranted = |explained: &Explained| {
        explained.verdict.kind != Some(DenialKind::Error) && !explained.verdict.allows(Layer::Roles)
    };
    let alike = Knowable::of(&one) == Knowable::of(&two) || (ungranted(&one) && ungranted(&two));
    if same_question && alike && one.readings != two.readings {
        let message = format!("{:#?}\ndiffers from\n{:#?}", one.readings, two.readings);
        return Err(violation(law, message, scenario, Some(other.clone())));
    }
    Ok(())
}

/// What is hidden and denied, and not to be obtained, reads as what is not there.
///
/// # Errors
///
/// If the caller can tell them apart.
pub fn hidden_looks_absent(explainer: &dyn Explainer, scenario: &Scenario) -> Result<(), Violation> {
    let law = "what is hidden and denied reads as what is not there";
    let Some(explained) = explainer.explained(scenario) else { return Ok(()) };
    let verdict = &explained.verdict;
    let concealed = explained.hidden
        && !verdict.allowed
        && verdict.kind != Some(DenialKind::Error)
        && obtainable(&explained).is_none();
    let absent = explainer.absent();
    if concealed && explained.readings != absent {
        let message = format!("{:#?}\ndiffers from\n{absent:#?}", explained.readings);
        return Err(violation(law, message, scenario, None));
    }
    Ok(())
}

/// What policies are called changes nothing that a caller reads.
///
/// # Errors
///
/// If the caller reads something else under `renamed`, a bundle whose policies have other ids in the same order.
pub fn names_mean_nothing(
    explainer: &dyn Explainer,
    renamed: &dyn Explainer,
    scenario: &Scenario,
) -> Result<(), Violation> {
    let law = "what policies are called never changes what a caller reads";
    let (one, two) = (explainer.explained(scenario), renamed.explained(scenario));
    let (one, two) = (one.map(|explained| explained.readings), two.map(|explained| explained.readings));
    if one != two {
        return Err(violation(law, format!("{one:#?}\ndiffers from\n{two:#?}"), scenario, None));
    }
    Ok(())
}

/// What agents are told is what the answer over HTTP says: its problem type, and a challenge for what the token lacks.
///
/// # Errors
///
/// If one of them says something else than the other.
pub fn agents_read_what_clients_read(explainer: &dyn Explainer, scenario: &Scenario) -> Result<(), Violation> {
    let law = "agents are told what the answer over HTTP says";
    let Some(explained) = explainer.explained(scenario) else { return Ok(()) };
    let Explained { readings, verdict, .. } = explained;
    let problem = readings.wire.pointer("/body/type").and_then(Value::as_str);
    let problem = problem.map(|problem| problem.rsplit(':').next().unwrap_or_default());
    let code = readings.agent.get("code").and_then(Value::as_str);
    let scopes = readings.agent.pointer("/needs/scope").and_then(Value::as_array).into_iter().flatten();
    let mut scopes = scopes.filter_map(Value::as_str);
    let challenges = readings.wire.get("challenges").map(Value::to_string).unwrap_or_default();
    let challenged = ["insufficient-scope", "stronger-login-required"].contains(&code.unwrap_or_default());
    let named = !challenged || scopes.all(|scope| challenges.contains(scope));
    if problem != code || verdict.allowed != code.is_none() || !named {
        return Err(violation(law, format!("{readings:#?}"), scenario, None));
    }
    Ok(())
}

/// What a caller may know of a denial.
#[derive(Debug, PartialEq)]
struct Knowable {
    failed: bool,
    remedy: Option<OfferedRemedy>,
    /// The guardrails whose words it is told.
    messages: BTreeSet<String>,
}

impl Knowable {
    fn of(explained: &Explained) -> Self {
        let verdict = &explained.verdict;
        let failed = verdict.kind == Some(DenialKind::Error);
        let only_guardrails = explained.decided.denying == BTreeSet::from([Layer::Guardrails]);
        let open = only_guardrails && !failed && !explained.hidden;
        let messages = if open { explained.decided.forbidding.clone() } else { BTreeSet::new() };
        Self { failed, remedy: obtainable(explained).cloned(), messages }
    }
}

/// The remedy, if it is offered: an issuer that cannot confer one of the scopes makes it useless.
fn obtainable(explained: &Explained) -> Option<&OfferedRemedy> {
    explained.verdict.remedy.as_ref().filter(|_| explained.readings.agent.get("needs").is_some())
}
