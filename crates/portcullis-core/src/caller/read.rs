//! From claims to a caller. Each step is a function; `caller` is the order.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde_json::{Map, Value};

use super::caller::{AbsentClaim, Actor, Authentication, Caller, Ignored, Listing, Subject};
use super::delegation;
use super::error::{ClaimFault, ClaimProblem, ClaimsError, NeededFor, Purpose};
use super::principal_id::PrincipalIds;
use super::profile::{AbsentList, Extractor, Fact, Found, List, MAX_VALUE_BYTES, MAX_VALUES, Rules, View};
use super::source::{AgentType, Source};
use crate::claims::{Kind, VerifiedClaims};
use crate::time::UnixTime;

/// Says who is behind `verified`, which comes from `source`.
pub(super) fn caller(
    source: &Arc<Source>,
    ids: PrincipalIds<'_>,
    agent_type: AgentType,
    verified: VerifiedClaims,
) -> Result<Caller, ClaimsError> {
    let token = Token::open(source, ids, &verified)?;
    let client = match &token.rules.client {
        Some(extractor) => extractor.single(token.view).needed_for(Purpose::Client)?,
        None => None,
    };
    let subject = token.subject()?;
    let delegation = delegation::read(&token, &subject, client.as_deref(), agent_type)?;
    let subject = Subject { kind: subject.kind, id: ids.local(&subject.id), class: subject.class };
    for kind in std::iter::once(subject.kind).chain(delegation.actor.as_ref().map(|actor| actor.kind)) {
        if !source.confers_kind(kind) {
            return Err(ClaimsError::KindNotConferred { source_alias: source.alias().to_owned(), kind });
        }
    }

    let issued_at = time(verified.claims(), "iat").needed_for(Purpose::Identity)?;
    let expires_at = time(verified.claims(), "exp").needed_for(Purpose::Identity)?;
    source.settings().max_lifetime.check(subject.kind, verified.credential(), issued_at, expires_at)?;

    let mut remarks = Remarks::default();
    let scopes = token.scopes(subject.kind, delegation.actor.as_ref(), &mut remarks)?;
    let exemptions = &source.settings().consent;
    let consent_exempt = scopes.is_none()
        && delegation.actor.is_none()
        && match subject.kind {
            Kind::User => match &client {
                Some(client) => exemptions.user.contains(client),
                None => exemptions.user_without_client,
            },
            Kind::Service => exemptions.service,
            Kind::Agent => false,
        };
    Ok(Caller {
        roles: token.list(List::Roles, &mut remarks)?,
        groups: token.list(List::Groups, &mut remarks)?,
        permissions: token.list(List::Permissions, &mut remarks)?,
        entitlements: token.list(List::Entitlements, &mut remarks)?,
        tenant: token.tenant()?,
        authentication: token.authentication().needed_for(Purpose::Authentication)?,
        token_id: string(verified.claims(), "jti").needed_for(Purpose::Identity)?,
        key_id: verified.header().get("kid").and_then(Value::as_str).map(str::to_owned),
        issued_at,
        expires_at,
        issuer: token.issuer.clone().unwrap_or_else(|| source.alias().to_owned()),
        attributes_distrusted: token.distrusts(Fact::Attributes),
        source: Arc::clone(source),
        subject,
        actor: delegation.actor,
        chain: delegation.chain,
        client,
        scopes,
        absent: remarks.absent,
        ignored: remarks.ignored,
        consent_exempt,
        // Everything was read of the header.
        verified: verified.with_header(Map::new()),
    })
}

/// A token that its profile is for.
pub(super) struct Token<'a> {
    pub(super) source: &'a Source,
    pub(super) ids: PrincipalIds<'a>,
    pub(super) rules: &'a Rules,
    pub(super) view: View<'a>,
    /// The `iss` claim.
    pub(super) issuer: Option<String>,
    distrusted: BTreeSet<Fact>,
}

/// The subject as its source names it.
pub(super) struct LocalSubject {
    pub(super) kind: Kind,
    pub(super) id: String,
    pub(super) class: Option<String>,
}

/// What the log wants to know of how a token was read.
#[derive(Default)]
struct Remarks {
    absent: Vec<AbsentClaim>,
    ignored: Vec<Ignored>,
}

impl<'a> Token<'a> {
    fn open(source: &'a Source, ids: PrincipalIds<'a>, verified: &'a VerifiedClaims) -> Result<Self, ClaimsError> {
        let (rules, view) = (source.profile().rules(), View::of(verified));
        for (index, rule) in rules.gate.iter().enumerate() {
            if !rule.holds(view).needed_for(Purpose::TokenKind)? {
                return Err(ClaimsError::GateClosed { rule: index + 1 });
            }
        }
        let mut distrusted = BTreeSet::new();
        for rule in &rules.trust {
            if rule.when.holds(view).needed_for(Purpose::Trust)? {
                distrusted.extend(&rule.ignore);
            }
        }
        let issuer = string(view.claims, "iss").needed_for(Purpose::Identity)?;
        Ok(Self { source, ids, rules, view, issuer, distrusted })
    }

    pub(super) fn distrusts(&self, fact: Fact) -> bool {
        self.distrusted.contains(&fact)
    }

    fn subject(&self) -> Result<LocalSubject, ClaimsError> {
        for rule in &self.rules.classify {
            let applies = match &rule.when {
                Some(when) => when.holds(self.view).needed_for(Purpose::Subject)?,
                None => true,
            };
            if applies {
                let id = rule.id.required(self.view).needed_for(Purpose::Subject)?;
                // Software that acts for itself and says which agent it is.
                let class = self.agent_class()?.filter(|_| rule.kind != Kind::User);
                let kind = if class.is_some() { Kind::Agent } else { rule.kind };
                return Ok(LocalSubject { kind, id, class });
            }
        }
        Err(ClaimsError::UnknownSubject)
    }

    /// What class of agent the client is, if it says that it is one.
    pub(super) fn agent_class(&self) -> Result<Option<String>, ClaimsError> {
        match &self.rules.agent_type {
            Some(extractor) if !self.distrusts(Fact::Actor) => extractor.single(self.view).needed_for(Purpose::Actor),
            _ => Ok(None),
        }
    }

    /// The scopes; `None` if no claim of scopes is there. A claim that is there and of which nothing remains is an
    /// empty list.
    fn scopes(
        &self,
        subject: Kind,
        actor: Option<&Actor>,
        remarks: &mut Remarks,
    ) -> Result<Option<Vec<String>>, ClaimsError> {
        let stated = match &self.rules.scopes {
            Some(extractor) => {
                let found = extractor.find(self.view).needed_for(Purpose::Scopes)?;
                remarks.note_absence(&found, Fact::Scopes, extractor);
                found.into_values()
            }
            None => None,
        };
        // Scopes are what a user consented to; permissions of an application are granted to it by an administrator.
        // The second stand for the first only where there is no user, and the two are never merged.
        let for_itself = subject != Kind::User && actor.is_none();
        let permissions = self.source.settings().application_permissions.as_ref().filter(|_| for_itself);
        let stated = match (stated, permissions) {
            (Some(scopes), _) if !scopes.is_empty() => Some(scopes),
            (stated, Some(extractor)) => {
                let permissions = extractor.find(self.view).needed_for(Purpose::Scopes)?.into_values();
                permissions.or(stated)
            }
            (stated, None) => stated,
        };
        let trusted = !self.distrusts(Fact::Scopes);
        let keep = |wire: &String| trusted && self.source.confers_scope(wire);
        Ok(stated.map(|scopes| sift(scopes, keep, Fact::Scopes, &mut remarks.ignored)))
    }

    fn list(&self, list: List, remarks: &mut Remarks) -> Result<Listing, ClaimsError> {
        let Some(rule) = self.rules.lists.get(&list) else {
            return Ok(Listing::Unknown);
        };
        let found = match &rule.from {
            Some(extractor) => {
                let found = extractor.find(self.view).needed_for(Purpose::Grants)?;
                remarks.note_absence(&found, list.fact(), extractor);
                found
            }
            None => Found::Absent,
        };
        let incomplete = match &rule.unknown_when {
            Some(when) => when.holds(self.view).needed_for(Purpose::Grants)?,
            None => false,
        };
        // The settings speak of claims that the profile reads: of any other nobody knows whether it is absent.
        let stated = self.source.settings().absent_lists.filter(|_| rule.from.is_some());
        let absent = stated.or(rule.absent).unwrap_or_default();
        let (fact, trusted) = (list.fact(), !self.distrusts(list.fact()));
        let keep = |name: &String| trusted && self.source.confers_grant(name);
        let known = found.into_values().map(|values| sift(values, keep, fact, &mut remarks.ignored));
        Ok(match known {
            _ if incomplete || !trusted => Listing::Unknown,
            Some(values) => Listing::Known(values),
            None if absent == AbsentList::Empty => Listing::Known(Vec::new()),
            None => Listing::Unknown,
        })
    }

    fn tenant(&self) -> Result<Option<String>, ClaimsError> {
        match &self.rules.tenant {
            Some(extractor) if !self.distrusts(Fact::Tenant) => extractor.single(self.view).needed_for(Purpose::Tenant),
            _ => Ok(None),
        }
    }

    fn authentication(&self) -> Result<Authentication, ClaimFault> {
        let claims = self.view.claims;
        let read = Authentication {
            acr: string(claims, "acr")?,
            amr: strings(claims, "amr")?,
            at: time(claims, "auth_time")?,
        };
        Ok(if self.distrusts(Fact::Authentication) { Authentication::default() } else { read })
    }
}

impl Remarks {
    fn note_absence(&mut self, found: &Found, fact: Fact, extractor: &Extractor) {
        if *found == Found::Absent {
            self.absent.push(AbsentClaim { fact, claim: extractor.name() });
        }
    }
}

/// Drops repetitions, and moves what must not be kept to `ignored`.
fn sift(values: Vec<String>, keep: impl Fn(&String) -> bool, fact: Fact, ignored: &mut Vec<Ignored>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut kept = Vec::new();
    for value in values {
        if !seen.insert(value.clone()) {
            continue;
        }
        if keep(&value) {
            kept.push(value);
        } else {
            ignored.push(Ignored { fact, value });
        }
    }
    kept
}

fn string(claims: &Map<String, Value>, name: &str) -> Result<Option<String>, ClaimFault> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let Value::String(text) = value else {
        return Err(ClaimFault::new(name, ClaimProblem::WrongType));
    };
    if text.len() > MAX_VALUE_BYTES {
        return Err(ClaimFault::new(name, ClaimProblem::TooLong { limit: MAX_VALUE_BYTES }));
    }
    Ok((!text.is_empty()).then(|| text.clone()))
}

fn strings(claims: &Map<String, Value>, name: &str) -> Result<Option<Vec<String>>, ClaimFault> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let Value::Array(elements) = value else {
        return Err(ClaimFault::new(name, ClaimProblem::WrongType));
    };
    if elements.len() > MAX_VALUES {
        return Err(ClaimFault::new(name, ClaimProblem::TooMany { limit: MAX_VALUES }));
    }
    let mut all = Vec::with_capacity(elements.len());
    for element in elements {
        match element {
            Value::String(text) if text.len() > MAX_VALUE_BYTES => {
                return Err(ClaimFault::new(name, ClaimProblem::TooLong { limit: MAX_VALUE_BYTES }));
            }
            Value::String(text) if text.is_empty() || all.contains(text) => {}
            Value::String(text) => all.push(text.clone()),
            _ => return Err(ClaimFault::new(name, ClaimProblem::WrongType)),
        }
    }
    Ok(Some(all))
}

/// A `NumericDate` (RFC 7519 §2), cut to whole seconds: an earlier end, an earlier login, never a later one.
fn time(claims: &Map<String, Value>, name: &str) -> Result<Option<UnixTime>, ClaimFault> {
    let Some(value) = claims.get(name) else {
        return Ok(None);
    };
    let Value::Number(number) = value else {
        return Err(ClaimFault::new(name, ClaimProblem::WrongType));
    };
    let secs = number.as_i64().or_else(|| {
        let secs = number.as_f64().filter(|secs| secs.abs() < MAX_FRACTIONAL_SECS)?.floor();
        #[expect(clippy::cast_possible_truncation, reason = "whole, and within the bound above")]
        Some(secs as i64)
    });
    let time = secs.and_then(UnixTime::from_secs);
    time.map(Some).ok_or_else(|| ClaimFault::new(name, ClaimProblem::Malformed))
}

/// Above every [`UnixTime`], and far below what an `f64` can no longer count by ones.
const MAX_FRACTIONAL_SECS: f64 = 1e12;
