use portcullis_token::{InvalidTicket, NotApproved, SignedApproval, Ticket};

use crate::admission::Admission;
use crate::answer::Answer;
use crate::refusal::{Defect, Refusal};

impl Admission {
    /// Reads the ticket `text` for the person whom it concerns.
    ///
    /// # Errors
    ///
    /// 400 if it is no ticket of this service, or has expired; 403 if it is for somebody else to approve; 401 without a token.
    pub fn ticket(&self, text: &str) -> Result<Ticket, Answer> {
        self.read_ticket(text).map_err(|refusal| self.refuse(refusal))
    }

    /// Approves `ticket` in the name of the caller, if that is the ticket's subject in person. Whoever asked for the ticket
    /// sends the approval with the same request again.
    ///
    /// # Errors
    ///
    /// 403 unless the caller has a token of the ticket's subject, without an actor, from one of the clients by which people
    /// approve, which is neither the client nor the actor that asked; and `insufficient_scope` without the scope for it. 401 with
    /// `max_age` if the login is too old. 400 if the ticket has expired meanwhile.
    pub fn approve(&self, ticket: &Ticket) -> Result<SignedApproval, Answer> {
        let approved = self.approval_of(ticket);
        if approved.is_ok() {
            let (decision, action) = (self.decision_id(), ticket.action());
            tracing::info!(target: "portcullis", %decision, ticket = ticket.id(), action, "a person has approved");
        }
        approved.map_err(|refusal| self.refuse(refusal))
    }

    fn read_ticket(&self, text: &str) -> Result<Ticket, Refusal> {
        let session = self.visit().session.as_deref().ok_or(Refusal::NoCredentials)?;
        let ticket = self.pinned().confirmations()?.approvals.read(text, self.now())?;
        if ticket.subject() == session.caller().subject().id {
            Ok(ticket)
        } else {
            Err(NotApproved::OtherSubject.into())
        }
    }

    fn approval_of(&self, ticket: &Ticket) -> Result<SignedApproval, Refusal> {
        let session = self.visit().session.as_deref().ok_or(Refusal::NoCredentials)?;
        let approvals = &self.pinned().confirmations()?.approvals;
        approvals.approve(ticket, session, self.now()).map_err(|error| match error {
            NotApproved::Expired => InvalidTicket::Expired.into(),
            NotApproved::TooLong => Defect::LongApproval.into(),
            NotApproved::Obtainable { scope: Some(scope), max_age } => {
                let name = scope.parse().ok();
                let wire = name.and_then(|name| session.wire_name_of(&name).map(str::to_owned));
                // A scope that the issuer of this token does not confer is not asked for, nor a login in vain.
                let max_age = max_age.filter(|_| wire.is_some());
                NotApproved::Obtainable { scope: wire, max_age }.into()
            }
            error => error.into(),
        })
    }
}
