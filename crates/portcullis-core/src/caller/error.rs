//! Why claims do not make a caller.

use std::fmt;
use std::time::Duration;

use crate::claims::Kind;

/// Why verified claims do not make a [`Caller`](super::Caller). Always a denial.
///
/// For the log: it names claims and rules, and never holds a value of the token. The exceptions are its lifetime, and the
/// alias of the source, which the verifier sets.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClaimsError {
    /// A claim is missing or wrong.
    #[error("claim `{claim}` {problem}, so {purpose} cannot be told")]
    Claim {
        /// The claim, as a path from the top; `header …` and `hop …` for what is not in the claims.
        claim: String,
        /// What is wrong with it.
        problem: ClaimProblem,
        /// What it would have told.
        purpose: Purpose,
    },
    /// The `act` claim is present, and the issuer's profile has no rule that reads it.
    #[error("the token names an actor in `act`, and no rule of the profile reads it")]
    ActorNotRead,
    /// The actor is the subject itself, but of another kind.
    #[error("the actor is the subject, but its kind `{}` is not the subject's `{}`", actor.as_str(), subject.as_str())]
    ActorContradictsSubject {
        /// The kind of the hop.
        actor: Kind,
        /// The kind of the subject.
        subject: Kind,
    },
    /// The actor chain has too many hops.
    #[error("the actor chain has more than {limit} hops")]
    ChainTooLong {
        /// The most hops that are accepted.
        limit: usize,
    },
    /// A rule of the profile's gate does not hold: this is not a token that the profile is for.
    #[error("rule {rule} of the profile's gate does not hold")]
    GateClosed {
        /// The number of the rule, counted from 1.
        rule: usize,
    },
    /// The source may not confer this kind of principal.
    #[error("source `{source_alias}` may not confer the kind `{}`", kind.as_str())]
    KindNotConferred {
        /// The alias of the source.
        source_alias: String,
        /// The kind of the subject or the actor.
        kind: Kind,
    },
    /// The token is valid for longer than tokens for such a subject may be.
    #[error("the token lives for {lifetime:?}, longer than the {limit:?} that `max_lifetime` allows the kind `{}`", kind.as_str())]
    LifetimeTooLong {
        /// The kind of the subject.
        kind: Kind,
        /// From `iat` to `exp`.
        lifetime: Duration,
        /// The limit for this kind.
        limit: Duration,
    },
    /// The client acts for a user, and neither a list nor a claim says what it is.
    #[error("the client that acts for the user is not listed")]
    UnlistedClient,
    /// The claims come from a source that is not configured.
    #[error("source `{source_alias}` is not configured")]
    UnknownSource {
        /// The alias that the verifier named.
        source_alias: String,
    },
    /// Nobody acts for the subject, and the source's settings demand it.
    #[error("nobody acts for the subject, and `actor_profile_required` demands it")]
    NotDelegated,
    /// No rule of the profile says what the subject is.
    #[error("no rule of the profile says what the subject is")]
    UnknownSubject,
}

/// What is wrong with a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ClaimProblem {
    /// It has a form that its definition excludes.
    Malformed,
    /// It is absent or empty.
    Missing,
    /// It has several values where one is expected.
    Several,
    /// A value is longer than `limit` bytes.
    TooLong {
        /// The most bytes of a value.
        limit: usize,
    },
    /// It has more than `limit` values.
    TooMany {
        /// The most values of a list.
        limit: usize,
    },
    /// It has another JSON type than expected.
    WrongType,
}

impl fmt::Display for ClaimProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed => f.write_str("is malformed"),
            Self::Missing => f.write_str("is missing"),
            Self::Several => f.write_str("has several values"),
            Self::TooLong { limit } => write!(f, "has a value of more than {limit} bytes"),
            Self::TooMany { limit } => write!(f, "has more than {limit} values"),
            Self::WrongType => f.write_str("has the wrong type"),
        }
    }
}

/// What a claim is read for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Purpose {
    /// Who acts.
    Actor,
    /// How and when the user logged in.
    Authentication,
    /// The client.
    Client,
    /// The roles, groups, permissions or entitlements.
    Grants,
    /// The token's own issuer, id and times.
    Identity,
    /// How long the token lives.
    Lifetime,
    /// The scopes.
    Scopes,
    /// The subject.
    Subject,
    /// The tenant.
    Tenant,
    /// Whether the token is one that the profile is for.
    TokenKind,
    /// Which claims of the token can be trusted.
    Trust,
}

impl fmt::Display for Purpose {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Actor => "the actor",
            Self::Authentication => "the authentication",
            Self::Client => "the client",
            Self::Grants => "what the subject is granted",
            Self::Identity => "the token's identity",
            Self::Lifetime => "the lifetime",
            Self::Scopes => "the scopes",
            Self::Subject => "the subject",
            Self::Tenant => "the tenant",
            Self::TokenKind => "the kind of token",
            Self::Trust => "what to trust",
        })
    }
}

/// A [`ClaimsError::Claim`] whose purpose is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct ClaimFault {
    pub(super) claim: String,
    pub(super) problem: ClaimProblem,
}

impl ClaimFault {
    pub(super) fn new(claim: impl Into<String>, problem: ClaimProblem) -> Self {
        Self { claim: claim.into(), problem }
    }
}

/// Adds the purpose to a fault.
pub(super) trait NeededFor<T> {
    fn needed_for(self, purpose: Purpose) -> Result<T, ClaimsError>;
}

impl<T> NeededFor<T> for Result<T, ClaimFault> {
    fn needed_for(self, purpose: Purpose) -> Result<T, ClaimsError> {
        self.map_err(|ClaimFault { claim, problem }| ClaimsError::Claim { claim, problem, purpose })
    }
}
