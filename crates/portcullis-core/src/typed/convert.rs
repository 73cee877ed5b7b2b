//! Captured values as Cedar expressions of the declared type.

use std::borrow::Cow;

use cedar_policy::{EntityId, EntityUid, RestrictedExpression};
use serde_json::Value;

use super::error::{ValueError, ValueProblem};
use super::literal;
use super::node::{Field, Node};
use super::types::{AttrType, EntityRef, RecordType};

/// Where a value comes from, which decides what silence and surplus mean.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A claim of a token. The issuer sends what it likes: a member that it left out is absent, and members that the
    /// schema does not declare are dropped.
    Claim,
    /// What the application adds to a request. Every declared member must appear and no other: a misspelt fact is an
    /// error.
    Facts,
    /// A resource of the application. Every declared member must appear; the others are for other readers of the same
    /// type, and are dropped.
    Resource,
}

impl AttrType {
    /// `value` as an expression of this type; `None` for JSON `null`, which is an absent value.
    pub(crate) fn of_json(&self, value: &Value, origin: Origin) -> Result<Option<RestrictedExpression>, ValueError> {
        match Node::of_json(value)? {
            Node::Null => Ok(None),
            node => self.expression(&node, origin).map(Some),
        }
    }

    /// `node` as an expression of this type.
    pub(crate) fn expression(&self, node: &Node, origin: Origin) -> Result<RestrictedExpression, ValueError> {
        Ok(match (self, node) {
            (Self::Bool, Node::Bool(value)) => RestrictedExpression::new_bool(*value),
            (Self::Long, Node::Int(value)) => RestrictedExpression::new_long(*value),
            (Self::String, Node::Str(text)) => RestrictedExpression::new_string(text.clone()),
            (Self::Datetime | Self::Decimal | Self::Duration | Self::Ip, Node::Str(text)) => self.extension(text)?,
            (Self::Entity(ty), node) => RestrictedExpression::new_entity_uid(ty.uid_of(node)?),
            (Self::Set(element), Node::Seq(items)) => {
                let item = |(i, node): (usize, &Node)| element.expression(node, origin).map_err(|e| e.in_item(i));
                let items = items.iter().enumerate().map(item).collect::<Result<Vec<_>, _>>()?;
                RestrictedExpression::new_set(items)
            }
            (Self::Record(record), Node::Map(_)) => {
                let members = record.expressions(node, origin)?;
                RestrictedExpression::new_record(members).map_err(|_| ValueProblem::Refused)?
            }
            _ => return Err(self.mismatch(node).into()),
        })
    }

    fn extension(&self, text: &str) -> Result<RestrictedExpression, ValueProblem> {
        let expression = match self {
            Self::Datetime => literal::datetime(text).map(RestrictedExpression::new_datetime),
            Self::Decimal => literal::decimal(text).map(RestrictedExpression::new_decimal),
            Self::Duration => literal::duration(text).map(RestrictedExpression::new_duration),
            Self::Ip => literal::ip(text).map(RestrictedExpression::new_ip),
            _ => None,
        };
        expression.ok_or(ValueProblem::Malformed { expected: self.text_form() })
    }

    fn text_form(&self) -> &'static str {
        match self {
            Self::Datetime => "a date and time of RFC 3339 with its offset",
            Self::Decimal => "a decimal with one to four digits after the point",
            Self::Duration => "a duration such as `1h30m`",
            Self::Ip => "an IP address or network",
            _ => "of its declared type",
        }
    }

    fn mismatch(&self, node: &Node) -> ValueProblem {
        let expected = match self {
            Self::Bool => Cow::Borrowed("a boolean"),
            Self::Datetime | Self::Decimal | Self::Duration | Self::Ip => self.text_form().into(),
            Self::Entity(ty) => ty.expected().into(),
            Self::Long => "an integer".into(),
            Self::Record(_) => "an object".into(),
            Self::Set(_) => "an array".into(),
            Self::String => "a string".into(),
        };
        ValueProblem::WrongType { expected: expected.into_owned(), found: node.kind() }
    }
}

impl RecordType {
    /// The members of `node`, by name, without the absent ones.
    pub(crate) fn expressions(
        &self,
        node: &Node,
        origin: Origin,
    ) -> Result<Vec<(String, RestrictedExpression)>, ValueError> {
        let members = match node {
            Node::Map(members) => members.as_slice(),
            // `()` and unit structs: a record without members.
            Node::Null => &[],
            _ => {
                let problem = ValueProblem::WrongType { expected: "an object".to_owned(), found: node.kind() };
                return Err(problem.into());
            }
        };
        if origin == Origin::Facts
            && let Some((name, _)) = members.iter().find(|(name, _)| !self.attributes.contains_key(name.as_ref()))
        {
            return Err(ValueError::from(ValueProblem::Undeclared).in_field(name));
        }
        let mut expressions = Vec::with_capacity(self.attributes.len());
        for (name, attr) in &self.attributes {
            let expression = match seen(members, name, origin)? {
                Some(node) => Some(attr.ty.expression(node, origin).map_err(|e| e.in_field(name))?),
                None if attr.required => {
                    return Err(ValueError::from(ValueProblem::Absent).in_field(name));
                }
                None => None,
            };
            expressions.extend(expression.map(|expression| (name.clone(), expression)));
        }
        Ok(expressions)
    }
}

/// The one value with this name; `None` if the origin stated that there is none.
fn seen<'a>(
    members: &'a [(Cow<'static, str>, Field)],
    name: &str,
    origin: Origin,
) -> Result<Option<&'a Node>, ValueError> {
    let mut found = members.iter().filter(|(key, _)| key == name).map(|(_, field)| field);
    let problem = match (found.next(), found.next()) {
        (Some(Field::Skipped | Field::Present(Node::Null)), None) => return Ok(None),
        (Some(Field::Present(node)), None) => return Ok(Some(node)),
        (Some(_), Some(_)) => ValueProblem::Twice,
        (None, _) if origin == Origin::Claim => return Ok(None),
        (None, _) => ValueProblem::NeverSerialised,
    };
    Err(ValueError::from(problem).in_field(name))
}

impl EntityRef {
    /// The entity of this type with the id `id`.
    pub(crate) fn uid(&self, id: &str) -> Result<EntityUid, ValueProblem> {
        if !self.has(id) {
            return Err(ValueProblem::UnlistedId { entity_type: self.name.to_string() });
        }
        Ok(EntityUid::from_type_name_and_id(self.type_name.get().clone(), EntityId::new(id)))
    }

    /// Whether an entity of this type can have the id `id`.
    pub(super) fn has(&self, id: &str) -> bool {
        self.ids.as_ref().is_none_or(|ids| ids.contains(id))
    }

    /// An id, or an object with exactly `type` and `id`.
    fn uid_of(&self, node: &Node) -> Result<EntityUid, ValueProblem> {
        match node {
            Node::Str(id) => self.uid(id),
            Node::Map(members) => match members.as_slice() {
                [(a, Field::Present(Node::Str(ty))), (b, Field::Present(Node::Str(id)))]
                | [(b, Field::Present(Node::Str(id))), (a, Field::Present(Node::Str(ty)))]
                    if a == "type" && b == "id" =>
                {
                    if **ty == *self.name {
                        self.uid(id)
                    } else {
                        Err(ValueProblem::EntityType { expected: self.name.to_string() })
                    }
                }
                _ => Err(ValueProblem::WrongType { expected: self.expected(), found: "another object" }),
            },
            _ => Err(ValueProblem::WrongType { expected: self.expected(), found: node.kind() }),
        }
    }

    fn expected(&self) -> String {
        format!("the id of a `{}`, or an object of `type` and `id`", self.name)
    }
}
