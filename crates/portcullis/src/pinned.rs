//! A gate held to one bundle: the steps of a request after its credentials.

use std::fmt;
use std::sync::Arc;

use portcullis_core::{
    Action, Bundle, Decision, Denial, Facts, Grant, Permit, Request, ResourceData, Session, UnixTime,
};
use portcullis_token::{KeyPlace, Presented};

use crate::answer::Answer;
use crate::audit::Trail;
use crate::challenge::{ApiKeyScheme, ProtectionSpace, Sender};
use crate::confirm::Confirmations;
use crate::decision_id::DecisionId;
use crate::directory::{BoxFuture, DirectoryError};
use crate::gate::{Parts, RETRY_AFTER};
use crate::head::RouteMatch;
use crate::known::{KnownCaller, Prepared};
use crate::refusal::{Defect, Refusal, chain};
use crate::routes::{EndpointId, Target, Unroutable};
use crate::rules::Rules;

/// A gate with the rules that held when a request began: whatever is asked about this request is answered by them, also if
/// other rules hold by now.
#[derive(Clone)]
pub(crate) struct Pinned {
    pub(crate) rules: Arc<Rules>,
    /// What the audit record of the request will say.
    pub(crate) trail: Trail,
}

impl Pinned {
    pub(crate) fn parts(&self) -> &Parts {
        &self.rules.parts
    }

    /// The bundle that the request is decided by.
    pub(crate) fn bundle(&self) -> &Arc<Bundle> {
        self.rules.engine.bundle()
    }

    pub(crate) fn answer(&self, refusal: &Refusal, sender: &Sender, id: DecisionId, method: &http::Method) -> Answer {
        let space = ProtectionSpace {
            realm: &self.parts().realm,
            metadata: self.parts().resource.metadata_url(),
            initial_scopes: self.rules.initial_scopes.as_deref(),
            dpop_algs: self.parts().dpop_algs.as_deref(),
            api_keys: match self.parts().key_place() {
                Some(KeyPlace::Scheme) => ApiKeyScheme::Accepted,
                _ => ApiKeyScheme::None,
            },
        };
        let answer = Answer::of(refusal, space, sender.scheme, id, method);
        match &sender.next_nonce {
            Some(nonce) => answer.with_nonce(nonce),
            None => answer,
        }
    }

    /// Decides and discharges.
    pub(crate) fn decide(
        &self,
        session: Option<&Session>,
        action: &str,
        resource: &ResourceData,
        facts: Facts,
        now: UnixTime,
    ) -> Result<Permit, Refusal> {
        let request = Request::new(action, resource, now).with_facts(facts);
        self.permit(session, self.grant(session, resource, &request)?, now)
    }

    /// Discharges what comes with `grant`.
    pub(crate) fn permit(&self, session: Option<&Session>, grant: Grant, now: UnixTime) -> Result<Permit, Refusal> {
        // The handler may have waited for others since the request began.
        self.refuse_revoked(session, now)?;
        self.parts().duties.permit(grant)
    }

    /// Refuses what was revoked at this moment, be it by the class of an agent.
    pub(crate) fn refuse_revoked(&self, session: Option<&Session>, now: UnixTime) -> Result<(), Refusal> {
        session.map_or(Ok(()), |session| self.parts().refuse_revoked(|| Presented::of_session(session), now))
    }

    /// Whether a person may have to confirm the action called `name`.
    pub(crate) fn may_need_confirmation(&self, name: &str) -> bool {
        self.bundle().action(name).is_some_and(Action::may_need_confirmation)
    }

    pub(crate) fn confirmations(&self) -> Result<&Confirmations, Defect> {
        self.parts().confirmations.as_ref().ok_or(Defect::NoApprovals)
    }

    /// Decides. Nothing is discharged.
    pub(crate) fn grant(
        &self,
        session: Option<&Session>,
        resource: &ResourceData,
        request: &Request<'_>,
    ) -> Result<Grant, Refusal> {
        let decision = if self.trail.is_kept() {
            let explanation = self.rules.engine.explain(session, request);
            self.trail.decided(self.bundle(), request, &explanation);
            explanation.into_decision()
        } else {
            self.judge(session, request)
        };
        self.explain(session, request, &decision);
        Self::granted(self.bundle(), session, resource, decision)
    }

    fn granted(
        bundle: &Bundle,
        session: Option<&Session>,
        resource: &ResourceData,
        decision: Decision,
    ) -> Result<Grant, Refusal> {
        match decision {
            Decision::Allow(grant) => Ok(grant),
            Decision::Deny(denial) => Err(Refusal::denied(bundle, session, denial, Some(resource.entity_type()))),
        }
    }

    /// Decides about one item of a list, which is recorded as a whole.
    pub(crate) fn decide_item(
        &self,
        session: Option<&Session>,
        action: &str,
        resource: &ResourceData,
        now: UnixTime,
    ) -> Result<Permit, Refusal> {
        let decision = self.judge(session, &Request::new(action, resource, now));
        self.permit(session, Self::granted(self.bundle(), session, resource, decision)?, now)
    }

    /// Decides, and neither discharges nor records anything.
    pub(crate) fn judge(&self, session: Option<&Session>, request: &Request<'_>) -> Decision {
        self.rules.engine.decide(session, request)
    }

    /// What the application knows of `caller`, prepared for decisions.
    pub(crate) async fn session(&self, known: &KnownCaller, now: UnixTime) -> Result<Arc<Session>, Refusal> {
        let directory = &self.parts().directory;
        let lifetime = directory.principal_lifetime();
        let known_session = known.prepared(now, lifetime, |prepared| {
            self.trail.knows(&prepared.facts);
            Arc::clone(&prepared.session)
        });
        if let Some(session) = known_session {
            return Ok(session);
        }
        let caller = known.caller();
        let facts = self.ask(directory.principal(caller)).await?;
        self.trail.knows(&facts);
        let session = Arc::new(self.rules.engine.session_with(Arc::clone(caller), &facts)?);
        if !lifetime.is_zero() {
            known.keep(Prepared { session: Arc::clone(&session), facts, at: now });
        }
        Ok(session)
    }

    pub(crate) fn find<'a>(
        &self,
        method: &http::Method,
        route: Option<&'a RouteMatch>,
    ) -> Result<(EndpointId, &'a RouteMatch), Refusal> {
        let route = route.ok_or(Refusal::NoRoute)?;
        let found = self.rules.routes.find(method, route).map_err(|error| match error {
            Unroutable::NoAction => Refusal::NoAction,
            Unroutable::MethodNotAllowed { allowed } => Refusal::MethodNotAllowed { allowed },
        })?;
        Ok((found, route))
    }

    pub(crate) fn target(&self, endpoint: EndpointId) -> &Target {
        &self.rules.routes.endpoint(endpoint).target
    }

    /// The action of `endpoint`, if it has one only.
    pub(crate) fn action(&self, endpoint: EndpointId) -> Option<&Action> {
        match self.target(endpoint) {
            Target::Action { name, .. } => self.bundle().action(name),
            Target::Via(_) => None,
        }
    }

    /// `None` if the handler decides, and nothing speaks against it yet. Nothing is discharged.
    pub(crate) async fn decide_before_handler(
        &self,
        action: &Action,
        endpoint: EndpointId,
        route: &RouteMatch,
        session: Option<&Session>,
        now: UnixTime,
    ) -> Result<Option<Grant>, Refusal> {
        let values = route.values().ok_or(Refusal::UnreadablePath)?;
        let named = self.target(endpoint).resource_named(action, values, session)?;
        let supplied = named.as_ref().is_some_and(|(entity_type, _)| self.is_supplied(entity_type));
        let deferred = route.protocol().defers(action);
        // What is hopeless whatever the resource is costs no lookup, and learns nothing from how a lookup ends.
        if (deferred || supplied)
            && let Some(session) = session
            && let Some(denial) = self.deny_early(session, action.name(), now)
        {
            self.explain_early(session, action.name(), now);
            let only = || action.only_resource_type();
            let entity_type = named.map(|(entity_type, _)| entity_type).or_else(only);
            return Err(Refusal::denied(self.bundle(), Some(session), denial, entity_type));
        }
        if deferred {
            return Ok(None);
        }
        let resource = match named {
            Some((entity_type, id)) if supplied => self.look_up(entity_type, id).await?,
            // Nothing reads more of it than its id: else the bundle would not have loaded.
            Some((entity_type, id)) => ResourceData::bare(entity_type, id),
            // A public action may be about nothing; for any other, the engine refuses a resource without type.
            None => ResourceData::bare("", ""),
        };
        self.grant(session, &resource, &Request::new(action.name(), &resource, now)).map(Some)
    }

    /// What is denied whatever the resource is.
    fn deny_early(&self, session: &Session, action: &str, now: UnixTime) -> Option<Denial> {
        if !self.trail.is_kept() {
            return session.deny_early(action, now);
        }
        let explanation = session.explain_early(action, now)?;
        if !explanation.decision().is_allow() {
            self.trail.denied_early(action, now, &explanation);
        }
        match explanation.into_decision() {
            Decision::Allow(_) => None,
            Decision::Deny(denial) => Some(denial),
        }
    }

    fn is_supplied(&self, entity_type: &str) -> bool {
        self.bundle().supplied().any(|supplied| supplied == entity_type)
    }

    async fn look_up(&self, entity_type: &str, id: &str) -> Result<ResourceData, Refusal> {
        let resource = self.ask(self.parts().directory.resource(entity_type, id)).await?.ok_or(Refusal::Absent)?;
        if (resource.entity_type(), resource.id()) == (entity_type, id) {
            Ok(resource)
        } else {
            Err(Defect::OtherResource.into())
        }
    }

    async fn ask<T>(&self, answer: BoxFuture<'_, Result<T, DirectoryError>>) -> Result<T, Refusal> {
        let answer = Box::pin(tokio::time::timeout(self.parts().directory_timeout, answer));
        let reason = match answer.await {
            Ok(Ok(known)) => return Ok(known),
            Ok(Err(error)) => chain(&error),
            Err(_) => return Err(Refusal::TooSlow { retry_after: RETRY_AFTER }),
        };
        Err(Refusal::Unavailable { retry_after: RETRY_AFTER, reason })
    }
}

impl fmt::Debug for Pinned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pinned").field("bundle", &self.bundle().hash()).finish_non_exhaustive()
    }
}
