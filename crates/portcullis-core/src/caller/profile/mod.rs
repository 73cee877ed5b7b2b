//! How an issuer's claims become a caller: data, no code.

mod changes;
mod compile;
mod decoder;
mod extract;
mod predicate;
mod spec;
mod template;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::{Arc, LazyLock};

pub use changes::ProfileChanges;
pub use compile::ProfileError;
pub use extract::Extractor;
pub(super) use extract::{Found, MAX_VALUE_BYTES, MAX_VALUES, View};
pub(super) use predicate::Predicate;
pub(super) use spec::KindName;
use spec::ProfileSpec;

use crate::claims::Kind;

/// How the claims of one issuer become a [`Caller`](super::Caller).
///
/// Written in TOML or JSON. Unknown keys are refused. A mistake (a regular expression that does not compile, an empty
/// path, keys that exclude each other) is an error that names the key, so a `Profile` in hand is sound.
///
/// ```
/// use portcullis_core::Profile;
///
/// let profile: Profile = serde_json::from_str(r#"{
///     "client": { "first_of": ["client_id", "azp"] },
///     "scopes": { "claim": "scope", "as": "space-separated" },
///     "classify": [
///         { "when": { "eq": { "of": "sub", "same_as": "client_id" } }, "kind": "service", "id": "sub" },
///         { "when": { "present": "sub" }, "kind": "user", "id": "sub" }
///     ]
/// }"#)?;
/// # Ok::<(), serde_json::Error>(())
/// ```
///
/// # Keys
///
/// | Key | Holds | Meaning |
/// |---|---|---|
/// | `gate` | predicates | all must hold, or the token is refused; default: none |
/// | `client` | extractor | the client id |
/// | `scopes` | extractor | the scopes |
/// | `roles`, `groups`, `permissions`, `entitlements` | extractor | lists of what the subject is granted |
/// | `tenant` | extractor | the tenant |
/// | `agent_type` | extractor | the class of the agent that the client is; found: the client is an agent. It is the subject of a token without user, else the actor, unless the token names another |
/// | `absent` | `{ list = "unknown" \| "empty" }` | what it means that no claim of the list is there; default `unknown` |
/// | `unknown_when` | `{ list = predicate }` | when the list is incomplete, whatever it holds |
/// | `classify` | rules `when`, `kind`, `id` | what the subject is: the first rule that holds; none: the token is refused |
/// | `actor` | actor sources | who acts: the first source that applies; none: nobody but the subject |
/// | `trust` | rules `when`, `ignore` | which facts are not taken from tokens of this form |
///
/// Kinds are `user`, `service`, `agent`. `ignore` lists facts: `scopes`, `roles`, `groups`, `permissions`,
/// `entitlements`, `tenant`, `actor`, `authentication` (`acr`, `amr`, `auth_time`), `attributes` (claims that the
/// schema names with `@claim`).
///
/// ## Extractors
///
/// Text is the name of a claim. A table has exactly one origin and may have transforms:
///
/// | Key | Meaning |
/// |---|---|
/// | `claim`, `header`, `hop` | a path into the claims, the token's header, the current hop of the actor chain |
/// | `first_of` | the first of several extractors whose claim is there and of its form |
/// | `union` | the values of several extractors |
/// | `decoder` | a built-in decoder; the one there is: `clerk-permissions` |
/// | `as` | with a path: accepted shapes, one or several of `string` (default), `array`, `space-separated`, `keys`, `scim`, `number`, `bool` |
/// | `case` | `lower`: ASCII letters become lower case |
/// | `require` | a regular expression that every value must match, or the token is refused |
/// | `regex` | a regular expression: values that do not match are not of this form; its one group, if any, becomes the value |
/// | `drop` | values that say nothing |
/// | `map`, `default` | a value for each value; others become `default` or are not of this form |
/// | `template` | text with `{value}` and `{1}`, `{2}`, … for the keys that each `*` stood for |
///
/// A path is one literal key or a list of literal keys; dots and slashes mean nothing. In a list, `"*"` stands for
/// every key, `{ value_of = extractor }` for the key that is the value of another claim, `{ key = "*" }` for a literal
/// `*`. Transforms apply in the order of the table. Regular expressions match whole values. Empty strings are dropped.
/// A claim of another shape than `as` says is never skipped: the token is refused.
///
/// ## Predicates
///
/// | Form | Holds when |
/// |---|---|
/// | `{ present = path }` | something is there, `null` included; the path as in an extractor without other keys |
/// | `{ eq = { of = extractor, value = "text" } }` | the value is this text |
/// | `{ eq = { of = extractor, same_as = extractor } }` | both are there and the same; absent never equals absent |
/// | `{ has = { of = extractor, value = "text" } }` | this text is among the values |
/// | `{ has = { of = extractor, any_of = ["text"] } }` | one of these texts is among the values |
/// | `{ matches = { of = extractor, regex = "…" } }` | the whole value matches |
/// | `{ all = [...] }`, `{ any = [...] }`, `{ not = … }` | all, one, not |
///
/// ## Actor sources
///
/// | Key | Meaning |
/// |---|---|
/// | `nested` | the path of a claim like `act` (RFC 8693 §4.1): an object that names the actor, with the previous actor inside under the same name |
/// | `when` | when this source applies; must be there if `nested` is not. A nested source applies when its claim is there |
/// | `id` | the actor's id; nothing found is a refusal, never "no actor" |
/// | `issuer` | the issuer of that id, if it is not the token's |
/// | `client` | the actor's client id |
/// | `class` | the class of an actor that is an agent |
/// | `kinds` | rules `when`, `kind`: what the actor is; none holds: unknown |
///
/// In a nested source, `id`, `issuer`, `client` and `class` read the hop only: the claims describe the subject.
#[derive(Debug, Clone, serde::Deserialize)]
#[serde(try_from = "ProfileSpec")]
pub struct Profile(Arc<Rules>);

impl Profile {
    /// The profile of RFC 9068, for issuers that do what the standards say.
    ///
    /// Client `client_id`, scopes `scope`, lists `roles`, `groups` and `entitlements` in the shapes of SCIM, no tenant.
    /// `sub_profile` classifies the subject: agent before service before user, values in any case, unknown ones mean
    /// nothing. Without a known value, a subject that is the client is a service, any other a user. The actor is the
    /// outermost `act`, with `sub`, `iss`, `client_id` and `sub_profile` of its hop.
    ///
    /// There is no gate: the header `typ`, which tells access tokens from others, is the verifier's business.
    #[must_use]
    pub fn rfc9068() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant and covered by tests")]
        static PRESET: LazyLock<Profile> =
            LazyLock::new(|| serde_json::from_str(include_str!("rfc9068.json")).expect("a sound profile"));
        PRESET.clone()
    }

    /// The profile of API keys, whose claims the verifier makes.
    ///
    /// Subject `sub`, always a service; client `client_id`, scopes `scope`. A key confers no roles or groups, names no
    /// actor and knows of no login.
    #[must_use]
    pub fn api_key() -> Self {
        #[expect(clippy::expect_used, reason = "the text is a constant and covered by tests")]
        static PRESET: LazyLock<Profile> =
            LazyLock::new(|| serde_json::from_str(include_str!("api_key.json")).expect("a sound profile"));
        PRESET.clone()
    }

    pub(super) fn rules(&self) -> &Rules {
        &self.0
    }
}

impl TryFrom<ProfileSpec> for Profile {
    type Error = ProfileError;

    fn try_from(spec: ProfileSpec) -> Result<Self, ProfileError> {
        compile::profile(spec).map(|rules| Self(Arc::new(rules)))
    }
}

/// A compiled profile.
#[derive(Debug, Clone)]
pub(super) struct Rules {
    pub(super) gate: Vec<Predicate>,
    pub(super) client: Option<Extractor>,
    pub(super) scopes: Option<Extractor>,
    pub(super) lists: BTreeMap<List, ListRule>,
    pub(super) tenant: Option<Extractor>,
    pub(super) agent_type: Option<Extractor>,
    pub(super) classify: Vec<ClassifyRule>,
    pub(super) actor: Vec<ActorSource>,
    pub(super) trust: Vec<TrustRule>,
}

/// How one list is read.
#[derive(Debug, Clone)]
pub(super) struct ListRule {
    pub(super) from: Option<Extractor>,
    pub(super) absent: Option<AbsentList>,
    pub(super) unknown_when: Option<Predicate>,
}

#[derive(Debug, Clone)]
pub(super) struct ClassifyRule {
    pub(super) when: Option<Predicate>,
    pub(super) kind: Kind,
    pub(super) id: Extractor,
}

#[derive(Debug, Clone)]
pub(super) struct ActorSource {
    /// The literal path of a claim with nested hops.
    pub(super) nested: Option<Vec<String>>,
    pub(super) when: Option<Predicate>,
    pub(super) id: Extractor,
    pub(super) issuer: Option<Extractor>,
    pub(super) client: Option<Extractor>,
    pub(super) class: Option<Extractor>,
    pub(super) kinds: Vec<(Option<Predicate>, Kind)>,
}

#[derive(Debug, Clone)]
pub(super) struct TrustRule {
    pub(super) when: Predicate,
    pub(super) ignore: BTreeSet<Fact>,
}

/// A list of what the subject is granted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum List {
    Roles,
    Groups,
    Permissions,
    Entitlements,
}

impl List {
    pub(super) const ALL: [Self; 4] = [Self::Roles, Self::Groups, Self::Permissions, Self::Entitlements];

    pub(super) const fn fact(self) -> Fact {
        match self {
            Self::Roles => Fact::Roles,
            Self::Groups => Fact::Groups,
            Self::Permissions => Fact::Permissions,
            Self::Entitlements => Fact::Entitlements,
        }
    }
}

/// What it means that a token has no claim of a list, such as `roles`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(clippy::exhaustive_enums, reason = "the list is known, or it is not")]
pub enum AbsentList {
    /// The issuer may know members that the token does not say.
    #[default]
    Unknown,
    /// The issuer leaves out what is empty.
    Empty,
}

/// A fact that a token states about its subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fact {
    /// The actor.
    Actor,
    /// Claims that the schema names with `@claim`.
    Attributes,
    /// `acr`, `amr` and `auth_time`.
    Authentication,
    /// The entitlements.
    Entitlements,
    /// The groups.
    Groups,
    /// The permissions.
    Permissions,
    /// The roles.
    Roles,
    /// The scopes.
    Scopes,
    /// The tenant.
    Tenant,
}

impl fmt::Display for Fact {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Actor => "actor",
            Self::Attributes => "attributes",
            Self::Authentication => "authentication",
            Self::Entitlements => "entitlements",
            Self::Groups => "groups",
            Self::Permissions => "permissions",
            Self::Roles => "roles",
            Self::Scopes => "scopes",
            Self::Tenant => "tenant",
        })
    }
}
