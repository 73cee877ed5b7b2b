//! The resource of a question.

use std::collections::HashSet;
use std::sync::{Arc, LazyLock};

use cedar_policy::{Entity, EntityUid};
use smol_str::SmolStr;

use super::Refusal;
use crate::bundle::{Action, Bundle, ResourceKey};
use crate::parties::{Parties, Party};
use crate::typed::{Loaded, ResourceData, ResourceName};

/// What a question is about, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Matter<'a> {
    pub(crate) name: ResourceName<'a>,
    /// The name of its type, as text.
    pub(crate) entity_type: &'a SmolStr,
    known: Known<'a>,
}

#[derive(Debug, Clone)]
enum Known<'a> {
    /// It is one of the principals, whose entity is not to be replaced.
    Principal(&'a Party),
    /// It is not known yet: a stand-in, at which nobody looks.
    Nothing,
    /// Its id, and nothing depends on more.
    Id,
    /// It is in `entities.json`.
    Static(&'a Entity, &'a HashSet<EntityUid>),
    Loaded(Arc<Loaded>),
}

impl<'a> Matter<'a> {
    /// `resource`, if it fits `action`.
    pub(super) fn new(
        bundle: &'a Bundle,
        parties: &'a Parties,
        action: &'a Action,
        resource: &ResourceData,
    ) -> Result<Self, Refusal> {
        let Some(kind) = action.kind(resource.entity_type()) else {
            // An unknown type is worth another message.
            let (uid, _) = resource.uid(&bundle.types).map_err(|error| Refusal::new(error.to_string()))?;
            return Err(Refusal::new(format!("`{}` does not apply to `{}`", action.name, uid.type_name())));
        };
        let name = resource.name_as(&kind.this).map_err(|error| Refusal::new(error.to_string()))?;
        let entity_type = &kind.this.name;
        let known = if let Some(party) = parties.iter().find(|party| name.is(party.uid())) {
            if action.reads_resource
                && let Some(said) = loaded(resource, &name, bundle)?
            {
                refuse_news(party, &said)?;
            }
            Known::Principal(party)
        } else if kind.is_static
            && let Some((entity, ancestors)) = bundle.entities.get(name.uid())
        {
            Known::Static(entity, ancestors)
        } else if resource.is_bare() && action.reads_resource && !kind.is_id_alone {
            let message = format!("`{}` was not loaded, and policies for `{}` read it", name.type_name(), action.name);
            return Err(Refusal::new(message));
        } else {
            loaded(resource, &name, bundle)?.map_or(Known::Id, Known::Loaded)
        };
        Ok(Self { name, entity_type, known })
    }

    /// A stand-in for the resource of an early question: no policy that is evaluated then looks at it. `None` if `action` has
    /// no resource.
    pub(super) fn unknown(action: &'a Action) -> Option<Self> {
        let this = &action.kinds.first()?.this;
        let name = ResourceName::new(this.type_name.get(), "");
        Some(Self { name, entity_type: &this.name, known: Known::Nothing })
    }

    pub(crate) fn key(&self) -> ResourceKey<'_> {
        static NOTHING: LazyLock<HashSet<EntityUid>> = LazyLock::new(HashSet::new);
        let ancestors = match &self.known {
            Known::Principal(party) => party.ancestors(),
            Known::Nothing | Known::Id => &NOTHING,
            Known::Static(_, ancestors) => ancestors,
            Known::Loaded(loaded) => &loaded.ancestors,
        };
        ResourceKey { name: &self.name, ancestors }
    }

    /// The entity to add to the principals'.
    pub(super) fn entity(&self) -> Option<Entity> {
        match &self.known {
            Known::Principal(_) | Known::Nothing => None,
            Known::Id => Some(Entity::with_uid(self.name.uid().clone())),
            Known::Static(entity, _) => Some((*entity).clone()),
            Known::Loaded(loaded) => Some(loaded.entity.clone()),
        }
    }
}

/// What the application says of `resource`, with all that it is in. `None` for an id alone.
fn loaded(resource: &ResourceData, name: &ResourceName<'_>, bundle: &Bundle) -> Result<Option<Arc<Loaded>>, Refusal> {
    if resource.is_bare() {
        return Ok(None);
    }
    let close = |parent: &EntityUid, ancestors: &mut _| bundle.entities.close(parent, ancestors);
    let loaded = resource.loaded(name, bundle.hash(), &bundle.types, close);
    loaded.map_err(|error| Refusal::new(error.to_string()))
}

/// A principal that is the resource, too, is what it is as a principal. What is said of it besides would be lost, and a `forbid`
/// that reads it would be disarmed.
fn refuse_news(party: &Party, said: &Loaded) -> Result<(), Refusal> {
    let (uid, attributes, _) = said.entity.clone().into_inner();
    let news = attributes.keys().find(|name| party.entity().attr(name).is_none());
    let what = match (news, said.ancestors.iter().find(|above| !party.ancestors().contains(above))) {
        (Some(attribute), _) => format!("attribute `{attribute}`"),
        (None, Some(parent)) => format!("membership in `{parent}`"),
        (None, None) => return Ok(()),
    };
    let message = format!(
        "the {what} of this `{}`, who is the principal, is known of the resource only: let the directory say it of the principal",
        uid.type_name()
    );
    Err(Refusal::new(message))
}
