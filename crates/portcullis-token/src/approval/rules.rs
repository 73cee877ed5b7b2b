use std::collections::BTreeSet;
use std::time::Duration;

use portcullis_core::{Credential, Kind, Session, UnixTime};

use super::intent::{Intent, IntentError};
use super::key::{ApprovalKey, ApprovalKeyError};
use super::signed::{SignedApproval, UnfitApproval, VerifiedApproval};
use super::ticket::{InvalidTicket, Ticket, TicketError};

/// How people confirm what others want to do for them: who signs, who may approve, and for how long it counts.
///
/// # Defaults
///
/// - The scope that a person's token needs to approve is `approve:actions`.
/// - The login of who approves is at most 5 minutes old.
/// - A ticket ends 15 minutes after the denial, and with it every approval of it.
/// - An approval counts for 5 minutes.
#[derive(Debug)]
pub struct Approvals {
    key: ApprovalKey,
    clients: BTreeSet<String>,
    scope: String,
    max_age: Duration,
    ticket_lifetime: Duration,
    approval_lifetime: Duration,
}

impl Approvals {
    /// The scope that a token needs to approve, unless another one is named.
    pub const SCOPE: &'static str = "approve:actions";

    /// People approve with `clients`, which belong to people and to no agent, and `key` signs.
    ///
    /// # Errors
    ///
    /// [`ApprovalsError::NoClients`] if there are none: then nobody could approve.
    pub fn new(key: ApprovalKey, clients: impl IntoIterator<Item = impl Into<String>>) -> Result<Self, ApprovalsError> {
        let clients: BTreeSet<String> = clients.into_iter().map(Into::into).collect();
        if clients.is_empty() {
            return Err(ApprovalsError::NoClients);
        }
        Ok(Self {
            key,
            clients,
            scope: Self::SCOPE.to_owned(),
            max_age: MAX_AGE,
            ticket_lifetime: TICKET_LIFETIME,
            approval_lifetime: APPROVAL_LIFETIME,
        })
    }

    /// To approve, a token needs the scope that the schema calls `scope`.
    #[must_use]
    pub fn with_scope(mut self, scope: impl Into<String>) -> Self {
        self.scope = scope.into();
        self
    }

    /// To approve, a login must be at most `max_age` old.
    #[must_use]
    pub fn with_max_age(mut self, max_age: Duration) -> Self {
        self.max_age = max_age;
        self
    }

    /// From a denial to the use of an approval there is at most the time `ticket`, and from the approval to its use at most the
    /// time `approval`.
    ///
    /// # Errors
    ///
    /// [`ApprovalsError::Lifetime`] below 10 seconds, in which nobody could answer, and above a day: so long a used approval
    /// must be remembered.
    pub fn with_lifetimes(mut self, ticket: Duration, approval: Duration) -> Result<Self, ApprovalsError> {
        for lifetime in [ticket, approval] {
            if !(MIN_LIFETIME..=MAX_LIFETIME).contains(&lifetime) {
                return Err(ApprovalsError::Lifetime { lifetime });
            }
        }
        (self.ticket_lifetime, self.approval_lifetime) = (ticket, approval);
        Ok(self)
    }

    /// From a denial to the use of an approval, and from the approval to its use.
    pub(super) fn lifetimes(&self) -> (Duration, Duration) {
        (self.ticket_lifetime, self.approval_lifetime)
    }

    /// The scope that a token needs to approve, as the schema calls it.
    #[must_use]
    pub fn scope(&self) -> &str {
        &self.scope
    }

    /// A ticket for what somebody wants.
    ///
    /// # Errors
    ///
    /// If its text would be too long, or the system has no random numbers.
    pub fn issue(&self, intent: Intent, now: UnixTime) -> Result<Ticket, ApprovalsError> {
        Ticket::new(&self.key, intent, now, now.plus(self.ticket_lifetime)).map_err(|error| match error {
            TicketError::Intent(error) => error.into(),
            TicketError::Key(error) => error.into(),
        })
    }

    /// Reads a ticket, which anybody may have written.
    ///
    /// # Errors
    ///
    /// If this service has not made it, or its time is over.
    pub fn read(&self, text: &str, now: UnixTime) -> Result<Ticket, InvalidTicket> {
        Ticket::read(&self.key, text, now)
    }

    /// The approval of `ticket` by whoever stands behind `session`.
    ///
    /// # Errors
    ///
    /// If that is not the ticket's subject in person, with a client that is for it, who has just logged in.
    pub fn approve(&self, ticket: &Ticket, session: &Session, now: UnixTime) -> Result<SignedApproval, NotApproved> {
        if ticket.expires() <= now {
            return Err(NotApproved::Expired);
        }
        let client = self.approver(ticket, session)?;
        let scope = (!session.has_scope(&self.scope)).then(|| self.scope.clone());
        let fresh = session.authenticated_at(now).is_some_and(|at| now.since(at) <= self.max_age);
        let max_age = (!fresh).then_some(self.max_age);
        if scope.is_some() || max_age.is_some() {
            return Err(NotApproved::Obtainable { scope, max_age });
        }
        let expires = now.plus(self.approval_lifetime).min(ticket.expires());
        SignedApproval::new(&self.key, ticket, client, now, expires).ok_or(NotApproved::TooLong)
    }

    /// The client by which the ticket's subject is here in person.
    fn approver<'a>(&self, ticket: &Ticket, session: &'a Session) -> Result<&'a str, NotApproved> {
        let (caller, intent) = (session.caller(), &ticket.claims.intent);
        let subject = caller.subject();
        if subject.kind != Kind::User
            || (intent.sub.kind.as_str(), &intent.sub.id) != (Kind::User.as_str(), &subject.id)
        {
            return Err(NotApproved::OtherSubject);
        }
        // Also where the outermost actor is the subject: somebody acted.
        if caller.actor().is_some() || !caller.chain().is_empty() {
            return Err(NotApproved::NotInPerson);
        }
        if caller.credential() != Credential::AccessToken {
            return Err(NotApproved::NoToken);
        }
        let client = caller.client().filter(|client| self.clients.contains(*client)).ok_or(NotApproved::Client)?;
        let asked = intent.client_id.as_deref() == Some(client);
        if asked
            || intent
                .act
                .as_ref()
                .is_some_and(|actor| names(&actor.id, client) || actor.client_id.as_deref() == Some(client))
        {
            return Err(NotApproved::OwnRequest);
        }
        Ok(client)
    }

    /// The approval `text`, which anybody may have written, if it is one of what is `wanted`.
    ///
    /// # Errors
    ///
    /// Why it does not count for that.
    pub fn verify(&self, text: &str, wanted: &Intent, now: UnixTime) -> Result<VerifiedApproval, UnfitApproval> {
        VerifiedApproval::read(&self.key, text, wanted, now)
    }
}

/// Whether the principal id `id` is that of the client `client`, at whatever issuer: ids of several sources end in the encoded
/// `sub`.
fn names(id: &str, client: &str) -> bool {
    let encoded = client.replace('%', "%25").replace('|', "%7C");
    id == client || id.rsplit('|').next() == Some(encoded.as_str())
}

/// Why somebody cannot approve a ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotApproved {
    /// The ticket has expired.
    #[error("the ticket has expired")]
    Expired,
    /// It is not the subject of the ticket.
    #[error("only the person for whom it is to be done can approve it")]
    OtherSubject,
    /// Somebody acts for the subject.
    #[error("only the person can approve it, and somebody acts for them")]
    NotInPerson,
    /// It is an API key.
    #[error("only an access token can approve it")]
    NoToken,
    /// People do not approve with this client.
    #[error("the client is not one by which people approve")]
    Client,
    /// The client is the one that asked.
    #[error("the client asked for it, and so cannot approve it")]
    OwnRequest,
    /// Another token would help: with the scope `scope`, after a login at most `max_age` old.
    #[error("the token lacks a scope, or its login is too old")]
    Obtainable {
        /// The scope that is missing.
        scope: Option<String>,
        /// The greatest age of a login, if this one is older.
        max_age: Option<Duration>,
    },
    /// The approval would not fit a header field.
    #[error("the approval would be too long")]
    TooLong,
}

/// Why there are no approvals, or no ticket.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalsError {
    /// It cannot be told what is to be confirmed.
    #[error(transparent)]
    Intent(#[from] IntentError),
    /// There is no key.
    #[error(transparent)]
    Key(#[from] ApprovalKeyError),
    /// Tickets and approvals cannot live so long.
    #[error("tickets and approvals cannot live for {lifetime:?}; use {MIN_LIFETIME:?} to {MAX_LIFETIME:?}")]
    Lifetime {
        /// The lifetime.
        lifetime: Duration,
    },
    /// Nobody could approve.
    #[error("there is no client by which people approve")]
    NoClients,
}

const MAX_AGE: Duration = Duration::from_secs(300);
const TICKET_LIFETIME: Duration = Duration::from_secs(900);
const APPROVAL_LIFETIME: Duration = Duration::from_secs(300);
const MIN_LIFETIME: Duration = Duration::from_secs(10);
const MAX_LIFETIME: Duration = Duration::from_secs(86_400);
