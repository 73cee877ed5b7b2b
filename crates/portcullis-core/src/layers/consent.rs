//! Did the token carry a scope that covers this action, and is that scope's condition met?

use super::evaluate::evaluate;
use super::{Few, LayerReport, Question, Verdict};
use crate::bundle::{ConsentRule, Layer};
use crate::parties::Party;
use crate::scope::ScopeId;

pub(crate) fn consent<'a>(question: &Question<'a>, subject: &Party) -> LayerReport<'a> {
    let mut report = LayerReport::new(Layer::Consent, Verdict::Denies);
    let granted = &question.standing.granted;
    let required = question.action.requires.iter().all(|scope| granted.contains(*scope));
    let exempt = question.caller.is_some_and(|caller| caller.is_consent_exempt());
    match &question.action.consent {
        _ if exempt => report.verdict = Verdict::Allows,
        ConsentRule::NotNeeded | ConsentRule::Public if required => report.verdict = Verdict::Allows,
        ConsentRule::NotNeeded | ConsentRule::Public => {}
        ConsentRule::AnyOf(scopes) => {
            for scope in scopes.iter().filter(|scope| granted.contains(**scope)) {
                cover(question, subject, *scope, &mut report);
            }
            let covered = !report.covered_by.is_empty();
            report.verdict = match (covered && required, report.errors.is_empty()) {
                (true, _) => Verdict::Allows,
                (false, true) => Verdict::Denies,
                (false, false) => Verdict::Error,
            };
        }
    }
    if !report.allows() {
        // What was satisfied explains no denial.
        report.policies = Few::None;
        report.obligations.clear();
    }
    report
}

/// Adds to `report` whether the granted `scope` covers the action, that is, whether its condition is met.
fn cover<'a>(question: &Question<'a>, subject: &Party, scope: ScopeId, report: &mut LayerReport<'a>) {
    let Some(scope) = question.bundle.scopes().scope(scope) else {
        return;
    };
    let name = scope.name().as_str();
    let first = report.covered_by.is_empty();
    if !scope.is_conditional() {
        report.covered_by.push(name);
        report.obligations.clear();
        return;
    }
    // No condition, no cover: the bundle does not load without one.
    let Some(conditions) = question.bundle.layers.consent.get(name) else {
        return;
    };
    let condition = evaluate(Layer::Consent, conditions, subject, question);
    let allows = condition.allows();
    report.errors.extend(condition.errors);
    if allows {
        report.covered_by.push(name);
        report.policies.extend(&condition.policies);
        // Scopes are alternatives, too: one without duties leaves none.
        if first || condition.obligations.len() < report.obligations.len() {
            report.obligations = condition.obligations;
        }
    }
}
