//! Actions and scopes that are in other scopes and groups than the schema says.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Mutation;
use super::original::{Edit, Original};

/// Each change of what is in what.
pub(super) fn mutants(original: &Original) -> Vec<(Mutation, Edit)> {
    let members = members(&original.schema);
    let mut mutants = Vec::new();
    for (name, member) in &members {
        let edit = |parents| Edit::Parents { member: name.clone(), parents };
        for of in member.parents.iter().filter(|of| matters(original, &members, name, of)) {
            let mutation = Mutation::EdgeDropped { member: name.clone(), of: of.clone() };
            mutants.push((mutation, edit(member.parents.iter().filter(|parent| *parent != of).cloned().collect())));
        }
        let more = uncovering(&members, member);
        if member.role == Role::Action && !member.parents.is_empty() && !more.is_empty() {
            let mutation = Mutation::ActionInEveryScope { action: name.clone() };
            mutants.push((mutation, edit(member.parents.iter().chain(more).cloned().collect())));
        }
    }
    mutants
}

/// An action, scope or group.
struct Member {
    parents: BTreeSet<String>,
    requires: String,
    role: Role,
}

/// What a name of Cedar's action hierarchy is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Role {
    Action,
    Group,
    Scope,
    ConditionalScope,
}

fn members(json: &Value) -> BTreeMap<String, Member> {
    let declared = json.get("").and_then(|namespace| namespace.get("actions"));
    let member = |(name, action): (&String, &Value)| {
        let parents = action.get("memberOf").and_then(Value::as_array).into_iter().flatten();
        let parents = parents.filter_map(|parent| parent.get("id")?.as_str()).map(str::to_owned);
        let annotation = |name: &str| action.get("annotations").and_then(|found| found.get(name));
        let principals = action.pointer("/appliesTo/principalTypes").and_then(Value::as_array);
        let role = match (annotation("scope"), annotation("conditional")) {
            (Some(_), None) => Role::Scope,
            (Some(_), Some(_)) => Role::ConditionalScope,
            (None, _) if principals.is_some_and(|principals| !principals.is_empty()) => Role::Action,
            (None, _) => Role::Group,
        };
        let requires = annotation("requires").and_then(Value::as_str).unwrap_or_default().to_owned();
        let member = Member { parents: parents.collect(), requires, role };
        (name.clone(), member)
    };
    declared.and_then(Value::as_object).into_iter().flatten().map(member).collect()
}

/// Whether anything depends on `name` being in `of`.
fn matters(original: &Original, members: &BTreeMap<String, Member>, name: &str, of: &str) -> bool {
    let role = |name: &str| members.get(name).map_or(Role::Group, |member| member.role);
    if role(of) == Role::Group {
        // No policy speaks of it, and neither does what it is in: there it can stand without.
        let group = format!("Action::\"{of}\"");
        let nested = members.get(of).is_some_and(|group| !group.parents.is_empty());
        return nested || original.texts().any(|text| text.contains(&group));
    }
    if role(name) != Role::Scope && role(name) != Role::ConditionalScope {
        return true;
    }
    // Whoever has the scope above needs this one for nothing if it covers the same itself.
    let covered = members.values().filter(|member| member.parents.contains(name));
    let required = members.values().any(|member| member.requires.contains(name));
    required || covered.into_iter().any(|member| !member.parents.contains(of))
}

/// The scopes that do not cover `action`, though a token may carry them alone.
fn uncovering<'a>(members: &'a BTreeMap<String, Member>, action: &Member) -> Vec<&'a String> {
    let mut above: BTreeSet<&str> = BTreeSet::new();
    let mut open: Vec<&String> = action.parents.iter().collect();
    while let Some(name) = open.pop() {
        if above.insert(name)
            && let Some(parent) = members.get(name)
        {
            open.extend(&parent.parents);
        }
    }
    let other = |name: &&String, member: &Member| member.role == Role::Scope && !above.contains(name.as_str());
    members.iter().filter(|(name, member)| other(name, member)).map(|(name, _)| name).collect()
}
