//! From what the layers say to the decision.

use std::sync::Arc;

use cedar_policy::EntityId;
use smol_str::SmolStr;

use super::grant::Behalf;
use super::told::Told;
use super::{Decision, Denial, Evaluation, Explanation, Grant, near_miss, search};
use crate::bundle::Obligation;
use crate::caller::Caller;
use crate::layers::{LayerReport, Question, Request};
use crate::time::UnixTime;

/// What the layers say of one request, and whose request it is.
pub(crate) struct Conclusion<'a> {
    caller: Option<&'a Arc<Caller>>,
    action: SmolStr,
    resource: (SmolStr, EntityId),
    evaluation: Evaluation<'a>,
    /// Where there can be a remedy.
    question: Option<&'a Question<'a>>,
}

impl<'a> Conclusion<'a> {
    /// `evaluation` is the answer to `question`.
    pub(crate) fn of_question(question: &'a Question<'a>, evaluation: Evaluation<'a>) -> Self {
        let resource = (question.resource.entity_type.clone(), question.resource.name.id().clone());
        let (caller, action) = (question.caller, question.action.name.clone());
        Self { caller, action, resource, evaluation, question: Some(question) }
    }

    /// `evaluation` is the answer to a request that was not put to the layers.
    pub(crate) fn of_refusal(
        caller: Option<&'a Arc<Caller>>,
        request: &Request<'a>,
        evaluation: Evaluation<'a>,
    ) -> Self {
        let resource = (request.resource.entity_type().into(), EntityId::new(request.resource.id()));
        Self { caller, action: request.action.into(), resource, evaluation, question: None }
    }

    /// The decision, with a remedy if it is a denial that something lifts.
    fn decision(&self) -> Decision {
        let evaluation = &self.evaluation;
        let Some(kind) = evaluation.denial_kind() else {
            return Decision::Allow(Grant {
                action: self.action.clone(),
                resource: self.resource.clone(),
                behalf: self.caller.map(|caller| Behalf(Arc::clone(caller))),
                deadline: self.caller.and_then(|caller| caller.expires_at()).unwrap_or(UnixTime::LAST),
                obligations: obligations(evaluation),
            });
        };
        let policies = || evaluation.denying().flat_map(|report| report.policies.iter());
        Decision::Deny(Denial {
            kind,
            layers: evaluation.denying().map(|report| report.layer).collect(),
            policies: policies().map(|policy| policy.id.clone()).collect(),
            errors: evaluation.denying().flat_map(LayerReport::errors).collect(),
            messages: policies().filter_map(|policy| policy.message.clone()).collect(),
            remedy: self.question.and_then(|question| search::search(question, evaluation)),
        })
    }
}

impl From<&Conclusion<'_>> for Decision {
    fn from(conclusion: &Conclusion<'_>) -> Self {
        conclusion.decision()
    }
}

/// The decision, with what every layer said.
impl From<&Conclusion<'_>> for Explanation {
    fn from(conclusion: &Conclusion<'_>) -> Self {
        let decision = conclusion.decision();
        let bundle = conclusion.question.map(|question| question.bundle);
        let caller = conclusion.caller.map(|caller| &**caller);
        let (entity_type, id) = &conclusion.resource;
        let told = Told::of(&decision, bundle, caller, entity_type);
        let resource = (&**entity_type, id.unescaped());
        Self::new(&conclusion.action, decision, told, resource, &conclusion.evaluation)
    }
}

/// An explanation that says besides how policies came to decide, and which nearly did.
pub(crate) struct Diagnosis(pub(crate) Explanation);

impl From<&Conclusion<'_>> for Diagnosis {
    fn from(conclusion: &Conclusion<'_>) -> Self {
        let why = conclusion.question.map(|question| near_miss::explain(question, &conclusion.evaluation));
        Self(Explanation::from(conclusion).with_why(why.unwrap_or_default()))
    }
}

/// The duties of all layers, each once.
fn obligations(evaluation: &Evaluation<'_>) -> Vec<Obligation> {
    let mut obligations = Vec::new();
    for obligation in evaluation.layers.iter().flat_map(|report| &report.obligations) {
        if !obligations.contains(obligation) {
            obligations.push(obligation.clone());
        }
    }
    obligations
}
