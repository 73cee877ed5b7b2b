//! Policies of one layer, evaluated by Cedar.

use cedar_policy::{
    Authorizer, Context, Decision, Effect, Entities, EntityUid, Request as CedarRequest, RestrictedExpression, Schema,
};

use super::auth::auth;
use super::{LayerReport, Question, Stage, Verdict, least_obligations};
use crate::bundle::{Layer, LayerPolicy, Policies};
use crate::parties::Party;

/// Evaluates `policies` for `principal`. Cedar's rules hold, but errors never help: a `forbid` that fails to evaluate
/// counts as satisfied, and a layer that denies while a `permit` failed says so.
pub(super) fn evaluate(layer: Layer, policies: &Policies, principal: &Party, question: &Question<'_>) -> LayerReport {
    let prepared = prepare(layer, principal.uid().clone(), question);
    let (request, entities) = match prepared {
        Ok(prepared) => prepared,
        Err(message) => return LayerReport::broken(layer, message),
    };
    let set = match question.stage {
        Stage::Early => &policies.early,
        Stage::Whole => &policies.set,
    };
    let response = Authorizer::new().is_authorized(&request, set, &entities);
    let mut report = LayerReport::new(layer, Verdict::Denies);
    let mut broken_forbid = false;
    for error in response.diagnostics().errors() {
        let cedar_policy::AuthorizationError::PolicyEvaluationError(error) = error;
        let id = error.policy_id().to_string();
        broken_forbid |= policies.by_id.get(&id).is_none_or(|policy| policy.effect == Effect::Forbid);
        report.errors.push((id, error.inner().to_string()));
    }
    report.policies = response.diagnostics().reason().map(ToString::to_string).collect();
    report.policies.sort();
    report.errors.sort();
    report.verdict = match response.decision() {
        Decision::Allow if !broken_forbid => Verdict::Allows,
        Decision::Deny if report.errors.is_empty() => Verdict::Denies,
        Decision::Deny if !broken_forbid && !report.policies.is_empty() => Verdict::Denies,
        Decision::Allow | Decision::Deny => Verdict::Error,
    };
    // A permit that failed is no last word either: another one could still allow.
    let undecided = !report.allows() && !broken_forbid && report.policies.is_empty();
    if undecided && question.stage == Stage::Early && could_permit(policies, principal, question) {
        report.verdict = Verdict::Allows;
    }
    if report.allows() {
        report.obligations = least_obligations(policies, report.policies.iter());
    }
    report
}

/// Whether a permit that cannot be evaluated yet could still be satisfied.
fn could_permit(policies: &Policies, principal: &Party, question: &Question<'_>) -> bool {
    let (_, _, ancestors) = principal.entity().clone().into_inner();
    let could = |policy: &LayerPolicy| {
        let open = policy.effect == Effect::Permit && !policy.early;
        open && policy.head.matches(question.action) && policy.head.admits(principal.uid(), &ancestors)
    };
    policies.by_id.values().any(could)
}

fn prepare(layer: Layer, principal: EntityUid, question: &Question<'_>) -> Result<(CedarRequest, Entities), String> {
    // The stand-ins of an early question fit no schema.
    let schema = (question.stage == Stage::Whole).then(|| schema(layer, question));
    let context = Context::from_pairs(context(layer, question)).map_err(|error| error.to_string())?;
    let action = question.action.uid.clone();
    let request = CedarRequest::new(principal, action, question.resource.clone(), context, schema)
        .map_err(|error| error.to_string())?;
    let entities = Entities::from_entities(question.entities(), None).map_err(|error| error.to_string())?;
    Ok((request, entities))
}

fn schema<'a>(layer: Layer, question: &Question<'a>) -> &'a Schema {
    let schemas = &question.bundle.schemas;
    if layer == Layer::Ceilings { &schemas.for_ceilings } else { &schemas.for_others }
}

/// What policies read beside the entities; each layer sees only what it may depend on.
fn context(layer: Layer, question: &Question<'_>) -> Vec<(String, RestrictedExpression)> {
    let mut pairs = question.facts.clone();
    if let Some(caller) = question.caller {
        pairs.push(("auth".to_owned(), auth(caller, question.parties, &question.standing, layer)));
    }
    pairs.push(("now".to_owned(), RestrictedExpression::new_datetime(question.now.to_string())));
    pairs
}
