//! Who is behind a verified token.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;
use std::sync::{Arc, LazyLock};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::profile::Fact;
use super::source::Source;
use crate::claims::{Binding, Credential, Kind, VerifiedClaims};
use crate::scope::Scope;
use crate::time::UnixTime;

/// Who is behind a verified token: the subject, the actor if somebody acts for it, the client, and what the token says
/// about them.
///
/// Made by [`Sources::read`](super::Sources::read). The three parties stay apart: none is copied into another.
/// All lists are free of repetitions and in the order of the token.
#[derive(Debug, Clone)]
pub struct Caller {
    pub(super) source: Arc<Source>,
    pub(super) verified: VerifiedClaims,
    pub(super) subject: Subject,
    pub(super) actor: Option<Actor>,
    pub(super) chain: Vec<Hop>,
    pub(super) client: Option<String>,
    pub(super) issuer: String,
    pub(super) scopes: Option<Vec<String>>,
    pub(super) roles: Listing,
    pub(super) groups: Listing,
    pub(super) permissions: Listing,
    pub(super) entitlements: Listing,
    pub(super) tenant: Option<String>,
    pub(super) token_id: Option<String>,
    pub(super) key_id: Option<String>,
    pub(super) issued_at: Option<UnixTime>,
    pub(super) expires_at: Option<UnixTime>,
    pub(super) authentication: Authentication,
    pub(super) absent: Vec<AbsentClaim>,
    pub(super) ignored: Vec<Ignored>,
    pub(super) consent_exempt: bool,
    pub(super) attributes_distrusted: bool,
}

/// How and when the user logged in.
#[derive(Debug, Clone, Default)]
pub(super) struct Authentication {
    pub(super) acr: Option<String>,
    pub(super) amr: Option<Vec<String>>,
    pub(super) at: Option<UnixTime>,
}

impl Caller {
    /// On whose behalf.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Who acts, if it is not the subject: the outermost actor, the only one that counts (RFC 8693 §4.1).
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// All hops of the actor chain, outermost first, for the audit log only.
    #[must_use]
    pub fn chain(&self) -> &[Hop] {
        &self.chain
    }

    /// The client id, as in the token.
    #[must_use]
    pub fn client(&self) -> Option<&str> {
        self.client.as_deref()
    }

    /// The scopes under their names on the wire; `None` if the token has no claim of scopes at all.
    #[must_use]
    pub fn scopes(&self) -> Option<&[String]> {
        self.scopes.as_deref()
    }

    /// The scope of the schema that the source's settings put behind the name `wire`, if they mention it.
    #[must_use]
    pub fn scope_name(&self, wire: &str) -> Option<&str> {
        self.source.settings().scope_names.get(wire).map(String::as_str)
    }

    /// The name on the wire under which the source confers `scope`; `None` if it may not. No other scope has that name:
    /// else the bundle would not have loaded.
    pub(crate) fn wire_name<'a>(&'a self, scope: &'a Scope) -> Option<&'a str> {
        self.source.wire_name(scope)
    }

    /// Whether the source's settings exempt this caller from consent: its token carries no scopes by design.
    ///
    /// Never so for agents, for a token with an actor, or for one with a claim of scopes, even an empty one.
    #[must_use]
    pub fn is_consent_exempt(&self) -> bool {
        self.consent_exempt
    }

    /// The roles.
    #[must_use]
    pub fn roles(&self) -> &Listing {
        &self.roles
    }

    /// The groups.
    #[must_use]
    pub fn groups(&self) -> &Listing {
        &self.groups
    }

    /// The permissions.
    #[must_use]
    pub fn permissions(&self) -> &Listing {
        &self.permissions
    }

    /// The entitlements.
    #[must_use]
    pub fn entitlements(&self) -> &Listing {
        &self.entitlements
    }

    /// The tenant.
    #[must_use]
    pub fn tenant(&self) -> Option<&str> {
        self.tenant.as_deref()
    }

    /// The class of the authentication (`acr`).
    #[must_use]
    pub fn acr(&self) -> Option<&str> {
        self.authentication.acr.as_deref()
    }

    /// The methods of the authentication (`amr`).
    #[must_use]
    pub fn amr(&self) -> Option<&[String]> {
        self.authentication.amr.as_deref()
    }

    /// When the user logged in (`auth_time`), as the token says.
    ///
    /// Not compared with any time here, so it may lie in the future; whoever compares it has to refuse that.
    #[must_use]
    pub fn authenticated_at(&self) -> Option<UnixTime> {
        self.authentication.at
    }

    /// When the token was issued (`iat`).
    #[must_use]
    pub fn issued_at(&self) -> Option<UnixTime> {
        self.issued_at
    }

    /// When the token expires (`exp`). Nothing here compares it with a time.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixTime> {
        self.expires_at
    }

    /// The id of the token (`jti`).
    #[must_use]
    pub fn jti(&self) -> Option<&str> {
        self.token_id.as_deref()
    }

    /// The key that signed the token, if its header names one (`kid`).
    #[must_use]
    pub fn key_id(&self) -> Option<&str> {
        self.key_id.as_deref()
    }

    /// The `iss` claim; the alias of the source where there is none.
    #[must_use]
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// The alias of the source.
    #[must_use]
    pub fn source(&self) -> &str {
        self.source.alias()
    }

    /// The kind of credential.
    #[must_use]
    pub fn credential(&self) -> Credential {
        self.verified.credential()
    }

    /// The proofs of possession that were checked.
    #[must_use]
    pub fn bindings(&self) -> &BTreeSet<Binding> {
        self.verified.bindings()
    }

    /// The address of the peer, if it is known.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.verified.ip()
    }

    /// The claims, for attributes that the schema takes from them. They describe the subject.
    ///
    /// Empty if the profile trusts no attributes of this form of token.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        static NOTHING: LazyLock<Map<String, Value>> = LazyLock::new(Map::new);
        if self.attributes_distrusted { &NOTHING } else { self.verified.claims() }
    }

    /// What the token said and nobody may believe: scopes and grants that the source may not confer, and values of
    /// lists that the profile does not trust. For the audit log.
    #[must_use]
    pub fn ignored(&self) -> &[Ignored] {
        &self.ignored
    }

    /// The claims of scopes and of lists that the profile reads and the token does not have. For the log: if all of an
    /// issuer's tokens lack one, the profile is probably not the issuer's.
    #[must_use]
    pub fn absent(&self) -> &[AbsentClaim] {
        &self.absent
    }
}

/// On whose behalf a request is made.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Subject {
    /// What it is.
    pub kind: Kind,
    /// Its id in policies: unique over all sources.
    pub id: String,
    /// The class of an agent, if the profile finds one. The bundle's static entities may say more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
}

/// Who acts for the subject.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Actor {
    /// What it is.
    pub kind: Kind,
    /// Its id in policies: unique over all sources.
    pub id: String,
    /// The class of an agent: [`Actor::UNLISTED`], [`Actor::UNCLASSIFIED`], or what its hop or the profile's `agent_type`
    /// says. It counts for nothing where the bundle's static entities name the agent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<String>,
    /// The number of hops of the chain; 1 if the actor acts for the subject directly.
    pub depth: usize,
    /// Its client id, as in the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

impl Actor {
    /// The class of an actor of which the token does not say what it is.
    pub const UNCLASSIFIED: &str = "unclassified";

    /// The class of a client that acts with a user's token and that nothing identifies.
    pub const UNLISTED: &str = "unlisted";
}

/// One hop of an actor chain.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Hop {
    /// What it is, if the token says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<Kind>,
    /// Its id, made like those in policies.
    pub id: String,
    /// Its client id, as in the token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<String>,
}

/// A list that may be incomplete.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "whoever reads a list must say what the unknown one means")]
pub enum Listing {
    /// The complete list.
    Known(Vec<String>),
    /// The token does not say, or says that it does not say all.
    Unknown,
}

/// A claim that the profile reads and the token does not have.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AbsentClaim {
    /// What it would have been.
    pub fact: Fact,
    /// The claim, or the several in which the profile looks.
    pub claim: String,
}

/// Reads as in: scopes in `scp`.
impl fmt::Display for AbsentClaim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} in `{}`", self.fact, self.claim)
    }
}

/// A value that is kept for the audit log only.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Ignored {
    /// What it would have been.
    pub fact: Fact,
    /// The value, as in the token.
    pub value: String,
}
