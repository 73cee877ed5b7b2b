use serde::Serialize;

use crate::decision::{Remedy, StepUp};

/// What a caller must obtain to be allowed: all of it, as a challenge would say it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Needs {
    /// Scopes for the next token, under the names of the caller's issuer.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub scope: Vec<String>,
    /// Classes of login, most preferred first, one of which suffices (RFC 9470 §3).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub acr_values: Vec<String>,
    /// The greatest age of the login, in seconds (RFC 9470 §3).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_age: Option<u64>,
    /// Ways of binding the next token, one of which suffices: `dpop`, `mtls`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub binding: Vec<&'static str>,
    /// Whether the user must confirm.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub confirmation: bool,
}

impl Needs {
    /// What `remedy` asks for, with all scopes that the operation needs as the caller's issuer names them.
    #[must_use]
    pub fn of(remedy: &Remedy, scope: Vec<String>) -> Self {
        Self {
            scope,
            acr_values: remedy.step_up().map(StepUp::acr_values).unwrap_or_default().to_vec(),
            max_age: remedy.step_up().and_then(StepUp::max_age).map(|age| age.as_secs()),
            binding: remedy.bindings().iter().map(|binding| binding.as_str()).collect(),
            confirmation: remedy.confirm(),
        }
    }

    pub(super) fn asks_for_login(&self) -> bool {
        !self.acr_values.is_empty() || self.max_age.is_some()
    }
}
