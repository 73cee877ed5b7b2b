//! What a resource is called in policies.

use std::cell::OnceCell;

use cedar_policy::{EntityId, EntityTypeName, EntityUid};

/// Type and id of a resource. Cedar's name is put together when it is asked for: few policies name a resource, and to make one
/// counts the users of what all threads share.
#[derive(Debug, Clone)]
pub(crate) struct ResourceName<'a> {
    type_name: &'a EntityTypeName,
    id: EntityId,
    uid: OnceCell<EntityUid>,
}

impl<'a> ResourceName<'a> {
    pub(crate) fn new(type_name: &'a EntityTypeName, id: &str) -> Self {
        Self { type_name, id: EntityId::new(id), uid: OnceCell::new() }
    }

    pub(crate) fn type_name(&self) -> &'a EntityTypeName {
        self.type_name
    }

    pub(crate) fn id(&self) -> &EntityId {
        &self.id
    }

    pub(crate) fn uid(&self) -> &EntityUid {
        self.uid.get_or_init(|| EntityUid::from_type_name_and_id(self.type_name.clone(), self.id.clone()))
    }

    /// Whether `uid` is the same name.
    pub(crate) fn is(&self, uid: &EntityUid) -> bool {
        uid.id() == &self.id && uid.type_name() == self.type_name
    }
}
