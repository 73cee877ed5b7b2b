//! What is acted upon.

use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use cedar_policy::{Entity, EntityUid};
use serde::Serialize;
use serde_json::Value;
use smol_str::SmolStr;

use super::convert::Origin;
use super::error::{ValueError, ValueProblem};
use super::loaded::{Loaded, Memory};
use super::node::{Field, Node};
use super::parents::Parents;
use super::resource_name::ResourceName;
use super::types::{EntityRef, EntityShape, Types};
use crate::bundle::BundleHash;

/// A value of the application that policies decide about.
///
/// Its attributes are what serde serialises, restricted to what the schema declares for [`Resource::TYPE`] and typed by
/// it: an entity reference is written as the id, a `datetime` as RFC 3339, `duration`, `ipaddr` and `decimal` as
/// Cedar's text forms. Fields that the schema does not declare are ignored.
///
/// **Every declared attribute must be serialised.** An attribute that a policy does not find cannot forbid anything, so
/// absence has to be stated: by `None`, or by `skip_serializing_if`, which serde reports. A field that never appears,
/// because of `#[serde(skip)]` or a `rename` meant for the JSON API, is an error that names it. In a struct with
/// `#[serde(flatten)]`, serde does not report `skip_serializing_if`: use `None` there.
///
/// ```
/// use std::borrow::Cow;
///
/// use portcullis_core::{Parents, Resource, ResourceData};
/// use serde::Serialize;
///
/// #[derive(Serialize)]
/// struct Project {
///     id: u64,
///     workspace: String,
///     owner: String,
///     archived: bool,
/// }
///
/// impl Resource for Project {
///     const TYPE: &'static str = "Project";
///
///     fn id(&self) -> Cow<'_, str> {
///         self.id.to_string().into()
///     }
///
///     fn parents(&self) -> Parents {
///         [("Workspace", self.workspace.as_str())].into()
///     }
/// }
///
/// let project = Project { id: 7, workspace: "w1".into(), owner: "ann".into(), archived: false };
/// let data = ResourceData::of(&project)?;
/// assert_eq!((data.entity_type(), data.id()), ("Project", "7"));
/// # Ok::<(), portcullis_core::ResourceError>(())
/// ```
pub trait Resource: Serialize {
    /// The full name of the entity type in the schema.
    const TYPE: &'static str;

    /// The id. Unique within the type, and never given to another resource later.
    fn id(&self) -> Cow<'_, str>;

    /// Every ancestor that policies may name, direct or not.
    ///
    /// What is above an entity of the bundle's `entities.json` is added by the engine. A type that the schema lets be
    /// in others must implement this, with [`Parents::none`] for a resource that is in nothing: a forgotten parent
    /// would disarm a `forbid` on the folder.
    fn parents(&self) -> Parents {
        Parents::unstated()
    }

    /// What becomes another one whenever the resource changes: a counter, an entity tag, a hash of the content.
    ///
    /// A resource of an action that a person may have to confirm (`@confirm`) must have one: what is confirmed is this version,
    /// and no later one.
    fn version(&self) -> Option<Cow<'_, str>> {
        None
    }
}

impl<R: Resource> Resource for &R {
    const TYPE: &'static str = R::TYPE;

    fn id(&self) -> Cow<'_, str> {
        R::id(self)
    }

    fn parents(&self) -> Parents {
        R::parents(self)
    }

    fn version(&self) -> Option<Cow<'_, str>> {
        R::version(self)
    }
}

/// A resource without its Rust type: what the engine decides about.
#[derive(Clone, PartialEq)]
pub struct ResourceData {
    ty: SmolStr,
    id: SmolStr,
    /// `None` for a bare id.
    attributes: Option<Node>,
    parents: Parents,
    version: Option<String>,
    memory: Memory,
}

impl ResourceData {
    /// Takes the data of `resource`.
    ///
    /// # Errors
    ///
    /// If an attribute has no counterpart in Cedar (floating-point numbers, byte strings), is nested too deeply, or
    /// cannot be serialised.
    pub fn of<R: Resource + ?Sized>(resource: &R) -> Result<Self, ResourceError> {
        let attributes = Node::of(resource).map_err(|error| ResourceError::value(R::TYPE, &error))?;
        Ok(Self {
            ty: SmolStr::new_static(R::TYPE),
            id: resource.id().into(),
            attributes: Some(attributes),
            parents: resource.parents(),
            version: resource.version().map(Cow::into_owned),
            memory: Memory::default(),
        })
    }

    /// Takes the attributes from a JSON object. Its author writes `null` for an attribute that is absent.
    ///
    /// # Errors
    ///
    /// As [`ResourceData::of`].
    pub fn from_json(
        ty: impl AsRef<str>,
        id: impl AsRef<str>,
        attributes: &Value,
        parents: Parents,
    ) -> Result<Self, ResourceError> {
        let (ty, id) = (SmolStr::new(ty), SmolStr::new(id));
        let attributes = Node::of_json(attributes).map_err(|error| ResourceError::value(&ty, &error))?;
        Ok(Self { ty, id, attributes: Some(attributes), parents, version: None, memory: Memory::default() })
    }

    /// An id alone, for decisions that read nothing of the resource but its identity.
    #[must_use]
    pub fn bare(ty: impl AsRef<str>, id: impl AsRef<str>) -> Self {
        Self {
            ty: SmolStr::new(ty),
            id: SmolStr::new(id),
            attributes: None,
            parents: Parents::unstated(),
            version: None,
            memory: Memory::default(),
        }
    }

    /// The full name of the entity type.
    #[must_use]
    pub fn entity_type(&self) -> &str {
        &self.ty
    }

    /// The id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What becomes another one whenever the resource changes. `None` if the application did not say.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Whether this is an id alone. It must not be decided where a policy reads attributes or parents.
    #[must_use]
    pub fn is_bare(&self) -> bool {
        self.attributes.is_none()
    }

    pub(super) fn attributes(&self) -> Option<&Node> {
        self.attributes.as_ref()
    }

    pub(super) fn stated_parents(&self) -> Option<&[(Cow<'static, str>, String)]> {
        self.parents.stated()
    }

    /// The name of the resource in policies, and that of its type.
    pub(crate) fn uid(&self, types: &Types) -> Result<(EntityUid, SmolStr), ResourceError> {
        let shape = self.shape(types)?;
        Ok((self.name_as(&shape.this)?.uid().clone(), shape.this.name.clone()))
    }

    /// The entity, with the parents that the resource states.
    #[cfg(test)]
    pub(crate) fn entity(&self, types: &Types) -> Result<Entity, ResourceError> {
        let (uid, _) = self.uid(types)?;
        Ok(self.load(&uid, types, |_, _| ())?.map_or_else(|| Entity::with_uid(uid), |loaded| loaded.entity))
    }

    /// As [`ResourceData::load`], once for the bundle with the hash `bundle`.
    pub(crate) fn loaded(
        &self,
        name: &ResourceName<'_>,
        bundle: BundleHash,
        types: &Types,
        close: impl Fn(&EntityUid, &mut HashSet<EntityUid>),
    ) -> Result<Option<Arc<Loaded>>, ResourceError> {
        self.memory.get_or_make(bundle, || self.load(name.uid(), types, close))
    }

    /// The entity called `uid`, with its ancestors, after `close` has added to them what is above each stated parent.
    /// `None` for a bare id.
    pub(super) fn load(
        &self,
        uid: &EntityUid,
        types: &Types,
        close: impl Fn(&EntityUid, &mut HashSet<EntityUid>),
    ) -> Result<Option<Loaded>, ResourceError> {
        let Some(attributes) = &self.attributes else {
            return Ok(None);
        };
        let shape = self.shape(types)?;
        if shape.tagged {
            return Err(ResourceError::Tagged { entity_type: self.ty.to_string() });
        }
        let attributes = shape
            .attributes
            .expressions(attributes, Origin::Resource)
            .map_err(|error| ResourceError::value(&self.ty, &error))?;
        let mut ancestors = HashSet::new();
        for parent in self.parent_uids(shape, types)? {
            close(&parent, &mut ancestors);
            ancestors.insert(parent);
        }
        let attributes: HashMap<_, _> = attributes.into_iter().collect();
        // Everything that Cedar could refuse was checked above; should it still refuse, that is an error too.
        Entity::new(uid.clone(), attributes, ancestors.clone())
            .map(|entity| Some(Loaded { entity, ancestors }))
            .map_err(|_| ResourceError::Whole { entity_type: self.ty.to_string(), problem: ValueProblem::Refused })
    }

    fn shape<'a>(&self, types: &'a Types) -> Result<&'a EntityShape, ResourceError> {
        types.entity(&self.ty).ok_or_else(|| ResourceError::UnknownType { entity_type: self.ty.to_string() })
    }

    /// The name of the resource in policies, which is of the type `this`.
    pub(crate) fn name_as<'a>(&self, this: &'a EntityRef) -> Result<ResourceName<'a>, ResourceError> {
        if !this.has(&self.id) {
            return Err(ResourceError::UnlistedId { entity_type: self.ty.to_string(), id: self.id.to_string() });
        }
        Ok(ResourceName::new(this.type_name.get(), &self.id))
    }

    fn parent_uids(&self, shape: &EntityShape, types: &Types) -> Result<Vec<EntityUid>, ResourceError> {
        let Some(parents) = self.parents.stated() else {
            return match shape.parents.as_slice() {
                [] => Ok(Vec::new()),
                [parent, ..] => Err(ResourceError::ParentsUnstated {
                    entity_type: self.ty.to_string(),
                    parent_type: parent.clone(),
                }),
            };
        };
        let uid = |(ty, id): &(Cow<'static, str>, String)| {
            let parent = types.entity(ty).filter(|_| shape.ancestors.contains(ty.as_ref()));
            parent
                .and_then(|parent| parent.this.uid(id).ok())
                .ok_or_else(|| ResourceError::Parent { entity_type: self.ty.to_string(), parent_type: ty.to_string() })
        };
        parents.iter().map(uid).collect()
    }
}

/// Attributes are personal data: only their names are shown.
impl fmt::Debug for ResourceData {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = match &self.attributes {
            Some(Node::Map(members)) => members.iter().map(|(name, _): &(_, Field)| name).collect(),
            _ => Vec::new(),
        };
        f.debug_struct("ResourceData")
            .field("type", &self.ty)
            .field("id", &self.id)
            .field("attributes", &names)
            .field("parents", &self.parents)
            .finish()
    }
}

/// Why a resource cannot be decided about. Always the application's fault, or its schema's, never the caller's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ResourceError {
    /// An attribute is not as the schema declares it.
    #[error("attribute `{path}` of `{entity_type}` {problem}")]
    Attribute {
        /// The entity type.
        entity_type: String,
        /// Where, such as `address.lines[2]`.
        path: String,
        /// What is wrong.
        problem: ValueProblem,
    },
    /// A parent of a type that the schema does not allow there, or with an id that its enumerated type does not list.
    #[error("a `{entity_type}` cannot be in this `{parent_type}`")]
    Parent {
        /// The entity type.
        entity_type: String,
        /// The parent's type.
        parent_type: String,
    },
    /// The schema lets the type be in others, and the resource does not say in which it is.
    #[error(
        "a `{entity_type}` can be in a `{parent_type}`: implement `parents`, with `Parents::none` when it is in nothing"
    )]
    ParentsUnstated {
        /// The entity type.
        entity_type: String,
        /// A type that it can be in.
        parent_type: String,
    },
    /// The schema gives the type tags, which resources cannot state.
    #[error("`{entity_type}` has tags, which a resource cannot state: declare attributes instead")]
    Tagged {
        /// The entity type.
        entity_type: String,
    },
    /// Not an entity type of the schema.
    #[error("the schema has no entity type `{entity_type}`")]
    UnknownType {
        /// The entity type.
        entity_type: String,
    },
    /// An id that the enumerated entity type does not list.
    #[error("`{id}` is not one of the ids that `{entity_type}` lists")]
    UnlistedId {
        /// The entity type.
        entity_type: String,
        /// The id.
        id: String,
    },
    /// The resource as a whole is not a record of attributes.
    #[error("a `{entity_type}` as a whole {problem}")]
    Whole {
        /// The entity type.
        entity_type: String,
        /// What is wrong.
        problem: ValueProblem,
    },
}

impl ResourceError {
    fn value(entity_type: &str, error: &ValueError) -> Self {
        let (entity_type, path, problem) = (entity_type.to_owned(), error.path(), error.problem().clone());
        if path.is_empty() {
            Self::Whole { entity_type, problem }
        } else {
            Self::Attribute { entity_type, path, problem }
        }
    }
}
