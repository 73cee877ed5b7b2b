//! Explanations are right: they agree with the decision, and what they name is what it hangs on.

use std::collections::BTreeSet;
use std::rc::Rc;

use portcullis_core::{ConditionAnswer, Layer, LayerAnswer, PolicyAnswer, PolicyExplanation};

use super::{Violation, violation};
use crate::decider::Decider;
use crate::explained::{Explained, Explainer};
use crate::scenario::Scenario;

/// An explanation agrees with the decision: in verdict, kind, layers, policies, remedy and duties; and what it says of single
/// policies, with what it says of their layers.
///
/// # Errors
///
/// If it says anything else.
pub fn explanations_agree(explainer: &dyn Explainer, scenario: &Scenario) -> Result<(), Violation> {
    let law = "an explanation agrees with the decision";
    let Some(explained) = explainer.diagnosed(scenario) else { return Ok(()) };
    let wrong = |message| Err(violation(law, message, scenario, None));
    if explained.stated != explained.decided {
        return wrong(format!("decided: {:?}\nsaid: {:?}", explained.decided, explained.stated));
    }
    for (layer, policies) in &explained.why {
        for policy in policies {
            if let Some(message) = contradiction(&explained, *layer, policy) {
                return wrong(format!("{layer}: {message}: {policy:?}"));
            }
        }
        let told = |id: &String| policies.iter().any(|policy| policy.policy == *id);
        let named = explained.verdict.layers.get(layer).map(|verdict| &verdict.policies);
        let untold = named.into_iter().flatten().find(|id| !told(id));
        if let Some(untold) = untold.filter(|_| policies.len() < MOST_TOLD) {
            return wrong(format!("{layer}: nothing is said of `{untold}`, which decides"));
        }
    }
    Ok(())
}

/// What is wrong with what is said of `policy`.
fn contradiction(explained: &Explained, layer: Layer, policy: &PolicyExplanation) -> Option<&'static str> {
    let verdict = explained.verdict.layers.get(&layer)?;
    let decides = verdict.policies.contains(&policy.policy);
    let failing = |answer: ConditionAnswer| policy.conditions.iter().filter(|found| found.answer == answer).count();
    match (policy.answer, verdict.answer) {
        (PolicyAnswer::Permits, LayerAnswer::Allow | LayerAnswer::Error)
        | (PolicyAnswer::Forbids, LayerAnswer::Deny | LayerAnswer::Error) => {
            (!decides).then_some("it is said to decide, and the layer does not name it")
        }
        (PolicyAnswer::Fails, LayerAnswer::Deny | LayerAnswer::Error) => {
            (failing(ConditionAnswer::Fails) != 1).then_some("it fails, and not in one condition")
        }
        (PolicyAnswer::NearlyPermits, LayerAnswer::Deny | LayerAnswer::Error) => {
            let lacks = policy.head.is_some() != policy.conditions.is_empty();
            (decides || lacks || failing(ConditionAnswer::Fails) > 0)
                .then_some("it is said to lack something, and does not say what")
        }
        _ => Some("it contradicts the layer"),
    }
}

/// Bundles that lack some policies; `None` if one does not load so.
pub type Without<'a> = &'a dyn Fn(&BTreeSet<String>) -> Option<Rc<dyn Decider>>;

/// An explanation names policies whose removal changes the answer: without the permits that it names for a layer which allows, the
/// layer denies; without the forbids that it names, they do not deny any more.
///
/// # Errors
///
/// If the layer answers as before.
pub fn named_policies_decide(
    explainer: &dyn Explainer,
    without: Without<'_>,
    scenario: &Scenario,
) -> Result<(), Violation> {
    let law = "an explanation names policies whose removal changes the answer";
    let Some(explained) = explainer.explained(scenario) else { return Ok(()) };
    for (layer, named) in &explained.named {
        let answer = explained.verdict.layers.get(layer).map(|verdict| verdict.answer);
        let (Some(answer), false) = (answer, named.is_empty()) else { continue };
        let Some(poorer) = without(named) else { continue };
        let after = poorer.decide(scenario);
        let denied_by_policy = after.layers.get(layer).is_some_and(|verdict| !verdict.policies.is_empty());
        let holds = match answer {
            LayerAnswer::Allow => !after.allows(*layer),
            LayerAnswer::Deny if *layer == Layer::Guardrails => after.allows(*layer),
            // Nothing may permit it either.
            LayerAnswer::Deny => after.allows(*layer) || !denied_by_policy,
            LayerAnswer::Error => true,
        };
        if !holds {
            let message = format!("{layer} answers {answer:?} because of {named:?}, and the same without them");
            return Err(violation(law, message, scenario, None));
        }
    }
    Ok(())
}

/// As many policies are told of one layer.
const MOST_TOLD: usize = 8;
