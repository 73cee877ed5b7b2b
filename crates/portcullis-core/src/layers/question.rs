//! What is asked of the layers.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::sync::Arc;

use cedar_policy::RestrictedExpression;

use super::matter::Matter;
use super::scene::{ContextMemory, Scene};
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
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Standing {
    pub(crate) granted: ScopeSet,
    pub(crate) acr: Option<String>,
    pub(crate) authenticated_at: Option<UnixTime>,
    pub(crate) bindings: BTreeSet<Binding>,
    pub(crate) approval: Option<Approval>,
}

impl Standing {
    /// Whether policies can tell the two apart: they see no scopes.
    fn looks_like(&self, other: &Self) -> bool {
        let Self { granted: _, acr, authenticated_at, bindings, approval } = self;
        (acr, authenticated_at, bindings, approval)
            == (&other.acr, &other.authenticated_at, &other.bindings, &other.approval)
    }
}

/// A request that fits the schema, with everything that is needed to evaluate policies about it.
pub(crate) struct Question<'a> {
    pub(crate) bundle: &'a Bundle,
    /// `None` for a public action, which nobody stands behind.
    pub(crate) caller: Option<&'a Arc<Caller>>,
    pub(crate) parties: &'a Parties,
    pub(crate) action: &'a Action,
    /// How much of the question is known.
    pub(crate) stage: Stage,
    pub(crate) resource: Matter<'a>,
    pub(crate) facts: Vec<(String, RestrictedExpression)>,
    pub(crate) now: UnixTime,
    pub(crate) standing: Cow<'a, Standing>,
    pub(crate) scene: Scene,
    /// What was made for earlier questions of this session, under the same standing.
    pub(crate) memory: Option<&'a ContextMemory>,
}

impl<'a> Question<'a> {
    /// Makes a question of `request`.
    pub(crate) fn new(
        bundle: &'a Bundle,
        caller: Option<&'a Arc<Caller>>,
        parties: &'a Parties,
        request: &Request<'_>,
        standing: Cow<'a, Standing>,
        memory: Option<&'a ContextMemory>,
    ) -> Result<Self, Refusal> {
        let action = bundle.action(request.action).ok_or_else(|| Refusal::new("the schema has no such action"))?;
        let resource = Matter::new(bundle, parties, action, request.resource)?;
        let facts = if !action.has_facts && request.facts.are_none() {
            Ok(Vec::new())
        } else {
            request.facts.expressions(&bundle.types, request.action)
        };
        Ok(Self {
            bundle,
            caller,
            parties,
            action,
            stage: Stage::Whole,
            resource,
            facts: facts.map_err(|error| Refusal::new(error.to_string()))?,
            now: request.now,
            standing,
            scene: Scene::default(),
            memory,
        })
    }

    /// Asks what can be told of `action` before the resource is known. `None` if it has no resource.
    pub(crate) fn early(
        bundle: &'a Bundle,
        caller: &'a Arc<Caller>,
        parties: &'a Parties,
        action: &'a Action,
        now: UnixTime,
        standing: Cow<'a, Standing>,
        memory: &'a ContextMemory,
    ) -> Option<Self> {
        Some(Self {
            bundle,
            caller: Some(caller),
            parties,
            action,
            stage: Stage::Early,
            resource: Matter::unknown(action)?,
            facts: Vec::new(),
            now,
            standing,
            scene: Scene::default(),
            memory: Some(memory),
        })
    }

    /// Who is judged by ceilings: everybody involved that is not a user in person.
    pub(crate) fn software(&self) -> impl Iterator<Item = &'a Party> {
        let subject = Some(&self.parties.subject).filter(|subject| subject.kind() != Some(Kind::User));
        self.parties.actor.iter().chain(subject)
    }

    /// The same question under another standing.
    pub(crate) fn with_standing(&self, standing: Standing) -> Self {
        let scene = if standing.looks_like(&self.standing) {
            self.scene.with_other_scopes()
        } else {
            self.scene.with_other_standing()
        };
        Self {
            resource: self.resource.clone(),
            facts: self.facts.clone(),
            standing: Cow::Owned(standing),
            scene,
            memory: None,
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
