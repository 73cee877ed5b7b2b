//! Values as operators may see them: bounded, and without what is marked `@secret`.

use cedar_policy::EvalResult;

use crate::layers::Question;
use crate::parties::Party;
use crate::typed::{AttrType, RecordType, Types};

/// What must not be shown of one request.
pub(super) struct Secrets<'a> {
    types: &'a Types,
    principal: String,
    resource: &'a str,
    action: &'a str,
}

impl<'a> Secrets<'a> {
    pub(super) fn new(question: &'a Question<'a>, party: &Party) -> Self {
        Self {
            types: &question.bundle.types,
            principal: party.uid().type_name().to_string(),
            resource: question.resource.entity_type,
            action: question.action.name(),
        }
    }

    /// Whether an attribute on the way of `path` is marked `@secret`.
    pub(super) fn contains(&self, path: &[String]) -> bool {
        let Some((variable, attributes)) = path.split_first() else { return false };
        let mut record = match variable.as_str() {
            "principal" => self.types.entity_shape(&self.principal),
            "resource" => self.types.entity_shape(self.resource),
            "context" => self.types.context_type(self.action),
            _ => None,
        };
        for attribute in attributes {
            let Some(declared) = record.and_then(|record: &RecordType| record.attributes.get(attribute)) else {
                return false;
            };
            if declared.annotations.contains_key("secret") {
                return true;
            }
            record = match &declared.ty {
                AttrType::Record(record) => Some(record),
                AttrType::Entity(entity) => self.types.entity_shape(&entity.name),
                _ => None,
            };
        }
        false
    }
}

/// `value` in Cedar's notation. Of a record, only the names of its members: what is in them was not read.
pub(super) fn shown(value: &EvalResult) -> String {
    let text = match value {
        EvalResult::Bool(value) => value.to_string(),
        EvalResult::Long(value) => value.to_string(),
        EvalResult::String(text) => return quoted(text),
        EvalResult::EntityUid(uid) => format!("{}::{}", uid.type_name(), quoted(uid.id().unescaped())),
        EvalResult::Set(members) => {
            let shown: Vec<String> = members.iter().take(MOST_MEMBERS).map(shown).collect();
            format!("[{}]", with_rest(shown, members.len()))
        }
        EvalResult::Record(record) => {
            let names: Vec<String> =
                record.iter().take(MOST_MEMBERS).map(|(name, _)| cut(name, LONGEST_STRING)).collect();
            format!("{{{}}}", with_rest(names, record.len()))
        }
        EvalResult::ExtensionValue(text) => text.clone(),
    };
    cut(&text, LONGEST_VALUE)
}

/// Escaped, so that no value steers a terminal.
fn quoted(text: &str) -> String {
    format!("{:?}", cut(text, LONGEST_STRING))
}

fn with_rest(mut shown: Vec<String>, all: usize) -> String {
    if all > shown.len() {
        shown.push(format!("and {} more", all - shown.len()));
    }
    shown.join(", ")
}

/// The first `most` characters of `text`.
pub(super) fn cut(text: &str, most: usize) -> String {
    match text.char_indices().nth(most) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text.to_owned(),
    }
}

/// Characters of a string, or of the id of an entity.
const LONGEST_STRING: usize = 64;

/// Characters of any other value.
const LONGEST_VALUE: usize = 256;

/// Members of a set or a record.
const MOST_MEMBERS: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;
    use cedar_policy::{Context, Entities, Expression, Request, eval_expression};

    #[track_caller]
    fn of(text: &str) -> String {
        let uid = || "User::\"a\"".parse().unwrap();
        let request = Request::new(uid(), uid(), uid(), Context::empty(), None).unwrap();
        let expression: Expression = text.parse().unwrap();
        shown(&eval_expression(&request, &Entities::empty(), &expression).unwrap())
    }

    #[test]
    fn values_are_written_as_in_policies() {
        for text in ["true", "-3", "\"a\"", "User::\"ann\"", "[1, 2]", "[]"] {
            assert_eq!(of(text), text);
        }
        assert_eq!(of("{ a: 1, b: \"secret\" }"), "{a, b}", "what is in a record was not asked for");
        assert_eq!(of("[{ a: 1 }]"), "[{a}]");
    }

    #[test]
    fn no_value_is_long_or_steers_a_terminal() {
        assert_eq!(of(&format!("\"{}\"", "x".repeat(65))), format!("\"{}…\"", "x".repeat(64)));
        assert_eq!(of(&format!("User::\"{}\"", "é".repeat(65))), format!("User::\"{}…\"", "é".repeat(64)));
        let numbers: Vec<String> = (0..20).map(|number| number.to_string()).collect();
        assert_eq!(of(&format!("[{}]", numbers.join(", "))), "[0, 1, 2, 3, 4, 5, 6, 7, and 12 more]");
        assert!(!of("\"\\u{1b}[2J\\n\"").chars().any(char::is_control));
        let strings: Vec<String> = (0..8).map(|n| format!("\"{n}{}\"", "y".repeat(60))).collect();
        assert_eq!(of(&format!("[{}]", strings.join(", "))).chars().count(), LONGEST_VALUE + 1);
    }
}
