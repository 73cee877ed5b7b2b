use portcullis_core::{Caller, Kind};
use serde::{Deserialize, Serialize};

/// The traffic class of a request: by who acts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "a kind of principal, or nobody")]
pub enum AuditClass {
    /// A person.
    Human,
    /// A program.
    Service,
    /// An AI agent.
    Agent,
    /// Nobody is known: no credentials, or none that were accepted.
    Anonymous,
}

impl AuditClass {
    /// All classes.
    pub const ALL: [Self; 4] = [Self::Human, Self::Service, Self::Agent, Self::Anonymous];

    /// The name of the class in settings and records.
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Service => "service",
            Self::Agent => "agent",
            Self::Anonymous => "anonymous",
        }
    }

    /// The class of what `caller` does.
    pub(super) fn of(caller: Option<&Caller>) -> Self {
        match caller.map(|caller| caller.actor().map_or(caller.subject().kind, |actor| actor.kind)) {
            Some(Kind::User) => Self::Human,
            Some(Kind::Service) => Self::Service,
            Some(Kind::Agent) => Self::Agent,
            None => Self::Anonymous,
        }
    }
}

/// What becomes of a request whose record cannot be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "it goes on or not")]
pub enum OnFailure {
    /// It is answered with 503 before anything is decided.
    Deny,
    /// It goes on. A record that finds no place is counted, and the log says how many were lost.
    Allow,
}

impl OnFailure {
    /// A person waits and notices; software goes on without end, and unseen.
    pub(super) fn default_for(class: AuditClass) -> Self {
        match class {
            AuditClass::Service | AuditClass::Agent => Self::Deny,
            AuditClass::Human | AuditClass::Anonymous => Self::Allow,
        }
    }
}
