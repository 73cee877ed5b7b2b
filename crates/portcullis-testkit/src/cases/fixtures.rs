//! What the cases of a folder share.

use std::collections::BTreeMap;

use portcullis_core::{Parents, Problem, ResourceData};
use serde::Deserialize;
use serde_json::{Map, Value};

/// What the cases of a folder share.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct Fixtures {
    every_token: BTreeMap<String, toml::Value>,
    pub(super) claims: BTreeMap<String, toml::Table>,
    pub(super) resources: BTreeMap<String, ResourceSpec>,
    pub(super) unfailing: BTreeMap<String, String>,
    pub(super) surviving: BTreeMap<String, String>,
}

impl Fixtures {
    /// The claims of a token: those of every token, and in their place `claims`.
    pub(super) fn token(&self, claims: &toml::Table) -> Map<String, Value> {
        let mut all = json_object(&self.every_token);
        all.extend(json_object(claims));
        all
    }

    /// Adds those of another file, and reports names that both have: which would win is anybody's guess.
    pub(super) fn add(&mut self, more: Self, file: &str, problems: &mut Vec<Problem>) {
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
pub(super) struct ResourceSpec {
    #[serde(rename = "type")]
    entity_type: String,
    id: String,
    parents: Option<Vec<(String, String)>>,
    attributes: Option<toml::Table>,
    #[serde(default)]
    absent: Vec<String>,
}

impl ResourceSpec {
    pub(super) fn resolve(&self) -> Result<ResourceData, String> {
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
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged, expecting = "expected the name of a fixture, or a table of what it would hold")]
pub(super) enum Named<T> {
    Name(String),
    Inline(T),
}

impl<T: Clone> Named<T> {
    pub(super) fn resolve(&self, fixtures: &BTreeMap<String, T>, table: &str) -> Result<T, String> {
        match self {
            Self::Inline(fixture) => Ok(fixture.clone()),
            Self::Name(name) => fixtures.get(name).cloned().ok_or_else(|| format!("there is no `[{table}.{name}]`")),
        }
    }
}

pub(super) fn json_object<'a>(table: impl IntoIterator<Item = (&'a String, &'a toml::Value)>) -> Map<String, Value> {
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
