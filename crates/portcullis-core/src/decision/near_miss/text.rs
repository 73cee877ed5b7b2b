//! A policy that was looked into, as lines of text.

use std::fmt;

use super::condition::{ABSENT, SECRET};
use super::{ConditionAnswer, ConditionExplanation, PolicyAnswer, PolicyExplanation};

impl PolicyExplanation {
    /// What it does, what its author says of it, and a line for each of its conditions.
    pub fn lines(&self) -> impl Iterator<Item = String> {
        let answer = match self.answer {
            PolicyAnswer::Permits => "permits",
            PolicyAnswer::Forbids => "forbids",
            PolicyAnswer::Fails => "fails to evaluate",
            PolicyAnswer::NearlyPermits => "would permit",
        };
        let about = self.principal.iter().map(|principal| format!(" {principal}"));
        let head = self.head.iter().map(|head| format!(", but not: {head}"));
        let title: String = [format!("{} {answer}", self.policy)].into_iter().chain(about).chain(head).collect();
        let doc = self.doc.iter().map(|doc| format!("  \u{201c}{}\u{201d}", doc.escape_debug()));
        let conditions = self.conditions.iter().map(|condition| format!("  {condition}"));
        [title].into_iter().chain(doc).chain(conditions)
    }
}

/// `unless principal.tenant == resource.tenant: false, principal.tenant = "a", resource.tenant = "b"`.
impl fmt::Display for ConditionExplanation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let answer = match self.answer {
            ConditionAnswer::True => "true",
            ConditionAnswer::False => "false",
            ConditionAnswer::Fails => "fails",
            ConditionAnswer::NotReached => "not reached",
        };
        write!(f, "{:<6} {}: {answer}", self.clause, self.text)?;
        self.error.iter().try_for_each(|error| write!(f, ", {}", error.escape_debug()))?;
        self.values.iter().try_for_each(|(path, value)| match value.as_str() {
            ABSENT | SECRET => write!(f, ", {path} is {value}"),
            value => write!(f, ", {path} = {value}"),
        })
    }
}
