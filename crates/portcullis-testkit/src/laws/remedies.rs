//! Remedies, taken apart and applied.

use std::collections::BTreeSet;

use portcullis_core::{Binding, Credential};
use serde_json::Value;

use crate::decider::OfferedRemedy;
use crate::scenario::Scenario;

/// The remedy with one choice made among its alternatives, in every way.
pub(super) fn alternatives(remedy: &OfferedRemedy) -> Vec<OfferedRemedy> {
    let acr_values = remedy.acr_values.iter().map(|acr| vec![acr.clone()]);
    let acr_values: Vec<Vec<String>> =
        if remedy.acr_values.is_empty() { vec![Vec::new()] } else { acr_values.collect() };
    let bindings = remedy.bindings.iter().map(|binding| BTreeSet::from([*binding]));
    let bindings: Vec<BTreeSet<Binding>> =
        if remedy.bindings.is_empty() { vec![BTreeSet::new()] } else { bindings.collect() };
    let choose = |acr: &Vec<String>| {
        let chosen = |binding: &BTreeSet<Binding>| OfferedRemedy {
            acr_values: acr.clone(),
            bindings: binding.clone(),
            ..remedy.clone()
        };
        bindings.iter().map(chosen).collect::<Vec<_>>()
    };
    acr_values.iter().flat_map(choose).collect()
}

/// The remedy without each of its parts. Of one without parts, the whole is left out.
pub(super) fn without_parts(remedy: &OfferedRemedy) -> Vec<(String, OfferedRemedy)> {
    let mut parts = Vec::new();
    for scope in &remedy.scopes {
        let mut less = remedy.clone();
        less.scopes.remove(scope);
        parts.push((format!("the scope `{scope}`"), less));
    }
    if !remedy.acr_values.is_empty() {
        parts.push(("the class".to_owned(), OfferedRemedy { acr_values: Vec::new(), ..remedy.clone() }));
    }
    if remedy.max_age.is_some() {
        parts.push(("the age".to_owned(), OfferedRemedy { max_age: None, ..remedy.clone() }));
    }
    if !remedy.bindings.is_empty() {
        parts.push(("the binding".to_owned(), OfferedRemedy { bindings: BTreeSet::new(), ..remedy.clone() }));
    }
    if remedy.confirm {
        parts.push(("the confirmation".to_owned(), OfferedRemedy { confirm: false, ..remedy.clone() }));
    }
    if parts.is_empty() {
        parts.push(("anything".to_owned(), remedy.clone()));
    }
    parts
}

/// The scenario after the caller has obtained what the remedy names: an age at its limit, not at zero. Nobody logs in or
/// proves possession for an API key.
pub(super) fn apply(scenario: &Scenario, remedy: &OfferedRemedy) -> Scenario {
    let mut cured = scenario.clone();
    if !remedy.scopes.is_empty() {
        let scopes: Vec<String> = cured.scopes().unwrap_or_default().into_iter().chain(remedy.scopes.clone()).collect();
        cured = cured.with_scopes(&scopes);
    }
    if scenario.token.credential == Credential::ApiKey {
        return cured;
    }
    if let Some(acr) = remedy.acr_values.first() {
        cured = cured.with_claim("acr", acr.as_str().into());
    }
    if let Some(age) = remedy.max_age {
        cured = cured.with_claim("auth_time", scenario.now.minus(age).as_secs().into());
    }
    cured.token.bindings.extend(&remedy.bindings);
    let subject = scenario.token.claims.get("sub").and_then(Value::as_str);
    if let Some(subject) = subject.filter(|_| remedy.confirm) {
        cured.approval = Some((subject.to_owned(), scenario.now));
    }
    cured
}
