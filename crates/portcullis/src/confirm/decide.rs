use portcullis_core::{Facts, Permit, Request, ResourceData, Session, UnixTime};
use portcullis_token::{Intent, UnfitApproval};

use super::{Asked, Confirmations, Offer};
use crate::admission::Admission;
use crate::answer::Answer;
use crate::pinned::Pinned;
use crate::refusal::{Defect, Refusal};

impl Admission {
    /// Decides on what is `asked`, with the approval that the request may carry.
    pub(crate) async fn decide_with(&self, named: Option<&str>, asked: Asked) -> Result<Permit, Answer> {
        let visit = self.visit();
        let decided = match (visit.action(named), asked.into_parts()) {
            (Err(refusal), _) => Err(refusal),
            (Ok(_), Err(defect)) => Err(defect.into()),
            (Ok(action), Ok((resource, facts))) if visit.pinned.may_need_confirmation(action) => {
                self.decide_confirmable(action, &resource, facts).await
            }
            (Ok(action), Ok((resource, facts))) => {
                visit.pinned.decide(visit.session.as_deref(), action, &resource, facts, visit.now)
            }
        };
        self.settle(decided)
    }

    async fn decide_confirmable(&self, action: &str, resource: &ResourceData, facts: Facts) -> Result<Permit, Refusal> {
        let visit = self.visit();
        let pinned = &visit.pinned;
        let confirmations = pinned.confirmations()?;
        // The time of this decision, not of the request: whoever holds a request open keeps no approval alive with it.
        let now = visit.pinned.parts().clock.now().max(visit.now);
        let Some(session) = visit.session.as_deref() else {
            return pinned.decide(None, action, resource, facts, now);
        };
        // Before anything is decided: what is wrong with the application shows whoever calls.
        let intent = Intent::new(session.caller(), action, resource, &facts).map_err(Defect::from)?;
        let asked = Confirmable { pinned, confirmations, session, intent, now };
        let request = Request::new(action, resource, now).with_facts(facts);
        let rejected = match visit.approval.verify(&confirmations.approvals, &asked.intent, now) {
            Ok(None) => None,
            Ok(Some(approval)) => {
                let approved = request.clone().with_approval(approval.approval());
                let grant = asked.grant(resource, &approved, None)?;
                match confirmations.use_up(&approval, now).await? {
                    Ok(()) => {
                        let decision = visit.id;
                        tracing::info!(target: "portcullis", %decision, ticket = approval.ticket(), "an approval was used");
                        return pinned.permit(Some(session), grant, now);
                    }
                    Err(used) => Some(used),
                }
            }
            Err(unfit) => Some(unfit),
        };
        if let Some(rejected) = rejected {
            let decision = visit.id;
            tracing::warn!(target: "portcullis", %decision, action, %rejected, "an approval does not count");
        }
        // An approval that does not fit is none.
        pinned.permit(Some(session), asked.grant(resource, &request, rejected)?, now)
    }
}

/// What is asked for, exactly.
struct Confirmable<'a> {
    pinned: &'a Pinned,
    confirmations: &'a Confirmations,
    session: &'a Session,
    intent: Intent,
    now: UnixTime,
}

impl Confirmable<'_> {
    /// Decides. A denial that a person's word alone would lift carries a ticket.
    fn grant(
        &self,
        resource: &ResourceData,
        request: &Request<'_>,
        rejected: Option<UnfitApproval>,
    ) -> Result<portcullis_core::Grant, Refusal> {
        match self.pinned.grant(Some(self.session), resource, request) {
            Err(Refusal::Denied(mut denied)) if denied.is_confirmation_all_that_is_missing() => {
                let ticket = self.confirmations.approvals.issue(self.intent.clone(), self.now).map_err(Defect::from)?;
                denied.offer = Some(Offer { ticket, rejected });
                Err(Refusal::Denied(denied))
            }
            decided => decided,
        }
    }
}
