use std::fmt;

use serde::{Deserialize, Serialize};

use super::denial::{Denial, DenialKind};
use super::evaluation::Evaluation;
use super::grant::Grant;
use super::{Decision, Remedy, search};
use crate::bundle::{Bundle, Layer, LayerPolicy};
use crate::caller::Caller;
use crate::layers::{LayerReport, Question, Request, Verdict};
use crate::time::UnixTime;

/// A decision with what every layer said, for operators and policy authors. Never for the caller.
///
/// `Display` writes it as text; it serialises as JSON.
#[derive(Debug, Serialize)]
pub struct Explanation {
    answer: LayerAnswer,
    kind: Option<&'static str>,
    action: String,
    resource: String,
    layers: Vec<LayerExplanation>,
    remedy: Option<String>,
    #[serde(skip)]
    decision: Decision,
}

/// What one layer said.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct LayerExplanation {
    /// The layer.
    #[serde(serialize_with = "folder")]
    pub layer: Layer,
    /// What it answers.
    pub answer: LayerAnswer,
    /// The policies that decided.
    pub policies: Vec<String>,
    /// The granted scopes that cover the action, in the layer `consent`.
    pub covered_by: Vec<String>,
    /// What was broken.
    pub errors: Vec<String>,
}

/// The answer of a layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a layer answers one of these")]
pub enum LayerAnswer {
    /// The layer allows.
    Allow,
    /// The layer denies.
    Deny,
    /// A policy or the input is broken, so the layer denies.
    Error,
}

impl Explanation {
    /// The decision.
    pub fn decision(&self) -> &Decision {
        &self.decision
    }

    /// The decision in one word.
    #[must_use]
    pub fn answer(&self) -> LayerAnswer {
        self.answer
    }

    /// The decision, without the explanation.
    pub fn into_decision(self) -> Decision {
        self.decision
    }

    /// What every layer said, in the order consent, ceilings, roles, guardrails.
    #[must_use]
    pub fn layers(&self) -> &[LayerExplanation] {
        &self.layers
    }

    /// Explains what `evaluation` says of `question`, and looks for a remedy if that is a denial.
    pub(crate) fn of_question(question: &Question<'_>, evaluation: Evaluation) -> Self {
        let remedy = search::search(question, &evaluation);
        let subject = question.caller;
        let resource = (question.resource.type_name().to_string(), question.resource.id().unescaped().to_owned());
        Self::new(question.bundle, subject, &question.action.name, resource, evaluation, remedy)
    }

    /// Explains a request that was not put to the layers.
    pub(crate) fn of_refusal(
        bundle: &Bundle,
        caller: Option<&Caller>,
        request: &Request<'_>,
        evaluation: Evaluation,
    ) -> Self {
        let resource = (request.resource.entity_type().to_owned(), request.resource.id().to_owned());
        Self::new(bundle, caller, request.action, resource, evaluation, None)
    }

    fn new(
        bundle: &Bundle,
        caller: Option<&Caller>,
        action: &str,
        resource: (String, String),
        evaluation: Evaluation,
        remedy: Option<Remedy>,
    ) -> Self {
        let decision = match evaluation.denial_kind(bundle) {
            None => Decision::Allow(Grant {
                action: action.to_owned(),
                resource: resource.clone(),
                subject: caller.map(|caller| caller.subject().clone()),
                deadline: caller.and_then(Caller::expires_at).unwrap_or(UnixTime::LAST),
                obligations: obligations(&evaluation),
            }),
            Some(kind) => {
                let denying: Vec<&LayerReport> = evaluation.denying().collect();
                let forbidding = || denying.iter().flat_map(|report| &report.policies);
                let message = |id: &String| bundle.policy(id).and_then(|policy: &LayerPolicy| policy.message.clone());
                Decision::Deny(Denial {
                    kind,
                    layers: denying.iter().map(|report| report.layer).collect(),
                    policies: forbidding().cloned().collect(),
                    errors: denying.iter().flat_map(|report| errors(report)).collect(),
                    messages: forbidding().filter_map(message).collect(),
                    remedy: remedy.clone(),
                })
            }
        };
        let (answer, kind) = match &decision {
            Decision::Allow(_) => (LayerAnswer::Allow, None),
            Decision::Deny(denial) if denial.kind() == DenialKind::Error => (LayerAnswer::Error, Some(denial.kind())),
            Decision::Deny(denial) => (LayerAnswer::Deny, Some(denial.kind())),
        };
        Self {
            answer,
            kind: kind.map(DenialKind::as_str),
            action: action.to_owned(),
            resource: format!("{}::{:?}", resource.0, resource.1),
            layers: evaluation.layers.iter().map(LayerExplanation::new).collect(),
            remedy: remedy.map(|remedy| remedy.to_string()),
            decision,
        }
    }
}

impl LayerExplanation {
    fn new(report: &LayerReport) -> Self {
        Self {
            layer: report.layer,
            answer: match report.verdict {
                Verdict::Allows => LayerAnswer::Allow,
                Verdict::Denies | Verdict::NotApplicable => LayerAnswer::Deny,
                Verdict::Error => LayerAnswer::Error,
            },
            policies: report.policies.clone(),
            covered_by: report.covered_by.clone(),
            errors: errors(report).collect(),
        }
    }
}

impl fmt::Display for Explanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = match &self.decision {
            Decision::Allow(_) => "allow".to_owned(),
            Decision::Deny(denial) => format!("deny ({})", denial.kind().as_str()),
        };
        writeln!(f, "{answer}: {} on {}", self.action, self.resource)?;
        for layer in &self.layers {
            let answer = match layer.answer {
                LayerAnswer::Allow => "allows",
                LayerAnswer::Deny => "denies",
                LayerAnswer::Error => "broken",
            };
            write!(f, "  {:<10} {answer}", layer.layer.folder())?;
            for (label, names) in [("scope", &layer.covered_by), ("policy", &layer.policies), ("error", &layer.errors)]
            {
                if !names.is_empty() {
                    write!(f, "  {label}: {}", names.join(", "))?;
                }
            }
            writeln!(f)?;
        }
        match (&self.remedy, &self.decision) {
            (Some(remedy), _) => writeln!(f, "  would help: {remedy}"),
            (None, Decision::Deny(_)) => {
                writeln!(f, "  nothing that the caller could obtain would help")
            }
            (None, Decision::Allow(_)) => Ok(()),
        }
    }
}

fn folder<S: serde::Serializer>(layer: &Layer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(layer.folder())
}

fn errors(report: &LayerReport) -> impl Iterator<Item = String> {
    report.errors.iter().map(|(id, message)| if id.is_empty() { message.clone() } else { format!("{id}: {message}") })
}

/// The duties of all layers, each once.
fn obligations(evaluation: &Evaluation) -> Vec<crate::bundle::Obligation> {
    let mut obligations = Vec::new();
    for obligation in evaluation.layers.iter().flat_map(|report| &report.obligations) {
        if !obligations.contains(obligation) {
            obligations.push(obligation.clone());
        }
    }
    obligations
}
