//! What a log leaves out.

use serde_json::{Map, Value, json};

use super::record::Record;

/// The places whose values are not written.
#[derive(Debug, Clone, Default)]
pub(super) struct Masks(Vec<Vec<String>>);

impl Masks {
    /// Adds `path`, such as `caller.subject.id`. `*` stands for any member, and lists are gone through.
    ///
    /// # Errors
    ///
    /// If nothing of a record could be meant.
    pub(super) fn add(&mut self, path: &str) -> Result<(), MaskError> {
        let parts: Vec<String> = path.split('.').map(str::to_owned).collect();
        let known = parts.first().is_some_and(|first| MASKABLE.contains(&first.as_str()));
        if !known || parts.iter().any(String::is_empty) {
            return Err(MaskError { path: path.to_owned() });
        }
        self.0.push(parts);
        Ok(())
    }

    /// The members of `record` as text.
    pub(super) fn apply(&self, record: &Record) -> String {
        if self.0.is_empty() {
            let text = serde_json::to_string(record).unwrap_or_default();
            if text.len() <= LONGEST {
                return text;
            }
        }
        let Ok(Value::Object(mut members)) = serde_json::to_value(record) else { return String::new() };
        let masked: Vec<String> =
            self.0.iter().filter(|path| mask(&mut members, path)).map(|path| path.join(".")).collect();
        if !masked.is_empty() {
            // The texts of errors may repeat a value.
            for path in ["reason", "decisions.answer.layers.errors"] {
                mask(&mut members, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
            }
            members.insert("masked".to_owned(), json!(masked));
            members.insert("replayable".to_owned(), json!(false));
        }
        let text = Value::Object(members.clone()).to_string();
        if text.len() <= LONGEST { text } else { cut(members) }
    }
}

/// A record without what can be long: what was asked about.
fn cut(mut members: Map<String, Value>) -> String {
    for path in ["decisions.question.resource.attributes", "decisions.question.facts", "caller.claims", "caller.known"]
    {
        mask(&mut members, &path.split('.').map(str::to_owned).collect::<Vec<_>>());
    }
    members.insert("cut".to_owned(), json!(true));
    members.insert("replayable".to_owned(), json!(false));
    Value::Object(members).to_string()
}

/// Whether something stands at `path`, which is then replaced.
fn mask(members: &mut Map<String, Value>, path: &[String]) -> bool {
    let Some((first, rest)) = path.split_first() else { return false };
    let mut found = false;
    for (_, value) in members.iter_mut().filter(|(name, _)| first == "*" || *name == first) {
        found |= if rest.is_empty() { hide(value) } else { descend(value, rest) };
    }
    found
}

fn descend(value: &mut Value, path: &[String]) -> bool {
    match value {
        Value::Object(members) => mask(members, path),
        Value::Array(items) => items.iter_mut().fold(false, |found, item| descend(item, path) | found),
        _ => false,
    }
}

fn hide(value: &mut Value) -> bool {
    *value = Value::String(MASKED.to_owned());
    true
}

/// Not a path into a record.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{path}` does not lead into a record: it begins with one of {}", list())]
#[non_exhaustive]
pub struct MaskError {
    /// The path.
    pub path: String,
}

fn list() -> String {
    MASKABLE.map(|name| format!("`{name}`")).join(", ")
}

/// The members of a record that can be masked in whole or in part. What remains says that something happened, when, and what
/// became of it.
const MASKABLE: [&str; 6] = ["caller", "decisions", "reason", "route", "token_sha256", "trace_id"];

/// Stands in the place of what is left out.
const MASKED: &str = "[masked]";

/// Octets of the longest record that is written whole.
const LONGEST: usize = 256 * 1024;
