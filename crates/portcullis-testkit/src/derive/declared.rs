//! What the schema declares, as values can be made for it.

use std::collections::BTreeMap;

use cedar_policy::SchemaFragment;
use serde_json::{Map, Value};

/// The schema of a bundle, in Cedar's JSON form.
#[derive(Debug)]
pub(crate) struct Declared {
    json: Value,
}

/// The type of a value.
#[derive(Debug, Clone)]
pub(super) enum Shape {
    Bool,
    Long,
    String,
    Datetime,
    Duration,
    Decimal,
    Ip,
    Entity(String),
    Set(Box<Self>),
    Record(Vec<Member>),
}

/// A member of a record.
#[derive(Debug, Clone)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) shape: Shape,
    pub(super) required: bool,
    /// The claim that it is filled from.
    pub(super) claim: Option<String>,
}

impl Declared {
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|error| error.to_string())?;
        Ok(Self { json: fragment.to_json_value().map_err(|error| error.to_string())? })
    }

    fn actions(&self) -> impl Iterator<Item = (&String, &Value)> {
        self.json.pointer("//actions").and_then(Value::as_object).into_iter().flatten()
    }

    /// The actions, groups and scopes that nobody can ask for.
    pub(crate) fn groups(&self) -> impl Iterator<Item = &str> {
        let asked = |action: &Value| action.pointer("/appliesTo/resourceTypes/0").is_some();
        self.actions().filter(move |(_, action)| !asked(action)).map(|(name, _)| name.as_str())
    }

    /// What the action or group `name` is in, itself included, over any groups.
    pub(crate) fn above(&self, name: &str) -> Vec<String> {
        let mut found = vec![name.to_owned()];
        let mut next = 0;
        while let Some(name) = found.get(next).cloned() {
            let action = self.actions().find(|(known, _)| **known == name).map(|(_, action)| action);
            let parents = action.and_then(|action| action.get("memberOf")?.as_array()).into_iter().flatten();
            let parents = parents.filter_map(|parent| parent.get("id")?.as_str()).map(str::to_owned);
            let new: Vec<String> = parents.filter(|parent| !found.contains(parent)).collect();
            found.extend(new);
            next += 1;
        }
        found
    }

    /// What the application adds to the context of `action`: all but `auth` and `now`.
    pub(super) fn facts(&self, action: &str) -> Vec<Member> {
        let action = self.actions().find(|(known, _)| *known == action).map(|(_, action)| action);
        let context = action.and_then(|action| action.pointer("/appliesTo/context"));
        let Some(Shape::Record(mut members)) = context.and_then(|context| self.shape(context, DEPTH)) else {
            return Vec::new();
        };
        members.retain(|member| member.name != "auth" && member.name != "now");
        members
    }

    fn entity_type(&self, name: &str) -> Option<&Value> {
        let (namespace, name) = name.rsplit_once("::").unwrap_or(("", name));
        self.json.get(namespace)?.get("entityTypes")?.get(name)
    }

    pub(super) fn knows(&self, entity_type: &str) -> bool {
        self.entity_type(entity_type).is_some()
    }

    /// The attributes of an entity type.
    pub(super) fn attributes(&self, entity_type: &str) -> Vec<Member> {
        let shape = self.entity_type(entity_type).and_then(|declared| declared.get("shape"));
        match shape.and_then(|shape| self.shape(shape, DEPTH)) {
            Some(Shape::Record(members)) => members,
            _ => Vec::new(),
        }
    }

    /// What entities of a type can be in.
    pub(super) fn parents(&self, entity_type: &str) -> Vec<&str> {
        let parents = self.entity_type(entity_type).and_then(|ty| ty.get("memberOfTypes")?.as_array());
        parents.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The only ids that there are.
    pub(super) fn enumerated(&self, entity_type: &str) -> Vec<String> {
        let ids = self.entity_type(entity_type).and_then(|ty| ty.get("enum")?.as_array());
        ids.into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    /// The shape that `ty` describes; `None` for what is not an application's, such as `Portcullis::Context`.
    fn shape(&self, ty: &Value, depth: usize) -> Option<Shape> {
        let depth = depth.checked_sub(1)?;
        if let Some(attributes) = ty.get("attributes").and_then(Value::as_object) {
            return Some(Shape::Record(self.members(attributes, depth)));
        }
        if let Some(element) = ty.get("element") {
            return Some(Shape::Set(Box::new(self.shape(element, depth)?)));
        }
        let name = ty.get("name").or_else(|| ty.get("type")).and_then(Value::as_str)?;
        let name = name.trim_start_matches("__cedar::");
        if self.knows(name) {
            return Some(Shape::Entity(name.to_owned()));
        }
        let (namespace, last) = name.rsplit_once("::").unwrap_or(("", name));
        if let Some(common) = self.json.get(namespace).and_then(|all| all.get("commonTypes")?.get(last)) {
            return self.shape(common, depth);
        }
        let known: BTreeMap<&str, Shape> = [
            ("Bool", Shape::Bool),
            ("Boolean", Shape::Bool),
            ("Long", Shape::Long),
            ("String", Shape::String),
            ("datetime", Shape::Datetime),
            ("duration", Shape::Duration),
            ("decimal", Shape::Decimal),
            ("ipaddr", Shape::Ip),
        ]
        .into();
        known.get(name).cloned()
    }

    fn members(&self, attributes: &Map<String, Value>, depth: usize) -> Vec<Member> {
        let member = |(name, declared): (&String, &Value)| {
            Some(Member {
                name: name.clone(),
                shape: self.shape(declared, depth)?,
                required: declared.get("required").and_then(Value::as_bool).unwrap_or(true),
                claim: declared.pointer("/annotations/claim").and_then(Value::as_str).map(str::to_owned),
            })
        };
        attributes.iter().filter_map(member).collect()
    }
}

/// Deeper types are left out.
const DEPTH: usize = 16;
