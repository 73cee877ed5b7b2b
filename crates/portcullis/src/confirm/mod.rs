//! Actions that a person has to confirm: a denial carries a ticket, and the same request comes again with an approval of it.
//!
//! The order is: verify the approval, decide under the policies of now, use the approval up, discharge obligations. Limits
//! were charged before, when the request was let in. So what is refused, for whatever reason, uses nothing up; and who does
//! not win the approval has no effects.

mod approve;
mod decide;
mod presented;

use std::sync::Arc;

use portcullis_core::{Facts, Resource, ResourceData, UnixTime};
use portcullis_token::{Approvals, Recall, ReplayStore, Ticket, UnfitApproval, VerifiedApproval};
use serde::Serialize;

pub(crate) use presented::PresentedApproval;

use crate::gate::RETRY_AFTER;
use crate::refusal::{Defect, Refusal, chain};

/// How a gate has things confirmed.
#[derive(Debug)]
pub(crate) struct Confirmations {
    pub(crate) approvals: Approvals,
    /// Which approvals were used.
    pub(crate) store: Arc<dyn ReplayStore>,
}

impl Confirmations {
    /// The scope that a token needs to approve.
    pub(crate) fn scope(&self) -> &str {
        self.approvals.scope()
    }

    /// Uses `approval` up.
    ///
    /// `Err` with a misfit if it was used before, or nobody can tell; with a refusal if the store is out of reach.
    async fn use_up(&self, approval: &VerifiedApproval, now: UnixTime) -> Result<Result<(), UnfitApproval>, Refusal> {
        let unavailable = |reason| Refusal::Unavailable { retry_after: RETRY_AFTER, reason };
        match self.store.remember(approval.used(), now).await {
            Ok(Recall::New) => Ok(Ok(())),
            Ok(Recall::ShareExhausted) => {
                Err(unavailable("more approvals of one person were used than are remembered".to_owned()))
            }
            Ok(_) => Ok(Err(UnfitApproval::Used)),
            Err(error) => Err(unavailable(chain(&error))),
        }
    }
}

/// What a denial offers where a person's word would help.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) ticket: Ticket,
    /// Why the approval that came with the request did not count.
    pub(crate) rejected: Option<UnfitApproval>,
}

/// What a handler asks about, taken out of its own types.
pub(crate) struct Asked {
    resource: Result<ResourceData, Defect>,
    facts: Result<Facts, Defect>,
}

impl Asked {
    pub(crate) fn new<R, F>(resource: &R, facts: &F) -> Self
    where
        R: Resource + ?Sized,
        F: Serialize + ?Sized,
    {
        Self {
            resource: ResourceData::of(resource).map_err(Defect::from),
            facts: Facts::of(facts).map_err(Defect::from),
        }
    }

    pub(crate) fn into_parts(self) -> Result<(ResourceData, Facts), Defect> {
        Ok((self.resource?, self.facts?))
    }
}
