//! What is asked of the layers.

use std::collections::BTreeSet;

use cedar_policy::{Entity, EntityId, EntityUid, RestrictedExpression};

use crate::bundle::{Action, Bundle};
use crate::caller::Caller;
use crate::claims::{Binding, Kind};
use crate::parties::{Parties, Party};
use crate::scope::ScopeSet;
use crate::time::UnixTime;
use crate::typed::{Facts, ResourceData};

/// One request of a session: may it do this action on this resource, now?
///
/// ```
/// use portcullis_core::{Facts, Request, ResourceData, UnixTime};
///
/// let project = ResourceData::bare("Project", "apollo");
/// let now = UnixTime::from_secs(1_767_226_000).unwrap();
/// let request = Request::new("GetProject", &project, now).with_facts(Facts::none());
/// assert_eq!(request.action(), "GetProject");
/// ```
#[derive(Debug, Clone)]
pub struct Request<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a ResourceData,
    pub(crate) facts: Facts,
    pub(crate) now: UnixTime,
    pub(crate) approval: Option<Approval>,
}

impl<'a> Request<'a> {
    /// Asks for the action called `action` on `resource` at the time `now`.
    #[must_use]
    pub fn new(action: &'a str, resource: &'a ResourceData, now: UnixTime) -> Self {
        Self { action, resource, facts: Facts::none(), now, approval: None }
    }

    /// Adds what the schema declares in the action's context besides `auth` and `now`.
    #[must_use]
    pub fn with_facts(mut self, facts: Facts) -> Self {
        self.facts = facts;
        self
    }

    /// Adds a person's approval of exactly this request.
    #[must_use]
    pub fn with_approval(mut self, approval: Approval) -> Self {
        self.approval = Some(approval);
        self
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        self.action
    }
}

/// A person's word for one request: `context.auth.approval`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Approval {
    pub(crate) by: String,
    pub(crate) at: UnixTime,
}

impl Approval {
    /// Takes it as verified that the user with the principal id `by` approved at the time `at`.
    ///
    /// The engine believes it, as it believes [`crate::VerifiedClaims::assume_verified`]. An approval by anybody but the
    /// subject of the session is refused.
    #[must_use]
    pub fn assume_verified(by: impl Into<String>, at: UnixTime) -> Self {
        Self { by: by.into(), at }
    }
}

/// What a caller could add to itself: a remedy is a change of this, and of nothing else.
#[derive(Debug, Clone, Default)]
pub(crate) struct Standing {
    pub(crate) granted: ScopeSet,
    pub(crate) acr: Option<String>,
    pub(crate) authenticated_at: Option<UnixTime>,
    pub(crate) bindings: BTreeSet<Binding>,
    pub(crate) approval: Option<Approval>,
}

/// A request that fits the schema, with everything that Cedar needs to evaluate policies about it.
pub(crate) struct Question<'a> {
    pub(crate) bundle: &'a Bundle,
    /// `None` for a public action, which nobody stands behind.
    pub(crate) caller: Option<&'a Caller>,
    pub(crate) parties: &'a Parties,
    pub(crate) action: &'a Action,
    /// How much of the question is known.
    pub(crate) stage: Stage,
    pub(crate) resource: EntityUid,
    /// `None` where the resource is one of the principals, whose entity is not to be replaced.
    resource_entity: Option<Entity>,
    pub(crate) facts: Vec<(String, RestrictedExpression)>,
    pub(crate) now: UnixTime,
    pub(crate) standing: Standing,
}

impl<'a> Question<'a> {
    /// Makes a question of `request`.
    pub(crate) fn new(
        bundle: &'a Bundle,
        caller: Option<&'a Caller>,
        parties: &'a Parties,
        request: &Request<'_>,
        standing: Standing,
    ) -> Result<Self, Refusal> {
        let action = bundle.action(request.action).ok_or_else(|| Refusal::new("the schema has no such action"))?;
        let types = &bundle.types;
        let resource = request.resource.uid(types).map_err(|error| Refusal::new(error.to_string()))?;
        if !action.resources.contains(resource.type_name()) {
            let message = format!("`{}` does not apply to `{}`", action.name, resource.type_name());
            return Err(Refusal::new(message));
        }
        let resource_entity = if parties.iter().any(|party| *party.uid() == resource) {
            None
        } else if let Some(known) = bundle.entities.get(&resource) {
            Some(known.clone())
        } else if request.resource.is_bare()
            && action.reads_resource
            && !types.is_id_alone(request.resource.entity_type())
        {
            let message =
                format!("`{}` was not loaded, and policies for `{}` read it", resource.type_name(), action.name);
            return Err(Refusal::new(message));
        } else {
            let close = |parent: &EntityUid, ancestors: &mut _| bundle.entities.close(parent, ancestors);
            let entity = request.resource.entity_below(types, close);
            Some(entity.map_err(|error| Refusal::new(error.to_string()))?)
        };
        let facts =
            request.facts.expressions(types, request.action).map_err(|error| Refusal::new(error.to_string()))?;
        Ok(Self {
            bundle,
            caller,
            parties,
            action,
            stage: Stage::Whole,
            resource,
            resource_entity,
            facts,
            now: request.now,
            standing,
        })
    }

    /// Asks what can be told of `action` before the resource is known. `None` if it has no resource.
    pub(crate) fn early(
        bundle: &'a Bundle,
        caller: &'a Caller,
        parties: &'a Parties,
        action: &'a Action,
        now: UnixTime,
        standing: Standing,
    ) -> Option<Self> {
        // A stand-in: no policy that is evaluated early looks at it.
        let resource = EntityUid::from_type_name_and_id(action.resources.first()?.clone(), EntityId::new(""));
        Some(Self {
            bundle,
            caller: Some(caller),
            parties,
            action,
            stage: Stage::Early,
            resource,
            resource_entity: None,
            facts: Vec::new(),
            now,
            standing,
        })
    }

    /// Who is judged by ceilings: everybody involved that is not a user in person.
    pub(crate) fn software(&self) -> impl Iterator<Item = &'a Party> {
        let subject = Some(&self.parties.subject).filter(|subject| subject.kind() != Some(Kind::User));
        self.parties.actor.iter().chain(subject)
    }

    /// The store: the request's action with its groups, and the principals with their ancestors. Without them `in` is
    /// just false, and a `forbid` on a group would not apply.
    pub(crate) fn entities(&self) -> impl Iterator<Item = Entity> {
        let parties = self.parties.iter().map(Party::entity);
        let known = std::iter::once(&self.action.entity).chain(parties).cloned();
        known.chain(self.resource_entity.clone())
    }

    /// The same question under another standing.
    pub(crate) fn with_standing(&self, standing: Standing) -> Self {
        Self {
            resource: self.resource.clone(),
            resource_entity: self.resource_entity.clone(),
            facts: self.facts.clone(),
            standing,
            ..*self
        }
    }
}

/// When a question is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stage {
    /// Before the handler: the resource and the facts are not known, so only policies that need neither are evaluated,
    /// and a layer that such a policy could still allow does not deny.
    Early,
    /// With everything.
    Whole,
}

/// Why a request was not put to the layers: the application's fault, never the caller's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}
