//! The search for the least that a caller could obtain to be allowed.

use std::collections::BTreeSet;
use std::time::Duration;

use super::{Evaluation, Remedy, StepUp};
use crate::bundle::{Bundle, ConsentRule, Layer, LayerPolicy, Lift};
use crate::caller::Caller;
use crate::claims::{Binding, Credential, Kind};
use crate::engine::{evaluate, evaluate_consent};
use crate::layers::{Approval, Question, Standing, Verdict};
use crate::scope::{ScopeId, ScopeName, ScopeSet};

/// Looks for a remedy for `denial`. `None` if it is no denial, if nothing helps, or if the search ran out of decisions.
pub(super) fn search<'a>(question: &'a Question<'a>, denial: &Evaluation<'a>) -> Option<Remedy> {
    if denial.allowed || !can_be_lifted(question, denial) {
        return None;
    }
    let caller = question.caller?;
    let asked = vec![(Vec::new(), denial.clone())];
    let mut search = Search { question, caller, asked, decisions: 0 };
    search.scope_options(denial).into_iter().find_map(|scopes| search.with_scopes(&scopes))
}

/// Whether every layer that denies could be lifted by something a caller obtains.
fn can_be_lifted(question: &Question<'_>, denial: &Evaluation<'_>) -> bool {
    let layers = &question.bundle.layers;
    denial.denying().all(|report| match (report.layer, report.verdict) {
        (_, Verdict::Error | Verdict::NotApplicable) | (Layer::Roles, _) => false,
        (Layer::Consent, _) => true,
        (Layer::Ceilings, _) => {
            let waits = |policy: &LayerPolicy| policy.lift.confirm && policy.head.matches(question.action);
            report.policies.is_empty() && layers.ceilings.iter().any(waits)
        }
        (Layer::Guardrails, _) => denial.forbidding().all(|forbid| forbid.lift.is_possible()),
    })
}

/// What is added to a standing: the parts of a remedy, each of which can be left out again.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Scope(ScopeId),
    /// One of these classes; the index says which is tried.
    Acr(Vec<String>, usize),
    MaxAge(Duration),
    Bindings(BTreeSet<Binding>, usize),
    Confirm,
}

struct Search<'a> {
    question: &'a Question<'a>,
    caller: &'a Caller,
    /// What was answered with parts other than scopes: no layer but consent sees scopes, so these need not be asked again.
    asked: Vec<(Vec<Part>, Evaluation<'a>)>,
    decisions: usize,
}

impl<'a> Search<'a> {
    /// Sets of scopes to try, least authority first: fewest actions newly covered, conditional before unconditional.
    fn scope_options(&self, denial: &Evaluation<'_>) -> Vec<BTreeSet<ScopeId>> {
        let consents = denial.layer(Layer::Consent).is_some_and(crate::layers::LayerReport::allows);
        if consents {
            return vec![BTreeSet::new()];
        }
        let (scopes, granted) = (self.question.bundle.scopes(), &self.question.standing.granted);
        let visible = |scope: &ScopeId| scopes.nearest_visible(*scope);
        let missing = |scope: &ScopeId| !granted.contains(*scope);
        let required: BTreeSet<ScopeId> =
            self.question.action.requires.iter().filter(|scope| missing(scope)).flat_map(visible).collect();
        let covering = match &self.question.action.consent {
            ConsentRule::AnyOf(covering) => covering.as_slice(),
            ConsentRule::NotNeeded | ConsentRule::Public => &[],
        };
        // The scopes that are granted already may do, if a person confirms or a requirement is added.
        let mut options = vec![required.clone()];
        for scope in covering.iter().filter(|scope| missing(scope)).flat_map(visible) {
            options.push(required.iter().copied().chain([scope]).collect());
        }
        let unconditional =
            |option: &BTreeSet<ScopeId>| option.iter().any(|id| scopes.scope(*id).is_some_and(|s| !s.is_conditional()));
        options.sort_by_cached_key(|option| (self.newly_covered(option), unconditional(option), option.len()));
        options.dedup();
        options
    }

    /// How many actions the caller's scopes cover with `option` and not without.
    fn newly_covered(&self, option: &BTreeSet<ScopeId>) -> usize {
        let actions = &self.question.bundle.actions;
        let without = actions.covered_by(&self.question.standing.granted);
        actions.covered_by(&self.granted_with(option)).count_without(&without)
    }

    fn granted_with(&self, scopes: &BTreeSet<ScopeId>) -> ScopeSet {
        let mut granted = self.question.standing.granted.clone();
        for scope in scopes.iter().filter_map(|scope| self.question.bundle.scopes().scope(*scope)) {
            granted.extend(scope.grants());
        }
        granted
    }

    /// Adds to `scopes` what lifts the denials that remain, until the request is allowed or nothing is left to add.
    fn with_scopes(&mut self, scopes: &BTreeSet<ScopeId>) -> Option<Remedy> {
        let mut parts: Vec<Part> = scopes.iter().copied().map(Part::Scope).collect();
        loop {
            let evaluation = self.evaluate(&parts)?;
            if evaluation.allowed {
                return self.without_superfluous(parts);
            }
            let before = parts.clone();
            self.add_lifts(&evaluation, &mut parts);
            // Another choice among alternatives before giving up.
            if parts == before && !try_next(&mut parts) {
                return None;
            }
        }
    }

    /// Adds what the annotations of denying policies say would lift them.
    fn add_lifts(&self, evaluation: &Evaluation<'_>, parts: &mut Vec<Part>) {
        let bundle = self.question.bundle;
        let mut lifts: Vec<Lift> = evaluation.forbidding().map(|forbid| forbid.lift.clone()).collect();
        let denies = |layer| evaluation.denying().any(|report| report.layer == layer);
        let waits = |policy: &&LayerPolicy| policy.lift.confirm && policy.head.matches(self.question.action);
        if denies(Layer::Consent) {
            let standing = self.standing(parts);
            let granted = standing.granted;
            let conditions = bundle
                .layers
                .consent
                .iter()
                .filter(|(scope, _)| bundle.scopes().id(scope).is_some_and(|id| granted.contains(id)));
            lifts.extend(conditions.flat_map(|(_, policies)| policies.iter()).filter(waits).map(|p| p.lift.clone()));
        }
        if denies(Layer::Ceilings) {
            lifts.extend(bundle.layers.ceilings.iter().filter(waits).map(|policy| policy.lift.clone()));
        }
        for lift in lifts {
            self.add(lift, parts);
        }
    }

    fn add(&self, lift: Lift, parts: &mut Vec<Part>) {
        // A person must be there to log in again or to confirm, and no such thing lifts a key.
        let person = self.caller.subject().kind == Kind::User && self.caller.credential() == Credential::AccessToken;
        let mut wanted = Vec::new();
        if person {
            if !lift.acr_values.is_empty() {
                wanted.push(Part::Acr(lift.acr_values, 0));
            }
            wanted.extend(lift.max_age.map(Part::MaxAge));
            if lift.confirm {
                wanted.push(Part::Confirm);
            }
        }
        if !lift.bindings.is_empty() && self.caller.credential() == Credential::AccessToken {
            wanted.push(Part::Bindings(lift.bindings, 0));
        }
        for part in wanted {
            merge(parts, part);
        }
    }

    /// Leaves out every part without which the request is allowed, too.
    fn without_superfluous(&mut self, mut parts: Vec<Part>) -> Option<Remedy> {
        let mut place = 0;
        while place < parts.len() {
            let mut fewer = parts.clone();
            fewer.remove(place);
            if self.evaluate(&fewer)?.allowed {
                parts = fewer;
            } else {
                place += 1;
            }
        }
        self.only_what_helps(&mut parts);
        Some(self.remedy(&parts))
    }

    /// Of alternatives, keeps those with which the request is allowed, in the order of preference.
    fn only_what_helps(&mut self, parts: &mut [Part]) {
        for place in 0..parts.len() {
            let count = match parts.get(place) {
                Some(Part::Acr(values, _)) => values.len(),
                Some(Part::Bindings(bindings, _)) => bindings.len(),
                _ => continue,
            };
            let helps: BTreeSet<usize> = (0..count).filter(|choice| self.helps(parts, place, *choice)).collect();
            match parts.get_mut(place) {
                Some(Part::Acr(values, chosen)) => {
                    *values = keep(values.drain(..), &helps);
                    *chosen = 0;
                }
                Some(Part::Bindings(bindings, chosen)) => {
                    *bindings = keep(std::mem::take(bindings).into_iter(), &helps);
                    *chosen = 0;
                }
                _ => {}
            }
        }
    }

    /// Whether the request is allowed with the alternative `choice` of the part at `place`.
    fn helps(&mut self, parts: &[Part], place: usize, choice: usize) -> bool {
        let mut parts = parts.to_vec();
        match parts.get_mut(place) {
            Some(Part::Acr(_, chosen) | Part::Bindings(_, chosen)) if *chosen == choice => return true,
            Some(Part::Acr(_, chosen) | Part::Bindings(_, chosen)) => *chosen = choice,
            _ => return false,
        }
        self.evaluate(&parts).is_some_and(|evaluation| evaluation.allowed)
    }

    fn evaluate(&mut self, parts: &[Part]) -> Option<Evaluation<'a>> {
        self.decisions += 1;
        if self.decisions > MAX_DECISIONS {
            return None;
        }
        let question = self.question.with_standing(self.standing(parts));
        let seen: Vec<Part> = parts.iter().filter(|part| !matches!(part, Part::Scope(_))).cloned().collect();
        if let Some((_, before)) = self.asked.iter().find(|(known, _)| *known == seen) {
            return Some(evaluate_consent(&question, before));
        }
        let evaluation = evaluate(&question);
        self.asked.push((seen, evaluation.clone()));
        Some(evaluation)
    }

    /// The caller's standing with `parts` added: an age at its limit, not at zero.
    fn standing(&self, parts: &[Part]) -> Standing {
        let mut standing = self.question.standing.clone().into_owned();
        let now = self.question.now;
        for part in parts {
            match part {
                Part::Scope(scope) => standing.granted.extend(&self.granted_with(&BTreeSet::from([*scope]))),
                Part::Acr(values, choice) => standing.acr = values.get(*choice).cloned(),
                Part::MaxAge(age) => standing.authenticated_at = Some(now.minus(*age)),
                Part::Bindings(bindings, choice) => standing.bindings.extend(bindings.iter().nth(*choice)),
                Part::Confirm => standing.approval = Some(Approval { by: self.caller.subject().id.clone(), at: now }),
            }
        }
        standing
    }

    fn remedy(&self, parts: &[Part]) -> Remedy {
        let bundle = self.question.bundle;
        let mut remedy = Remedy::default();
        let mut step_up = StepUp::default();
        let mut added = BTreeSet::new();
        for part in parts {
            match part {
                Part::Scope(scope) => drop(added.insert(*scope)),
                Part::Acr(values, _) => step_up.acr_values.clone_from(values),
                Part::MaxAge(age) => step_up.max_age = Some(*age),
                Part::Bindings(bindings, _) => remedy.bindings.clone_from(bindings),
                Part::Confirm => remedy.confirm = true,
            }
        }
        remedy.step_up = (step_up != StepUp::default()).then_some(step_up);
        if !added.is_empty() {
            remedy.needed_scopes = names(bundle, added.iter().copied().chain(self.already_needed(&added)));
        }
        remedy.scopes = names(bundle, added.iter().copied());
        remedy
    }

    /// Granted scopes that the operation needs besides those that are `added`.
    fn already_needed(&self, added: &BTreeSet<ScopeId>) -> BTreeSet<ScopeId> {
        let granted = &self.question.standing.granted;
        let action = &self.question.action;
        let mut needed: BTreeSet<ScopeId> =
            action.requires.iter().copied().filter(|id| granted.contains(*id)).collect();
        if let ConsentRule::AnyOf(covering) = &action.consent {
            let newly = covering.iter().any(|scope| {
                added
                    .iter()
                    .filter_map(|id| self.question.bundle.scopes().scope(*id))
                    .any(|s| s.grants().contains(*scope))
            });
            if !newly {
                needed.extend(covering.iter().copied().find(|scope| granted.contains(*scope)));
            }
        }
        needed
    }
}

fn names(bundle: &Bundle, scopes: impl Iterator<Item = ScopeId>) -> Vec<ScopeName> {
    let scopes: BTreeSet<ScopeId> = scopes.collect();
    scopes.into_iter().filter_map(|scope| Some(bundle.scopes().scope(scope)?.name().clone())).collect()
}

/// Adds `part`; of two ages the smaller counts, of two lists of alternatives what both accept.
fn merge(parts: &mut Vec<Part>, part: Part) {
    for known in parts.iter_mut() {
        match (known, &part) {
            (Part::MaxAge(known), Part::MaxAge(age)) => {
                *known = (*known).min(*age);
                return;
            }
            (Part::Acr(known, _), Part::Acr(values, _)) => {
                known.retain(|value| values.contains(value));
                return;
            }
            (Part::Bindings(known, _), Part::Bindings(bindings, _)) => {
                known.retain(|binding| bindings.contains(binding));
                return;
            }
            (Part::Confirm, Part::Confirm) => return,
            _ => {}
        }
    }
    parts.push(part);
}

fn keep<T, C: FromIterator<T>>(alternatives: impl Iterator<Item = T>, helps: &BTreeSet<usize>) -> C {
    alternatives.enumerate().filter(|(place, _)| helps.contains(place)).map(|(_, alternative)| alternative).collect()
}

/// Goes on to the next alternative of some part; `false` if there is none.
fn try_next(parts: &mut [Part]) -> bool {
    for part in parts {
        match part {
            Part::Acr(values, choice) if *choice + 1 < values.len() => *choice += 1,
            Part::Bindings(bindings, choice) if *choice + 1 < bindings.len() => *choice += 1,
            _ => continue,
        }
        return true;
    }
    false
}

/// Decisions that one search may take. Enough for every denial with a handful of guardrails, and a bound on what a caller
/// can make us do by being denied.
const MAX_DECISIONS: usize = 32;
