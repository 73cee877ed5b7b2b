//! Scenarios that are derived from a bundle reach what those that are written by hand reach.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use portcullis_core::{Bundle, BundleFiles, DenialKind, Kind, Layer};
use portcullis_testkit::{Decider, Product, World, laws};

use crate::corners::corners;
use crate::{NEVER_DECIDE, SAMPLES, ids, samples};

#[test]
fn derived_scenarios_reach_every_corner_of_the_example_bundles() {
    for name in ["projects", "assistant"] {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(name);
        let bundle = portcullis::load_dir(&dir).unwrap().bundle;
        reach(&BundleFiles::from_dir(&dir).unwrap(), bundle);
    }
}

#[test]
fn derived_scenarios_reach_every_corner_of_a_bundle_that_uses_everything() {
    let subject = corners();
    reach(&subject.files, subject.bundle());
}

fn reach(files: &BundleFiles, bundle: Arc<Bundle>) {
    let world = World::of_bundle(files, &bundle).unwrap();
    let product = Product::new(Arc::clone(&bundle));
    let mut policies: BTreeSet<String> = files.iter().flat_map(|(_, text)| ids(text)).collect();
    let mut never_allowed: BTreeSet<&str> = bundle.actions().map(portcullis_core::Action::name).collect();
    let mut alone: BTreeSet<Layer> = Layer::ALL.into();
    let mut callers = BTreeSet::new();
    let mut kinds = BTreeSet::new();
    let (mut allowed, mut remedies, mut early) = (0, 0, 0);
    for scenario in samples(&world) {
        let verdict = product.decide(&scenario);
        allowed += usize::from(verdict.allowed);
        remedies += usize::from(verdict.remedy.is_some());
        early += usize::from(product.denies_early(&scenario));
        kinds.extend(verdict.kind);
        alone.retain(|layer| !laws::only_denied_by(&verdict, *layer));
        verdict.layers.values().for_each(|layer| policies.retain(|id| !layer.policies.contains(id)));
        if verdict.allowed {
            never_allowed.remove(scenario.action.as_str());
        }
        let verified = portcullis_core::VerifiedClaims::assume_verified("main", scenario.token.claims.clone());
        if let Ok(caller) = bundle.sources().read(verified) {
            callers.insert((caller.subject().kind, caller.actor().map(|actor| actor.kind)));
        }
    }
    policies.retain(|id| !NEVER_DECIDE.contains(&id.as_str()));
    assert_eq!(policies, BTreeSet::new(), "policies that never decide");
    assert_eq!(never_allowed, BTreeSet::new(), "actions that are never allowed");
    assert_eq!(alone, BTreeSet::new(), "layers that never deny alone");
    assert!(kinds.contains(&DenialKind::Error) && kinds.len() >= 6, "{kinds:?}");
    assert!(allowed * 20 > SAMPLES && remedies * 50 > SAMPLES && early * 20 > SAMPLES, "{allowed} {remedies} {early}");
    for kind in Kind::ALL.into_iter().filter(|kind| bundle.knows(*kind)) {
        for actor in [None, Some(Kind::User), Some(Kind::Service), Some(Kind::Agent)] {
            let known = actor.is_none_or(|actor| bundle.knows(actor));
            assert!(!known || callers.contains(&(kind, actor)), "{kind:?} through {actor:?}");
        }
    }
}
