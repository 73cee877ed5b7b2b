use std::fmt;

use serde::{Deserialize, Serialize};

use super::Decision;
use super::denial::{Denial, DenialKind};
use super::evaluation::Evaluation;
use crate::bundle::Layer;
use crate::layers::{LayerReport, Verdict};

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

    /// Explains what `evaluation` says.
    pub(crate) fn new(action: &str, decision: Decision, resource: (&str, &str), evaluation: &Evaluation<'_>) -> Self {
        let (answer, denial) = match &decision {
            Decision::Allow(_) => (LayerAnswer::Allow, None),
            Decision::Deny(denial) if denial.kind() == DenialKind::Error => (LayerAnswer::Error, Some(denial)),
            Decision::Deny(denial) => (LayerAnswer::Deny, Some(denial)),
        };
        Self {
            answer,
            kind: denial.map(|denial| denial.kind().as_str()),
            action: action.to_owned(),
            resource: format!("{}::{:?}", resource.0, resource.1),
            layers: evaluation.layers.iter().map(LayerExplanation::new).collect(),
            remedy: denial.and_then(Denial::remedy).map(ToString::to_string),
            decision,
        }
    }
}

impl LayerExplanation {
    fn new(report: &LayerReport<'_>) -> Self {
        Self {
            layer: report.layer,
            answer: match report.verdict {
                Verdict::Allows => LayerAnswer::Allow,
                Verdict::Denies | Verdict::NotApplicable => LayerAnswer::Deny,
                Verdict::Error => LayerAnswer::Error,
            },
            policies: report.policies.iter().map(|policy| policy.id.clone()).collect(),
            covered_by: report.covered_by.iter().map(|scope| (*scope).to_owned()).collect(),
            errors: report.errors().collect(),
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
