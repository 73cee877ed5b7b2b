//! Laws that hold two deciders against each other.

use super::{Violation, violation};
use crate::decider::{Decider, Verdict};
use crate::scenario::Scenario;

/// A bundle of which a layer was emptied, or a file that only permits was lost, never allows more.
///
/// # Errors
///
/// If `poorer` allows what `decider` denies.
pub fn emptying(decider: &dyn Decider, poorer: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    if poorer.decide(scenario).allowed && !decider.decide(scenario).allowed {
        let message = "the poorer bundle allows".to_owned();
        return Err(violation("losing policies never allows more", message, scenario, None));
    }
    Ok(())
}

/// A bundle that is loaded again decides as before.
///
/// # Errors
///
/// If `reloaded` answers otherwise than `decider`.
pub fn reloading(decider: &dyn Decider, reloaded: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let (before, after) = (decider.decide(scenario), reloaded.decide(scenario));
    if before != after || decider.denies_early(scenario) != reloaded.denies_early(scenario) {
        let message = format!("{before:#?}\nbecame\n{after:#?}");
        return Err(violation("reload of the same bundle changes nothing", message, scenario, None));
    }
    Ok(())
}

/// The engine is the reference model, in verdict, layers, deciding policies and duties, with the token and without.
///
/// # Errors
///
/// If the two differ in anything but remedies, which the model does not know.
pub fn equals_reference(decider: &dyn Decider, reference: &dyn Decider, scenario: &Scenario) -> Result<(), Violation> {
    let law = "the engine is the reference model";
    let differ = |mut ours: Verdict, theirs: Verdict| {
        ours.remedy = None;
        let (refused, unfit) = (ours.is_refused(), theirs == Verdict::unfit());
        // What does not fit the schema is not put to any layer: there is nothing to compare below the kind.
        if unfit {
            ours.layers.clear();
        }
        // The model knows nothing of ids that stand alone: they do not fit a type with attributes, though the engine may decide about
        // them where no policy reads any, and it refuses them where one does. That this is never more than about the resource is a
        // law of its own.
        let id_alone = scenario.resource.attributes.is_none() && (unfit || refused);
        (ours != theirs && !id_alone).then(|| format!("engine: {ours:#?}\nreference: {theirs:#?}"))
    };
    if let Some(message) = differ(decider.decide(scenario), reference.decide(scenario)) {
        return Err(violation(law, message, scenario, None));
    }
    if let Some(message) = differ(decider.decide_for_nobody(scenario), reference.decide_for_nobody(scenario)) {
        return Err(violation(law, format!("without the token\n{message}"), scenario, None));
    }
    let scopes = scenario.scopes().unwrap_or_default();
    let (ours, theirs) = (decider.expand(&scopes), reference.expand(&scopes));
    if ours != theirs {
        let message = format!("scopes granted by the engine: {ours:?}, by the reference: {theirs:?}");
        return Err(violation(law, message, scenario, None));
    }
    Ok(())
}
