use std::fmt;

use portcullis_core::{Facts, Resource, ResourceData, UnixTime};
use serde::{Deserialize, Serialize};

use super::intent::{Intent, IntentError};
use super::key::{ApprovalKey, ApprovalKeyError, nonce};
use super::statement::{self, StatementType};

/// What waits for a person's word: what a denial carries, read and verified.
///
/// It is no secret: it says what somebody asked for, and permits nothing. A page that asks the person shows what
/// [`Ticket::covers`] has found to be what is signed, and nothing else.
#[derive(Clone, PartialEq, Eq)]
pub struct Ticket {
    pub(super) claims: TicketClaims,
    text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TicketClaims {
    /// The nonce. All approvals of a ticket share it, so that one of them can be used, once.
    pub(super) jti: String,
    #[serde(with = "super::signed::seconds")]
    pub(super) iat: UnixTime,
    #[serde(with = "super::signed::seconds")]
    pub(super) exp: UnixTime,
    pub(super) intent: Intent,
}

impl Ticket {
    /// A new ticket for `intent`.
    pub(super) fn new(key: &ApprovalKey, intent: Intent, iat: UnixTime, exp: UnixTime) -> Result<Self, TicketError> {
        let claims = TicketClaims { jti: nonce()?, iat, exp, intent };
        let text = statement::sign(key, StatementType::Ticket, &claims).ok_or(IntentError::TooLong)?;
        Ok(Self { claims, text })
    }

    /// Reads `text`, which anybody may have written.
    pub(super) fn read(key: &ApprovalKey, text: &str, now: UnixTime) -> Result<Self, InvalidTicket> {
        let claims: TicketClaims = statement::open(key, StatementType::Ticket, text).ok_or(InvalidTicket::NotOurs)?;
        if claims.exp <= now {
            return Err(InvalidTicket::Expired);
        }
        Ok(Self { claims, text: text.to_owned() })
    }

    /// The ticket as it goes over the wire.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// What is to be done.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.claims.intent.action
    }

    /// The entity type and id of the resource on which it is to be done.
    #[must_use]
    pub fn resource(&self) -> (&str, &str) {
        let target = &self.claims.intent.resource;
        (&target.entity_type, &target.id)
    }

    /// The version of the resource.
    #[must_use]
    pub fn version(&self) -> &str {
        &self.claims.intent.resource.version
    }

    /// The person on whose behalf, and who can approve.
    #[must_use]
    pub fn subject(&self) -> &str {
        &self.claims.intent.sub.id
    }

    /// Who wants to act for the person. `None` where nobody is known to, other than a client.
    #[must_use]
    pub fn actor(&self) -> Option<&str> {
        self.claims.intent.act.as_ref().map(|actor| actor.id.as_str())
    }

    /// The client that asked.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.claims.intent.client_id.as_deref()
    }

    /// When it ends, and with it every approval of it.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        self.claims.exp
    }

    /// Names the ticket in logs.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.claims.jti
    }

    /// Whether it is about `resource`, in the version that it has now, with exactly the arguments `facts`. What a page shows of
    /// them is then what the person approves.
    #[must_use]
    pub fn covers(&self, resource: &(impl Resource + ?Sized), facts: &(impl Serialize + ?Sized)) -> bool {
        let (Ok(resource), Ok(facts)) = (ResourceData::of(resource), Facts::of(facts)) else {
            return false;
        };
        self.claims.intent.is_about(&resource, &facts)
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ticket").field("id", &self.claims.jti).field("action", &self.action()).finish_non_exhaustive()
    }
}

/// Why a text is no ticket that can be approved. The caller's fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidTicket {
    /// It was one.
    #[error("the ticket has expired")]
    Expired,
    /// It is malformed, or signed with another key, or another kind of statement.
    #[error("it is no ticket of this service")]
    NotOurs,
}

/// Why there is no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TicketError {
    #[error(transparent)]
    Intent(#[from] IntentError),
    #[error(transparent)]
    Key(#[from] ApprovalKeyError),
}
