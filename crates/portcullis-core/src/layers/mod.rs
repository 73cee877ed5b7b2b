//! The four layers: one file each. A layer answers for itself and knows nothing of the others.

mod auth;
mod ceilings;
mod consent;
mod evaluate;
mod few;
mod guardrails;
mod matter;
mod question;
mod roles;
mod scene;

pub(crate) use ceilings::ceilings;
pub(crate) use consent::consent;
pub(crate) use few::Few;
pub(crate) use guardrails::guardrails;
pub use question::{Approval, Request};
pub(crate) use question::{Question, Refusal, Stage, Standing};
pub(crate) use roles::roles;
pub(crate) use scene::ContextMemory;

use crate::bundle::{Layer, LayerPolicy, Obligation};

/// What one layer answers, and why.
#[derive(Debug, Clone)]
pub(crate) struct LayerReport<'a> {
    pub(crate) layer: Layer,
    pub(crate) verdict: Verdict,
    /// The policies that made it so: satisfied forbids where some deny, else satisfied permits.
    pub(crate) policies: Few<&'a LayerPolicy>,
    /// Policies that failed to evaluate, and how.
    pub(crate) errors: Vec<(String, String)>,
    /// In consent: the granted scopes that cover the action.
    pub(crate) covered_by: Few<&'a str>,
    pub(crate) obligations: Vec<Obligation>,
}

/// The answer of one layer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Verdict {
    Allows,
    Denies,
    /// Denies, because the kind of principal is not in the action's `appliesTo`.
    NotApplicable,
    /// Denies, because a policy or the input is broken.
    Error,
}

impl LayerReport<'_> {
    pub(crate) fn new(layer: Layer, verdict: Verdict) -> Self {
        Self { layer, verdict, policies: Few::None, errors: Vec::new(), covered_by: Few::None, obligations: Vec::new() }
    }

    /// A layer that could not be asked: its input is broken.
    pub(crate) fn broken(layer: Layer, message: String) -> Self {
        Self { errors: vec![(String::new(), message)], ..Self::new(layer, Verdict::Error) }
    }

    /// What was broken, for the log.
    pub(crate) fn errors(&self) -> impl Iterator<Item = String> {
        let named =
            |(id, message): &(String, String)| if id.is_empty() { message.clone() } else { format!("{id}: {message}") };
        self.errors.iter().map(named)
    }

    pub(crate) fn allows(&self) -> bool {
        self.verdict == Verdict::Allows
    }

    /// Joins what two evaluations of one layer say when both must allow. What allowed explains no denial.
    fn and(mut self, other: Self) -> Self {
        if self.allows() && !other.allows() {
            return Self { errors: [self.errors, other.errors].concat(), ..other };
        }
        self.errors.extend(other.errors.iter().cloned());
        if other.allows() && !self.allows() {
            return self;
        }
        if other.verdict == Verdict::Error {
            self.verdict = Verdict::Error;
        }
        self.policies.extend(&other.policies);
        self.obligations.extend(other.obligations);
        self
    }
}
