//! The closed registry of annotations: a typo cannot weaken a policy, because it does not load.

use std::collections::BTreeMap;

use serde_json::Value;

use super::problem::{Problem, did_you_mean};

/// What an annotation stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Target {
    Group,
    Action,
    EntityType,
    Attribute,
    Policy,
    /// An attribute of a context, or of a record anywhere.
    Member,
    /// A common type, a namespace.
    Other,
}

impl Target {
    fn phrase(self) -> &'static str {
        match self {
            Self::Group => "an action group",
            Self::Action => "an action",
            Self::EntityType => "an entity type",
            Self::Attribute => "an attribute of an entity type",
            Self::Policy => "a policy",
            Self::Member => "an attribute of a record",
            Self::Other => "this declaration",
        }
    }
}

/// The annotations of one declaration.
pub(super) type Annotations = BTreeMap<String, String>;

/// The annotations of a declaration in Cedar's JSON form of a schema.
pub(super) fn of(declaration: &Value) -> Annotations {
    let annotations = declaration.get("annotations").and_then(Value::as_object);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    annotations.into_iter().flatten().map(|(name, value)| (name.clone(), text(value))).collect()
}

/// Every annotation that has no business on `target`; `problem` puts a message at the annotation of that name.
pub(super) fn check(
    annotations: &Annotations,
    target: Target,
    problem: impl Fn(&str, String) -> Problem,
) -> impl Iterator<Item = Problem> {
    annotations.keys().filter_map(move |name| {
        let homes = REGISTRY.iter().filter(|(known, _)| known == name).map(|(_, home)| *home);
        let homes: Vec<Target> = homes.collect();
        if homes.contains(&target) {
            return None;
        }
        if let Some(home) = homes.first() {
            let help = format!("`@{name}` belongs on {}", home.phrase());
            return Some(
                problem(name, format!("annotation `@{name}` has no meaning on {}", target.phrase())).with_help(help),
            );
        }
        let known = REGISTRY.iter().filter(|(_, home)| *home == target).map(|(known, _)| format!("@{known}"));
        let known: Vec<String> = known.collect();
        let help = did_you_mean(&format!("@{name}"), known.iter().map(String::as_str))
            .unwrap_or_else(|| format!("{} takes `{}`", target.phrase(), known.join("`, `")));
        Some(problem(name, format!("unknown annotation `@{name}`")).with_help(help))
    })
}

const REGISTRY: &[(&str, Target)] = &[
    ("scope", Target::Group),
    ("conditional", Target::Group),
    ("hidden", Target::Group),
    ("doc", Target::Group),
    ("http", Target::Action),
    ("grpc", Target::Action),
    ("via", Target::Action),
    ("resource", Target::Action),
    ("deferred", Target::Action),
    ("requires", Target::Action),
    ("lists", Target::Action),
    ("no_consent", Target::Action),
    ("public", Target::Action),
    ("doc", Target::Action),
    ("hide", Target::EntityType),
    ("doc", Target::EntityType),
    ("claim", Target::Attribute),
    ("secret", Target::Attribute),
    ("doc", Target::Attribute),
    ("secret", Target::Member),
    ("doc", Target::Member),
    ("doc", Target::Other),
    ("id", Target::Policy),
    ("doc", Target::Policy),
    ("message", Target::Policy),
    ("step_up", Target::Policy),
    ("max_age", Target::Policy),
    ("require_binding", Target::Policy),
    ("confirm", Target::Policy),
    ("obligation", Target::Policy),
];
