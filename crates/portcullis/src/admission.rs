//! A request that was let in.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use portcullis_core::{Caller, Facts, Permit, Resource, ResourceData, Session, UnixTime};
use serde::Serialize;

use crate::answer::Answer;
use crate::confirm::Asked;
use crate::decision_id::DecisionId;
use crate::gate::RETRY_AFTER;
use crate::lease::{Ended, Lease, Standing};
use crate::observe::Status;
use crate::pinned::Pinned;
use crate::refusal::{Defect, Refusal, chain};
use crate::visit::{Listed, Visit};

/// A request that the gate let through to its handler: permitted, or to be decided there.
///
/// A handle that is cheap to clone: adapters keep one and put one into the request. Its log event is written when
/// [`Admission::conclude`] is called, or when the last handle is dropped.
#[derive(Clone)]
pub struct Admission(Arc<Visit>);

impl Admission {
    /// Proof that the action of the route was allowed. `None` if the handler decides.
    #[must_use]
    pub fn permit(&self) -> Option<&Arc<Permit>> {
        self.0.permit.as_ref()
    }

    /// As [`Admission::permit`], for a handler that relies on the decision.
    ///
    /// # Errors
    ///
    /// 500 if the handler decides: it must ask with the resource.
    pub fn require_permit(&self) -> Result<&Arc<Permit>, Answer> {
        self.permit().ok_or_else(|| self.refuse(Defect::NotDecided.into()))
    }

    /// Who is behind the token. `None` on a public route without a token.
    #[must_use]
    pub fn caller(&self) -> Option<&Caller> {
        self.session().map(|session| session.caller())
    }

    /// The caller, prepared for decisions. `None` on a public route without a token.
    #[must_use]
    pub fn session(&self) -> Option<&Arc<Session>> {
        self.0.session.as_ref()
    }

    /// As [`Admission::session`], for a handler that needs to know who calls.
    ///
    /// # Errors
    ///
    /// 401 if there is no token.
    pub fn require_session(&self) -> Result<&Arc<Session>, Answer> {
        self.session().ok_or_else(|| self.refuse(Refusal::NoCredentials))
    }

    /// The id of what is decided about this request.
    #[must_use]
    pub fn decision_id(&self) -> DecisionId {
        self.0.id
    }

    /// The value of the field `DPoP-Nonce` of the answer, if the client should use a new nonce (RFC 9449 §8.2). Such an
    /// answer must not be stored.
    #[must_use]
    pub fn next_nonce(&self) -> Option<&str> {
        self.0.sender.next_nonce.as_deref()
    }

    /// The fields `RateLimit-Policy` and `RateLimit` of the answer, in small letters: which limits have counted the request,
    /// and what is left of them. They are no trailers.
    pub fn rate_limit_fields(&self) -> impl Iterator<Item = (&'static str, String)> {
        self.0.rate_limit.fields().into_iter()
    }

    /// Decides the action of the route on `resource`, for an action without facts.
    ///
    /// # Errors
    ///
    /// The answer to send if it is denied. 500 for an action that a person may have to confirm (`@confirm`):
    /// [`Admission::check_with`] decides it.
    pub fn check<R: Resource + ?Sized>(&self, resource: &R) -> Result<Permit, Answer> {
        self.decide(None, resource)
    }

    /// Decides the action of the route on `resource`, with what the schema declares in its context.
    ///
    /// An action that a person may have to confirm (`@confirm`) is decided so and in no other way. A denial that a person's word
    /// would lift carries a ticket ([`Answer::ticket`]); an approval of it, sent with the same request, is used up by it.
    ///
    /// # Errors
    ///
    /// As [`Admission::check`]. 500 if the action may have to be confirmed and the resource has no version, or a fact is an
    /// integer beyond 2⁵³ − 1; 503 if nobody can say whether an approval was used.
    pub fn check_with<R, F>(&self, resource: &R, facts: &F) -> impl Future<Output = Result<Permit, Answer>>
    where
        R: Resource + ?Sized,
        F: Serialize + ?Sized,
    {
        self.decide_with(None, Asked::new(resource, facts))
    }

    /// Decides `action`, one of those that the schema declares for this route (`@via`), on `resource`.
    ///
    /// # Errors
    ///
    /// As [`Admission::check`]; 403 if `action` is not declared for this route.
    pub fn check_as<R: Resource + ?Sized>(&self, action: &str, resource: &R) -> Result<Permit, Answer> {
        self.decide(Some(action), resource)
    }

    /// Decides `action` as [`Admission::check_as`] does, with facts.
    ///
    /// # Errors
    ///
    /// As [`Admission::check_as`].
    pub fn check_as_with<R, F>(
        &self,
        action: &str,
        resource: &R,
        facts: &F,
    ) -> impl Future<Output = Result<Permit, Answer>>
    where
        R: Resource + ?Sized,
        F: Serialize + ?Sized,
    {
        self.decide_with(Some(action), Asked::new(resource, facts))
    }

    /// The answer if the resource does not exist: the same as for one of a type marked `@hide` that is denied.
    #[must_use]
    pub fn absent(&self) -> Answer {
        self.refuse(Refusal::Absent)
    }

    /// The answer if the resource could not be loaded because of `cause`, which is logged.
    #[must_use]
    pub fn unavailable(&self, cause: impl Into<Box<dyn Error + Send + Sync>>) -> Answer {
        let cause: Box<dyn Error + Send + Sync> = cause.into();
        self.refuse(Refusal::Unavailable { retry_after: RETRY_AFTER, reason: chain(&*cause) })
    }

    /// For how long the answer may go on.
    #[must_use]
    pub fn lease(&self) -> Lease {
        Lease::new(self.clone())
    }

    /// Ends the request, whose handler answered with `status`, and logs it.
    ///
    /// `Some` is the answer to send instead: a handler answered without an error, and nothing was allowed, or a list was
    /// not filtered. This net withholds the answer; it cannot undo what the handler has done.
    #[must_use]
    pub fn conclude(&self, status: StatusCode) -> Option<Answer> {
        self.end(Status::Http(status), status.is_client_error() || status.is_server_error())
    }

    /// As [`Admission::conclude`], for a handler of gRPC that answered with the status `code`, of which 0 is success.
    #[must_use]
    pub fn conclude_grpc(&self, code: i32) -> Option<Answer> {
        self.end(Status::Grpc(code), code != 0)
    }

    /// Whether the handler may answer with success by now: whatever it owes was allowed, and a list was filtered.
    #[must_use]
    pub fn may_succeed(&self) -> bool {
        self.0.forgotten(&self.0.progress()).is_none()
    }

    /// What to answer once the lease has ended: what a new request with the same credential would be answered.
    #[must_use]
    pub fn outlived(&self, ended: Ended) -> Answer {
        self.refuse(ended.into())
    }

    fn end(&self, status: Status, failed: bool) -> Option<Answer> {
        let mut progress = self.0.progress();
        let forgotten = self.0.forgotten(&progress).filter(|_| !failed);
        let replaced = forgotten.map(|forgotten| {
            let answer = || {
                let refusal = Refusal::from(forgotten);
                let answer = self.0.pinned.answer(&refusal, &self.0.sender, self.0.id, &self.0.method);
                (refusal, answer)
            };
            progress.refused.get_or_insert_with(answer).1.clone()
        });
        let status = replaced.as_ref().map_or(status, |answer| answer.status_over(self.0.protocol));
        self.0.log(&mut progress, Some(status));
        replaced
    }

    fn decide<R: Resource + ?Sized>(&self, named: Option<&str>, resource: &R) -> Result<Permit, Answer> {
        let visit = self.visit();
        let decided = visit.action(named).and_then(|action| {
            if visit.pinned.may_need_confirmation(action) {
                return Err(Defect::DecidedWithoutFacts { action: action.to_owned() }.into());
            }
            let resource = ResourceData::of(resource).map_err(Defect::from)?;
            visit.pinned.decide(visit.session.as_deref(), action, &resource, Facts::none(), visit.now)
        });
        self.settle(decided)
    }

    /// Remembers what was decided.
    pub(crate) fn settle(&self, decided: Result<Permit, Refusal>) -> Result<Permit, Answer> {
        let visit = self.visit();
        match decided {
            Ok(permit) => {
                let mut progress = visit.progress();
                progress.allowed = true;
                progress.refused = None;
                progress.action = Some(permit.action().to_owned());
                if let Some(item_action) = visit.lists(permit.action()) {
                    progress.list = Some(item_action.to_owned());
                    progress.listed = None;
                }
                Ok(permit)
            }
            Err(refusal) => Err(self.refuse(refusal)),
        }
    }

    pub(crate) fn visit(&self) -> &Visit {
        &self.0
    }

    pub(crate) fn pinned(&self) -> &Pinned {
        &self.0.pinned
    }

    /// The time at which everything about this request is decided.
    pub(crate) fn now(&self) -> UnixTime {
        self.0.now
    }

    /// The action that each item of the list must pass.
    pub(crate) fn item_action(&self) -> Option<String> {
        let progress = self.0.progress();
        self.0.list(&progress).map(str::to_owned)
    }

    pub(crate) fn filtered(&self, listed: Listed) {
        self.0.progress().listed = Some(listed);
    }

    /// How the credential stands by now.
    pub(crate) fn standing(&self) -> Standing {
        self.0.standing()
    }

    pub(crate) fn refuse(&self, refusal: Refusal) -> Answer {
        let answer = self.0.pinned.answer(&refusal, &self.0.sender, self.0.id, &self.0.method);
        self.0.progress().refused = Some((refusal, answer.clone()));
        answer
    }
}

impl fmt::Debug for Admission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Visit { id, permit, .. } = &*self.0;
        f.debug_struct("Admission")
            .field("decision_id", &id.to_string())
            .field("route", &self.0.route())
            .field("permit", permit)
            .finish_non_exhaustive()
    }
}

impl From<Visit> for Admission {
    fn from(visit: Visit) -> Self {
        Self(Arc::new(visit))
    }
}
