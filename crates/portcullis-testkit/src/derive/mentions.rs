//! What policies compare with: the values on which their answers turn.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use cedar_policy::PolicySet;
use portcullis_core::{BundleFiles, Layer, parse_duration};
use serde_json::Value;

/// The literals of all policies of a bundle.
#[derive(Debug, Default)]
pub(crate) struct Mentions {
    /// By the last name of the path that they are compared with.
    pub(super) strings: BTreeMap<String, BTreeSet<String>>,
    /// By the last name of the path that they are compared with.
    pub(super) longs: BTreeMap<String, BTreeSet<i64>>,
    /// In calls of `duration` and in `@max_age`.
    pub(super) durations: BTreeSet<Duration>,
    /// The texts in calls of `datetime`, `ip` and `decimal`.
    pub(super) calls: BTreeMap<String, BTreeSet<String>>,
    /// The ids of entities, by type.
    pub(super) entities: BTreeMap<String, BTreeSet<String>>,
    /// The ids of all policies.
    pub(super) policies: BTreeSet<String>,
}

impl Mentions {
    pub(crate) fn of(files: &BundleFiles) -> Result<Self, String> {
        let mut found = Self::default();
        for (path, text) in files.iter() {
            if !Layer::ALL.iter().any(|layer| path.split('/').next() == Some(layer.folder())) {
                continue;
            }
            let policies: PolicySet = text.parse().map_err(|error| format!("{path}: {error}"))?;
            for policy in policies.policies() {
                found.policies.extend(policy.annotation("id").map(str::to_owned));
                let classes = policy.annotation("step_up").into_iter().flat_map(str::split_whitespace);
                found.strings.entry("acr".to_owned()).or_default().extend(classes.map(str::to_owned));
                found.durations.extend(policy.annotation("max_age").and_then(parse_duration));
                found.expression(&policy.to_json().map_err(|error| format!("{path}: {error}"))?);
            }
        }
        found.entities.remove("Action");
        Ok(found)
    }

    /// The entities of a type.
    pub(crate) fn ids(&self, entity_type: &str) -> impl Iterator<Item = &String> {
        self.entities.get(entity_type).into_iter().flatten()
    }

    fn expression(&mut self, json: &Value) {
        let Value::Object(members) = json else {
            return json.as_array().into_iter().flatten().for_each(|element| self.expression(element));
        };
        if let (Some(ty), Some(id)) = (text(json, "type"), text(json, "id")) {
            self.entities.entry(ty.to_owned()).or_default().insert(id.to_owned());
        }
        for (operator, operands) in members {
            if COMPARISONS.contains(&operator.as_str()) {
                self.comparison(operands);
            }
            let called = operands.as_array().and_then(|operands| text(operands.first()?, "Value"));
            match (operator.as_str(), called) {
                ("duration", Some(called)) => self.durations.extend(parse_duration(called)),
                ("datetime" | "ip" | "decimal", Some(called)) => {
                    self.calls.entry(operator.clone()).or_default().insert(called.to_owned());
                }
                _ => {}
            }
            self.expression(operands);
        }
    }

    /// Whatever stands on one side may be what the other side is.
    fn comparison(&mut self, operands: &Value) {
        let (mut names, mut literals) = (BTreeSet::new(), Vec::new());
        collect(operands, &mut names, &mut literals);
        for name in names {
            for literal in &literals {
                match literal {
                    Value::String(text) => {
                        self.strings.entry(name.clone()).or_default().insert(text.clone());
                    }
                    Value::Number(number) => {
                        self.longs.entry(name.clone()).or_default().extend(number.as_i64());
                    }
                    _ => {}
                }
            }
        }
    }
}

fn collect(json: &Value, names: &mut BTreeSet<String>, literals: &mut Vec<Value>) {
    match json {
        Value::Array(elements) => elements.iter().for_each(|element| collect(element, names, literals)),
        Value::Object(members) => {
            if let Some(pattern) = members.get("pattern").and_then(Value::as_array) {
                let part = |part: &Value| text(part, "Literal").unwrap_or("x").to_owned();
                literals.push(pattern.iter().map(part).collect::<String>().into());
            }
            for (key, member) in members {
                match (key.as_str(), member) {
                    ("attr", Value::String(name)) => drop(names.insert(name.clone())),
                    ("Value", literal) => literals.push(literal.clone()),
                    _ => collect(member, names, literals),
                }
            }
        }
        _ => {}
    }
}

fn text<'a>(json: &'a Value, key: &str) -> Option<&'a str> {
    json.get(key)?.as_str()
}

const COMPARISONS: [&str; 10] = ["==", "!=", "<", "<=", ">", ">=", "contains", "containsAll", "containsAny", "like"];
