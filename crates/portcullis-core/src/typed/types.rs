//! What the schema says about values.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use cedar_policy::EntityTypeName;
use serde_json::Value;
use smol_str::SmolStr;

use super::schema_json;
use crate::copies::Copies;

/// The types of all attributes, and of the context of every action.
///
/// Cedar keeps them to itself after loading a schema, so they are read from the JSON form of its fragments.
#[derive(Debug, Clone, Default)]
pub(crate) struct Types {
    pub(super) entities: BTreeMap<String, EntityShape>,
    pub(super) actions: BTreeMap<String, ActionFacts>,
}

impl Types {
    /// Reads the fragments of one schema, each as `SchemaFragment::to_json_value` writes it.
    ///
    /// They must have passed Cedar together: nothing is checked here that Cedar checks.
    pub(crate) fn from_json(fragments: &[&Value]) -> Result<Self, TypesError> {
        schema_json::read(fragments)
    }

    /// The entity type with this full name (`Project`, `Portcullis::Kind`).
    pub(crate) fn entity(&self, name: &str) -> Option<&EntityShape> {
        self.entities.get(name)
    }

    /// All entity types by full name.
    pub(crate) fn entities(&self) -> impl Iterator<Item = (&str, &EntityShape)> {
        self.entities.iter().map(|(name, shape)| (name.as_str(), shape))
    }

    /// The attributes of an entity type.
    pub(crate) fn entity_shape(&self, name: &str) -> Option<&RecordType> {
        self.entity(name).map(|shape| &shape.attributes)
    }

    /// The entity types that entities of this type may be direct members of.
    pub(crate) fn entity_parents(&self, name: &str) -> &[String] {
        self.entity(name).map_or(&[], |shape| &shape.parents)
    }

    #[cfg(test)]
    /// The ids of an enumerated entity type; `None` for one that takes any id.
    pub(crate) fn enum_ids(&self, name: &str) -> Option<&BTreeSet<String>> {
        self.entity(name).and_then(|shape| shape.this.ids.as_deref())
    }

    /// Whether an id says everything there is to know of entities of this type: they have nothing and are in nothing.
    pub(crate) fn is_id_alone(&self, name: &str) -> bool {
        self.entity(name)
            .is_some_and(|shape| shape.attributes.attributes.is_empty() && shape.parents.is_empty() && !shape.tagged)
    }

    /// The whole context of an action, empty for a group; `None` for an unknown id.
    pub(crate) fn context_type(&self, action: &str) -> Option<&RecordType> {
        self.actions.get(action).map(|action| &action.context)
    }

    /// The part of the context that the application supplies: all but `auth` and `now`.
    pub(crate) fn fact_type(&self, action: &str) -> Option<&RecordType> {
        self.actions.get(action).map(|action| &action.facts)
    }
}

/// An entity type.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntityShape {
    pub(crate) this: EntityRef,
    pub(crate) attributes: RecordType,
    /// Types that an entity may be a direct member of.
    pub(crate) parents: Vec<String>,
    /// Types that an entity may be a member of through any number of steps.
    pub(crate) ancestors: BTreeSet<String>,
    /// Whether entities carry tags, whose names the schema does not know.
    pub(crate) tagged: bool,
    pub(crate) annotations: Annotations,
}

/// A record: an entity's attributes, a context, or a value inside either.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct RecordType {
    pub(crate) attributes: BTreeMap<String, Attr>,
}

/// A member of a record.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Attr {
    pub(crate) ty: AttrType,
    pub(crate) required: bool,
    pub(crate) annotations: Annotations,
}

/// The type of a value, with all names resolved.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum AttrType {
    Bool,
    Datetime,
    Decimal,
    Duration,
    Entity(EntityRef),
    Ip,
    Long,
    Record(RecordType),
    Set(Box<Self>),
    String,
}

impl AttrType {
    /// Whether a value of this type holds a reference to an entity somewhere.
    pub(crate) fn holds_entities(&self) -> bool {
        match self {
            Self::Entity(_) => true,
            Self::Set(element) => element.holds_entities(),
            Self::Record(record) => record.attributes.values().any(|attr| attr.ty.holds_entities()),
            Self::Bool | Self::Datetime | Self::Decimal | Self::Duration | Self::Ip | Self::Long | Self::String => {
                false
            }
        }
    }
}

/// A type of entities, parsed once so that no request parses it again.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntityRef {
    pub(crate) name: SmolStr,
    pub(crate) type_name: Copies<EntityTypeName>,
    /// The only ids there are, for an enumerated type.
    pub(crate) ids: Option<Arc<BTreeSet<String>>>,
}

/// The context of an action.
#[derive(Debug, Clone, Default)]
pub(super) struct ActionFacts {
    pub(super) context: RecordType,
    pub(super) facts: RecordType,
}

/// Annotations by name; one without a value reads as the empty string.
pub(crate) type Annotations = BTreeMap<String, String>;

/// Why a schema's JSON form could not be read.
///
/// A schema that Cedar accepts causes none of these, except for [`TypesError::AmbiguousAction`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum TypesError {
    /// Two namespaces declare an action with one id, and requests name actions by id.
    #[error("action `{action}` is declared in two namespaces")]
    AmbiguousAction {
        /// The id.
        action: String,
    },
    /// The shape of an entity type or the context of an action is not a record.
    #[error("`{owner}` has a shape or context that is not a record")]
    NotARecord {
        /// The entity type or action.
        owner: String,
    },
    /// Common types that contain themselves.
    #[error("the types of namespace `{namespace}` are nested too deeply")]
    TooDeep {
        /// The namespace.
        namespace: String,
    },
    /// The JSON is not a schema in Cedar's JSON form.
    #[error("the schema's JSON form is unreadable")]
    Unreadable(#[source] serde_json::Error),
    /// A type that no fragment declares.
    #[error("type `{name}`, used in namespace `{namespace}`, is not declared")]
    UnknownType {
        /// The name as the schema writes it.
        name: String,
        /// The namespace in which it is used.
        namespace: String,
    },
}
