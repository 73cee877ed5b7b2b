//! A caller prepared for one bundle.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::bundle::Bundle;
use crate::caller::{Caller, ClaimsError};
use crate::claims::Kind;
use crate::decision::{Conclusion, Decision, Denial, Diagnosis, Explanation};
use crate::engine;
use crate::layers::{Approval, ContextMemory, Question, Refusal, Request, Standing};
use crate::parties::Parties;
use crate::scope::{ScopeName, ScopeSet};
use crate::time::UnixTime;

/// A caller prepared for one bundle: principals with their roles, scopes as a set.
///
/// It owns its bundle, so it can never be decided against another.
#[derive(Debug)]
pub struct Session {
    bundle: Arc<Bundle>,
    caller: Arc<Caller>,
    parties: Parties,
    agent_classes: Vec<String>,
    /// As long as no clock differs, and nobody approves.
    standing: Standing,
    memory: ContextMemory,
    unknown_scopes: Vec<String>,
}

impl Session {
    pub(crate) fn new(bundle: Arc<Bundle>, caller: Arc<Caller>, known: &PrincipalFacts) -> Result<Self, SessionError> {
        let parties = Parties::new(&bundle, &caller, known)?;
        let agent_classes = agent_classes(&caller, &parties);
        let mut granted = ScopeSet::default();
        let mut unknown_scopes = Vec::new();
        for wire in caller.scopes().unwrap_or_default() {
            match bundle.scope_on_wire(&caller, wire) {
                Some(name) => granted.extend(&bundle.scopes().expand([name])),
                None => unknown_scopes.push(wire.clone()),
            }
        }
        let standing = Standing {
            granted,
            acr: caller.acr().map(str::to_owned),
            authenticated_at: caller.authenticated_at(),
            bindings: caller.bindings().clone(),
            approval: None,
        };
        Ok(Self { bundle, caller, parties, agent_classes, standing, memory: ContextMemory::default(), unknown_scopes })
    }

    /// The bundle that this session was prepared for.
    #[must_use]
    pub fn bundle(&self) -> &Arc<Bundle> {
        &self.bundle
    }

    /// Who is behind the token.
    #[must_use]
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Every class of agents in which the subject or the actor is, be it that `entities.json` says so, a directory or the token.
    ///
    /// It can be more than ceilings see, for which `entities.json` alone counts where it names the agent: whoever stops a
    /// class wants to stop all that come under its name.
    #[must_use]
    pub fn agent_classes(&self) -> &[String] {
        &self.agent_classes
    }

    /// Scopes of the token that the bundle does not know. They grant nothing and are kept for the audit log.
    #[must_use]
    pub fn unknown_scopes(&self) -> &[String] {
        &self.unknown_scopes
    }

    /// Whether a scope of the token is the scope called `name`, or includes it.
    #[must_use]
    pub fn has_scope(&self, name: &str) -> bool {
        self.bundle.scopes().id(name).is_some_and(|id| self.standing.granted.contains(id))
    }

    /// When the subject last logged in, as far as it is believed at the time `now`: a login in the future is none.
    #[must_use]
    pub fn authenticated_at(&self, now: UnixTime) -> Option<UnixTime> {
        self.caller.authenticated_at().and_then(|at| never_in_the_future(at, now))
    }

    /// The name under which a token of this caller's issuer would carry the scope called `name`: what a challenge says.
    ///
    /// `None` if the bundle has no such scope, or if this issuer cannot confer it: then asking for it would be in vain.
    #[must_use]
    pub fn wire_name_of(&self, name: &ScopeName) -> Option<&str> {
        self.bundle.scopes().get(name.as_str()).and_then(|scope| self.caller.wire_name(scope))
    }

    /// Decides `request`.
    ///
    /// A request that does not fit the schema is denied with [`DenialKind::Error`](crate::DenialKind::Error).
    pub fn decide(&self, request: &Request<'_>) -> Decision {
        self.conclude(request)
    }

    /// Decides `request` and keeps what every layer said.
    #[must_use]
    pub fn explain(&self, request: &Request<'_>) -> Explanation {
        self.conclude(request)
    }

    /// As [`Engine::diagnose`](crate::Engine::diagnose).
    pub(crate) fn diagnose(&self, request: &Request<'_>) -> Explanation {
        self.conclude::<Diagnosis>(request).0
    }

    fn conclude<T: for<'c> From<&'c Conclusion<'c>>>(&self, request: &Request<'_>) -> T {
        match self.question(request) {
            Ok(question) => (&Conclusion::of_question(&question, engine::evaluate(&question))).into(),
            Err(refusal) => {
                let evaluation = engine::refuse(self.parties.include_software(), &refusal);
                (&Conclusion::of_refusal(Some(&self.caller), request, evaluation)).into()
            }
        }
    }

    fn question(&self, request: &Request<'_>) -> Result<Question<'_>, Refusal> {
        let standing = self.standing(request.approval.as_ref(), request.now)?;
        let memory = request.approval.is_none().then_some(&self.memory);
        Question::new(&self.bundle, Some(&self.caller), &self.parties, request, standing, memory)
    }

    /// Decides what can be decided of `action` at the time `now` before its resource and facts are known.
    ///
    /// `Some` if the request will be denied whatever they are, so that a hopeless request need not reach the handler.
    /// `None` decides nothing: the handler must ask with the resource.
    #[must_use]
    pub fn deny_early(&self, action: &str, now: UnixTime) -> Option<Denial> {
        match self.early::<Decision>(action, now)? {
            Decision::Allow(_) => None,
            Decision::Deny(denial) => Some(denial),
        }
    }

    /// As [`Session::deny_early`], with what every layer said. An allow decides nothing.
    #[must_use]
    pub fn explain_early(&self, action: &str, now: UnixTime) -> Option<Explanation> {
        self.early(action, now)
    }

    /// As [`Session::explain_early`], with what [`Engine::diagnose`](crate::Engine::diagnose) says besides.
    #[must_use]
    pub fn diagnose_early(&self, action: &str, now: UnixTime) -> Option<Explanation> {
        self.early::<Diagnosis>(action, now).map(|diagnosis| diagnosis.0)
    }

    fn early<T: for<'c> From<&'c Conclusion<'c>>>(&self, action: &str, now: UnixTime) -> Option<T> {
        let action = self.bundle.action(action).filter(|action| !action.is_public())?;
        let standing = self.standing(None, now).ok()?;
        let question = Question::early(&self.bundle, &self.caller, &self.parties, action, now, standing, &self.memory)?;
        Some((&Conclusion::of_question(&question, engine::evaluate(&question))).into())
    }

    /// The standing with which the caller comes.
    fn standing(&self, approval: Option<&Approval>, now: UnixTime) -> Result<Cow<'_, Standing>, Refusal> {
        let subject = self.caller.subject();
        if let Some(approval) = approval
            && (subject.kind != Kind::User || approval.by != subject.id)
        {
            return Err(Refusal::new("the approval is not the subject's"));
        }
        let authenticated_at = self.authenticated_at(now);
        if approval.is_none() && authenticated_at == self.standing.authenticated_at {
            return Ok(Cow::Borrowed(&self.standing));
        }
        Ok(Cow::Owned(Standing { authenticated_at, approval: approval.cloned(), ..self.standing.clone() }))
    }
}

fn agent_classes(caller: &Caller, parties: &Parties) -> Vec<String> {
    let stated = [&caller.subject().class, &caller.actor().and_then(|actor| actor.class.clone())];
    let stated = stated.into_iter().flatten().cloned();
    let known = parties.iter().flat_map(|party| party.classes().iter().cloned());
    known.chain(stated).collect::<BTreeSet<_>>().into_iter().collect()
}

/// A login time within the tolerance for clocks that differ counts as now; one beyond it is not believed.
fn never_in_the_future(at: UnixTime, now: UnixTime) -> Option<UnixTime> {
    (at <= now.plus(CLOCK_TOLERANCE)).then(|| at.min(now))
}

/// What the application knows of the subject of a token, besides what the token and the bundle say.
///
/// ```
/// use portcullis_core::PrincipalFacts;
///
/// let facts = PrincipalFacts::new().with_membership("Role", "editor").with_attribute("tenant", "acme");
/// # let _ = facts;
/// ```
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PrincipalFacts {
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) memberships: BTreeSet<(String, String)>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) attributes: BTreeMap<String, Value>,
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub(crate) complete: BTreeSet<String>,
}

impl PrincipalFacts {
    /// Nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The subject is in the entity `id` of the type `entity_type`, such as a role.
    #[must_use]
    pub fn with_membership(mut self, entity_type: impl Into<String>, id: impl Into<String>) -> Self {
        let entity_type = entity_type.into();
        self.complete.insert(entity_type.clone());
        self.memberships.insert((entity_type, id.into()));
        self
    }

    /// The memberships in entities of the type `entity_type` are complete as stated, which stands in for a list that the
    /// token leaves open.
    #[must_use]
    pub fn with_complete(mut self, entity_type: impl Into<String>) -> Self {
        self.complete.insert(entity_type.into());
        self
    }

    /// The subject has the attribute `name`. It takes precedence over a claim.
    #[must_use]
    pub fn with_attribute(mut self, name: impl Into<String>, value: impl Into<Value>) -> Self {
        self.attributes.insert(name.into(), value.into());
        self
    }
}

/// Why a caller has no session.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// The claims do not make a caller: the token is at fault.
    #[error(transparent)]
    Claims(#[from] ClaimsError),
    /// A claim does not have the type of the attribute that it fills: the token is at fault.
    #[error("claim `{claim}` does not fit attribute `{attribute}`: it {problem}")]
    Claim {
        /// The claim.
        claim: String,
        /// The attribute of the schema.
        attribute: String,
        /// What is wrong.
        problem: String,
    },
    /// The token does not say all of a list that policies test, and nobody supplies it.
    #[error(
        "the memberships of the subject in `{entity_type}` are unknown: supply them, or state that absent means empty"
    )]
    UnknownMemberships {
        /// The entity type.
        entity_type: String,
    },
    /// What the application or `entities.json` says of a principal does not fit the schema.
    #[error("`{entity_type}` does not fit the schema: {problem}")]
    Principal {
        /// The entity type.
        entity_type: String,
        /// What is wrong.
        problem: String,
    },
}

/// How far the clocks of issuer and service may differ.
const CLOCK_TOLERANCE: Duration = Duration::from_secs(60);
