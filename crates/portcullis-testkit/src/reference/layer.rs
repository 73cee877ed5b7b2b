//! One layer, asked by Cedar alone.

use std::collections::BTreeSet;

use cedar_policy::{AuthorizationError, Authorizer, Effect, Entities, Policy, PolicyId, PolicySet, Request};
use portcullis_core::LayerAnswer;

use super::ReferenceError;
use crate::decider::LayerVerdict;

/// The policies of one layer.
#[derive(Debug, Clone, Default)]
pub(super) struct LayerPolicies {
    pub(super) policies: Vec<Policy>,
}

/// What a layer says, with the duties that its permits bring.
#[derive(Debug, Clone)]
pub(super) struct Answered {
    pub(super) verdict: LayerVerdict,
    pub(super) obligations: BTreeSet<(String, String)>,
}

impl LayerPolicies {
    /// Adds the policies in `text`, named by their `@id`.
    pub(super) fn add(&mut self, text: &str) -> Result<(), ReferenceError> {
        let set: PolicySet = text.parse().map_err(|error| ReferenceError::new(format!("policies: {error}")))?;
        for policy in set.policies() {
            let id = policy.annotation("id").ok_or_else(|| ReferenceError::new("a policy without `@id`"))?;
            self.policies.push(policy.new_id(PolicyId::new(id)));
        }
        Ok(())
    }

    /// The same, and a permit for everything: the layer then starts from allow.
    pub(super) fn or_allow(&self) -> Result<Self, ReferenceError> {
        let mut open = self.clone();
        open.add(&format!("@id(\"{OTHERWISE}\") permit (principal, action, resource);"))?;
        Ok(open)
    }

    /// Puts `request` to Cedar. A `forbid` that fails to evaluate counts as satisfied; a `permit` that does counts for nothing.
    pub(super) fn ask(&self, request: &Request, entities: &Entities) -> Answered {
        let Ok(set) = PolicySet::from_policies(self.policies.iter().cloned()) else {
            return Answered::new(LayerAnswer::Error, BTreeSet::new());
        };
        let response = Authorizer::new().is_authorized(request, &set, entities);
        let reasons: BTreeSet<String> = response.diagnostics().reason().map(ToString::to_string).collect();
        let reasons: BTreeSet<String> = reasons.into_iter().filter(|id| id != OTHERWISE).collect();
        let failed: Vec<&Policy> = response
            .diagnostics()
            .errors()
            .filter_map(|AuthorizationError::PolicyEvaluationError(error)| set.policy(error.policy_id()))
            .collect();
        let forbid_failed = failed.iter().any(|policy| policy.effect() == Effect::Forbid);
        let allowed = response.decision() == cedar_policy::Decision::Allow;
        let answer = if forbid_failed {
            LayerAnswer::Error
        } else if allowed {
            LayerAnswer::Allow
        } else if reasons.is_empty() && !failed.is_empty() {
            // Nothing forbids, and one of the permits could not be asked.
            LayerAnswer::Error
        } else {
            LayerAnswer::Deny
        };
        let mut answered = Answered::new(answer, reasons);
        if answer == LayerAnswer::Allow {
            let satisfied = |policy: &&Policy| answered.verdict.policies.contains(&policy.id().to_string());
            let duties = self.policies.iter().filter(satisfied).map(|policy| (obligations(policy), policy.id()));
            let least = duties.min_by_key(|(duties, id)| (duties.len(), id.to_string()));
            answered.obligations = least.map(|(duties, _)| duties).unwrap_or_default();
        }
        answered
    }
}

impl Answered {
    pub(super) fn new(answer: LayerAnswer, policies: BTreeSet<String>) -> Self {
        Self { verdict: LayerVerdict::new(answer, policies), obligations: BTreeSet::new() }
    }

    pub(super) fn allows(&self) -> bool {
        self.verdict.answer == LayerAnswer::Allow
    }
}

fn obligations(policy: &Policy) -> BTreeSet<(String, String)> {
    let stated = policy.annotation("obligation").into_iter().flat_map(|text| text.split(','));
    stated
        .map(|duty| {
            let (name, arguments) = duty.trim().split_once(':').unwrap_or((duty.trim(), ""));
            (name.to_owned(), arguments.to_owned())
        })
        .collect()
}

/// No policy of a bundle can have this id: the guard of a layer that starts from allow.
const OTHERWISE: &str = "(otherwise)";
