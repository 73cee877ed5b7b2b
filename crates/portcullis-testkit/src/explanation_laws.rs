//! The laws about explanations, on one bundle.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use portcullis_core::{Bundle, BundleFiles};

use crate::decider::{Decider, Product};
use crate::explained::Explainer;
use crate::laws::{self, Violation};
use crate::rewrite;
use crate::scenario::{AskedResource, Scenario};
use crate::strategies::World;

/// What the laws about explanations need besides the engine.
pub(crate) struct ExplanationLaws {
    files: BundleFiles,
    bundle: Arc<Bundle>,
    /// `None` if the bundle does not load so.
    renamed: Option<Product>,
    /// By the policies that they lack. Few of them are ever asked for.
    without: RefCell<BTreeMap<BTreeSet<String>, Option<Rc<dyn Decider>>>>,
    /// By action.
    resources: BTreeMap<String, Vec<AskedResource>>,
}

impl ExplanationLaws {
    pub(crate) fn new(files: &BundleFiles, bundle: &Arc<Bundle>, world: &World) -> Self {
        let mut resources: BTreeMap<String, Vec<AskedResource>> = BTreeMap::new();
        for asking in &world.requests {
            resources.entry(asking.action.clone()).or_default().extend(asking.resources.iter().cloned());
        }
        let laws = Self {
            files: files.clone(),
            bundle: Arc::clone(bundle),
            renamed: None,
            without: RefCell::default(),
            resources,
        };
        Self { renamed: rewrite::renamed(files).and_then(|files| laws.load(&files)), ..laws }
    }

    /// Checks all of them.
    pub(crate) fn check(&self, explainer: &dyn Explainer, scenario: &Scenario) -> Result<(), Violation> {
        laws::explanations_agree(explainer, scenario)?;
        laws::named_policies_decide(explainer, &|ids| self.without(ids), scenario)?;
        laws::agents_read_what_clients_read(explainer, scenario)?;
        laws::hidden_looks_absent(explainer, scenario)?;
        if let Some(renamed) = &self.renamed {
            laws::names_mean_nothing(explainer, renamed, scenario)?;
        }
        let others = self.neighbours(scenario);
        others.into_iter().try_for_each(|other| laws::denials_look_alike(explainer, scenario, &other))
    }

    /// The same question about other resources of the type, and about another id.
    fn neighbours(&self, scenario: &Scenario) -> Vec<Scenario> {
        let asked = &scenario.resource;
        let known = self.resources.get(&scenario.action).into_iter().flatten();
        let alike = known.filter(|other| other.entity_type == asked.entity_type && *other != asked).take(NEIGHBOURS);
        let renamed = AskedResource { id: format!("{}-not-known", asked.id), ..asked.clone() };
        alike.cloned().chain([renamed]).map(|resource| Scenario { resource, ..scenario.clone() }).collect()
    }

    fn without(&self, ids: &BTreeSet<String>) -> Option<Rc<dyn Decider>> {
        if let Some(known) = self.without.borrow().get(ids) {
            return known.clone();
        }
        let poorer = rewrite::without(&self.files, ids).and_then(|files| self.load(&files));
        let poorer = poorer.map(|poorer| Rc::new(poorer) as Rc<dyn Decider>);
        self.without.borrow_mut().insert(ids.clone(), poorer.clone());
        poorer
    }

    fn load(&self, files: &BundleFiles) -> Option<Product> {
        let settings = crate::laws_of::settings(files, &self.bundle);
        self.bundle.load_next(files, settings).ok().map(Product::new)
    }
}

/// Other resources to which a scenario is compared.
const NEIGHBOURS: usize = 6;

#[cfg(test)]
mod tests {
    use super::*;

    /// Laws about bundles that do not load would prove nothing.
    #[test]
    fn bundles_load_without_single_policies_and_with_other_names() {
        for (dir, ids) in [
            ("projects", ["owner-does-all", "stay-in-your-tenant", "reader-agents-view"]),
            ("assistant", ["next-7-days-event", "confirmed-by-the-person", "strangers-need-second-factor"]),
        ] {
            let dir = format!("{}/../../policies/{dir}", env!("CARGO_MANIFEST_DIR"));
            let (files, bundle) = (BundleFiles::from_dir(&dir).unwrap(), portcullis::load_dir(&dir).unwrap().bundle);
            let laws = ExplanationLaws::new(&files, &bundle, &World::of_bundle(&files, &bundle).unwrap());
            assert!(laws.renamed.is_some());
            for id in ids {
                assert!(laws.without(&BTreeSet::from([id.to_owned()])).is_some(), "{id}");
            }
        }
    }
}
