use std::fmt;

use serde::{Deserialize, Serialize};

use super::denial::{Denial, DenialKind};
use super::evaluation::Evaluation;
use super::told::Told;
use super::{AgentExplanation, Decision, PolicyExplanation, UserExplanation};
use crate::bundle::{Layer, Obligation};
use crate::layers::{LayerReport, Verdict};

/// A decision with what every layer said, for operators and policy authors. Never for the caller: for whom there are
/// [`Explanation::for_user`] and [`Explanation::for_agent`].
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
    #[serde(skip_serializing_if = "Vec::is_empty")]
    messages: Vec<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    obligations: Vec<String>,
    #[serde(skip)]
    told: Told,
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
    /// How the policies came to decide; where a layer denies because no permit counts, what was missing. Told by
    /// [`Engine::diagnose`](crate::Engine::diagnose) only, and at most eight for a layer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub why: Vec<PolicyExplanation>,
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

    /// What policies say to the caller (`@message`), as far as it is told.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// What the person who asked may know of it, in plain words.
    #[must_use]
    pub fn for_user(&self) -> UserExplanation {
        UserExplanation::of(&self.told)
    }

    /// What the program that asked may know of it.
    #[must_use]
    pub fn for_agent(&self) -> AgentExplanation {
        AgentExplanation::of(&self.told)
    }

    /// Explains what `evaluation` says.
    pub(super) fn new(
        action: &str,
        decision: Decision,
        told: Told,
        resource: (&str, &str),
        evaluation: &Evaluation<'_>,
    ) -> Self {
        let (answer, denial) = match &decision {
            Decision::Allow(_) => (LayerAnswer::Allow, None),
            Decision::Deny(denial) if denial.kind() == DenialKind::Error => (LayerAnswer::Error, Some(denial)),
            Decision::Deny(denial) => (LayerAnswer::Deny, Some(denial)),
        };
        let obligations = match &decision {
            Decision::Allow(grant) => grant.obligations().iter().map(Obligation::to_string).collect(),
            Decision::Deny(_) => Vec::new(),
        };
        Self {
            answer,
            kind: denial.map(|denial| denial.kind().as_str()),
            action: action.to_owned(),
            resource: format!("{}::{:?}", resource.0, resource.1),
            layers: evaluation.layers.iter().map(LayerExplanation::new).collect(),
            remedy: denial.and_then(Denial::remedy).map(ToString::to_string),
            messages: told.messages().to_vec(),
            obligations,
            told,
            decision,
        }
    }

    /// Adds what is to be said of each layer.
    pub(super) fn with_why(mut self, why: Vec<Vec<PolicyExplanation>>) -> Self {
        for (layer, why) in self.layers.iter_mut().zip(why) {
            layer.why = why;
        }
        self
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
            why: Vec::new(),
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
            layer.why.iter().flat_map(PolicyExplanation::lines).try_for_each(|line| writeln!(f, "    {line}"))?;
        }
        self.obligations.iter().try_for_each(|duty| writeln!(f, "  once done: {duty}"))?;
        match (&self.remedy, &self.decision) {
            (Some(remedy), _) => writeln!(f, "  would help: {remedy}"),
            (None, Decision::Deny(_)) => {
                writeln!(f, "  nothing that the caller could obtain would help")
            }
            (None, Decision::Allow(_)) => Ok(()),
        }?;
        self.messages.iter().try_for_each(|message| writeln!(f, "  tells the caller: {message}"))
    }
}

fn folder<S: serde::Serializer>(layer: &Layer, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(layer.folder())
}
