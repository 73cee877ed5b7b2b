//! What is known of a request while its handler runs.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::Method;
use portcullis_core::{Action, Permit, Session, UnixTime};

use crate::answer::Answer;
use crate::arrival::{Arrival, Entry};
use crate::challenge::Sender;
use crate::confirm::PresentedApproval;
use crate::decision_id::DecisionId;
use crate::head::{Protocol, RouteMatch};
use crate::lease::Standing;
use crate::limits::RateLimit;
use crate::observe::{self, Status};
use crate::pinned::Pinned;
use crate::refusal::{Defect, Refusal};
use crate::routes::{EndpointId, Target};

/// What all handles of an admission share.
pub(crate) struct Visit {
    pub(crate) pinned: Pinned,
    pub(crate) id: DecisionId,
    pub(crate) now: UnixTime,
    pub(crate) method: Method,
    pub(crate) protocol: Protocol,
    pub(crate) session: Option<Arc<Session>>,
    pub(crate) sender: Sender,
    pub(crate) permit: Option<Arc<Permit>>,
    pub(crate) rate_limit: RateLimit,
    pub(crate) approval: PresentedApproval,
    endpoint: EndpointId,
    progress: Mutex<Progress>,
}

/// What the handler did so far.
#[derive(Default)]
pub(crate) struct Progress {
    pub(crate) allowed: bool,
    /// The action that was allowed last.
    pub(crate) action: Option<String>,
    /// The action that each item must pass, once the handler of a route of several actions was allowed a list. Whatever it is
    /// allowed besides, the list is still to be filtered.
    pub(crate) list: Option<String>,
    /// What became of the items, if the handler filtered them.
    pub(crate) listed: Option<Listed>,
    /// Unless something was allowed later.
    pub(crate) refused: Option<(Refusal, Answer)>,
    logged: bool,
}

/// How many items of a list the caller may see.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Listed {
    pub(crate) shown: u64,
    pub(crate) hidden: u64,
}

impl Visit {
    pub(crate) fn new(
        arrival: Arrival,
        route: Option<&RouteMatch>,
        session: Option<Arc<Session>>,
        entry: Entry,
    ) -> Self {
        let Arrival { pinned, id, now, method, sender, approval, .. } = arrival;
        let Entry { endpoint, permit, rate_limit } = entry;
        let protocol = route.map_or(Protocol::Http, RouteMatch::protocol);
        let progress = Mutex::default();
        Self { pinned, id, now, method, protocol, session, sender, permit, rate_limit, approval, endpoint, progress }
    }

    /// The template of its route, without the names of its parameters.
    pub(crate) fn route(&self) -> &str {
        &self.pinned.rules.routes.endpoint(self.endpoint).pattern
    }

    fn target(&self) -> &Target {
        self.pinned.target(self.endpoint)
    }

    /// The action that is decided if the handler says `named`.
    pub(crate) fn action<'a>(&'a self, named: Option<&'a str>) -> Result<&'a str, Refusal> {
        match (self.target(), named) {
            (Target::Action { name, .. }, None) => Ok(name),
            (Target::Action { name, .. }, Some(named)) if name == named => Ok(named),
            (Target::Via(names), Some(named)) if names.contains(named) => Ok(named),
            (Target::Via(_), None) => Err(Defect::ActionNotNamed.into()),
            (Target::Action { .. } | Target::Via(_), Some(_)) => Err(Refusal::ForeignAction),
        }
    }

    /// What the handler owes before it may answer with success.
    pub(crate) fn forgotten(&self, progress: &Progress) -> Option<Defect> {
        if self.permit.is_none() && !progress.allowed {
            return Some(Defect::Forgotten);
        }
        (self.list(progress).is_some() && progress.listed.is_none()).then_some(Defect::Unfiltered)
    }

    /// The action that each item must pass, if what is done is a list.
    pub(crate) fn list<'a>(&'a self, progress: &'a Progress) -> Option<&'a str> {
        match self.target() {
            Target::Action { name, .. } => self.lists(name),
            Target::Via(_) => progress.list.as_deref(),
        }
    }

    /// The action that each item must pass, if the action called `name` returns many.
    pub(crate) fn lists(&self, name: &str) -> Option<&str> {
        self.pinned.bundle().action(name).and_then(Action::lists)
    }

    /// How the credential stands by now, which may be long after the request began.
    pub(crate) fn standing(&self) -> Standing {
        let Some(session) = &self.session else {
            return Standing::Good { left: Duration::MAX };
        };
        self.pinned.parts().standing(session)
    }

    /// What a handler that panicked has written is still whole: every change is one assignment.
    pub(crate) fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a handler was told that there is no caller and did without. Frameworks whose optional extractors are
    /// failed ones ask that way.
    fn was_optional(&self, refusal: &Refusal, status: Option<Status>) -> bool {
        let is_success = status.is_some_and(|status| matches!(status, Status::Http(status) if status.is_success()));
        matches!(refusal, Refusal::NoCredentials) && self.permit.is_some() && is_success
    }

    pub(crate) fn log(&self, progress: &mut Progress, status: Option<Status>) {
        if std::mem::replace(&mut progress.logged, true) {
            return;
        }
        let routed = match self.target() {
            Target::Action { name, .. } => Some(name.as_str()),
            Target::Via(_) => None,
        };
        observe::Event {
            id: self.id,
            trail: &self.pinned.trail,
            bundle: self.pinned.bundle().hash(),
            method: &self.method,
            route: Some(self.route()),
            action: progress.action.as_deref().or(routed),
            session: self.session.as_deref(),
            listed: progress.listed,
            rate_limit: Some(&self.rate_limit),
            outcome: match progress.refused.as_ref().filter(|(refusal, _)| !self.was_optional(refusal, status)) {
                Some((refusal, _)) => observe::Outcome::Refused(refusal),
                None if progress.allowed || self.permit.is_some() => observe::Outcome::Allowed,
                None => observe::Outcome::Undecided,
            },
            status,
        }
        .emit();
    }
}

/// The client went away, or the handler panicked: the decision is logged all the same.
impl Drop for Visit {
    fn drop(&mut self) {
        let mut progress = std::mem::take(&mut *self.progress());
        self.log(&mut progress, None);
    }
}
