//! The schema, read from Cedar's JSON form each time something is asked.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Schema, SchemaFragment};
use portcullis_core::{Kind, Layer};
use serde_json::{Map, Value};

use super::ReferenceError;

/// The declarations of an application, and the two schemas that they make with the prelude.
#[derive(Debug)]
pub(super) struct Declarations {
    json: Value,
    for_ceilings: Schema,
    for_others: Schema,
}

impl Declarations {
    pub(super) fn read(text: &str) -> Result<Self, ReferenceError> {
        let wrong = |error: &dyn std::fmt::Display| ReferenceError::new(format!("schema: {error}"));
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|error| wrong(&error))?;
        let json = fragment.clone().to_json_value().map_err(|error| wrong(&error))?;
        let users = json.pointer("//entityTypes/User").is_some();
        let schema = |actor: &str| {
            let user = if users { PERSON } else { "" };
            let prelude = PRELUDE.replace("PERSON", user).replace("ACTOR", actor);
            let (prelude, _) = SchemaFragment::from_cedarschema_str(&prelude).map_err(|error| wrong(&error))?;
            Schema::from_schema_fragments([prelude, fragment.clone()]).map_err(|error| wrong(&error))
        };
        let (for_ceilings, for_others) = (schema(ACTOR)?, schema("")?);
        Ok(Self { json, for_ceilings, for_others })
    }

    pub(super) fn schema(&self, layer: Layer) -> &Schema {
        if layer == Layer::Ceilings { &self.for_ceilings } else { &self.for_others }
    }

    fn actions(&self) -> Option<&Map<String, Value>> {
        self.json.pointer("//actions")?.as_object()
    }

    /// The value of an annotation of the action or group `name`.
    pub(super) fn annotation(&self, name: &str, annotation: &str) -> Option<&str> {
        self.actions()?.get(name)?.get("annotations")?.get(annotation)?.as_str()
    }

    fn is_scope(&self, name: &str) -> bool {
        self.annotation(name, "scope").is_some()
    }

    pub(super) fn is_public(&self, action: &str) -> bool {
        self.annotation(action, "public").is_some()
    }

    pub(super) fn is_conditional(&self, scope: &str) -> bool {
        self.annotation(scope, "conditional").is_some()
    }

    fn parents(&self, name: &str) -> Vec<&str> {
        let parents = self.actions().and_then(|actions| actions.get(name)?.get("memberOf")?.as_array());
        parents.into_iter().flatten().filter_map(|parent| parent.get("id")?.as_str()).collect()
    }

    /// Whether there is a way up from `name` to `ancestor`, over any groups.
    pub(super) fn is_below(&self, name: &str, ancestor: &str) -> bool {
        name == ancestor || self.parents(name).iter().any(|parent| self.is_below(parent, ancestor))
    }

    /// Every scope, with its name on the wire.
    pub(super) fn scopes(&self) -> BTreeMap<&str, &str> {
        let names = self.actions().into_iter().flatten().map(|(name, _)| name.as_str());
        let scope = |name: &'_ str| -> Option<(&str, &str)> {
            let (name, _) = self.actions()?.get_key_value(name)?;
            let wire = self.annotation(name, "scope")?;
            Some((name.as_str(), if wire.is_empty() { name.as_str() } else { wire }))
        };
        names.filter_map(scope).collect()
    }

    /// Every scope that is granted with `granted`: those that are below one of them.
    pub(super) fn granted_with(&self, granted: &BTreeSet<&str>) -> BTreeSet<&str> {
        let scopes = self.scopes().into_keys();
        scopes.filter(|scope| granted.iter().any(|given| self.is_below(scope, given))).collect()
    }

    /// The scopes that cover `name`: those in its own `in […]`, plain groups looked through.
    pub(super) fn covering<'a>(&'a self, name: &str) -> BTreeSet<&'a str> {
        let above = self.parents(name).into_iter();
        above.flat_map(|up| if self.is_scope(up) { BTreeSet::from([up]) } else { self.covering(up) }).collect()
    }

    /// What `action` applies to; `None` if it is no action.
    pub(super) fn applies_to(&self, action: &str, key: &str) -> Option<BTreeSet<&str>> {
        let types = self.actions()?.get(action)?.get("appliesTo")?.get(key)?.as_array()?;
        let types: BTreeSet<&str> = types.iter().filter_map(Value::as_str).collect();
        (!types.is_empty()).then_some(types)
    }

    /// The context type of `action`.
    pub(super) fn context(&self, action: &str) -> Option<&Value> {
        self.actions()?.get(action)?.get("appliesTo")?.get("context")
    }

    /// The declaration of an entity type of the application.
    pub(super) fn entity_type(&self, name: &str) -> Option<&Value> {
        let (namespace, name) = name.rsplit_once("::").unwrap_or(("", name));
        self.json.get(namespace)?.get("entityTypes")?.get(name)
    }

    /// Whether entities of `entity_type` have nothing and are in nothing.
    pub(super) fn is_id_alone(&self, entity_type: &str) -> bool {
        let empty = |value: Option<&Value>| {
            value.is_none_or(|value| {
                value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
            })
        };
        self.entity_type(entity_type).is_some_and(|ty| {
            empty(ty.pointer("/shape/attributes")) && empty(ty.get("memberOfTypes")) && ty.get("tags").is_none()
        })
    }

    /// The attributes of principals of `kind` that are filled from claims.
    pub(super) fn claimed(&self, kind: Kind) -> BTreeMap<&str, &str> {
        let attributes =
            self.entity_type(kind.entity_type()).and_then(|ty| ty.pointer("/shape/attributes")?.as_object());
        let attributes = attributes.into_iter().flatten();
        attributes
            .filter_map(|(name, declared)| Some((name.as_str(), declared.get("annotations")?.get("claim")?.as_str()?)))
            .collect()
    }

    /// Whether entities of `entity_type` have the attribute `name`.
    pub(super) fn has_attribute(&self, entity_type: &str, name: &str) -> bool {
        self.entity_type(entity_type).and_then(|ty| ty.pointer("/shape/attributes")?.get(name)).is_some()
    }

    /// Whether entities of `entity_type` can be in entities of `parent`.
    pub(super) fn can_be_in(&self, entity_type: &str, parent: &str) -> bool {
        let parents = self.entity_type(entity_type).and_then(|ty| ty.get("memberOfTypes")?.as_array());
        parents.into_iter().flatten().any(|known| known == parent)
    }

    /// `value`, in which an entity is written as its id, in Cedar's JSON form for the type `ty`. Members that are `null`
    /// are absent.
    pub(super) fn typed(&self, ty: &Value, value: &Value) -> Value {
        let name = ty.get("name").or_else(|| ty.get("type")).and_then(Value::as_str).unwrap_or_default();
        if let Some(attributes) = ty.get("attributes").and_then(Value::as_object) {
            let member = |(name, value): (&String, &Value)| {
                let value = attributes.get(name).map_or_else(|| value.clone(), |ty| self.typed(ty, value));
                (!value.is_null()).then(|| (name.clone(), value))
            };
            return value.as_object().into_iter().flatten().filter_map(member).collect::<Map<_, _>>().into();
        }
        if let (Some(element), Some(values)) = (ty.get("element"), value.as_array()) {
            return values.iter().map(|value| self.typed(element, value)).collect();
        }
        if let (Some(_), Some(id)) = (self.entity_type(name), value.as_str()) {
            return serde_json::json!({ "type": name, "id": id });
        }
        match self.json.pointer("//commonTypes").and_then(|types| types.get(name)) {
            Some(common) => self.typed(common, value),
            None => value.clone(),
        }
    }
}

const PRELUDE: &str = r#"
namespace Portcullis {
  entity Anonymous;
  entity Kind enum ["user", "service", "agent"];
  entity Credential enum ["access_token", "api_key"];
  entity Binding enum ["dpop", "mtls"];
  type Context = { auth: Auth, now: datetime };
  type Auth = {
    issuer: String, credential: Credential, expires_at: datetime, subject: { kind: Kind, id: String },
    client?: String, tenant?: String, ip?: ipaddr, binding: Set<Binding>, acr?: String, amr?: Set<String>,
    authenticated_at?: datetime, PERSON ACTOR
  };
}"#;
const PERSON: &str = "user?: User, approval?: { by: User, at: datetime },";
const ACTOR: &str = "actor?: { kind: Kind, id: String, class?: String, depth: Long },";
