//! Facts as one text: the JSON Canonicalization Scheme (RFC 8785).
//!
//! The hard part of the scheme is how floating-point numbers are written. There are none here, so what is left is the order of
//! members and the escapes of strings, and the numbers that two readers of JSON could take for different ones are refused.

use std::borrow::Cow;

use serde_json::Value;

use super::error::{ValueError, ValueProblem};
use super::node::{Field, Node};

/// Writes `node` at the end of `text`. A member that is absent is left out, however it says so.
pub(super) fn write(node: &Node, text: &mut String) -> Result<(), ValueError> {
    match node {
        Node::Null => text.push_str("null"),
        Node::Bool(value) => text.push_str(if *value { "true" } else { "false" }),
        Node::Int(value) => write_integer(*value, text)?,
        Node::Str(value) => write_string(value, text),
        Node::Seq(items) => {
            text.push('[');
            for (place, item) in items.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(item, text).map_err(|error| error.in_item(place))?;
            }
            text.push(']');
        }
        Node::Map(members) => write_members(members, text)?,
    }
    Ok(())
}

/// RFC 7493 §2.2: beyond these, a reader that takes numbers for IEEE doubles sees another number than the one that is meant.
fn write_integer(value: i64, text: &mut String) -> Result<(), ValueError> {
    if value.unsigned_abs() > MAX_INTEGER {
        return Err(ValueProblem::NotInteroperable.into());
    }
    text.push_str(&value.to_string());
    Ok(())
}

/// RFC 8785 §3.2.2.2 asks for the escapes that serde_json writes: the short ones where there are any, and `\u00hh` for other
/// control characters.
fn write_string(value: &str, text: &mut String) {
    text.push_str(&Value::from(value).to_string());
}

/// RFC 8785 §3.2.3: sorted by the UTF-16 code units of their names.
fn write_members(members: &[(Cow<'static, str>, Field)], text: &mut String) -> Result<(), ValueError> {
    let present = |(name, field): &'_ (Cow<'static, str>, Field)| match field {
        Field::Skipped | Field::Present(Node::Null) => None,
        Field::Present(_) => Some(name.encode_utf16().collect::<Vec<u16>>()),
    };
    let mut sorted: Vec<_> = members.iter().filter_map(|member| Some((present(member)?, member))).collect();
    sorted.sort_by(|(one, _), (other, _)| one.cmp(other));
    text.push('{');
    let mut last: Option<&str> = None;
    for (_, (name, field)) in &sorted {
        if last == Some(name) {
            return Err(ValueError::from(ValueProblem::Twice).in_field(name));
        }
        if last.is_some() {
            text.push(',');
        }
        write_string(name, text);
        text.push(':');
        if let Field::Present(node) = field {
            write(node, text).map_err(|error| error.in_field(name))?;
        }
        last = Some(name);
    }
    text.push('}');
    Ok(())
}

/// 2⁵³ − 1.
const MAX_INTEGER: u64 = (1 << 53) - 1;
