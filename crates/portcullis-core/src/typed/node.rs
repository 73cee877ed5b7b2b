//! Any serialisable value as a small tree that remembers what was left out.
//!
//! Serde's usual outputs lose the difference between "this field is absent" (`skip_field`) and "nobody mentioned this
//! field" (`#[serde(skip)]`). For an attribute that a `forbid` reads, that is the difference between a decision and a
//! hole.

use std::borrow::Cow;
use std::fmt;

use serde::Serialize;
use serde_json::Value;

use super::capture::Capture;
use super::error::{ValueError, ValueProblem};

/// A captured value.
#[derive(Clone, PartialEq)]
pub(crate) enum Node {
    Null,
    Bool(bool),
    Int(i64),
    Str(String),
    Seq(Vec<Self>),
    /// In the order of serialisation; a name may occur twice.
    Map(Vec<(Cow<'static, str>, Field)>),
}

/// A member of a captured record.
#[derive(Clone, PartialEq)]
pub(crate) enum Field {
    Present(Node),
    /// Serde's `skip_field`: the type says that this field exists and is absent now.
    Skipped,
}

impl Node {
    /// Captures `value`.
    pub(crate) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self, ValueError> {
        value.serialize(Capture { depth: 0 })
    }

    /// Captures a JSON value.
    ///
    /// By hand and not through its `Serialize`: there, numbers change their form when somebody in the build enables
    /// serde_json's `arbitrary_precision`.
    pub(crate) fn of_json(value: &Value) -> Result<Self, ValueError> {
        json(value, 0)
    }

    /// The JSON type with its article, for messages.
    pub(super) fn kind(&self) -> &'static str {
        match self {
            Self::Null => "null",
            Self::Bool(_) => "a boolean",
            Self::Int(_) => "an integer",
            Self::Str(_) => "a string",
            Self::Seq(_) => "an array",
            Self::Map(_) => "an object",
        }
    }
}

/// Attributes are personal data: only the type is shown.
impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.kind())
    }
}

fn json(value: &Value, depth: u8) -> Result<Node, ValueError> {
    Ok(match value {
        Value::Null => Node::Null,
        Value::Bool(value) => Node::Bool(*value),
        Value::Number(number) => match number.as_i64() {
            Some(value) => Node::Int(value),
            None if number.is_u64() => return Err(ValueProblem::IntegerRange.into()),
            None => return Err(ValueProblem::Float.into()),
        },
        Value::String(value) => Node::Str(value.clone()),
        Value::Array(items) => {
            let depth = deeper(depth)?;
            let items = items.iter().enumerate();
            Node::Seq(items.map(|(i, item)| json(item, depth).map_err(|e| e.in_item(i))).collect::<Result<_, _>>()?)
        }
        Value::Object(members) => {
            let depth = deeper(depth)?;
            let member = |(key, value): (&String, &Value)| {
                let node = json(value, depth).map_err(|e| e.in_field(key))?;
                Ok::<_, ValueError>((Cow::Owned(key.clone()), Field::Present(node)))
            };
            Node::Map(members.iter().map(member).collect::<Result<_, _>>()?)
        }
    })
}

/// Every level counts, also `Some` and newtypes, so that no recursive type recurses without bound.
pub(super) fn deeper(depth: u8) -> Result<u8, ValueError> {
    if depth >= MAX_DEPTH { Err(ValueProblem::TooDeep.into()) } else { Ok(depth + 1) }
}

/// Levels of nesting. Cedar schemas in use have two or three; the bound keeps every walk of the tree off the end of
/// the stack.
pub(super) const MAX_DEPTH: u8 = 16;
