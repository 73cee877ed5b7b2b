//! What a verifier hands to the engine.

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The claims of an access token (or the facts of another credential) whose authenticity somebody has checked.
///
/// The engine believes every word of it. `portcullis-token` makes these values from tokens that passed all of its
/// checks; whoever brings another verifier calls [`VerifiedClaims::assume_verified`], and reviewers search for that
/// name.
///
/// ```
/// use portcullis_core::VerifiedClaims;
/// use serde_json::json;
///
/// let claims = json!({ "iss": "https://as.example.com", "sub": "ann", "scope": "read:projects" });
/// let claims = claims.as_object().cloned().unwrap_or_default();
/// let verified = VerifiedClaims::assume_verified("main", claims);
/// assert_eq!(verified.source(), "main");
/// ```
#[derive(Clone, PartialEq)]
pub struct VerifiedClaims {
    source: String,
    header: Map<String, Value>,
    claims: Map<String, Value>,
    credential: Credential,
    bindings: BTreeSet<Binding>,
    ip: Option<IpAddr>,
}

impl VerifiedClaims {
    /// Takes `claims` as verified for the source with the alias `source`, as an access token without proof of
    /// possession.
    ///
    /// The caller vouches that the issuer's signature (or the issuer's answer) covers every claim, that no member
    /// name occurred twice, and that audience, times and revocation were checked.
    #[must_use]
    pub fn assume_verified(source: impl Into<String>, claims: Map<String, Value>) -> Self {
        Self {
            source: source.into(),
            header: Map::new(),
            claims,
            credential: Credential::AccessToken,
            bindings: BTreeSet::new(),
            ip: None,
        }
    }

    /// Adds the protected header of the token, which some profiles read.
    #[must_use]
    pub fn with_header(mut self, header: Map<String, Value>) -> Self {
        self.header = header;
        self
    }

    /// States what kind of credential this was.
    #[must_use]
    pub fn with_credential(mut self, credential: Credential) -> Self {
        self.credential = credential;
        self
    }

    /// States that the sender proved possession of the key that `binding` names.
    #[must_use]
    pub fn with_binding(mut self, binding: Binding) -> Self {
        self.bindings.insert(binding);
        self
    }

    /// States the address of the peer.
    #[must_use]
    pub fn with_ip(mut self, ip: IpAddr) -> Self {
        self.ip = Some(ip);
        self
    }

    /// The alias of the source (issuer, key file) that this credential comes from.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// The protected header; empty where there is none.
    #[must_use]
    pub fn header(&self) -> &Map<String, Value> {
        &self.header
    }

    /// The claims.
    #[must_use]
    pub fn claims(&self) -> &Map<String, Value> {
        &self.claims
    }

    /// The kind of credential.
    #[must_use]
    pub fn credential(&self) -> Credential {
        self.credential
    }

    /// The proofs of possession that were checked.
    #[must_use]
    pub fn bindings(&self) -> &BTreeSet<Binding> {
        &self.bindings
    }

    /// The address of the peer, if it is known.
    #[must_use]
    pub fn ip(&self) -> Option<IpAddr> {
        self.ip
    }
}

/// Claims are personal data: only their names are shown.
impl fmt::Debug for VerifiedClaims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VerifiedClaims")
            .field("source", &self.source)
            .field("claims", &self.claims.keys().collect::<Vec<_>>())
            .field("credential", &self.credential)
            .field("bindings", &self.bindings)
            .finish_non_exhaustive()
    }
}

/// What the caller showed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Credential {
    /// An OAuth access token (RFC 6749 §1.4).
    AccessToken,
    /// An API key of a legacy client.
    ApiKey,
}

impl Credential {
    /// The name of this kind in policies: the id of a `Portcullis::Credential`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AccessToken => "access_token",
            Self::ApiKey => "api_key",
        }
    }
}

/// A proof that the sender holds the key to which the token is bound.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Binding {
    /// Demonstrating Proof of Possession (RFC 9449).
    Dpop,
    /// A TLS client certificate (RFC 8705).
    Mtls,
}

impl Binding {
    /// All bindings.
    pub const ALL: [Self; 2] = [Self::Dpop, Self::Mtls];

    /// The name of this binding in policies and settings: the id of a `Portcullis::Binding`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Dpop => "dpop",
            Self::Mtls => "mtls",
        }
    }
}

/// What a principal is. Each kind is a Cedar entity type of the same name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the law of the engine distinguishes exactly these")]
pub enum Kind {
    /// A person: `User`.
    User,
    /// A program that acts for itself: `Service`.
    Service,
    /// An AI agent, acting for a user or for itself: `Agent`.
    Agent,
}

impl Kind {
    /// All kinds.
    pub const ALL: [Self; 3] = [Self::User, Self::Service, Self::Agent];

    /// The name of this kind in policies and settings: the id of a `Portcullis::Kind`.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Service => "service",
            Self::Agent => "agent",
        }
    }

    /// The entity type of principals of this kind.
    #[must_use]
    pub const fn entity_type(self) -> &'static str {
        match self {
            Self::User => "User",
            Self::Service => "Service",
            Self::Agent => "Agent",
        }
    }
}
