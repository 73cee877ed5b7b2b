//! What a decision asks of the types of resources that an action is for, looked up once.

use super::actions::Action;
use super::entities::StaticEntities;
use crate::typed::{EntityRef, Types};

/// A type of resources that an action is for.
#[derive(Debug, Clone)]
pub(crate) struct ResourceKind {
    pub(crate) this: EntityRef,
    /// Whether an id says everything there is to know of such a resource.
    pub(crate) is_id_alone: bool,
    /// Whether `entities.json` has resources of this type.
    pub(crate) is_static: bool,
}

impl Action {
    /// The name of the entity type to which it applies, if it is one.
    #[must_use]
    pub fn only_resource_type(&self) -> Option<&str> {
        let mut types = self.kinds.iter();
        types.next().filter(|_| types.next().is_none()).map(|kind| kind.this.name.as_str())
    }

    /// Whether it applies to resources of the type called `entity_type`.
    #[must_use]
    pub fn applies_to(&self, entity_type: &str) -> bool {
        self.kind(entity_type).is_some()
    }

    /// The type of resources called `entity_type`, if the action is for it.
    pub(crate) fn kind(&self, entity_type: &str) -> Option<&ResourceKind> {
        self.kinds.iter().find(|kind| *kind.this.name == *entity_type)
    }

    /// Looks up what decisions will ask of resources.
    pub(super) fn find_kinds(&mut self, types: &Types, entities: &StaticEntities) {
        let found = self.resources.iter().filter_map(|name| {
            let name = name.to_string();
            let (is_id_alone, is_static) = (types.is_id_alone(&name), entities.kept().contains_key(&name));
            Some(ResourceKind { this: types.entity(&name)?.this.clone(), is_id_alone, is_static })
        });
        self.kinds = found.collect();
    }
}
