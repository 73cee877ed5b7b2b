//! The resource of a question.

use std::borrow::Cow;
use std::collections::HashSet;

use cedar_policy::{Entity, EntityUid};
use smol_str::SmolStr;

use super::Refusal;
use crate::bundle::{Action, Bundle, ResourceKey};
use crate::parties::{Parties, Party};
use crate::typed::{ResourceData, ResourceName};

/// What a question is about, and what is known of it.
#[derive(Debug, Clone)]
pub(crate) struct Matter<'a> {
    pub(crate) name: ResourceName<'a>,
    /// The name of its type, as text.
    pub(crate) entity_type: &'a SmolStr,
    ancestors: Cow<'a, HashSet<EntityUid>>,
    known: Known<'a>,
}

#[derive(Debug, Clone)]
enum Known<'a> {
    /// It is one of the principals, whose entity is not to be replaced.
    Principal,
    /// Its id, and nothing depends on more.
    Id,
    /// It is in `entities.json`.
    Static(&'a Entity),
    Loaded(Box<Entity>),
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
        if let Some(party) = parties.iter().find(|party| name.is(party.uid())) {
            if action.reads_resource
                && let Some((entity, above)) = loaded(resource, name.uid(), bundle)?
            {
                refuse_news(party, entity, &above)?;
            }
            let (ancestors, known) = (Cow::Borrowed(party.ancestors()), Known::Principal);
            return Ok(Self { name, entity_type, ancestors, known });
        }
        if kind.is_static
            && let Some((entity, ancestors)) = bundle.entities.get(name.uid())
        {
            let (ancestors, known) = (Cow::Borrowed(ancestors), Known::Static(entity));
            return Ok(Self { name, entity_type, ancestors, known });
        }
        if resource.is_bare() && action.reads_resource && !kind.is_id_alone {
            let message = format!("`{}` was not loaded, and policies for `{}` read it", name.type_name(), action.name);
            return Err(Refusal::new(message));
        }
        if resource.is_bare() {
            return Ok(Self { name, entity_type, ancestors: Cow::Owned(HashSet::new()), known: Known::Id });
        }
        let (known, ancestors) = match loaded(resource, name.uid(), bundle)? {
            Some((entity, ancestors)) => (Known::Loaded(Box::new(entity)), ancestors),
            None => (Known::Id, HashSet::new()),
        };
        Ok(Self { name, entity_type, ancestors: Cow::Owned(ancestors), known })
    }

    /// A stand-in for the resource of an early question: no policy that is evaluated then looks at it. `None` if `action` has
    /// no resource.
    pub(super) fn unknown(action: &'a Action) -> Option<Self> {
        let this = &action.kinds.first()?.this;
        let (name, ancestors) = (ResourceName::new(&this.type_name, ""), Cow::Owned(HashSet::new()));
        Some(Self { name, entity_type: &this.name, ancestors, known: Known::Principal })
    }

    pub(crate) fn key(&self) -> ResourceKey<'_> {
        ResourceKey { name: &self.name, ancestors: &self.ancestors }
    }

    /// The entity to add to the principals'.
    pub(super) fn entity(&self) -> Option<Entity> {
        match &self.known {
            Known::Principal => None,
            Known::Id => Some(Entity::with_uid(self.name.uid().clone())),
            Known::Static(entity) => Some((*entity).clone()),
            Known::Loaded(entity) => Some((**entity).clone()),
        }
    }
}

/// What the application says of `resource`, with all that it is in.
fn loaded(
    resource: &ResourceData,
    uid: &EntityUid,
    bundle: &Bundle,
) -> Result<Option<(Entity, HashSet<EntityUid>)>, Refusal> {
    let close = |parent: &EntityUid, ancestors: &mut _| bundle.entities.close(parent, ancestors);
    resource.loaded(uid, &bundle.types, close).map_err(|error| Refusal::new(error.to_string()))
}

/// A principal that is the resource, too, is what it is as a principal. What is said of it besides would be lost, and a `forbid`
/// that reads it would be disarmed.
fn refuse_news(party: &Party, said: Entity, above: &HashSet<EntityUid>) -> Result<(), Refusal> {
    let (uid, said, _) = said.into_inner();
    let news = said.keys().find(|name| party.entity().attr(name).is_none());
    let what = match (news, above.iter().find(|above| !party.ancestors().contains(above))) {
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
