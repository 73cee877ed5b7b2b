//! What the cases exercised of a bundle.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::{Bundle, Decision, DenialKind, Engine, Explanation, Layer, LayerAnswer};

use super::report::Gap;
use super::run::Outcome;

/// What the cases exercised so far.
#[derive(Debug, Default)]
pub(super) struct Coverage {
    actions: BTreeSet<String>,
    denials: BTreeSet<DenialKind>,
    scopes: BTreeSet<String>,
    /// By policy: the actions that it decided, and how its layer then answered.
    decided: BTreeMap<String, BTreeSet<(String, Answer)>>,
    /// The answers that layers gave to actions.
    answers: BTreeSet<(Layer, String, Answer)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Allow,
    Deny,
}

impl Answer {
    const fn other(self) -> Self {
        match self {
            Self::Allow => Self::Deny,
            Self::Deny => Self::Allow,
        }
    }
}

impl Coverage {
    /// Adds what one case exercised.
    pub(super) fn add(&mut self, engine: &Engine, outcome: &Outcome) {
        let action = &outcome.action;
        self.actions.insert(action.clone());
        if let Some(Decision::Deny(denial)) = outcome.explanation.as_ref().map(Explanation::decision) {
            self.denials.insert(denial.kind());
        }
        for layer in outcome.explanation.iter().flat_map(Explanation::layers) {
            let answer = match layer.answer {
                LayerAnswer::Allow => Answer::Allow,
                LayerAnswer::Deny => Answer::Deny,
                LayerAnswer::Error => continue,
            };
            self.answers.insert((layer.layer, action.clone(), answer));
            for policy in &layer.policies {
                self.decided.entry(policy.clone()).or_default().insert((action.clone(), answer));
            }
            if answer == Answer::Allow {
                self.scopes(engine.bundle(), &outcome.scopes, &layer.covered_by);
            }
        }
    }

    /// A scope is exercised if it, or a scope that it includes, covered the action.
    fn scopes(&mut self, bundle: &Bundle, carried: &[String], covered_by: &[String]) {
        let known = carried.iter().filter_map(|wire| bundle.scopes().by_wire_name(wire));
        let covering = known.filter(|scope| {
            bundle.scopes().names(scope.grants()).any(|granted| covered_by.iter().any(|name| name == granted.as_str()))
        });
        self.scopes.extend(covering.map(|scope| scope.name().to_string()));
    }

    /// What was not exercised.
    pub(super) fn gaps(&self, bundle: &Bundle, unfailing: &BTreeMap<String, String>) -> Vec<Gap> {
        let mut gaps = Vec::new();
        let unasked =
            bundle.actions().map(portcullis_core::Action::name).filter(|action| !self.actions.contains(*action));
        gaps.extend(unasked.map(|action| Gap::Action { action: action.to_owned() }));
        let kinds = bundle.denial_kinds();
        gaps.extend(kinds.difference(&self.denials).map(|kind| Gap::DenialKind { kind: *kind }));
        let names = bundle.scopes().iter().map(|scope| scope.name().to_string());
        gaps.extend(names.filter(|name| !self.scopes.contains(name)).map(|scope| Gap::Scope { scope }));
        let mut unused: BTreeSet<&str> = unfailing.keys().map(String::as_str).collect();
        for (layer, id) in bundle.policy_ids() {
            let policy = id.to_owned();
            let Some(decided) = self.decided.get(id) else {
                unused.remove(id);
                gaps.push(Gap::NeverDecides { layer, policy });
                continue;
            };
            let other = |(action, answer): &(String, Answer)| (layer, action.clone(), answer.other());
            let fails = decided.iter().map(other).any(|other| self.answers.contains(&other));
            match (fails, unfailing.contains_key(id)) {
                (false, false) => gaps.push(Gap::AlwaysDecides { layer, policy }),
                (false, true) => drop(unused.remove(id)),
                (true, _) => {}
            }
        }
        gaps.extend(unused.into_iter().map(|policy| Gap::NotUnfailing { policy: policy.to_owned() }));
        gaps.sort();
        gaps
    }
}
