//! Where callers come from: what each source of credentials may say, and how it is read.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{Deserialize, Deserializer, Error, SeqAccess, Unexpected, Visitor};

use super::caller::Caller;
use super::delegation::ACT;
use super::error::ClaimsError;
use super::lifetime::MaxLifetime;
use super::principal_id::PrincipalIds;
use super::profile::{AbsentList, ActorSource, Extractor, KindName, Profile, ProfileChanges};
use super::read;
use crate::claims::{Kind, VerifiedClaims};
use crate::scope::Scope;

/// What a source says about its callers: the part of an `[[issuer]]` table that concerns the engine.
///
/// ```
/// use portcullis_core::SourceSettings;
///
/// let settings: SourceSettings = serde_json::from_str(r#"{
///     "unlisted_clients": "agent",
///     "person_clients": ["web-app"]
/// }"#)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Debug, Clone, Default, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct SourceSettings {
    /// What a client is that acts for a user and that neither a list nor a claim identifies. Must be stated if the
    /// schema knows `Agent` and the source may confer users.
    pub unlisted_clients: Option<UnlistedClients>,
    /// Clients through which people act in person.
    pub person_clients: BTreeSet<String>,
    /// Clients that are agents.
    pub agent_clients: BTreeSet<String>,
    /// Whether a token counts only if it names who acts: in an `act` claim with an `iss` and a `sub` that are not the
    /// subject's own (draft-mcguinness-oauth-actor-profile). The client is not taken for the actor then. Not, unless stated.
    pub actor_profile_required: bool,
    /// The profile, if not the preset's.
    pub profile: Option<Profile>,
    /// What this issuer does otherwise than the profile says.
    pub claims: Option<ProfileChanges>,
    /// Which scopes the source may confer, named as `scope_names` names them. All if it is the only source; else it
    /// must be stated.
    pub scopes: Option<Confers<String>>,
    /// Which roles, groups, permissions and entitlements the source may confer. All if it is the only source; else it
    /// must be stated.
    pub roles: Option<Confers<String>>,
    /// What it means that a token has no claim of a list that the profile reads (`roles`, `groups`, …). Overrides the profile,
    /// which says "unknown" if it says nothing: then the list must come from elsewhere where policies test it.
    ///
    /// A list that the token marks as incomplete, or that is not trusted, stays unknown.
    pub absent_lists: Option<AbsentList>,
    /// Which kinds of principals the source may confer. All if it is the only source; else it must be stated.
    #[serde(deserialize_with = "kinds")]
    pub kinds: Option<Confers<Kind>>,
    /// The schema's scopes behind the names that this source uses on the wire.
    pub scope_names: BTreeMap<String, String>,
    /// Whose tokens carry no scopes at this source.
    pub consent: ConsentExemptions,
    /// How long tokens may live, by kind of subject: an hour for services and autonomous agents unless stated.
    pub max_lifetime: MaxLifetime,
    /// The claim that stands for scopes in tokens of services and autonomous agents whose claim of scopes is absent or
    /// empty.
    pub application_permissions: Option<Extractor>,
}

impl SourceSettings {
    /// The names of all keys, for those who read them from a table that has others too.
    pub const KEYS: &[&str] = &[
        "unlisted_clients",
        "person_clients",
        "agent_clients",
        "actor_profile_required",
        "profile",
        "claims",
        "scopes",
        "roles",
        "absent_lists",
        "kinds",
        "scope_names",
        "consent",
        "max_lifetime",
        "application_permissions",
    ];
}

/// What a client is that acts for a user and that nothing identifies. Applies only if the schema knows `Agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum UnlistedClients {
    /// An agent of class `unlisted`.
    Agent,
    /// Refused.
    Deny,
    /// The user in person.
    Person,
}

/// Whose tokens carry no scopes at a source, so that consent cannot be asked for.
///
/// There is no exemption for agents.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ConsentExemptions {
    /// The clients through which users come without scopes, such as a first-party web session.
    pub user: BTreeSet<String>,
    /// Whether users come without scopes in tokens that name no client, such as the sessions of an identity-aware proxy.
    pub user_without_client: bool,
    /// Whether services come without scopes.
    pub service: bool,
}

/// What a source may confer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "everything or a list; there is no third")]
pub enum Confers<T> {
    /// Everything; written `"all"`.
    All,
    /// What is listed.
    Only(BTreeSet<T>),
}

/// A source of credentials: an issuer, a file of API keys.
#[derive(Debug, Clone)]
pub struct Source {
    alias: String,
    settings: SourceSettings,
    profile: Profile,
}

impl Source {
    /// The source `alias`, read with the profile in `settings` or else with `preset`.
    ///
    /// # Errors
    ///
    /// The alias is not made of ASCII letters, digits, `.`, `_` and `-`, or the settings contradict themselves.
    pub fn new(alias: impl Into<String>, settings: SourceSettings, preset: Profile) -> Result<Self, SourceError> {
        let alias = alias.into();
        if alias.is_empty() || !alias.bytes().all(|b| b.is_ascii_alphanumeric() || b"._-".contains(&b)) {
            return Err(SourceError::BadAlias { alias });
        }
        if let Some(client) = settings.agent_clients.intersection(&settings.person_clients).next() {
            return Err(SourceError::ClientListedTwice { alias, client: client.clone(), key: "person_clients" });
        }
        if let Some(client) = settings.agent_clients.intersection(&settings.consent.user).next() {
            return Err(SourceError::ClientListedTwice { alias, client: client.clone(), key: "consent.user" });
        }
        let finds_agents =
            settings.unlisted_clients == Some(UnlistedClients::Agent) || !settings.agent_clients.is_empty();
        if finds_agents && !confers(settings.kinds.as_ref(), &Kind::Agent) {
            return Err(SourceError::AgentsNotConferred { alias });
        }
        let profile = settings.profile.clone().unwrap_or(preset);
        let profile = settings.claims.as_ref().map_or(profile.clone(), |changes| profile.with(changes));
        if settings.actor_profile_required && !reads_actor_profile(&profile) {
            return Err(SourceError::ActorProfileNotRead { alias });
        }
        Ok(Self { alias, settings, profile })
    }

    /// The name by which the verifier refers to the source.
    #[must_use]
    pub fn alias(&self) -> &str {
        &self.alias
    }

    /// The settings.
    #[must_use]
    pub fn settings(&self) -> &SourceSettings {
        &self.settings
    }

    /// The profile.
    #[must_use]
    pub fn profile(&self) -> &Profile {
        &self.profile
    }

    /// The name on the wire under which the source confers `scope`; `None` if it may not.
    #[must_use]
    pub fn wire_name<'a>(&'a self, scope: &'a Scope) -> Option<&'a str> {
        let (names, name) = (&self.settings.scope_names, scope.name().as_str());
        let mapped = names.iter().find(|(_, mapped)| *mapped == name).map(|(wire, _)| wire.as_str());
        let wire = mapped.unwrap_or(scope.wire_name().as_str());
        self.confers_scope(&wire.to_owned()).then_some(wire)
    }

    pub(super) fn confers_kind(&self, kind: Kind) -> bool {
        confers(self.settings.kinds.as_ref(), &kind)
    }

    pub(super) fn confers_grant(&self, name: &String) -> bool {
        confers(self.settings.roles.as_ref(), name)
    }

    pub(super) fn confers_scope(&self, wire: &String) -> bool {
        let name = self.settings.scope_names.get(wire).unwrap_or(wire);
        confers(self.settings.scopes.as_ref(), name)
    }

    fn check_stated(&self, agent_type: AgentType, several: bool) -> Result<(), SourceError> {
        let unstated = |key| Err(SourceError::Unstated { alias: self.alias.clone(), key });
        let asks_for_clients = agent_type == AgentType::Declared && self.confers_kind(Kind::User);
        if asks_for_clients && self.settings.unlisted_clients.is_none() {
            return unstated("unlisted_clients");
        }
        match &self.settings {
            SourceSettings { scopes: None, .. } if several => unstated("scopes"),
            SourceSettings { roles: None, .. } if several => unstated("roles"),
            SourceSettings { kinds: None, .. } if several => unstated("kinds"),
            _ => Ok(()),
        }
    }
}

/// Whether the application's schema declares the entity type `Agent`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "yes or no")]
pub enum AgentType {
    /// It does: whoever acts with a user's token may be an agent.
    Declared,
    /// It does not: clients are not looked at.
    Undeclared,
}

/// All sources of credentials of one engine.
///
/// ```
/// use portcullis_core::{AgentType, Profile, Source, SourceSettings, Sources, VerifiedClaims};
/// use serde_json::json;
///
/// let source = Source::new("main", SourceSettings::default(), Profile::rfc9068())?;
/// let sources = Sources::new([source], AgentType::Undeclared)?;
///
/// let claims = json!({ "iss": "https://as.example.com", "sub": "ann", "scope": "read:projects" });
/// let claims = claims.as_object().cloned().unwrap_or_default();
/// let caller = sources.read(VerifiedClaims::assume_verified("main", claims))?;
/// assert_eq!(caller.subject().id, "ann");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone)]
pub struct Sources {
    by_alias: BTreeMap<String, Arc<Source>>,
    agent_type: AgentType,
}

impl Sources {
    /// Joins `sources`. With more than one, every id that comes out names its source, and each source must state what
    /// it may confer.
    ///
    /// # Errors
    ///
    /// Two sources have one alias, or one leaves out a key that has no default here.
    pub fn new(sources: impl IntoIterator<Item = Source>, agent_type: AgentType) -> Result<Self, SourceError> {
        let mut by_alias = BTreeMap::new();
        for source in sources {
            let alias = source.alias.clone();
            if by_alias.insert(alias.clone(), Arc::new(source)).is_some() {
                return Err(SourceError::AliasTwice { alias });
            }
        }
        let several = by_alias.len() > 1;
        by_alias.values().try_for_each(|source| source.check_stated(agent_type, several))?;
        Ok(Self { by_alias, agent_type })
    }

    /// Says who is behind `verified`.
    ///
    /// # Errors
    ///
    /// Whenever a claim that is read is not what it should be, or a party cannot be told. Every error is a denial.
    pub fn read(&self, verified: VerifiedClaims) -> Result<Caller, ClaimsError> {
        let Some(source) = self.by_alias.get(verified.source()) else {
            return Err(ClaimsError::UnknownSource { source_alias: verified.source().to_owned() });
        };
        let ids = PrincipalIds { alias: (self.by_alias.len() > 1).then(|| source.alias()) };
        read::caller(source, ids, self.agent_type, verified)
    }

    /// The aliases of all sources, in order.
    pub fn aliases(&self) -> impl Iterator<Item = &str> {
        self.by_alias.keys().map(String::as_str)
    }

    /// As [`Sources::get`], shared.
    pub(crate) fn arc(&self, alias: &str) -> Option<Arc<Source>> {
        self.by_alias.get(alias).cloned()
    }

    /// The source with this alias.
    #[must_use]
    pub fn get(&self, alias: &str) -> Option<&Source> {
        self.by_alias.get(alias).map(Arc::as_ref)
    }
}

/// Why sources are not usable as configured.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceError {
    /// `actor_profile_required` is stated, and the profile does not read what the actor profile is about.
    #[error("source `{alias}` requires the actor profile, and no rule of its own profile reads `act` with its `iss`")]
    ActorProfileNotRead {
        /// The source.
        alias: String,
    },
    /// Clients can be agents at this source, but it may not confer agents.
    #[error("source `{alias}` finds agents among its clients, but `kinds` leaves out `agent`")]
    AgentsNotConferred {
        /// The source.
        alias: String,
    },
    /// Two sources have one alias.
    #[error("two sources have the alias `{alias}`")]
    AliasTwice {
        /// The alias.
        alias: String,
    },
    /// The alias has other characters than ASCII letters, digits, `.`, `_` and `-`, or none.
    #[error("`{alias}` is not an alias: letters, digits, `.`, `_` and `-` only")]
    BadAlias {
        /// The alias.
        alias: String,
    },
    /// A client of `agent_clients` stands in a list for people too.
    #[error("source `{alias}` lists the client `{client}` in `agent_clients` and in `{key}`")]
    ClientListedTwice {
        /// The source.
        alias: String,
        /// The client.
        client: String,
        /// The other list.
        key: &'static str,
    },
    /// A key that has no default is missing.
    #[error("source `{alias}` has to state `{key}`")]
    Unstated {
        /// The source.
        alias: String,
        /// The key.
        key: &'static str,
    },
}

/// Whether some rule reads who acts from `act`, and the issuer that names it from `iss` there.
fn reads_actor_profile(profile: &Profile) -> bool {
    let reads = |source: &ActorSource| source.nested.as_deref() == Some(&[ACT.to_owned()]) && source.issuer.is_some();
    profile.rules().actor.iter().any(reads)
}

/// Unstated means everything; where that is not allowed, [`Sources::new`] has refused it.
fn confers<T: Ord>(stated: Option<&Confers<T>>, value: &T) -> bool {
    match stated {
        None | Some(Confers::All) => true,
        Some(Confers::Only(values)) => values.contains(value),
    }
}

fn kinds<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Confers<Kind>>, D::Error> {
    Ok(Some(match Confers::<KindName>::deserialize(deserializer)? {
        Confers::All => Confers::All,
        Confers::Only(names) => Confers::Only(names.into_iter().map(|name| name.0).collect()),
    }))
}

impl<'de, T: Deserialize<'de> + Ord> Deserialize<'de> for Confers<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ConfersVisitor(PhantomData))
    }
}

struct ConfersVisitor<T>(PhantomData<T>);

impl<'de, T: Deserialize<'de> + Ord> Visitor<'de> for ConfersVisitor<T> {
    type Value = Confers<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("`\"all\"` or a list")
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Confers<T>, E> {
        if text == "all" { Ok(Confers::All) } else { Err(E::invalid_value(Unexpected::Str(text), &self)) }
    }

    fn visit_seq<A: SeqAccess<'de>>(self, list: A) -> Result<Confers<T>, A::Error> {
        BTreeSet::deserialize(SeqAccessDeserializer::new(list)).map(Confers::Only)
    }
}
