//! One case as it is written down, and what it becomes once its fixtures are put in.

use std::collections::BTreeSet;
use std::net::IpAddr;

use portcullis_core::{Approval, Binding, Facts, Layer, ResourceData, UnixTime, VerifiedClaims, parse_duration};
use serde::Deserialize;
use serde_json::Value;

use super::fixtures::{Fixtures, Named, ResourceSpec, json_object};
use super::run::{Case, Duties, Expected, Offer, Wanted};

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CaseSpec {
    pub(super) name: String,
    pub(super) claims: Option<Named<toml::Table>>,
    #[serde(default)]
    pub(super) with: toml::Table,
    #[serde(default)]
    pub(super) without: Vec<String>,
    #[serde(default = "main")]
    pub(super) source: String,
    #[serde(default)]
    pub(super) bindings: Vec<String>,
    pub(super) ip: Option<IpAddr>,
    pub(super) action: String,
    pub(super) resource: Option<Named<ResourceSpec>>,
    pub(super) facts: Option<toml::Table>,
    pub(super) now: Option<i64>,
    pub(super) approval: Option<ApprovalSpec>,
    pub(super) allow: Option<bool>,
    pub(super) deny: Option<Vec<String>>,
    pub(super) error: Option<String>,
    pub(super) kind: Option<String>,
    pub(super) remedy: Option<RemedySpec>,
    pub(super) challenge: Option<String>,
    pub(super) obligations: Option<BTreeSet<String>>,
    /// What a cell of a table expects.
    #[serde(skip)]
    pub(super) cell: Option<Expected>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ApprovalSpec {
    by: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected `\"none\"`, or a table of `scopes`, `acr`, `max_age`, `bindings`, `confirm`")]
pub(super) enum RemedySpec {
    None(Nothing),
    Parts(OfferSpec),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum Nothing {
    None,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OfferSpec {
    scopes: BTreeSet<String>,
    acr: Vec<String>,
    max_age: Option<String>,
    bindings: BTreeSet<String>,
    confirm: bool,
}

impl CaseSpec {
    /// Puts in the fixtures.
    pub(super) fn resolve(self, fixtures: &Fixtures, place: String) -> Result<Case, String> {
        let now = UnixTime::from_secs(self.now.unwrap_or(NOW)).ok_or("`now` is no time between 1970 and 9999")?;
        let resource = match &self.resource {
            Some(resource) => resource.resolve(&fixtures.resources, "resources")?.resolve()?,
            // For actions that have none.
            None => ResourceData::bare("", ""),
        };
        let facts = self.facts.as_ref().map(|facts| Value::Object(json_object(facts)));
        facts.as_ref().map(Facts::from_json).transpose().map_err(|error| error.to_string())?;
        Ok(Case {
            place,
            claims: self.token(fixtures)?,
            expected: self.expected()?,
            approval: self.approval.map(|approval| Approval::assume_verified(approval.by, now)),
            name: self.name,
            action: self.action,
            resource,
            facts,
            now,
        })
    }

    fn token(&self, fixtures: &Fixtures) -> Result<Option<VerifiedClaims>, String> {
        let Some(claims) = &self.claims else {
            let stray = !self.with.is_empty() || !self.without.is_empty() || !self.bindings.is_empty();
            return if stray { Err("there is no `claims` to change".to_owned()) } else { Ok(None) };
        };
        let mut all = fixtures.token(&claims.resolve(&fixtures.claims, "claims")?);
        all.extend(json_object(&self.with));
        for name in &self.without {
            all.remove(name).ok_or_else(|| format!("there is no claim `{name}` to take away"))?;
        }
        let mut token = VerifiedClaims::assume_verified(&self.source, all);
        for name in &self.bindings {
            let binding = Binding::ALL.into_iter().find(|binding| binding.as_str() == name);
            token = token.with_binding(binding.ok_or_else(|| format!("`{name}` is no binding: `dpop` or `mtls`"))?);
        }
        Ok(Some(match self.ip {
            Some(ip) => token.with_ip(ip),
            None => token,
        }))
    }

    fn expected(&self) -> Result<Expected, String> {
        let only_of = |other: &str, stated: bool| match stated {
            true => Err(format!("`{other}` does not go with this answer")),
            false => Ok(()),
        };
        if let Some(expected) = &self.cell {
            return Ok(expected.clone());
        }
        match (self.allow, &self.deny, &self.error) {
            (Some(true), None, None) => {
                only_of("kind", self.kind.is_some())?;
                only_of("remedy", self.remedy.is_some())?;
                only_of("challenge", self.challenge.is_some())?;
                Ok(Expected::Allow { obligations: Duties::Exactly(self.obligations.clone().unwrap_or_default()) })
            }
            (None, Some(layers), None) if !layers.is_empty() => {
                only_of("obligations", self.obligations.is_some())?;
                let layers = layers.iter().map(|name| layer(name)).collect::<Result<_, _>>()?;
                let (kind, challenge) = (self.kind.clone(), self.challenge.clone());
                Ok(Expected::Deny { layers, kind, remedy: Wanted::Exactly(self.offer()?), challenge })
            }
            (None, None, Some(error)) => {
                only_of("kind", self.kind.is_some())?;
                only_of("remedy", self.remedy.is_some())?;
                only_of("challenge", self.challenge.is_some())?;
                only_of("obligations", self.obligations.is_some())?;
                Ok(Expected::NoSession { error: error.clone() })
            }
            _ => Err("state one of `allow = true`, `deny = [\"layer\", …]`, `error = \"claims\"`".to_owned()),
        }
    }

    fn offer(&self) -> Result<Option<Offer>, String> {
        let Some(RemedySpec::Parts(parts)) = &self.remedy else {
            return Ok(None);
        };
        let age = |text: &String| parse_duration(text).ok_or_else(|| format!("`{text}` is no duration such as `5m`"));
        Ok(Some(Offer {
            scopes: parts.scopes.clone(),
            acr: parts.acr.clone(),
            max_age: parts.max_age.as_ref().map(age).transpose()?,
            bindings: parts.bindings.clone(),
            confirm: parts.confirm,
        }))
    }
}

pub(super) fn main() -> String {
    "main".to_owned()
}

pub(super) fn layer(name: &str) -> Result<Layer, String> {
    let known = Layer::ALL.into_iter().find(|layer| layer.folder() == name);
    known.ok_or_else(|| format!("`{name}` is no layer: `consent`, `ceilings`, `roles`, `guardrails`"))
}

/// 2026-01-01T12:00:00Z.
pub(super) const NOW: i64 = 1_767_268_800;
