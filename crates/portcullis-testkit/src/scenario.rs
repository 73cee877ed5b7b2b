use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use portcullis_core::{Binding, Credential, UnixTime, VerifiedClaims};
use serde_json::{Map, Value};

/// One question to a [`Decider`](crate::Decider), from raw claims to facts.
///
/// Plain data, so that a law can change one thing and ask again.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Scenario {
    /// What the caller shows.
    pub token: Token,
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: AskedResource,
    /// What the action declares in its context besides `auth` and `now`; `null` for nothing.
    pub facts: Value,
    /// The time.
    pub now: UnixTime,
    /// A person's approval of the request: whose, and when.
    pub approval: Option<(String, UnixTime)>,
    /// The same token in the hands of its subject, if somebody else acts in this scenario.
    pub alone: Option<Token>,
    /// The claim that says to which tenant the subject belongs, if one does.
    pub tenant_claim: Option<String>,
}

impl Scenario {
    /// Asks for `action` on `resource` at the time `now`.
    #[must_use]
    pub fn new(token: Token, action: impl Into<String>, resource: AskedResource, now: UnixTime) -> Self {
        Self {
            token,
            action: action.into(),
            resource,
            facts: Value::Null,
            now,
            approval: None,
            alone: None,
            tenant_claim: None,
        }
    }

    /// Adds facts.
    #[must_use]
    pub fn with_facts(mut self, facts: Value) -> Self {
        self.facts = facts;
        self
    }

    /// Adds an approval by the user `by` at the time `at`.
    #[must_use]
    pub fn with_approval(mut self, by: impl Into<String>, at: UnixTime) -> Self {
        self.approval = Some((by.into(), at));
        self
    }

    /// Sets a claim, or removes it where `value` is `null`. As in `@claim`, a name that begins with `/` is a JSON Pointer
    /// (RFC 6901).
    #[must_use]
    pub fn with_claim(mut self, name: &str, value: Value) -> Self {
        put(&mut self.token.claims, name, value);
        self
    }

    /// The scopes of the token, as written; `None` if it has no claim of scopes.
    #[must_use]
    pub fn scopes(&self) -> Option<Vec<String>> {
        let scope = self.token.claims.get("scope")?.as_str()?;
        Some(scope.split(' ').filter(|name| !name.is_empty()).map(str::to_owned).collect())
    }

    /// Replaces the scopes of the token.
    #[must_use]
    pub fn with_scopes<S: AsRef<str>>(self, scopes: &[S]) -> Self {
        let scopes: Vec<&str> = scopes.iter().map(AsRef::as_ref).collect();
        self.with_claim("scope", scopes.join(" ").into())
    }
}

/// As a person would write it down: what the token says, what is asked, what is known besides.
impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let resource = &self.resource;
        writeln!(f, "  token     {}", Value::Object(self.token.claims.clone()))?;
        if self.token.credential == Credential::ApiKey {
            writeln!(f, "  as        API key of {}", self.token.source)?;
        }
        if let Some(ip) = self.token.ip {
            writeln!(f, "  from      {ip}")?;
        }
        for binding in &self.token.bindings {
            writeln!(f, "  bound by  {}", binding.as_str())?;
        }
        write!(f, "  asks for  {} on {}::{:?}", self.action, resource.entity_type, resource.id)?;
        match &resource.attributes {
            Some(attributes) => writeln!(f, " {attributes}")?,
            None => writeln!(f)?,
        }
        for (entity_type, id) in &resource.parents {
            writeln!(f, "  in        {entity_type}::{id:?}")?;
        }
        if !self.facts.is_null() {
            writeln!(f, "  facts     {}", self.facts)?;
        }
        if let Some((by, at)) = &self.approval {
            writeln!(f, "  approved  by {by} at {at}")?;
        }
        write!(f, "  at        {} ({})", self.now, self.now.as_secs())
    }
}

/// A credential that passed all checks, as raw claims in the form of RFC 9068.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Token {
    /// The alias of its source.
    pub source: String,
    /// Its claims.
    pub claims: Map<String, Value>,
    /// What it is.
    pub credential: Credential,
    /// Proofs of possession that were checked.
    pub bindings: BTreeSet<Binding>,
    /// The address of the peer.
    pub ip: Option<IpAddr>,
}

impl Token {
    /// An access token of the source `source`, without proof of possession.
    #[must_use]
    pub fn new(source: impl Into<String>, claims: Map<String, Value>) -> Self {
        Self { source: source.into(), claims, credential: Credential::AccessToken, bindings: BTreeSet::new(), ip: None }
    }

    pub(crate) fn verified(&self) -> VerifiedClaims {
        let claims = VerifiedClaims::assume_verified(&self.source, self.claims.clone());
        let claims = claims.with_credential(self.credential);
        let claims = self.bindings.iter().fold(claims, |claims, binding| claims.with_binding(*binding));
        match self.ip {
            Some(ip) => claims.with_ip(ip),
            None => claims,
        }
    }
}

/// Puts `value` where `name` leads, a claim or a JSON Pointer, or takes away what is there if it is `null`.
pub(crate) fn put(claims: &mut Map<String, Value>, name: &str, value: Value) {
    let path = name.strip_prefix('/').map(|pointer| {
        let parts = pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~"));
        parts.collect::<Vec<_>>()
    });
    put_at(claims, &path.unwrap_or_else(|| vec![name.to_owned()]), value);
}

fn put_at(claims: &mut Map<String, Value>, path: &[String], value: Value) {
    match path {
        [] => {}
        [last] if value.is_null() => drop(claims.remove(last)),
        [last] => drop(claims.insert(last.clone(), value)),
        [first, rest @ ..] => {
            let inner = claims.entry(first.clone()).or_insert_with(|| Value::Object(Map::new()));
            inner.as_object_mut().into_iter().for_each(|inner| put_at(inner, rest, value.clone()));
        }
    }
}

/// What is acted upon.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct AskedResource {
    /// The entity type.
    pub entity_type: String,
    /// The id.
    pub id: String,
    /// The attributes, as an application serialises them; `None` for an id alone.
    pub attributes: Option<Value>,
    /// What it is in: entity types and ids.
    pub parents: Vec<(String, String)>,
}

impl AskedResource {
    /// An id alone.
    #[must_use]
    pub fn bare(entity_type: impl Into<String>, id: impl Into<String>) -> Self {
        Self { entity_type: entity_type.into(), id: id.into(), attributes: None, parents: Vec::new() }
    }

    /// Adds the attributes.
    #[must_use]
    pub fn with_attributes(mut self, attributes: Value) -> Self {
        self.attributes = Some(attributes);
        self
    }

    /// Adds something that it is in.
    #[must_use]
    pub fn within(mut self, entity_type: impl Into<String>, id: impl Into<String>) -> Self {
        self.parents.push((entity_type.into(), id.into()));
        self
    }
}
