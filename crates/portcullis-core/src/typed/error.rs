//! Why a value does not fit the schema.

use std::fmt::{self, Write as _};

use super::node::MAX_DEPTH;

/// What is wrong with an attribute of a resource, or with a fact.
///
/// Never contains the value: attributes are personal data, and errors go to logs.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ValueProblem {
    /// The schema requires the attribute, and the application stated that it is absent.
    #[error("is absent, but the schema requires it")]
    Absent,
    /// A byte string, which Cedar does not have.
    #[error("is a byte string, which Cedar does not have")]
    Bytes,
    /// A reference to an entity of another type.
    #[error("names an entity of another type than `{expected}`")]
    EntityType {
        /// The entity type that the schema declares.
        expected: String,
    },
    /// A floating-point number, which Cedar does not have.
    #[error("is a floating-point number, which Cedar does not have")]
    Float,
    /// An integer below −2⁶³ or above 2⁶³ − 1.
    #[error("is an integer that does not fit 64 bits with a sign")]
    IntegerRange,
    /// A map whose keys are not strings.
    #[error("has a key that is not a string")]
    Key,
    /// A string that is not the text form of the declared type.
    #[error("is not {expected}")]
    Malformed {
        /// The text form that was expected.
        expected: &'static str,
    },
    /// An integer that not every reader of JSON takes for the same number, where one text must mean one thing (RFC 7493 §2.2).
    #[error("is an integer beyond 2^53 - 1, which readers of JSON may take for another one: declare it as a string")]
    NotInteroperable,
    /// The schema declares the attribute and serialisation passed it over in silence, so nobody knows whether it is
    /// absent. Serde's `skip`, a `rename` and a flattened `skip_serializing_if` do this.
    #[error("was never serialised: emit it, with `None` or `skip_field` when it is absent")]
    NeverSerialised,
    /// Cedar did not accept the value, for a reason that no other variant names.
    #[error("was refused by Cedar")]
    Refused,
    /// More levels than any schema needs.
    #[error("is nested deeper than {MAX_DEPTH} levels")]
    TooDeep,
    /// Two values under one name.
    #[error("was serialised twice")]
    Twice,
    /// A name that the schema does not declare, where everything must be declared.
    #[error("is not declared by the schema")]
    Undeclared,
    /// An id that an enumerated entity type does not list.
    #[error("names an entity that `{entity_type}` does not list")]
    UnlistedId {
        /// The enumerated entity type.
        entity_type: String,
    },
    /// The `Serialize` implementation failed. Its message is withheld, because it may quote the value.
    #[error("could not be serialised: its `Serialize` implementation reported an error")]
    Unserialisable,
    /// A value of another type.
    #[error("is {found}, expected {expected}")]
    WrongType {
        /// The type that the schema declares.
        expected: String,
        /// The JSON type that was found.
        found: &'static str,
    },
}

/// A problem and the place where it is: a path such as `address.lines[2]`, empty for the value as a whole.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{}` {problem}", self.path())]
pub(crate) struct ValueError {
    problem: ValueProblem,
    /// Innermost first: an error learns its place on its way out.
    place: Vec<Step>,
}

impl ValueError {
    /// The same error, seen from the record that holds the value as `key`.
    pub(super) fn in_field(mut self, key: &str) -> Self {
        let shown: String = key.chars().take(MAX_SHOWN_KEY).flat_map(char::escape_debug).collect();
        self.place.push(Step::Field(shown));
        self
    }

    /// The same error, seen from the list that holds the value at `index`.
    pub(super) fn in_item(mut self, index: usize) -> Self {
        self.place.push(Step::Item(index));
        self
    }

    /// Where the problem is; empty for the value as a whole.
    pub(crate) fn path(&self) -> String {
        let mut path = String::new();
        for step in self.place.iter().rev() {
            match step {
                Step::Field(key) if path.is_empty() => path.push_str(key),
                Step::Field(key) => {
                    path.push('.');
                    path.push_str(key);
                }
                Step::Item(index) => {
                    // Writing to a `String` cannot fail.
                    let _ = write!(path, "[{index}]");
                }
            }
        }
        path
    }

    /// What the problem is.
    pub(crate) fn problem(&self) -> &ValueProblem {
        &self.problem
    }
}

impl From<ValueProblem> for ValueError {
    fn from(problem: ValueProblem) -> Self {
        Self { problem, place: Vec::new() }
    }
}

impl serde::ser::Error for ValueError {
    fn custom<T: fmt::Display>(_: T) -> Self {
        ValueProblem::Unserialisable.into()
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Step {
    Field(String),
    Item(usize),
}

/// Characters of a key that an error shows. Keys of a map are data: they may be long, and are escaped for the log.
const MAX_SHOWN_KEY: usize = 64;
