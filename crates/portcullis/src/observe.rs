//! One log event per request.

use http::{Method, StatusCode};
use portcullis_core::{BundleHash, Denial, DenialKind, Session};

use crate::audit::Trail;
use crate::decision_id::DecisionId;
use crate::limits::RateLimit;
use crate::measure;
use crate::refusal::Refusal;
use crate::visit::Listed;

/// What is logged of a request, under the target `portcullis`: who, what, and what became of it.
///
/// No token, no claims beyond the ids of the parties, no query, no path with its values. What comes from outside is
/// written in its debug form, which escapes line breaks.
pub(crate) struct Event<'a> {
    pub(crate) id: DecisionId,
    /// What becomes its audit record.
    pub(crate) trail: &'a Trail,
    pub(crate) bundle: BundleHash,
    pub(crate) method: &'a Method,
    pub(crate) route: Option<&'a str>,
    pub(crate) action: Option<&'a str>,
    pub(crate) session: Option<&'a Session>,
    pub(crate) listed: Option<Listed>,
    /// The limits that have counted it.
    pub(crate) rate_limit: Option<&'a RateLimit>,
    pub(crate) outcome: Outcome<'a>,
    /// `None` if no answer was sent.
    pub(crate) status: Option<Status>,
}

/// The status that the caller sees.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Status {
    Http(StatusCode),
    /// The number of a code of gRPC: a handler may send one that has no name.
    Grpc(i32),
}

/// What became of a request.
pub(crate) enum Outcome<'a> {
    Allowed,
    Refused(&'a Refusal),
    /// The handler answered with an error, or vanished, before it asked.
    Undecided,
}

/// A level is part of a callsite, so there is one for each.
macro_rules! emit {
    ($level:ident, $event:expr) => {{
        let event = $event;
        let caller = event.session.map(Session::caller);
        let actor = caller.and_then(|caller| caller.actor());
        let denial = event.denial();
        let limit = event.limit();
        tracing::$level!(
            target: "portcullis",
            decision_id = %event.id,
            bundle = %event.bundle,
            method = event.method.as_str(),
            route = event.route,
            action = event.action,
            issuer = caller.map(|caller| debug(caller.issuer())),
            subject_kind = caller.map(|caller| caller.subject().kind.as_str()),
            subject = caller.map(|caller| debug(&caller.subject().id)),
            actor_kind = actor.map(|actor| actor.kind.as_str()),
            actor = actor.map(|actor| debug(&actor.id)),
            client = caller.and_then(|caller| caller.client()).map(debug),
            decision = event.decision(),
            shown = event.listed.map(|listed| listed.shown),
            hidden = event.listed.map(|listed| listed.hidden),
            limit = limit.map(|(name, _)| name),
            remaining = limit.map(|(_, left)| left),
            denial = denial.map(|denial| denial.kind().as_str()),
            layers = denial.map(|denial| debug(denial.layers())),
            policies = denial.map(|denial| debug(denial.policies())),
            absent_claims = event.absent_claims().map(debug),
            remedy = denial.and_then(Denial::remedy).map(tracing::field::display),
            reason = event.reason().map(debug),
            status = event.http_status(),
            grpc_status = event.grpc_status(),
        );
    }};
}

impl Event<'_> {
    pub(crate) fn emit(&self) {
        measure::request(self);
        self.trail.write(self);
        match &self.outcome {
            Outcome::Refused(refusal) if refusal.is_defect() => emit!(error, self),
            Outcome::Refused(
                Refusal::Unavailable { .. }
                | Refusal::TooSlow { .. }
                | Refusal::UnusableClaims { .. }
                | Refusal::PlainText,
            ) => {
                emit!(warn, self)
            }
            Outcome::Allowed | Outcome::Refused(_) | Outcome::Undecided => emit!(info, self),
        }
    }

    pub(crate) fn http_status(&self) -> Option<u16> {
        match self.status? {
            Status::Http(status) => Some(status.as_u16()),
            Status::Grpc(_) => None,
        }
    }

    pub(crate) fn grpc_status(&self) -> Option<i32> {
        match self.status? {
            Status::Http(_) => None,
            Status::Grpc(code) => Some(code),
        }
    }

    pub(crate) fn decision(&self) -> &'static str {
        match &self.outcome {
            Outcome::Allowed => "allow",
            Outcome::Refused(refusal) if refusal.is_defect() => "error",
            Outcome::Refused(_) => "deny",
            Outcome::Undecided => "undecided",
        }
    }

    pub(crate) fn is_allowed(&self) -> bool {
        matches!(self.outcome, Outcome::Allowed)
    }

    pub(crate) fn denial(&self) -> Option<&Denial> {
        match &self.outcome {
            Outcome::Refused(Refusal::Denied(denied)) => Some(&denied.denial),
            _ => None,
        }
    }

    /// The limit that is used up first, and what is left of it.
    fn limit(&self) -> Option<(&str, u32)> {
        match &self.outcome {
            Outcome::Refused(Refusal::QuotaExceeded(limits)) => limits.tightest(),
            _ => self.rate_limit?.tightest(),
        }
    }

    /// The limits that counted it, or refused it, and what is left of each.
    pub(crate) fn limits(&self) -> impl Iterator<Item = (&str, u32)> {
        let limits = match &self.outcome {
            Outcome::Refused(Refusal::QuotaExceeded(limits)) => Some(&**limits),
            _ => self.rate_limit,
        };
        limits.into_iter().flat_map(RateLimit::states)
    }

    /// What the profile looked for and did not find in the token of a caller that is denied. An empty set of scopes or roles
    /// looks the same to policies, whatever the reason.
    fn absent_claims(&self) -> Option<String> {
        self.denial()?;
        let absent: Vec<_> = self.session?.caller().absent().iter().map(ToString::to_string).collect();
        (!absent.is_empty()).then(|| absent.join(", "))
    }

    /// Why, where no denial says it.
    pub(crate) fn reason(&self) -> Option<String> {
        match &self.outcome {
            Outcome::Refused(Refusal::Denied(denied)) if denied.denial.kind() == DenialKind::Error => {
                Some(denied.denial.errors().join("; "))
            }
            Outcome::Refused(Refusal::Denied(_)) | Outcome::Allowed | Outcome::Undecided => None,
            Outcome::Refused(refusal) => Some(refusal.to_string()),
        }
    }
}

/// An item of a list about which no decision could be made: it is not shown, and somebody has to look.
pub(crate) fn broken_item(id: DecisionId, action: &str, refusal: &Refusal) {
    let reason = match refusal {
        Refusal::Denied(denied) => denied.denial.errors().join("; "),
        other => other.to_string(),
    };
    tracing::error!(target: "portcullis", decision_id = %id, action, reason = debug(reason), "an item of a list is not shown");
}
