//! Cases as they are written down, and what they become once their fixtures are put in.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use portcullis_core::{
    Approval, Binding, Facts, Layer, Parents, Problem, ResourceData, UnixTime, VerifiedClaims, parse_duration,
};
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error, ValueDeserializer};

use super::run::{Case, Expected, Offer};

/// All cases of a folder.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) cases: Vec<Case>,
    /// Policies that no case can fail, with the reason.
    pub(super) unfailing: BTreeMap<String, String>,
    /// Changes that no case can notice, with the reason.
    pub(super) surviving: BTreeMap<String, String>,
    /// The claims of the fixtures, with those of every token.
    pub(super) personas: BTreeMap<String, Map<String, Value>>,
    pub(super) resources: BTreeMap<String, ResourceData>,
}

impl Suite {
    pub(super) fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Problem>> {
        let (mut fixtures, mut drafts, mut problems) = (Fixtures::default(), Vec::new(), Vec::new());
        for (file, text) in files {
            read_file(Place { file, text }, &mut fixtures, &mut drafts, &mut problems);
        }
        if drafts.is_empty() && problems.is_empty() {
            problems
                .push(Problem::new("cases/", "holds no case").with_help("write `[[case]]` into a file `*.toml` there"));
        }
        let mut names = BTreeSet::new();
        let mut cases = Vec::new();
        for Draft { place, offset, spec } in drafts {
            let name = spec.name.clone();
            if !names.insert(name.clone()) {
                problems.push(place.problem(offset, format!("two cases are called `{name}`")));
            }
            let line = place.problem(offset, "").place.map_or(0, |(line, _)| line);
            match spec.resolve(&fixtures, format!("{}:{line}", place.file)) {
                Ok(case) => cases.push(case),
                Err(message) => problems.push(place.problem(offset, format!("case `{name}`: {message}"))),
            }
        }
        let mut resources = BTreeMap::new();
        for (name, spec) in &fixtures.resources {
            match spec.resolve() {
                Ok(resource) => drop(resources.insert(name.clone(), resource)),
                Err(message) => problems.push(Problem::new("cases/", format!("`[resources.{name}]`: {message}"))),
            }
        }
        let personas = fixtures.claims.iter().map(|(name, claims)| (name.clone(), fixtures.token(claims))).collect();
        if problems.is_empty() {
            let Fixtures { unfailing, surviving, .. } = fixtures;
            Ok(Self { cases, unfailing, surviving, personas, resources })
        } else {
            Err(problems)
        }
    }
}

/// What the cases of a folder share.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Fixtures {
    every_token: BTreeMap<String, toml::Value>,
    claims: BTreeMap<String, toml::Table>,
    resources: BTreeMap<String, ResourceSpec>,
    unfailing: BTreeMap<String, String>,
    surviving: BTreeMap<String, String>,
}

impl Fixtures {
    /// The claims of a token: those of every token, and in their place `claims`.
    fn token(&self, claims: &toml::Table) -> Map<String, Value> {
        let mut all = json_object(&self.every_token);
        all.extend(json_object(claims));
        all
    }

    /// Adds those of another file, and reports names that both have: which would win is anybody's guess.
    fn add(&mut self, more: Self, file: &str, problems: &mut Vec<Problem>) {
        let mut twice = join(&mut self.every_token, more.every_token, "every_token");
        twice.extend(join(&mut self.claims, more.claims, "claims"));
        twice.extend(join(&mut self.resources, more.resources, "resources"));
        twice.extend(join(&mut self.unfailing, more.unfailing, "unfailing"));
        twice.extend(join(&mut self.surviving, more.surviving, "surviving"));
        problems.extend(twice.into_iter().map(|name| Problem::new(file, format!("another file has `{name}`, too"))));
    }
}

/// Adds `more` to `all`, and returns the names that were there already.
fn join<T>(all: &mut BTreeMap<String, T>, more: BTreeMap<String, T>, table: &str) -> Vec<String> {
    let twice = more.keys().filter(|name| all.contains_key(*name)).map(|name| format!("{table}.{name}")).collect();
    all.extend(more);
    twice
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
struct ResourceSpec {
    #[serde(rename = "type")]
    entity_type: String,
    id: String,
    parents: Option<Vec<(String, String)>>,
    attributes: Option<toml::Table>,
    #[serde(default)]
    absent: Vec<String>,
}

impl ResourceSpec {
    fn resolve(&self) -> Result<ResourceData, String> {
        let (entity_type, id) = (self.entity_type.clone(), self.id.clone());
        let Some(attributes) = &self.attributes else {
            return Ok(ResourceData::bare(entity_type, id));
        };
        let mut attributes = json_object(attributes);
        attributes.extend(self.absent.iter().map(|name| (name.clone(), Value::Null)));
        let parents = self.parents.clone().map_or_else(Parents::unstated, Parents::from_iter);
        ResourceData::from_json(entity_type, id, &Value::Object(attributes), parents).map_err(|error| error.to_string())
    }
}

/// A fixture by its name, or what it would hold.
#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected the name of a fixture, or a table of what it would hold")]
enum Named<T> {
    Name(String),
    Inline(T),
}

impl<T: Clone> Named<T> {
    fn resolve(&self, fixtures: &BTreeMap<String, T>, table: &str) -> Result<T, String> {
        match self {
            Self::Inline(fixture) => Ok(fixture.clone()),
            Self::Name(name) => fixtures.get(name).cloned().ok_or_else(|| format!("there is no `[{table}.{name}]`")),
        }
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct CaseSpec {
    name: String,
    claims: Option<Named<toml::Table>>,
    #[serde(default)]
    with: toml::Table,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default = "main")]
    source: String,
    #[serde(default)]
    bindings: Vec<String>,
    ip: Option<IpAddr>,
    action: String,
    resource: Option<Named<ResourceSpec>>,
    facts: Option<toml::Table>,
    now: Option<i64>,
    approval: Option<ApprovalSpec>,
    allow: Option<bool>,
    deny: Option<Vec<String>>,
    error: Option<String>,
    kind: Option<String>,
    remedy: Option<RemedySpec>,
    obligations: Option<BTreeSet<String>>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct ApprovalSpec {
    by: String,
}

#[derive(Debug, Deserialize)]
#[serde(untagged, expecting = "expected `\"none\"`, or a table of `scopes`, `acr`, `max_age`, `bindings`, `confirm`")]
enum RemedySpec {
    None(Nothing),
    Parts(OfferSpec),
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Nothing {
    None,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct OfferSpec {
    scopes: BTreeSet<String>,
    acr: Vec<String>,
    max_age: Option<String>,
    bindings: BTreeSet<String>,
    confirm: bool,
}

impl CaseSpec {
    /// Puts in the fixtures.
    fn resolve(self, fixtures: &Fixtures, place: String) -> Result<Case, String> {
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
        match (self.allow, &self.deny, &self.error) {
            (Some(true), None, None) => {
                only_of("kind", self.kind.is_some())?;
                only_of("remedy", self.remedy.is_some())?;
                Ok(Expected::Allow { obligations: self.obligations.clone().unwrap_or_default() })
            }
            (None, Some(layers), None) if !layers.is_empty() => {
                only_of("obligations", self.obligations.is_some())?;
                let layers = layers.iter().map(|name| layer(name)).collect::<Result<_, _>>()?;
                Ok(Expected::Deny { layers, kind: self.kind.clone(), remedy: self.offer()? })
            }
            (None, None, Some(error)) => {
                only_of("kind", self.kind.is_some())?;
                only_of("remedy", self.remedy.is_some())?;
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

fn main() -> String {
    "main".to_owned()
}

fn layer(name: &str) -> Result<Layer, String> {
    let known = Layer::ALL.into_iter().find(|layer| layer.folder() == name);
    known.ok_or_else(|| format!("`{name}` is no layer: `consent`, `ceilings`, `roles`, `guardrails`"))
}

/// A file, for messages.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn problem(self, offset: usize, message: impl Into<String>) -> Problem {
        Problem::new(self.file, message).at(self.text, offset)
    }

    fn refusal(self, prefix: &str, error: &Error) -> Problem {
        self.problem(error.span().map_or(0, |span| span.start), format!("{prefix}{}", error.message()))
    }
}

/// A case before its fixtures are put in.
struct Draft<'a> {
    place: Place<'a>,
    offset: usize,
    spec: CaseSpec,
}

fn read_file<'a>(place: Place<'a>, fixtures: &mut Fixtures, drafts: &mut Vec<Draft<'a>>, problems: &mut Vec<Problem>) {
    let mut file = match DeTable::parse(place.text) {
        Ok(file) => file,
        Err(error) => return problems.push(place.refusal("is not TOML: ", &error)),
    };
    match file.get_mut().remove("case").map(|cases| (cases.span().start, cases.into_inner())) {
        Some((_, DeValue::Array(cases))) => {
            for case in cases {
                read_case(place, case, drafts, problems);
            }
        }
        Some((offset, _)) => problems.push(place.problem(offset, "`case` is not a list: write `[[case]]`")),
        None => {}
    }
    match Fixtures::deserialize(Deserializer::from(file)) {
        Ok(more) => fixtures.add(more, place.file, problems),
        Err(error) => problems.push(place.refusal("", &error)),
    }
}

/// Reads one case by itself, so that every one is reported, and by its name.
fn read_case<'a>(
    place: Place<'a>,
    case: Spanned<DeValue<'a>>,
    drafts: &mut Vec<Draft<'a>>,
    problems: &mut Vec<Problem>,
) {
    let offset = case.span().start;
    let name = case.get_ref().get("name").and_then(|name| name.get_ref().as_str()).unwrap_or("without name").to_owned();
    match CaseSpec::deserialize(ValueDeserializer::from(case)) {
        Ok(spec) => drafts.push(Draft { place, offset, spec }),
        Err(error) => problems.push(place.refusal(&format!("case `{name}`: "), &error)),
    }
}

fn json_object<'a>(table: impl IntoIterator<Item = (&'a String, &'a toml::Value)>) -> Map<String, Value> {
    table.into_iter().map(|(name, value)| (name.clone(), json(value))).collect()
}

fn json(value: &toml::Value) -> Value {
    match value {
        toml::Value::String(text) => text.as_str().into(),
        toml::Value::Integer(number) => (*number).into(),
        toml::Value::Float(number) => (*number).into(),
        toml::Value::Boolean(truth) => (*truth).into(),
        toml::Value::Datetime(date) => date.to_string().into(),
        toml::Value::Array(values) => values.iter().map(json).collect(),
        toml::Value::Table(table) => Value::Object(json_object(table)),
    }
}

/// 2026-01-01T12:00:00Z.
pub(super) const NOW: i64 = 1_767_268_800;
