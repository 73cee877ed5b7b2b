//! What of a value an audit record keeps: what the schema declares, which is all that policies can read.

use serde_json::{Map, Value};

use super::facts::Facts;
use super::node::{Field, Node};
use super::resource::ResourceData;
use super::types::{Attr, AttrType, RecordType, Types};

/// A value that the schema does not declare so. Nobody said that it may be kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Undeclared;

impl ResourceData {
    /// The declared attributes; `None` for an id alone.
    pub(crate) fn recorded_attributes(&self, types: &Types) -> Result<Option<Value>, Undeclared> {
        let Some(attributes) = self.attributes() else {
            return Ok(None);
        };
        let declared = types.entity_shape(self.entity_type()).ok_or(Undeclared)?;
        declared.recorded(attributes, Surplus::Dropped).map(Some)
    }

    /// What it is in; `None` if it does not say.
    pub(crate) fn recorded_parents(&self) -> Option<Vec<(String, String)>> {
        let parents = self.stated_parents()?;
        Some(parents.iter().map(|(entity_type, id)| (entity_type.to_string(), id.clone())).collect())
    }
}

impl Facts {
    /// The facts, if all of them are declared.
    pub(crate) fn recorded(&self, types: &Types, action: &str) -> Result<Value, Undeclared> {
        match (types.fact_type(action), self.node()) {
            (_, Node::Null) => Ok(Value::Null),
            (Some(declared), node) => declared.recorded(node, Surplus::Refused),
            (None, _) => Err(Undeclared),
        }
    }
}

impl Types {
    /// What of an entity of the type `name` these types declare and `recorded` do not, so that no record of theirs holds it.
    pub(crate) fn entity_beyond(&self, recorded: &Self, name: &str) -> Option<String> {
        let known = recorded.entity_parents(name);
        let attribute = self.entity_shape(name).and_then(|shape| shape.beyond(recorded.entity_shape(name)));
        let parent = || self.entity_parents(name).iter().find(|parent| !known.contains(parent)).map(String::as_str);
        attribute.or_else(parent).map(|what| format!("{name}.{what}"))
    }

    /// As `entity_beyond`, for the facts of an action.
    pub(crate) fn facts_beyond(&self, recorded: &Self, action: &str) -> Option<String> {
        self.fact_type(action)?.beyond(recorded.fact_type(action)).map(|what| format!("context.{what}"))
    }
}

/// What becomes of members that are not declared, as when they are converted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Surplus {
    Dropped,
    Refused,
}

impl RecordType {
    /// The first member that `recorded` does not declare, or declares otherwise.
    fn beyond(&self, recorded: Option<&Self>) -> Option<&str> {
        let is_known = |(name, attr): &(&String, &Attr)| {
            let known = recorded.and_then(|recorded| recorded.attributes.get(*name));
            known.is_some_and(|known| {
                attr.annotations.get("claim") == known.annotations.get("claim") && attr.ty.is_within(&known.ty)
            })
        };
        self.attributes.iter().find(|member| !is_known(member)).map(|(name, _)| name.as_str())
    }

    fn recorded(&self, node: &Node, surplus: Surplus) -> Result<Value, Undeclared> {
        let Node::Map(members) = node else {
            return if *node == Node::Null { Ok(Value::Null) } else { Err(Undeclared) };
        };
        let mut kept = Map::new();
        for (name, field) in members {
            let Some(declared) = self.attributes.get(name.as_ref()) else {
                if surplus == Surplus::Refused {
                    return Err(Undeclared);
                }
                continue;
            };
            let value = match field {
                Field::Skipped => Value::Null,
                Field::Present(node) => declared.ty.recorded(node, surplus)?,
            };
            // JSON cannot say that a name occurred twice.
            if kept.insert(name.to_string(), value).is_some() {
                return Err(Undeclared);
            }
        }
        Ok(Value::Object(kept))
    }
}

impl AttrType {
    /// Whether a record of a value of the type `recorded` holds all that this type has.
    fn is_within(&self, recorded: &Self) -> bool {
        match (self, recorded) {
            (Self::Entity(this), Self::Entity(other)) => this.name == other.name,
            (Self::Record(this), Self::Record(other)) => this.beyond(Some(other)).is_none(),
            (Self::Set(this), Self::Set(other)) => this.is_within(other),
            (this, other) => this == other,
        }
    }

    /// A value of another type is kept only where it is a single one, which is what was wrong.
    fn recorded(&self, node: &Node, surplus: Surplus) -> Result<Value, Undeclared> {
        Ok(match (self, node) {
            (_, Node::Null) => Value::Null,
            (_, Node::Bool(value)) => Value::Bool(*value),
            (_, Node::Int(value)) => Value::from(*value),
            (_, Node::Str(text)) => Value::String(text.clone()),
            (Self::Set(element), Node::Seq(items)) => {
                Value::Array(items.iter().map(|item| element.recorded(item, surplus)).collect::<Result<_, _>>()?)
            }
            (Self::Record(record), node @ Node::Map(_)) => record.recorded(node, surplus)?,
            (Self::Entity(_), Node::Map(members)) => reference(members).ok_or(Undeclared)?,
            _ => return Err(Undeclared),
        })
    }
}

/// An entity as an object of `type` and `id`.
fn reference(members: &[(std::borrow::Cow<'static, str>, Field)]) -> Option<Value> {
    let text = |name: &str| {
        members.iter().find_map(|(key, field)| match field {
            Field::Present(Node::Str(text)) if key == name => Some(text.clone()),
            _ => None,
        })
    };
    let (entity_type, id) = (text("type")?, text("id")?);
    (members.len() == 2).then(|| serde_json::json!({ "type": entity_type, "id": id }))
}
