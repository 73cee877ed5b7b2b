//! Policies that are not there, or apply to more than they say.

use std::collections::HashSet;

use cedar_policy::{
    ActionConstraint, Entity, EntityTypeName, EntityUid, Policy, PrincipalConstraint, ResourceConstraint, Schema,
};
use serde_json::{Value, json};

use super::original::{Edit, Original, PolicyFile, SCHEMA};
use super::{Mutation, Part, unexpected};
use crate::cases::CasesError;

/// Each change of one policy.
pub(super) fn mutants(original: &Original) -> Result<Vec<(Mutation, Edit)>, CasesError> {
    let schema = original.files().cedar_schema()?;
    let (schema, _) = Schema::from_cedarschema_str(&schema).map_err(|error| unexpected(SCHEMA, error))?;
    let reach = Reach::new(&schema)?;
    let mut mutants = Vec::new();
    for (file, PolicyFile { path, policies }) in original.policies.iter().enumerate() {
        for (index, policy) in policies.iter().enumerate() {
            let id = policy.annotation("id").unwrap_or_default().to_owned();
            let edit = |text| Edit::Policy { file, policy: index, text };
            mutants.push((Mutation::PolicyDropped { policy: id.clone() }, edit(None)));
            for without in reach.parts(policy) {
                let text = widened(policy, without);
                let text = text.ok_or_else(|| unexpected(path, format!("`{id}` cannot be written")))?;
                mutants.push((Mutation::PolicyWidened { policy: id.clone(), without }, edit(Some(text))));
            }
        }
    }
    Ok(mutants)
}

/// `policy` without one part.
fn widened(policy: &Policy, without: Part) -> Option<String> {
    let mut json = policy.to_json().ok()?;
    let all = json!({ "op": "All" });
    match without {
        Part::Principal => *json.get_mut("principal")? = all,
        Part::Action => *json.get_mut("action")? = all,
        Part::Resource => *json.get_mut("resource")? = all,
        Part::Condition(number) => {
            json.get_mut("conditions")?.as_array_mut()?.remove(number.checked_sub(1)?);
        }
    }
    Policy::from_json(None, json).ok()?.to_cedar()
}

/// To what heads can apply, under the schema.
struct Reach<'a> {
    schema: &'a Schema,
    /// The actions that can be asked for, each with its groups.
    actions: Vec<(EntityUid, HashSet<EntityUid>)>,
}

impl<'a> Reach<'a> {
    fn new(schema: &'a Schema) -> Result<Self, CasesError> {
        let entities = schema.action_entities().map_err(|error| unexpected(SCHEMA, error))?;
        let groups = |action: &EntityUid| entities.ancestors(action).into_iter().flatten().cloned().collect();
        let askable = entities.iter().map(Entity::uid).filter(|action| schema.resources_for_action(action).is_some());
        Ok(Self { schema, actions: askable.map(|action| (action.clone(), groups(&action))).collect() })
    }

    /// The parts of `policy` that narrow it. A type that all of its actions have narrows nothing, and neither do actions that are
    /// all that there is for its types.
    fn parts(&self, policy: &Policy) -> Vec<Part> {
        let action = policy.action_constraint();
        let (principal, resource) = (policy.principal_constraint(), policy.resource_constraint());
        let principal_narrows = match &principal {
            PrincipalConstraint::Any => false,
            PrincipalConstraint::Is(name) => {
                !self.matched(&action).all(|action| self.principals(action).all(|found| found == name))
            }
            _ => true,
        };
        let resource_narrows = match &resource {
            ResourceConstraint::Any => false,
            ResourceConstraint::Is(name) => {
                !self.matched(&action).all(|action| self.resources(action).all(|found| found == name))
            }
            _ => true,
        };
        let principal_type = match &principal {
            PrincipalConstraint::Eq(uid) => Some(uid.type_name()),
            PrincipalConstraint::Is(name) | PrincipalConstraint::IsIn(name, _) => Some(name),
            PrincipalConstraint::Any | PrincipalConstraint::In(_) => None,
        };
        let resource_type = match &resource {
            ResourceConstraint::Eq(uid) => Some(uid.type_name()),
            ResourceConstraint::Is(name) | ResourceConstraint::IsIn(name, _) => Some(name),
            ResourceConstraint::Any | ResourceConstraint::In(_) => None,
        };
        let meant: HashSet<&EntityUid> = self.matched(&action).collect();
        let fits = |action: &&EntityUid| {
            principal_type.is_none_or(|name| self.principals(action).any(|found| found == name))
                && resource_type.is_none_or(|name| self.resources(action).any(|found| found == name))
        };
        let action_narrows = self.matched(&ActionConstraint::Any).filter(fits).any(|action| !meant.contains(action));
        let head =
            [(principal_narrows, Part::Principal), (action_narrows, Part::Action), (resource_narrows, Part::Resource)];
        let json = policy.to_json().unwrap_or_default();
        let conditions = json.get("conditions").and_then(Value::as_array).map_or(0, Vec::len);
        let head = head.into_iter().filter(|(narrows, _)| *narrows).map(|(_, part)| part);
        head.chain((1..=conditions).map(Part::Condition)).collect()
    }

    fn principals(&self, action: &EntityUid) -> impl Iterator<Item = &EntityTypeName> {
        self.schema.principals_for_action(action).into_iter().flatten()
    }

    fn resources(&self, action: &EntityUid) -> impl Iterator<Item = &EntityTypeName> {
        self.schema.resources_for_action(action).into_iter().flatten()
    }

    /// The actions that a head means.
    fn matched<'b>(&'b self, constraint: &'b ActionConstraint) -> impl Iterator<Item = &'b EntityUid> {
        let means = move |action: &EntityUid, groups: &HashSet<EntityUid>| match constraint {
            ActionConstraint::Any => true,
            ActionConstraint::Eq(uid) => uid == action,
            ActionConstraint::In(uids) => uids.iter().any(|uid| uid == action || groups.contains(uid)),
        };
        self.actions.iter().filter(move |(action, groups)| means(action, groups)).map(|(action, _)| action)
    }
}
