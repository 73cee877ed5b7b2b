//! A caller as an audit record keeps it.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::caller::{Actor, Authentication, Caller, Hop, Listing, Subject};
use crate::bundle::Bundle;
use crate::claims::{Binding, Credential, VerifiedClaims};
use crate::parties::{claim_at, claim_path};
use crate::record::{ReplayError, time};
use crate::session::{PrincipalFacts, Session};
use crate::time::UnixTime;

/// What of a session decisions depend on: the parties, and what was read of the token and supplied by the directory.
///
/// Of the claims only those are kept that fill attributes of the schema. Nothing makes a session of it but a replay, which
/// permits nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordedCaller {
    source: String,
    issuer: String,
    subject: Subject,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    actor: Option<Actor>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    chain: Vec<Hop>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    client: Option<String>,
    credential: Credential,
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    bindings: BTreeSet<Binding>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ip: Option<IpAddr>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    jti: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    kid: Option<String>,
    #[serde(default, with = "time::option", skip_serializing_if = "Option::is_none")]
    issued_at: Option<UnixTime>,
    #[serde(default, with = "time::option", skip_serializing_if = "Option::is_none")]
    expires_at: Option<UnixTime>,
    /// `None` if the token has no claim of scopes at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scopes: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    consent_exempt: bool,
    /// `None`, here and below, if the list is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    roles: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    groups: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    permissions: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    entitlements: Option<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tenant: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    acr: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    amr: Option<Vec<String>>,
    #[serde(default, with = "time::option", skip_serializing_if = "Option::is_none")]
    authenticated_at: Option<UnixTime>,
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    claims: Map<String, Value>,
    #[serde(default, skip_serializing_if = "is_nothing")]
    known: PrincipalFacts,
    /// For people: no decision depends on it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    ignored: Vec<IgnoredValue>,
}

/// A value of the token that nobody may believe.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct IgnoredValue {
    fact: String,
    value: String,
}

impl RecordedCaller {
    /// What decisions about `caller` under `bundle` depend on, if nothing is known of it besides its token and the bundle.
    #[must_use]
    pub fn of(bundle: &Bundle, caller: &Caller) -> Self {
        let list = |listing: &Listing| match listing {
            Listing::Known(values) => Some(values.clone()),
            Listing::Unknown => None,
        };
        let ignored = caller
            .ignored
            .iter()
            .map(|ignored| IgnoredValue { fact: ignored.fact.to_string(), value: ignored.value.clone() });
        Self {
            source: caller.source().to_owned(),
            issuer: caller.issuer.clone(),
            subject: caller.subject.clone(),
            actor: caller.actor.clone(),
            chain: caller.chain.clone(),
            client: caller.client.clone(),
            credential: caller.credential(),
            bindings: caller.bindings().clone(),
            ip: caller.ip(),
            jti: caller.token_id.clone(),
            kid: caller.key_id().map(str::to_owned),
            issued_at: caller.issued_at,
            expires_at: caller.expires_at,
            scopes: caller.scopes.clone(),
            consent_exempt: caller.consent_exempt,
            roles: list(&caller.roles),
            groups: list(&caller.groups),
            permissions: list(&caller.permissions),
            entitlements: list(&caller.entitlements),
            tenant: caller.tenant.clone(),
            acr: caller.authentication.acr.clone(),
            amr: caller.authentication.amr.clone(),
            authenticated_at: caller.authentication.at,
            claims: claims_read(bundle, caller),
            known: PrincipalFacts::default(),
            ignored: ignored.collect(),
        }
    }

    /// Adds what the application knew of the subject.
    #[must_use]
    pub fn with_known(mut self, known: &PrincipalFacts) -> Self {
        self.known = known.clone();
        self
    }

    /// On whose behalf.
    #[must_use]
    pub fn subject(&self) -> &Subject {
        &self.subject
    }

    /// Who acted for the subject.
    #[must_use]
    pub fn actor(&self) -> Option<&Actor> {
        self.actor.as_ref()
    }

    /// The session as it was, under the same bundle; under another, with the parties as they were read then.
    pub(crate) fn session(&self, bundle: &Arc<Bundle>) -> Result<Session, ReplayError> {
        let source = bundle.sources().arc(&self.source).ok_or_else(|| ReplayError::Source(self.source.clone()))?;
        let list = |values: &Option<Vec<String>>| values.clone().map_or(Listing::Unknown, Listing::Known);
        let verified =
            VerifiedClaims::assume_verified(&self.source, self.claims.clone()).with_credential(self.credential);
        let verified = self.bindings.iter().fold(verified, |verified, binding| verified.with_binding(*binding));
        let verified = match self.ip {
            Some(ip) => verified.with_ip(ip),
            None => verified,
        };
        let caller = Caller {
            source,
            verified,
            subject: self.subject.clone(),
            actor: self.actor.clone(),
            chain: self.chain.clone(),
            client: self.client.clone(),
            issuer: self.issuer.clone(),
            scopes: self.scopes.clone(),
            roles: list(&self.roles),
            groups: list(&self.groups),
            permissions: list(&self.permissions),
            entitlements: list(&self.entitlements),
            tenant: self.tenant.clone(),
            token_id: self.jti.clone(),
            key_id: self.kid.clone(),
            issued_at: self.issued_at,
            expires_at: self.expires_at,
            authentication: Authentication { acr: self.acr.clone(), amr: self.amr.clone(), at: self.authenticated_at },
            absent: Vec::new(),
            ignored: Vec::new(),
            consent_exempt: self.consent_exempt,
            attributes_distrusted: false,
        };
        Ok(Session::new(Arc::clone(bundle), Arc::new(caller), &self.known)?)
    }
}

/// The part of the claims of which the schema fills attributes of the subject.
fn claims_read(bundle: &Bundle, caller: &Caller) -> Map<String, Value> {
    let shape = bundle.types.entity_shape(caller.subject().kind.entity_type());
    let declared = shape.into_iter().flat_map(|shape| shape.attributes.values());
    let mut paths: Vec<_> =
        declared.filter_map(|attr| attr.annotations.get("claim")).map(|claim| claim_path(claim)).collect();
    // What leads to a whole takes the place of what leads to its parts.
    paths.sort_by_key(|path| std::cmp::Reverse(path.len()));
    let mut read = Map::new();
    for path in paths {
        if let Some(value) = claim_at(caller, &path) {
            put(&mut read, &path, value);
        }
    }
    read
}

fn put(claims: &mut Map<String, Value>, path: &[std::borrow::Cow<'_, str>], value: &Value) {
    match path {
        [] => {}
        [last] => drop(claims.insert(last.to_string(), value.clone())),
        [first, rest @ ..] => {
            let inner = claims.entry(first.as_ref()).or_insert_with(|| Value::Object(Map::new()));
            if let Value::Object(inner) = inner {
                put(inner, rest, value);
            }
        }
    }
}

fn is_nothing(known: &PrincipalFacts) -> bool {
    *known == PrincipalFacts::default()
}
