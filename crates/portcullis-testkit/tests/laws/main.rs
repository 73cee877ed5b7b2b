//! The laws hold for the engine, on every bundle; and each is seen to fail on an engine that breaks it.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

mod broken;
mod corners;
mod counter;
mod derived;
mod explanations;
mod random;
mod worlds;

use std::cell::Cell;
use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis_core::{Bundle, DenialKind, Layer, LoadError};
use portcullis_testkit::{Decider, Product, Scenario, World, laws};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};

use worlds::Subject;

#[test]
fn the_laws_hold() {
    for subject in worlds::all() {
        let product = Product::new(subject.bundle());
        for_each(&subject.world, CASES, |scenario| laws::all(&product, scenario));
    }
}

#[test]
fn the_engine_is_the_reference_model() {
    for subject in worlds::all() {
        let (product, reference) = (Product::new(subject.bundle()), subject.reference());
        for_each(&subject.world, 3 * CASES, |scenario| laws::equals_reference(&product, &reference, scenario));
    }
}

#[test]
fn a_record_replays_to_the_same_decision() {
    for subject in worlds::all() {
        let product = Product::new(subject.bundle());
        for_each(&subject.world, 3 * CASES, |scenario| product.replays(scenario));
    }
}

#[test]
fn an_emptied_layer_never_allows_more() {
    for subject in worlds::all() {
        let product = Product::new(subject.bundle());
        for layer in [Layer::Consent, Layer::Ceilings, Layer::Roles] {
            // A bundle whose scopes have conditions does not load without them.
            let Ok(bundle) = emptied(&subject, layer) else { continue };
            let poorer = Product::new(bundle);
            for_each(&subject.world, CASES, |scenario| laws::emptying(&product, &poorer, scenario));
        }
    }
}

#[test]
fn no_file_if_lost_widens_anything() {
    for subject in worlds::all() {
        let product = Product::new(subject.bundle());
        let paths: Vec<String> = subject.files.iter().map(|(path, _)| path.to_owned()).collect();
        let mut loaded = BTreeSet::new();
        for path in paths {
            let mut lost = Subject { files: subject.files.clone().without_file(&path), ..again(&subject) };
            let Ok(bundle) = lost.load() else { continue };
            loaded.insert(path);
            let poorer = Product::new(bundle);
            lost.world.requests.truncate(6);
            for_each(&lost.world, CASES / 2, |scenario| laws::emptying(&product, &poorer, scenario));
        }
        let permitting = |path: &&String| path.starts_with("roles/") || path.starts_with("ceilings/");
        assert!(loaded.iter().all(|path| permitting(&path)), "{loaded:?}");
    }
}

/// Laws about cases that never occur prove nothing.
#[test]
fn scenarios_reach_every_corner_of_a_bundle() {
    for subject in worlds::all() {
        let product = Product::new(subject.bundle());
        let mut policies: BTreeSet<String> = subject.files.iter().flat_map(|(_, text)| ids(text)).collect();
        let mut alone: BTreeSet<Layer> = Layer::ALL.into();
        let mut kinds = BTreeSet::new();
        let (mut allowed, mut remedies, mut early) = (0, 0, 0);
        for scenario in samples(&subject.world) {
            let verdict = product.decide(&scenario);
            allowed += usize::from(verdict.allowed);
            remedies += usize::from(verdict.remedy.is_some());
            early += usize::from(product.denies_early(&scenario));
            kinds.extend(verdict.kind);
            alone.retain(|layer| !laws::only_denied_by(&verdict, *layer));
            verdict.layers.values().for_each(|layer| policies.retain(|id| !layer.policies.contains(id)));
        }
        assert!(
            allowed * 20 > SAMPLES && remedies * 50 > SAMPLES && early * 20 > SAMPLES,
            "{allowed} {remedies} {early}"
        );
        assert_eq!(alone, BTreeSet::new(), "layers that never deny alone");
        let unseen: Vec<String> = policies.into_iter().filter(|id| !NEVER_DECIDE.contains(&id.as_str())).collect();
        assert_eq!(unseen, Vec::<String>::new(), "policies that never decide");
        assert!(kinds.contains(&DenialKind::Error) && kinds.len() >= 6, "{kinds:?}");
    }
}

/// Policies that only ever fail to evaluate.
const NEVER_DECIDE: [&str; 1] = ["no-overflow"];

fn ids(text: &str) -> Vec<String> {
    let ids = text.split("@id(\"").skip(1);
    ids.filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())).collect()
}

fn again(subject: &Subject) -> Subject {
    Subject { files: subject.files.clone(), settings: subject.settings.clone(), world: subject.world.clone() }
}

fn emptied(subject: &Subject, layer: Layer) -> Result<Arc<Bundle>, LoadError> {
    let folder = format!("{}/", layer.folder());
    let paths: Vec<String> = subject.files.iter().map(|(path, _)| path.to_owned()).collect();
    let inside = paths.iter().filter(|path| path.starts_with(&folder));
    let files = inside.fold(subject.files.clone(), |files, path| files.without_file(path));
    let mut settings = subject.settings.clone().with_empty_layer(layer);
    settings.required_files.retain(|path| !path.starts_with(&folder));
    Bundle::load(&files, settings)
}

/// The first scenario that breaks `law`, always the same.
fn first_violation(world: &World, law: impl Fn(&Scenario) -> Result<(), laws::Violation>) -> Option<laws::Violation> {
    samples(world).find_map(|scenario| law(&scenario).err())
}

/// As [`for_each`], on the scenarios of [`first_violation`].
#[track_caller]
fn never_violated(world: &World, law: impl Fn(&Scenario) -> Result<(), laws::Violation>) {
    if let Some(violation) = samples(world).take(SAMPLES / 10).find_map(|scenario| law(&scenario).err()) {
        panic!("{violation}");
    }
}

/// The same scenarios every time.
fn samples(world: &World) -> impl Iterator<Item = Scenario> + use<> {
    let rng = TestRng::deterministic_rng(RngAlgorithm::ChaCha);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let scenarios = world.scenarios();
    (0..SAMPLES).map(move |_| scenarios.new_tree(&mut runner).unwrap().current())
}

const SAMPLES: usize = 1_500;

/// Runs `law` on scenarios of `world`, and shows the simplest one that breaks it.
#[track_caller]
fn for_each(world: &World, cases: u32, law: impl Fn(&Scenario) -> Result<(), laws::Violation>) {
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let (tried, has_failed) = (Cell::new(0), Cell::new(false));
    let checked = TestRunner::new(config).run(&world.scenarios(), |scenario| {
        tried.set(tried.get() + u32::from(!has_failed.get()));
        law(&scenario).map_err(|violation| {
            has_failed.set(true);
            TestCaseError::fail(violation.to_string())
        })
    });
    match checked {
        Ok(()) => {}
        // In the form in which `laws!` says it.
        Err(TestError::Fail(reason, _)) => panic!("\nError: {reason}\nfound by scenario {} of {cases}", tried.get()),
        Err(error) => panic!("{error}"),
    }
}

/// For each law and bundle: few, so that the tests stay fast; other cases each time.
const CASES: u32 = 100;
