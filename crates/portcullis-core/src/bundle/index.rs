//! Which policies of a layer can match a request: found by what their heads name, so that it does not matter how many
//! others there are.

use std::collections::{BTreeMap, HashMap, HashSet};

use cedar_policy::EntityUid;

use super::actions::Action;
use super::policies::LayerPolicy;

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
    pub(crate) uid: &'a EntityUid,
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

    /// The policies whose head matches. Without a resource, those whose head matches for some resource.
    pub(crate) fn matching<'a, 'q>(
        &'a self,
        action: &Action,
        principal: PrincipalKey<'q>,
        resource: Option<ResourceKey<'q>>,
    ) -> impl Iterator<Item = &'a LayerPolicy> + use<'a, 'q> {
        let slices = self.by_action.get(action.place).into_iter().chain([&self.any_action]);
        let places = slices.flat_map(move |slice| slice.places(principal, resource)).flatten();
        let policies = places.filter_map(|place| self.all.get(*place));
        policies.filter(move |policy| {
            let covers = |resource: ResourceKey<'_>| policy.head.covers(resource.uid, resource.ancestors);
            policy.head.admits(principal.uid) && resource.is_none_or(covers)
        })
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

    /// The lists in which a policy can stand that matches.
    fn places<'a, 'q>(
        &'a self,
        principal: PrincipalKey<'q>,
        resource: Option<ResourceKey<'q>>,
    ) -> impl Iterator<Item = &'a Vec<usize>> + use<'a, 'q> {
        let by_principal = principal.names.iter().filter_map(|name| self.by_principal.get(name));
        // Most bundles name no resource in heads, and to hash an id costs more than all the rest.
        let named = resource.filter(|_| !self.by_resource.is_empty());
        let by_resource = named.into_iter().flat_map(|resource| {
            std::iter::once(resource.uid).chain(resource.ancestors).filter_map(|uid| self.by_resource.get(uid))
        });
        let every = resource.is_none().then(|| self.by_resource.values()).into_iter().flatten();
        std::iter::once(&self.unnamed).chain(by_principal).chain(by_resource).chain(every)
    }
}
