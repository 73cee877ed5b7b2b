//! The actions of a bundle, as decisions look them up.

use std::collections::{BTreeMap, HashMap};

use foldhash::fast::FixedState;
use smol_str::SmolStr;

use super::actions::{Action, ConsentRule};
use super::entities::StaticEntities;
use crate::bits::Bits;
use crate::scope::{ScopeId, ScopeSet};
use crate::typed::Types;

/// All actions that can be asked for.
#[derive(Debug)]
pub(crate) struct ActionTable {
    /// In the order of their names, each at its place.
    actions: Vec<Action>,
    /// What is looked up in it changes nothing of it, so nobody can make names collide.
    places: HashMap<SmolStr, usize, FixedState>,
    /// The places of the actions that each scope covers, by [`ScopeId`].
    covered: Vec<Bits>,
}

impl ActionTable {
    pub(super) fn new(mut actions: BTreeMap<String, Action>, types: &Types, entities: &StaticEntities) -> Self {
        actions.values_mut().for_each(|action| action.find_kinds(types, entities));
        let places = actions.values().map(|action| (action.name.clone(), action.place)).collect();
        let covered = covered(&actions);
        Self { actions: actions.into_values().collect(), places, covered }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter()
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Action> {
        self.places.get(name).and_then(|place| self.actions.get(*place))
    }

    /// The places of the actions that `scopes` cover, leaving conditions and `@requires` aside.
    pub(crate) fn covered_by(&self, scopes: &ScopeSet) -> Bits {
        let mut covered = Bits::default();
        scopes.iter().filter_map(|ScopeId(scope)| self.covered.get(scope)).for_each(|more| covered.extend(more));
        covered
    }
}

fn covered(actions: &BTreeMap<String, Action>) -> Vec<Bits> {
    let mut covered = Vec::new();
    for action in actions.values() {
        let ConsentRule::AnyOf(scopes) = &action.consent else { continue };
        for ScopeId(scope) in scopes {
            if covered.len() <= *scope {
                covered.resize(scope + 1, Bits::default());
            }
            if let Some(actions) = covered.get_mut(*scope) {
                actions.insert(action.place);
            }
        }
    }
    covered
}
