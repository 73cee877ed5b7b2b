use serde::{Deserialize, Serialize};

use crate::bundle::Obligation;
use crate::decision::{Decision, Explanation, LayerAnswer};

/// What the engine answered: plain data, from which no permit comes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedAnswer {
    /// The decision.
    pub answer: LayerAnswer,
    /// What kind of denial it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What every layer said.
    pub layers: Vec<RecordedLayer>,
    /// What would have helped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remedy: Option<String>,
    /// What had to be done before the allow counted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub obligations: Vec<String>,
}

/// What one layer answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct RecordedLayer {
    /// The layer, by the name of its folder.
    pub layer: String,
    /// Its answer.
    pub answer: LayerAnswer,
    /// The policies that decided.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub policies: Vec<String>,
    /// The granted scopes that cover the action.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub covered_by: Vec<String>,
    /// What was broken.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<String>,
}

impl From<&Explanation> for RecordedAnswer {
    fn from(explanation: &Explanation) -> Self {
        let layer = |layer: &crate::decision::LayerExplanation| RecordedLayer {
            layer: layer.layer.folder().to_owned(),
            answer: layer.answer,
            policies: layer.policies.clone(),
            covered_by: layer.covered_by.clone(),
            errors: layer.errors.clone(),
        };
        let (kind, remedy, obligations) = match explanation.decision() {
            Decision::Allow(grant) => (None, None, grant.obligations().iter().map(Obligation::to_string).collect()),
            Decision::Deny(denial) => {
                (Some(denial.kind().as_str().to_owned()), denial.remedy().map(ToString::to_string), Vec::new())
            }
        };
        let layers = explanation.layers().iter().map(layer).collect();
        Self { answer: explanation.answer(), kind, layers, remedy, obligations }
    }
}
