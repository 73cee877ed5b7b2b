//! To which requests a policy can apply at all, told without evaluating anything.

use std::collections::{BTreeSet, HashSet};

use cedar_policy::{ActionConstraint, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint};

use super::actions::Action;

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
        let names = |name: &String| **name == *action.name || action.groups.contains(name);
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
        self.actions.as_ref().is_none_or(|actions| actions.iter().any(names)) && principal && resource
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
    pub(super) fn covers(&self, resource: &EntityUid, ancestors: &HashSet<EntityUid>) -> bool {
        let within = |group: &EntityUid| resource == group || ancestors.contains(group);
        match &self.resource {
            ResourceConstraint::Any => true,
            ResourceConstraint::Eq(uid) => resource == uid,
            ResourceConstraint::In(group) => within(group),
            ResourceConstraint::Is(name) => resource.type_name() == name,
            ResourceConstraint::IsIn(name, group) => resource.type_name() == name && within(group),
        }
    }
}

const ANONYMOUS: &str = "Portcullis::Anonymous";
