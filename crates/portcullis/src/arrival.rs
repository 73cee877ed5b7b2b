//! A request whose sender is known, and whose route is not.

use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use http::{Method, StatusCode};
use portcullis_core::{Action, Grant, Permit, Session, UnixTime};

use crate::admission::Admission;
use crate::answer::Answer;
use crate::challenge::Sender;
use crate::confirm::PresentedApproval;
use crate::decision_id::DecisionId;
use crate::head::{Protocol, RouteMatch};
use crate::known::KnownCaller;
use crate::limits::{Counted, RateLimit};
use crate::observe;
use crate::pinned::Pinned;
use crate::refusal::Refusal;
use crate::routes::EndpointId;
use crate::visit::Visit;

/// A request with credentials that are accepted, or without any, before it is known what it asks for.
///
/// [`Gate::open`](crate::Gate::open) goes through this state at once. A framework that runs code of the application before
/// it routes keeps one in between. It must end each with [`Arrival::admit`] or [`Arrival::conclude`], which write the log event.
#[derive(Clone)]
pub struct Arrival {
    pub(crate) pinned: Pinned,
    pub(crate) id: DecisionId,
    pub(crate) now: UnixTime,
    pub(crate) method: Method,
    pub(crate) sender: Sender,
    /// The address of the client, if it is known.
    pub(crate) peer: Option<IpAddr>,
    pub(crate) caller: Option<Arc<KnownCaller>>,
    pub(crate) approval: PresentedApproval,
}

impl Arrival {
    /// The second half of [`Gate::open`](crate::Gate::open): lets the request through to the handler of `route`, or says
    /// what to answer.
    /// `None` if the framework found no route.
    ///
    /// # Errors
    ///
    /// The answer to send instead of calling the handler. The refusal is logged.
    pub async fn admit(mut self, route: Option<&RouteMatch>) -> Result<Admission, Answer> {
        let (caller, mut session) = (self.caller.take(), None);
        match self.enter(caller, route, &mut session).await {
            Ok(entry) => Ok(Visit::new(self, route, session, entry).into()),
            Err(refusal) => Err(self.refuse(&refusal, route, session.as_deref())),
        }
    }

    /// Ends a request that was answered with `status` although nobody asked for a decision, and logs it.
    ///
    /// `Some` is the answer to send instead: the refusal, if there is one. Nor does it help that the action would have
    /// been allowed, as what was done was done before: only an error is the application's own.
    pub async fn conclude(mut self, route: Option<&RouteMatch>, status: StatusCode) -> Option<Answer> {
        let (caller, mut session) = (self.caller.take(), None);
        match self.enter(caller, route, &mut session).await {
            Ok(entry) => {
                let undecided = Entry { permit: None, ..entry };
                Admission::from(Visit::new(self, route, session, undecided)).conclude(status)
            }
            Err(refusal) => Some(self.refuse(&refusal, route, session.as_deref())),
        }
    }

    /// What a request is let in for. It is counted as that, or as denied.
    async fn enter(
        &self,
        caller: Option<Arc<KnownCaller>>,
        route: Option<&RouteMatch>,
        session: &mut Option<Arc<Session>>,
    ) -> Result<Entry, Refusal> {
        let known = caller.as_deref().map(|known| &**known.caller());
        self.pinned.trail.admit(self.pinned.bundle(), known)?;
        let found = self.pinned.find(&self.method, route);
        let action = found.as_ref().ok().and_then(|(endpoint, _)| self.pinned.action(*endpoint));
        let judged = self.judge(caller, found, action, session).await;
        let caller = session.as_deref().map(Session::caller);
        let counted = Counted { caller, action: action.map(Action::name), peer: self.peer };
        let ((endpoint, grant), rate_limit) = self.pinned.parts().limits.settle(&counted, judged).await?;
        // To count it may have taken a while. What was revoked since is not let in.
        self.pinned.refuse_revoked(session.as_deref(), self.now)?;
        // Last, as it may have effects: what is refused has none.
        let permit = grant.map(|grant| self.pinned.parts().duties.permit(grant)).transpose()?;
        Ok(Entry { endpoint, permit: permit.map(Arc::new), rate_limit })
    }

    /// The steps of [`Arrival::admit`], in the order of their answers: a caller whose credentials are wrong learns nothing
    /// of routes, and one whose token is not valid learns nothing of policies.
    async fn judge(
        &self,
        caller: Option<Arc<KnownCaller>>,
        found: Result<(EndpointId, &RouteMatch), Refusal>,
        action: Option<&Action>,
        session: &mut Option<Arc<Session>>,
    ) -> Result<(EndpointId, Option<Grant>), Refusal> {
        match caller {
            // The directory is not to be bothered for a route that does not exist.
            Some(caller) if found.is_ok() => {
                let prepared = session.insert(self.pinned.session(&caller, self.now).await?);
                self.pinned.refuse_revoked(Some(prepared), self.now)?;
            }
            Some(_) => {}
            None if action.is_some_and(Action::is_public) => {}
            None => return Err(Refusal::NoCredentials),
        }
        let (endpoint, route) = found?;
        let grant = match action {
            Some(action) => {
                self.pinned.decide_before_handler(action, endpoint, route, session.as_deref(), self.now).await?
            }
            None => None,
        };
        Ok((endpoint, grant))
    }

    /// The answer to `refusal`, which is logged.
    pub(crate) fn refuse(&self, refusal: &Refusal, route: Option<&RouteMatch>, session: Option<&Session>) -> Answer {
        let answer = self.pinned.answer(refusal, &self.sender, self.id, &self.method);
        observe::Event {
            id: self.id,
            trail: &self.pinned.trail,
            bundle: self.pinned.bundle().hash(),
            method: &self.method,
            route: route.map(RouteMatch::pattern),
            action: self.action(route).map(Action::name),
            session,
            listed: None,
            rate_limit: None,
            outcome: observe::Outcome::Refused(refusal),
            status: Some(answer.status_over(route.map_or(Protocol::Http, RouteMatch::protocol))),
        }
        .emit();
        answer
    }

    /// The action of `route`, if it has one only.
    fn action(&self, route: Option<&RouteMatch>) -> Option<&Action> {
        let (endpoint, _) = self.pinned.find(&self.method, route).ok()?;
        self.pinned.action(endpoint)
    }
}

impl fmt::Debug for Arrival {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Arrival").field("decision_id", &self.id.to_string()).finish_non_exhaustive()
    }
}

/// What a request is let in for.
pub(crate) struct Entry {
    pub(crate) endpoint: EndpointId,
    pub(crate) permit: Option<Arc<Permit>>,
    /// The limits that have counted it.
    pub(crate) rate_limit: RateLimit,
}
