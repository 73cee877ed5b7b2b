//! Bundles that nobody thought of: random policies with heads and conditions of every form, beside those of the corners.

use std::cell::Cell;
use std::collections::BTreeSet;

use portcullis_testkit::{Product, laws};
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, TestRunner};

use crate::corners::corners;
use crate::for_each;
use crate::worlds::Subject;

#[test]
fn the_engine_is_the_reference_model_whatever_the_policies() {
    let config = Config { cases: BUNDLES, failure_persistence: None, max_shrink_iters: 40, ..Config::default() };
    let kept = Cell::new(0);
    let checked = TestRunner::new(config).run(&prop::collection::vec(policy(), 6..18), |policies| {
        let (subject, count) = corners_with(&policies);
        kept.set(kept.get() + count);
        let (product, reference) = (Product::new(subject.bundle()), subject.reference());
        for_each(&subject.world, SCENARIOS, |scenario| laws::equals_reference(&product, &reference, scenario));
        Ok(())
    });
    checked.unwrap_or_else(|error| panic!("{error}"));
    assert!(kept.get() > 3 * usize::try_from(BUNDLES).unwrap(), "{} random policies were valid", kept.get());
}

/// The layer and the text after `@id`.
fn policy() -> impl Strategy<Value = (&'static str, String)> {
    let effect = select(vec![
        ("roles", "permit"),
        ("roles", "forbid"),
        ("ceilings", "permit"),
        ("ceilings", "forbid"),
        ("guardrails", "forbid"),
    ]);
    let duties = select(vec!["", "@obligation(\"a\")", "@obligation(\"a, b\")"]);
    let parts = (
        effect,
        duties,
        select(PRINCIPALS.to_vec()),
        select(ACTIONS.to_vec()),
        select(RESOURCES.to_vec()),
        select(CONDITIONS.to_vec()),
    );
    parts.prop_map(|((layer, effect), duties, principal, action, resource, condition)| {
        let duties = if effect == "permit" { duties } else { "" };
        (layer, format!("{duties} {effect} (principal {principal}, action {action}, resource {resource}) {condition};"))
    })
}

/// The bundle of corners with those of `policies` that its schema admits, and their number. Each has a file of its own, so
/// that a problem tells which one to leave out.
fn corners_with(policies: &[(&'static str, String)]) -> (Subject, usize) {
    let mut files: Vec<(String, String)> = policies
        .iter()
        .enumerate()
        .map(|(number, (layer, text))| {
            (format!("{layer}/random-{number}.cedar"), format!("@id(\"random-{number}\") {text}"))
        })
        .collect();
    loop {
        let mut subject = corners();
        for (path, text) in &files {
            subject.files = subject.files.with_file(path, text);
            subject.settings = subject.settings.with_required_file(path);
        }
        let Err(error) = subject.load() else { return (subject, files.len()) };
        let refused: BTreeSet<&str> = error.problems().iter().map(|problem| problem.file.as_str()).collect();
        let before = files.len();
        let left: Vec<_> = files.iter().filter(|(path, _)| !refused.contains(path.as_str())).cloned().collect();
        assert!(left.len() < before, "{error}");
        files = left;
    }
}

const PRINCIPALS: [&str; 11] = [
    "",
    "is User",
    "is Agent",
    "is Service",
    "== User::\"ann\"",
    "== Agent::\"scribe\"",
    "in Role::\"reader\"",
    "in Role::\"writer\"",
    "is User in Role::\"reader\"",
    "in Group::\"staff\"",
    "in AgentClass::\"trusted\"",
];

const ACTIONS: [&str; 7] = [
    "",
    "== Action::\"GetNote\"",
    "== Action::\"SignNote\"",
    "in Action::\"careful\"",
    "in Action::\"all:notes\"",
    "in [Action::\"GetNote\", Action::\"SignNote\", Action::\"writing\"]",
    "in [Action::\"WhoAmI\", Action::\"PeekNote\"]",
];

const RESOURCES: [&str; 8] = [
    "",
    "is Note",
    "is Api",
    "== Note::\"n1\"",
    "== Note::\"n2\"",
    "in Folder::\"secret\"",
    "in Folder::\"vault\"",
    "is Note in Folder::\"inbox\"",
];

/// Some fail to evaluate for some requests.
const CONDITIONS: [&str; 14] = [
    "",
    "",
    "when { resource in Folder::\"secret\" }",
    "when { principal has level && principal.level + 1 > 2 }",
    "unless { context.auth has acr && context.auth.acr == \"mfa\" }",
    "when { context.auth has client } unless { context.auth.client == \"mobile\" }",
    "when { action in Action::\"careful\" }",
    "when { [Action::\"GetNote\", Action::\"WhoAmI\"].contains(action) }",
    "when { principal in Role::\"writer\" } when { context.now < context.auth.expires_at }",
    "when { resource is Note && resource.size + 1 < 100 }",
    "unless { resource is Note && resource.open }",
    "when { context.auth.binding.contains(Portcullis::Binding::\"dpop\") }",
    "when { (if principal is User then context.auth else context.auth).issuer like \"https:*\" }",
    "when { context.auth has user && context.auth.user == principal && resource is Note && resource.owner == principal }",
];

const BUNDLES: u32 = 8;
const SCENARIOS: u32 = 60;
