//! Policies of one layer: their heads are matched here, their conditions are evaluated by Cedar.

use cedar_policy::Effect;

use super::{Few, LayerReport, Question, Stage, Verdict};
use crate::bundle::{Layer, LayerPolicy, Obligation, Policies};
use crate::parties::Party;

/// Evaluates `policies` for `principal`. Cedar's rules hold, but errors never help: a `forbid` that fails to evaluate
/// counts as satisfied, and a layer that denies while a `permit` failed says so.
///
/// Every policy whose head matches is evaluated, so that the answer depends on no order.
pub(super) fn evaluate<'a>(
    layer: Layer,
    policies: &'a Policies,
    principal: &Party,
    question: &Question<'a>,
) -> LayerReport<'a> {
    if policies.are_silent(question.action) {
        return LayerReport::new(layer, Verdict::Denies);
    }
    let mut found = Found::default();
    let (mut request, mut unasked) = (None, None);
    let resource = (question.stage == Stage::Whole).then(|| question.resource.key());
    policies.matching(question.action, principal.key(), resource, |policy| {
        if question.stage == Stage::Early && !policy.early {
            // A permit that cannot be evaluated yet could still be satisfied.
            found.open |= policy.effect == Effect::Permit && policy.head.matches(question.action);
            return;
        }
        let Some(body) = &policy.body else {
            found.satisfied(policy);
            return;
        };
        let asked = request.get_or_insert_with(|| question.scene.request(question, layer, principal));
        let (request, entities) = match asked {
            Ok(asked) => asked,
            Err(message) => {
                unasked = Some(message.clone());
                return;
            }
        };
        match body.holds(request, entities) {
            Ok(true) => found.satisfied(policy),
            Ok(false) => {}
            Err(message) => found.broken(policy, message),
        }
    });
    match unasked {
        Some(message) => LayerReport::broken(layer, message),
        None => found.report(layer),
    }
}

/// What the policies of a layer say, one by one.
#[derive(Default)]
struct Found<'a> {
    permits: Few<&'a LayerPolicy>,
    forbids: Few<&'a LayerPolicy>,
    errors: Vec<(String, String)>,
    broken_forbid: bool,
    /// Whether some permit is still to be evaluated.
    open: bool,
}

impl<'a> Found<'a> {
    fn satisfied(&mut self, policy: &'a LayerPolicy) {
        match policy.effect {
            Effect::Permit => self.permits.push(policy),
            Effect::Forbid => self.forbids.push(policy),
        }
    }

    fn broken(&mut self, policy: &LayerPolicy, message: String) {
        self.broken_forbid |= policy.effect == Effect::Forbid;
        self.errors.push((policy.id.clone(), message));
    }

    fn report(mut self, layer: Layer) -> LayerReport<'a> {
        let allowed = self.forbids.is_empty() && !self.permits.is_empty();
        let verdict = match (self.broken_forbid, allowed) {
            (true, _) => Verdict::Error,
            (false, true) => Verdict::Allows,
            // Nor is a permit that failed the last word while another one is open.
            (false, false) if self.forbids.is_empty() && self.open => Verdict::Allows,
            (false, false) if self.forbids.is_empty() && !self.errors.is_empty() => Verdict::Error,
            (false, false) => Verdict::Denies,
        };
        let mut policies = if self.forbids.is_empty() { self.permits } else { self.forbids };
        // The order in which the index finds them means nothing.
        policies.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        self.errors.sort_unstable();
        let obligations = if verdict == Verdict::Allows { least_obligations(&policies) } else { Vec::new() };
        LayerReport { policies, errors: self.errors, obligations, ..LayerReport::new(layer, verdict) }
    }
}

/// The satisfied permits are alternatives: the duties of the one with the fewest apply, so that a further grant never
/// adds a duty.
fn least_obligations(permits: &[&LayerPolicy]) -> Vec<Obligation> {
    let least = permits.iter().min_by_key(|permit| (permit.obligations.len(), &permit.id));
    least.map(|permit| permit.obligations.clone()).unwrap_or_default()
}
