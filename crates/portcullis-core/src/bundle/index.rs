//! Which policies of a layer can match a request: found by what their heads name, so that it does not matter how many
//! others there are.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::EntityUid;

use super::actions::Action;
use super::policies::LayerPolicy;
use crate::typed::ResourceName;

/// Policies that are evaluated together, in the order of their ids.
#[derive(Debug, Default)]
pub(crate) struct Policies {
    all: Vec<LayerPolicy>,
    /// By [`Action::place`].
    by_action: Vec<Slice>,
    /// Those whose head names no action.
    any_action: Slice,
}

/// Policies that can match some request for one action, as places in [`Policies::all`].
#[derive(Debug, Default)]
struct Slice {
    /// Those whose head names neither a principal nor a resource.
    unnamed: Vec<usize>,
    by_principal: BTreeMap<Named, Vec<usize>>,
    /// Those whose head names a resource and no principal.
    by_resource: HashMap<EntityUid, Vec<usize>>,
}

/// Entities that heads name as principals or as what principals are in, numbered.
///
/// The names of a principal are looked up once for its session, not once for each decision.
#[derive(Debug, Default)]
pub(crate) struct PrincipalNames(HashMap<EntityUid, Named>);

/// An entity that some head names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Named(u32);

impl PrincipalNames {
    /// The names by which heads can mean a principal that is in `ancestors`.
    pub(crate) fn of(&self, principal: &EntityUid, ancestors: &HashSet<EntityUid>) -> Vec<Named> {
        std::iter::once(principal).chain(ancestors).filter_map(|uid| self.0.get(uid)).copied().collect()
    }

    fn number(&mut self, uid: &EntityUid) -> Named {
        let next = Named(u32::try_from(self.0.len()).unwrap_or(u32::MAX));
        *self.0.entry(uid.clone()).or_insert(next)
    }
}

/// A principal, as far as heads ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct PrincipalKey<'a> {
    pub(crate) uid: &'a EntityUid,
    pub(crate) names: &'a [Named],
}

/// A resource, as far as heads ask.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ResourceKey<'a> {
    pub(crate) name: &'a ResourceName<'a>,
    pub(crate) ancestors: &'a HashSet<EntityUid>,
}

impl Policies {
    pub(super) fn new(
        mut all: Vec<LayerPolicy>,
        actions: &BTreeMap<String, Action>,
        names: &mut PrincipalNames,
    ) -> Self {
        all.sort_by(|a, b| a.id.cmp(&b.id));
        let mut members: HashMap<&str, Vec<&Action>> = HashMap::new();
        for action in actions.values() {
            let groups = action.groups.iter().map(String::as_str);
            for name in groups.chain([action.name()]) {
                members.entry(name).or_default().push(action);
            }
        }
        let mut by_action: Vec<Slice> = actions.values().map(|_| Slice::default()).collect();
        let mut any_action = Slice::default();
        for (place, policy) in all.iter().enumerate() {
            let Some(named) = &policy.head.actions else {
                any_action.add(place, policy, names);
                continue;
            };
            let places: HashSet<usize> = named
                .iter()
                .filter_map(|name| members.get(name.as_str()))
                .flatten()
                .filter(|action| policy.head.matches(action))
                .map(|action| action.place)
                .collect();
            for action in places {
                if let Some(slice) = by_action.get_mut(action) {
                    slice.add(place, policy, names);
                }
            }
        }
        Self { all, by_action, any_action }
    }

    /// All policies.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &LayerPolicy> {
        self.all.iter()
    }

    /// Whether no policy is for `action`, whoever asks.
    pub(crate) fn are_silent(&self, action: &Action) -> bool {
        self.any_action.is_empty() && self.by_action.get(action.place).is_none_or(Slice::is_empty)
    }

    /// Hands over the policies whose head matches. Without a resource, those whose head matches for some resource.
    pub(crate) fn matching<'a>(
        &'a self,
        action: &Action,
        principal: PrincipalKey<'_>,
        resource: Option<ResourceKey<'_>>,
        mut found: impl FnMut(&'a LayerPolicy),
    ) {
        let covers = |policy: &LayerPolicy| {
            let covers = |resource: ResourceKey<'_>| policy.head.covers(resource.name, resource.ancestors);
            policy.head.admits(principal.uid) && resource.is_none_or(covers)
        };
        for slice in [self.by_action.get(action.place), Some(&self.any_action)].into_iter().flatten() {
            slice.places(principal, resource, |places| {
                places
                    .iter()
                    .filter_map(|place| self.all.get(*place))
                    .filter(|policy| covers(policy))
                    .for_each(&mut found);
            });
        }
    }
}

impl Slice {
    fn add(&mut self, place: usize, policy: &LayerPolicy, names: &mut PrincipalNames) {
        let list = match (policy.head.principal_key(), policy.head.resource_key()) {
            (Some(principal), _) => self.by_principal.entry(names.number(principal)).or_default(),
            (None, Some(resource)) => self.by_resource.entry(resource.clone()).or_default(),
            (None, None) => &mut self.unnamed,
        };
        list.push(place);
    }

    fn is_empty(&self) -> bool {
        self.unnamed.is_empty() && self.by_principal.is_empty() && self.by_resource.is_empty()
    }

    /// Hands over the lists in which a policy can stand that matches.
    fn places(&self, principal: PrincipalKey<'_>, resource: Option<ResourceKey<'_>>, mut list: impl FnMut(&[usize])) {
        list(&self.unnamed);
        if !self.by_principal.is_empty() {
            principal.names.iter().filter_map(|name| self.by_principal.get(name)).for_each(|places| list(places));
        }
        // Most bundles name no resource in heads, and to hash an id costs more than all the rest.
        if self.by_resource.is_empty() {
            return;
        }
        match resource {
            Some(resource) => {
                let uids = std::iter::once(resource.name.uid()).chain(resource.ancestors);
                uids.filter_map(|uid| self.by_resource.get(uid)).for_each(|places| list(places));
            }
            None => self.by_resource.values().for_each(|places| list(places)),
        }
    }
}
