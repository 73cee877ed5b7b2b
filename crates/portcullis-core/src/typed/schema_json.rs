//! Cedar's JSON form of a schema, read into [`Types`].

use std::collections::{BTreeMap, BTreeSet};
use std::str::FromStr;
use std::sync::Arc;

use cedar_policy::EntityTypeName;
use serde::Deserialize;
use serde_json::Value;

use super::types::{ActionFacts, Annotations, Attr, AttrType, EntityRef, EntityShape, RecordType, Types, TypesError};
use crate::copies::Copies;

pub(super) fn read(fragments: &[&Value]) -> Result<Types, TypesError> {
    let fragments = fragments
        .iter()
        .map(|fragment| Fragment::deserialize(*fragment).map_err(TypesError::Unreadable))
        .collect::<Result<Vec<_>, _>>()?;
    let names = Names::of(&fragments)?;
    let mut types = Types::default();
    for (namespace, definition) in fragments.iter().flatten() {
        for (id, raw) in definition.entity_types.iter().filter(|(_, raw)| !raw.external) {
            let shape = names.entity_shape(namespace, id, raw)?;
            types.entities.insert(qualified(namespace, id), shape);
        }
        for (id, raw) in &definition.actions {
            let Some(applies_to) = &raw.applies_to else {
                continue;
            };
            let action = names.action_facts(namespace, id, applies_to)?;
            if types.actions.insert(id.clone(), action).is_some() {
                return Err(TypesError::AmbiguousAction { action: id.clone() });
            }
        }
    }
    close_ancestors(&mut types);
    Ok(types)
}

/// Everything that a type's name can mean.
struct Names<'a> {
    /// Full name to the namespace of the definition and the definition.
    common: BTreeMap<String, (&'a str, &'a RawType)>,
    entities: BTreeMap<String, EntityRef>,
}

impl<'a> Names<'a> {
    fn of(fragments: &'a [Fragment]) -> Result<Self, TypesError> {
        let mut names = Self { common: BTreeMap::new(), entities: BTreeMap::new() };
        for (namespace, definition) in fragments.iter().flatten() {
            for (id, raw) in &definition.common_types {
                names.common.insert(qualified(namespace, id), (namespace, raw));
            }
            // Cedar declares the type of actions by itself.
            let actions = (!definition.actions.is_empty()).then_some("Action");
            let entities = definition.entity_types.iter().filter(|(_, raw)| !raw.external);
            let declared = entities.map(|(id, raw)| (id.as_str(), raw.ids.as_ref()));
            for (id, ids) in declared.chain(actions.map(|id| (id, None))) {
                let name = qualified(namespace, id);
                let type_name = EntityTypeName::from_str(&name).map_err(|_| unknown(namespace, id))?;
                let ids = ids.map(|ids| Arc::new(ids.iter().cloned().collect()));
                names
                    .entities
                    .insert(name.clone(), EntityRef { name: name.into(), type_name: Copies::of_type(type_name), ids });
            }
        }
        Ok(names)
    }

    fn entity_shape(&self, namespace: &str, id: &str, raw: &RawEntity) -> Result<EntityShape, TypesError> {
        let this = self.entity(namespace, id)?.clone();
        let parent = |name: &String| self.entity(namespace, name).map(|parent| parent.name.to_string());
        Ok(EntityShape {
            attributes: self.record(namespace, &this.name, raw.shape.as_ref())?,
            this,
            parents: raw.member_of_types.iter().map(parent).collect::<Result<_, _>>()?,
            ancestors: BTreeSet::new(),
            tagged: raw.tags.is_some(),
            annotations: flat(&raw.annotations),
        })
    }

    fn action_facts(&self, namespace: &str, id: &str, applies_to: &RawAppliesTo) -> Result<ActionFacts, TypesError> {
        let context = self.record(namespace, id, applies_to.context.as_ref())?;
        let mut facts = context.clone();
        facts.attributes.retain(|name, _| !ENGINE_FACTS.contains(&name.as_str()));
        Ok(ActionFacts { context, facts })
    }

    fn record(&self, namespace: &str, owner: &str, raw: Option<&RawType>) -> Result<RecordType, TypesError> {
        let Some(raw) = raw else {
            return Ok(RecordType::default());
        };
        match self.resolve(namespace, raw, 0)? {
            AttrType::Record(record) => Ok(record),
            _ => Err(TypesError::NotARecord { owner: owner.to_owned() }),
        }
    }

    fn resolve(&self, namespace: &str, raw: &RawType, depth: u8) -> Result<AttrType, TypesError> {
        if depth >= MAX_TYPE_DEPTH {
            return Err(TypesError::TooDeep { namespace: namespace.to_owned() });
        }
        match (raw.kind.as_str(), raw.name.as_deref(), raw.element.as_deref()) {
            ("Set", _, Some(element)) => Ok(AttrType::Set(Box::new(self.resolve(namespace, element, depth + 1)?))),
            ("Record", ..) => self.resolve_record(namespace, raw, depth),
            ("Entity", Some(name), _) => self.entity(namespace, name).cloned().map(AttrType::Entity),
            ("Extension", Some(name), _) => builtin(name).ok_or_else(|| unknown(namespace, name)),
            ("EntityOrCommon", Some(name), _) => self.named(namespace, name, depth),
            // The JSON form writes built-in types and common types alike.
            (kind, ..) => match builtin(kind) {
                Some(ty) if PRIMITIVES.contains(&kind) => Ok(ty),
                _ => self.named(namespace, kind, depth),
            },
        }
    }

    fn resolve_record(&self, namespace: &str, raw: &RawType, depth: u8) -> Result<AttrType, TypesError> {
        let attribute = |(name, raw): (&String, &RawType)| {
            let ty = self.resolve(namespace, raw, depth + 1)?;
            let attr = Attr { ty, required: raw.required, annotations: flat(&raw.annotations) };
            Ok((name.clone(), attr))
        };
        let attributes = raw.attributes.iter().map(attribute).collect::<Result<_, _>>()?;
        Ok(AttrType::Record(RecordType { attributes }))
    }

    /// Cedar's order: the own namespace before the empty one, in each a common type before an entity type, and the
    /// built-in types last (RFC 24 and 64 of the Cedar language).
    fn named(&self, namespace: &str, name: &str, depth: u8) -> Result<AttrType, TypesError> {
        for candidate in candidates(namespace, name) {
            if let Some((home, raw)) = self.common.get(&candidate) {
                return self.resolve(home, raw, depth + 1);
            }
            if let Some(entity) = self.entities.get(&candidate) {
                return Ok(AttrType::Entity(entity.clone()));
            }
        }
        builtin(name).ok_or_else(|| unknown(namespace, name))
    }

    fn entity(&self, namespace: &str, name: &str) -> Result<&EntityRef, TypesError> {
        candidates(namespace, name)
            .find_map(|candidate| self.entities.get(&candidate))
            .ok_or_else(|| unknown(namespace, name))
    }
}

fn candidates(namespace: &str, name: &str) -> impl Iterator<Item = String> {
    let own = (!name.contains("::")).then(|| qualified(namespace, name));
    own.into_iter().chain([name.to_owned()])
}

fn qualified(namespace: &str, id: &str) -> String {
    if namespace.is_empty() { id.to_owned() } else { format!("{namespace}::{id}") }
}

fn builtin(name: &str) -> Option<AttrType> {
    Some(match name.strip_prefix("__cedar::").unwrap_or(name) {
        "Bool" | "Boolean" => AttrType::Bool,
        "Long" => AttrType::Long,
        "String" => AttrType::String,
        "datetime" => AttrType::Datetime,
        "decimal" => AttrType::Decimal,
        "duration" => AttrType::Duration,
        "ipaddr" => AttrType::Ip,
        _ => return None,
    })
}

fn unknown(namespace: &str, name: &str) -> TypesError {
    TypesError::UnknownType { name: name.to_owned(), namespace: namespace.to_owned() }
}

fn flat(raw: &RawAnnotations) -> Annotations {
    raw.iter().map(|(name, value)| (name.clone(), value.clone().unwrap_or_default())).collect()
}

fn close_ancestors(types: &mut Types) {
    let direct: BTreeMap<String, Vec<String>> =
        types.entities.iter().map(|(name, shape)| (name.clone(), shape.parents.clone())).collect();
    for shape in types.entities.values_mut() {
        let mut pending = shape.parents.clone();
        while let Some(name) = pending.pop() {
            if let Some(parents) = direct.get(&name).filter(|_| !shape.ancestors.contains(&name)) {
                pending.extend(parents.iter().cloned());
                shape.ancestors.insert(name);
            }
        }
    }
}

/// Namespace to its definitions; the empty name is the empty namespace.
type Fragment = BTreeMap<String, RawNamespace>;
type RawAnnotations = BTreeMap<String, Option<String>>;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawNamespace {
    #[serde(default)]
    common_types: BTreeMap<String, RawType>,
    #[serde(default)]
    entity_types: BTreeMap<String, RawEntity>,
    #[serde(default)]
    actions: BTreeMap<String, RawAction>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawEntity {
    #[serde(default)]
    member_of_types: Vec<String>,
    shape: Option<RawType>,
    tags: Option<Value>,
    #[serde(rename = "enum")]
    ids: Option<Vec<String>>,
    /// Declared here, defined in another fragment (RFC 116 of the Cedar language).
    #[serde(default)]
    external: bool,
    #[serde(default)]
    annotations: RawAnnotations,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct RawAction {
    applies_to: Option<RawAppliesTo>,
}

#[derive(Deserialize)]
struct RawAppliesTo {
    context: Option<RawType>,
}

/// A type, and beside it what the JSON form adds where the type is an attribute's.
#[derive(Deserialize)]
struct RawType {
    #[serde(rename = "type")]
    kind: String,
    name: Option<String>,
    element: Option<Box<Self>>,
    #[serde(default)]
    attributes: BTreeMap<String, Self>,
    #[serde(default = "required_by_default")]
    required: bool,
    #[serde(default)]
    annotations: RawAnnotations,
}

fn required_by_default() -> bool {
    true
}

/// The members of a context that the engine fills in itself.
const ENGINE_FACTS: [&str; 2] = ["auth", "now"];
/// Names that no common type may take.
const PRIMITIVES: [&str; 3] = ["Boolean", "Long", "String"];
/// Levels of types within types. Cedar refuses common types that contain themselves; this bound does not rely on it.
const MAX_TYPE_DEPTH: u8 = 32;
