//! From the annotated schema to the table of scopes.

use std::collections::BTreeMap;

use super::problem::Problem;
use super::schema::SourceSchema;
use crate::scope::{ScopeDraft, ScopeName, Scopes};

/// The scopes of the schema.
pub(super) fn scopes(schema: &SourceSchema<'_>, problems: &mut Vec<Problem>) -> Scopes {
    let mut drafts = Vec::new();
    let mut wire_names: BTreeMap<ScopeName, &str> = BTreeMap::new();
    for (name, group) in &schema.actions {
        let at = |annotation: &str, message: String| schema.problem_at_annotation(name, annotation, message);
        for mark in ["conditional", "hidden"] {
            if group.annotations.contains_key(mark) && !group.annotations.contains_key("scope") {
                problems.push(at(mark, format!("`@{mark}` without `@scope` on `{name}`")).with_help("add `@scope`"));
            }
        }
        let Some(wire_name) = group.annotations.get("scope") else {
            continue;
        };
        let wire_name = if wire_name.is_empty() { name } else { wire_name };
        let (Ok(parsed), Ok(parsed_wire)) = (name.parse::<ScopeName>(), wire_name.parse::<ScopeName>()) else {
            problems.push(
                at("scope", format!("`{wire_name}` is no scope name"))
                    .with_help("use printable ASCII without space, `\"` and `\\` (RFC 6749 §3.3)"),
            );
            continue;
        };
        if let Some(other) = wire_names.insert(parsed_wire.clone(), name) {
            problems.push(
                at("scope", format!("scopes `{other}` and `{name}` have one wire name, `{wire_name}`"))
                    .with_help("a token could not tell them apart: give one another name with `@scope(\"…\")`"),
            );
        }
        drafts.push(ScopeDraft {
            name: parsed,
            wire_name: parsed_wire,
            doc: group.annotations.get("doc").cloned(),
            conditional: group.annotations.contains_key("conditional"),
            hidden: group.annotations.contains_key("hidden"),
            parents: schema.scopes_above(name),
        });
    }
    let table = Scopes::new(drafts);
    for scope in table.iter().filter(|scope| scope.is_conditional()) {
        let below = table.names(scope.grants()).find(|below| *below != scope.name());
        if let Some(below) = below {
            problems.push(
                schema
                    .problem_at_action(
                        below.as_str(),
                        format!("scope `{below}` is below the conditional `{}`", scope.name()),
                    )
                    .with_help("a conditional scope has no children: they would be granted without its condition"),
            );
        }
    }
    table
}
