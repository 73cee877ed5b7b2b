//! To which requests a policy can apply at all, told without evaluating anything.

use std::collections::{BTreeSet, HashSet};

use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};

use super::actions::Action;
use super::index::ResourceKey;
use crate::typed::ResourceName;

/// A part of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum HeadPart {
    Principal,
    Resource,
    Action,
}

/// The head of a policy: what it asks of principal, action and resource before its conditions.
#[derive(Debug, Clone)]
pub(crate) struct Head {
    principal: PrincipalConstraint,
    /// Names of actions and groups. `None`: any action.
    pub(crate) actions: Option<BTreeSet<String>>,
    resource: ResourceConstraint,
}

impl Head {
    pub(super) fn of(policy: &Policy) -> Self {
        let name = |uid: &EntityUid| uid.id().unescaped().to_owned();
        let actions = match policy.action_constraint() {
            ActionConstraint::Any => None,
            ActionConstraint::Eq(uid) => Some(BTreeSet::from([name(&uid)])),
            ActionConstraint::In(uids) => Some(uids.iter().map(name).collect()),
        };
        Self { principal: policy.principal_constraint(), actions, resource: policy.resource_constraint() }
    }

    /// Whether some request for `action` can match.
    pub(crate) fn matches(&self, action: &Action) -> bool {
        let principal = |name: &EntityTypeName| {
            let name = name.to_string();
            action.principals.iter().any(|kind| kind.entity_type() == name) || (action.is_public() && name == ANONYMOUS)
        };
        let principal = match &self.principal {
            PrincipalConstraint::Eq(uid) => principal(uid.type_name()),
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => principal(name),
            PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
        };
        let resource = match &self.resource {
            ResourceConstraint::Eq(uid) => action.resources.contains(uid.type_name()),
            ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => action.resources.contains(name),
            ResourceConstraint::Any | ResourceConstraint::In(_) => true,
        };
        self.names(action) && principal && resource
    }

    /// Whether `action` is, or is in, what the head names.
    fn names(&self, action: &Action) -> bool {
        let named = |name: &String| **name == *action.name || action.groups.contains(name);
        self.actions.as_ref().is_none_or(|actions| actions.iter().any(named))
    }

    /// The one part that does not match, if all others do, and if it is one of which another value is thinkable: not where the
    /// head is for another kind of principal or resource. Of actions that are not named, only heads that name a principal or a
    /// resource are worth a word: every bundle has many others.
    ///
    /// Principal and resource come with all that they are in; without a resource, any will do.
    pub(crate) fn nearly_matches(
        &self,
        action: &Action,
        principal: (&EntityUid, &HashSet<EntityUid>),
        resource: Option<ResourceKey<'_>>,
    ) -> Option<HeadPart> {
        let (subject, above) = principal;
        let within = |group: &EntityUid| subject == group || above.contains(group);
        let (principal_matches, principal_thinkable) = match &self.principal {
            PrincipalConstraint::Any => (true, false),
            PrincipalConstraint::Eq(uid) => (subject == uid, subject.type_name() == uid.type_name()),
            PrincipalConstraint::In(group) => (within(group), true),
            PrincipalConstraint::Is(name) => (subject.type_name() == name, false),
            PrincipalConstraint::IsIn(name, group) => {
                let fits = subject.type_name() == name;
                (fits && within(group), fits)
            }
        };
        let resource_matches = resource.is_none_or(|key| self.covers(key.name, key.ancestors));
        let resource_thinkable = resource.is_some_and(|ResourceKey { name: this, .. }| match &self.resource {
            ResourceConstraint::Any | ResourceConstraint::Is(_) => false,
            ResourceConstraint::Eq(named) => this.type_name() == named.type_name(),
            ResourceConstraint::In(_) => true,
            ResourceConstraint::IsIn(name, _) => this.type_name() == name,
        });
        let narrow = self.principal_key().is_some() || self.resource_key().is_some();
        match (principal_matches, self.names(action), resource_matches) {
            (false, true, true) => principal_thinkable.then_some(HeadPart::Principal),
            (true, false, true) => narrow.then_some(HeadPart::Action),
            (true, true, false) => resource_thinkable.then_some(HeadPart::Resource),
            _ => None,
        }
    }

    /// The one entity that the principal must be, or be in.
    pub(super) fn principal_key(&self) -> Option<&EntityUid> {
        match &self.principal {
            PrincipalConstraint::Eq(uid) | PrincipalConstraint::In(uid) | PrincipalConstraint::IsIn(_, uid) => {
                Some(uid)
            }
            PrincipalConstraint::Any | PrincipalConstraint::Is(_) => None,
        }
    }

    /// The one entity that the resource must be, or be in.
    pub(super) fn resource_key(&self) -> Option<&EntityUid> {
        match &self.resource {
            ResourceConstraint::Eq(uid) | ResourceConstraint::In(uid) | ResourceConstraint::IsIn(_, uid) => Some(uid),
            ResourceConstraint::Any | ResourceConstraint::Is(_) => None,
        }
    }

    /// Whether `principal` can match, which is, or is in, the entity that the head names, if it names one.
    pub(super) fn admits(&self, principal: &EntityUid) -> bool {
        match &self.principal {
            PrincipalConstraint::Any | PrincipalConstraint::In(_) => true,
            PrincipalConstraint::Eq(uid) => principal == uid,
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => principal.type_name() == name,
        }
    }

    /// Whether `resource`, which is in `ancestors`, matches.
    pub(super) fn covers(&self, resource: &ResourceName<'_>, ancestors: &HashSet<EntityUid>) -> bool {
        let within = |group: &EntityUid| resource.is(group) || ancestors.contains(group);
        match &self.resource {
            ResourceConstraint::Any => true,
            ResourceConstraint::Eq(uid) => resource.is(uid),
            ResourceConstraint::In(group) => within(group),
            ResourceConstraint::Is(name) => resource.type_name() == name,
            ResourceConstraint::IsIn(name, group) => resource.type_name() == name && within(group),
        }
    }
}

const ANONYMOUS: &str = "Portcullis::Anonymous";
