//! Which policies decided, and which nearly did: what [`Engine::diagnose`](crate::Engine::diagnose) says besides the decision.
//!
//! Nothing here decides. Policies are looked into by their text, once the decision is made, and only when somebody asks.

mod condition;
mod text;
mod value;

use std::collections::BTreeSet;

use cedar_policy::Effect;
use serde::Serialize;

pub use self::condition::{ConditionAnswer, ConditionExplanation};
use self::condition::{Evaluator, Outcome};
use super::Evaluation;
use crate::bundle::{Anatomy, ConsentRule, HeadPart, Layer, LayerPolicy, Policies, ResourceKey};
use crate::layers::{LayerReport, Question, Stage};
use crate::parties::Party;

/// One policy: how it came to decide, or what it lacked. Never for the caller.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct PolicyExplanation {
    /// Its id.
    pub policy: String,
    /// Its `@doc`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub doc: Option<String>,
    /// What it does.
    pub answer: PolicyAnswer,
    /// About whom it was asked, in the layer `ceilings`: there may be two.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub principal: Option<String>,
    /// The one part of its head that does not match, as policy text: `principal in Role::"editor"`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head: Option<String>,
    /// Its conditions, in the order in which they are evaluated. None of a policy that permits.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub conditions: Vec<ConditionExplanation>,
}

/// What a policy does about a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum PolicyAnswer {
    /// It permits.
    Permits,
    /// It forbids: its head matches, and its conditions hold.
    Forbids,
    /// It fails to evaluate. A `forbid` counts all the same, a `permit` does not.
    Fails,
    /// It would permit, but for one part of its head, or one of its conditions.
    NearlyPermits,
}

/// What is to be said of each layer of `evaluation`, in its order.
pub(super) fn explain(question: &Question<'_>, evaluation: &Evaluation<'_>) -> Vec<Vec<PolicyExplanation>> {
    evaluation.layers.iter().map(|report| of_layer(question, report)).collect()
}

fn of_layer(question: &Question<'_>, report: &LayerReport<'_>) -> Vec<PolicyExplanation> {
    if report.allows() {
        let permits = report.policies.iter().take(MOST_SHOWN);
        return permits.map(|policy| written(policy, PolicyAnswer::Permits, policy.text.anatomy().as_ref())).collect();
    }
    let layers = &question.bundle.layers;
    // Of a kind of principal that the action is not for, no policy was asked; of nobody, none but guardrails.
    let subject = &question.parties.subject;
    let fits = |party: &&Party| match party.kind() {
        Some(kind) => question.action.principals.contains(&kind),
        None => report.layer == Layer::Guardrails,
    };
    let parties: Vec<&Party> = match report.layer {
        Layer::Ceilings => question.software().filter(fits).collect(),
        Layer::Consent | Layer::Roles | Layer::Guardrails => Some(subject).filter(fits).into_iter().collect(),
    };
    let sets: Vec<&Policies> = match report.layer {
        Layer::Consent => conditions_of_granted_scopes(question).collect(),
        Layer::Ceilings => vec![&layers.ceilings],
        Layer::Roles => vec![&layers.roles],
        Layer::Guardrails => vec![&layers.guardrails],
    };
    let asked = parties.iter().flat_map(|party| sets.iter().map(move |policies| (*policies, *party)));
    let mut found: Vec<PolicyExplanation> = asked
        .filter_map(|(policies, party)| Some(Looked::at(question, report, policies, party)?.found()))
        .flatten()
        .collect();
    found.truncate(MOST_SHOWN);
    found
}

/// The conditions of the scopes that would cover the action.
fn conditions_of_granted_scopes<'a>(question: &Question<'a>) -> impl Iterator<Item = &'a Policies> {
    let bundle = question.bundle;
    let covering = match &question.action.consent {
        ConsentRule::AnyOf(scopes) => scopes.as_slice(),
        ConsentRule::NotNeeded | ConsentRule::Public => &[],
    };
    let granted: Vec<_> = covering.iter().filter(|scope| question.standing.granted.contains(**scope)).collect();
    let scopes = granted.into_iter().filter_map(|scope| bundle.scopes().scope(*scope));
    scopes.filter_map(|scope| bundle.layers.consent.get(scope.name().as_str()))
}

/// Policies that are evaluated together for one principal, which do not allow.
struct Looked<'a> {
    question: &'a Question<'a>,
    report: &'a LayerReport<'a>,
    policies: &'a Policies,
    party: &'a Party,
    evaluator: Evaluator<'a>,
}

impl<'a> Looked<'a> {
    /// `None` if nothing could be evaluated.
    fn at(
        question: &'a Question<'a>,
        report: &'a LayerReport<'a>,
        policies: &'a Policies,
        party: &'a Party,
    ) -> Option<Self> {
        let evaluator = Evaluator::new(question, report.layer, party)?;
        Some(Self { question, report, policies, party, evaluator })
    }

    /// The forbids that apply; where none does, the permits that nearly do.
    fn found(&self) -> Vec<PolicyExplanation> {
        let decisive = self.decisive();
        // A permit of one principal does not help another.
        let is_settled = |policy: &PolicyExplanation| policy.answer == PolicyAnswer::Forbids;
        if decisive.iter().any(is_settled) || self.report.layer == Layer::Guardrails {
            return decisive;
        }
        let Some(unmet) = self.unmet() else { return decisive };
        let mut near = unmet.into_iter().chain(self.near_heads()).take(MOST_SHOWN).collect();
        let mut all = decisive;
        all.append(&mut near);
        all
    }

    /// The policies that the layer names, be it because they failed.
    fn decisive(&self) -> Vec<PolicyExplanation> {
        let forbids = self.report.policies.iter().map(|policy| policy.id.as_str());
        let named: BTreeSet<&str> = forbids.chain(self.report.errors.iter().map(|(id, _)| id.as_str())).collect();
        let policies = self.matching().into_iter().filter(|policy| named.contains(policy.id.as_str()));
        let looked = policies.take(MOST_SHOWN).filter_map(|policy| {
            let (outcome, explanation) = self.look(policy)?;
            let answer = match (outcome, policy.effect) {
                (Outcome::Holds, Effect::Permit) => PolicyAnswer::Permits,
                (Outcome::Holds, Effect::Forbid) => PolicyAnswer::Forbids,
                (Outcome::Fails, _) => PolicyAnswer::Fails,
                // It decided about somebody else.
                (Outcome::DoesNotHold, _) => return None,
            };
            Some(PolicyExplanation { answer, ..explanation })
        });
        looked.collect()
    }

    /// Permits of which the head matches and a condition is not met, the nearest first. `None` if one permits.
    fn unmet(&self) -> Option<Vec<PolicyExplanation>> {
        let permits = self.matching().into_iter().filter(|policy| policy.effect == Effect::Permit);
        let mut near = Vec::new();
        for policy in permits.take(MOST_EXAMINED) {
            match self.look(policy) {
                Some((Outcome::Holds, _)) => return None,
                Some((Outcome::DoesNotHold, explanation)) => near.push(explanation),
                Some((Outcome::Fails, _)) | None => {}
            }
        }
        let unreached = |policy: &PolicyExplanation| {
            policy.conditions.iter().filter(|condition| condition.answer == ConditionAnswer::NotReached).count()
        };
        near.sort_by_cached_key(|policy| (unreached(policy), policy.policy.clone()));
        Some(near)
    }

    /// Permits that would count, but for one part of the head. Where a condition is not met besides, that is not near.
    fn near_heads(&self) -> Vec<PolicyExplanation> {
        let resource = self.resource();
        let principal = (self.party.uid(), self.party.ancestors());
        let part = |policy: &LayerPolicy| policy.head.nearly_matches(self.question.action, principal, resource);
        let permits = self.policies.iter().filter(|policy| policy.effect == Effect::Permit && self.is_asked(policy));
        let near = permits.filter_map(|policy| Some((part(policy)?, policy)));
        let mut near: Vec<(HeadPart, &LayerPolicy)> = near.take(MOST_EXAMINED).collect();
        near.sort_by_key(|(part, policy)| (*part, policy.id.as_str()));
        let near = near.into_iter().filter_map(|(part, policy)| {
            let anatomy = policy.text.anatomy()?;
            let (outcome, _) = self.evaluator.conditions(&anatomy);
            let head = anatomy.head(part).map(str::to_owned);
            (outcome == Outcome::Holds)
                .then(|| PolicyExplanation { head, ..self.written(policy, PolicyAnswer::NearlyPermits, &anatomy) })
        });
        near.take(MOST_HEADS).collect()
    }

    /// The policies whose head matches, in the order of their ids.
    fn matching(&self) -> Vec<&'a LayerPolicy> {
        let mut matching = Vec::new();
        self.policies.matching(self.question.action, self.party.key(), self.resource(), |policy| matching.push(policy));
        matching.retain(|policy| self.is_asked(policy));
        matching.sort_unstable_by(|a, b| a.id.cmp(&b.id));
        matching
    }

    fn resource(&self) -> Option<ResourceKey<'a>> {
        (self.question.stage == Stage::Whole).then(|| self.question.resource.key())
    }

    fn is_asked(&self, policy: &LayerPolicy) -> bool {
        self.question.stage == Stage::Whole || policy.early
    }

    fn look(&self, policy: &LayerPolicy) -> Option<(Outcome, PolicyExplanation)> {
        let anatomy = policy.text.anatomy()?;
        let (outcome, conditions) = self.evaluator.conditions(&anatomy);
        Some((outcome, PolicyExplanation { conditions, ..self.written(policy, PolicyAnswer::NearlyPermits, &anatomy) }))
    }

    fn written(&self, policy: &LayerPolicy, answer: PolicyAnswer, anatomy: &Anatomy) -> PolicyExplanation {
        let principal = (self.report.layer == Layer::Ceilings).then(|| self.party.uid().to_string());
        PolicyExplanation { principal, ..written(policy, answer, Some(anatomy)) }
    }
}

/// What the author says of `policy`.
fn written(policy: &LayerPolicy, answer: PolicyAnswer, anatomy: Option<&Anatomy>) -> PolicyExplanation {
    PolicyExplanation {
        policy: policy.id.clone(),
        doc: anatomy.and_then(|anatomy| anatomy.doc.clone()),
        answer,
        principal: None,
        head: None,
        conditions: Vec::new(),
    }
}

/// Policies of which one layer is told: more than that nobody reads.
const MOST_SHOWN: usize = 8;

/// Of these, those of which only the head does not match. What has other conditions teaches more.
const MOST_HEADS: usize = 4;

/// Policies of one layer that are taken apart and evaluated, so that no bundle makes an explanation take seconds.
const MOST_EXAMINED: usize = 64;
