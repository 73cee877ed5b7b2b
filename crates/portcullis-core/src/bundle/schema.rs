//! Reading `schema.cedarschema`: scopes, groups, actions, and what their annotations say.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Schema, SchemaFragment};
use serde_json::Value;

use super::annotations::{self, Annotations, Target};
use super::files::SCHEMA;
use super::places::{Keyword, Place, Places};
use super::prelude::{self, Audience, NAMESPACE};
use super::problem::{Problem, did_you_mean, most_like};
use crate::claims::Kind;

/// The schema of an application, parsed, with its annotations checked but not yet read.
pub(super) struct SourceSchema<'a> {
    pub(super) text: &'a str,
    /// Cedar's JSON form: the only one that keeps annotations.
    pub(super) json: Value,
    pub(super) prelude_json: Value,
    /// The principals that the schema declares.
    pub(super) kinds: BTreeSet<Kind>,
    /// What ceilings are validated against: with `context.auth.actor`.
    pub(super) for_ceilings: Schema,
    /// What the other layers are validated against.
    pub(super) for_others: Schema,
    pub(super) actions: BTreeMap<String, Declaration>,
    places: Places,
}

/// An action or action group as the schema declares it.
pub(super) struct Declaration {
    pub(super) annotations: Annotations,
    pub(super) parents: BTreeSet<String>,
    /// `None` for a group.
    pub(super) applies_to: Option<AppliesTo>,
}

/// What an action applies to.
#[derive(Default)]
pub(super) struct AppliesTo {
    pub(super) principals: BTreeSet<String>,
    pub(super) resources: BTreeSet<String>,
}

impl<'a> SourceSchema<'a> {
    /// Parses `text` and joins it with the prelude.
    pub(super) fn parse(text: &'a str) -> Result<Self, Vec<Problem>> {
        let cedar = |diagnostic: &dyn miette::Diagnostic| vec![Problem::from_cedar(SCHEMA, text, 0, diagnostic)];
        let (fragment, _) = SchemaFragment::from_cedarschema_str(text).map_err(|error| cedar(&error))?;
        let json = fragment.clone().to_json_value().map_err(|error| cedar(&error))?;
        let places = Places::of(text);
        check_namespaces(&json, text, &places)?;
        let kinds = Kind::ALL.into_iter().filter(|kind| json.pointer(&entity_pointer(kind.entity_type())).is_some());
        let kinds: BTreeSet<Kind> = kinds.collect();
        let prelude = |audience| {
            SchemaFragment::from_cedarschema_str(&prelude::text(&kinds, audience))
                .map(|(fragment, _)| fragment)
                .map_err(|error| cedar(&error))
        };
        let join = |audience| {
            Schema::from_schema_fragments([prelude(audience)?, fragment.clone()]).map_err(|error| cedar(&error))
        };
        let prelude_json = prelude(Audience::Ceilings)?.to_json_value().map_err(|error| cedar(&error))?;
        let (for_ceilings, for_others) = (join(Audience::Ceilings)?, join(Audience::OtherLayers)?);
        let actions = declarations(&json);
        Ok(Self { text, json, prelude_json, kinds, for_ceilings, for_others, actions, places })
    }

    /// A problem in the schema, at the declaration of the action or group `name`.
    pub(super) fn problem_at_action(&self, name: &str, message: impl Into<String>) -> Problem {
        self.problem(message, self.places.declaration(Keyword::Action, name).map(|place| place.offset))
    }

    /// A problem in the schema, at an annotation of the action or group `name`.
    pub(super) fn problem_at_annotation(&self, name: &str, annotation: &str, message: impl Into<String>) -> Problem {
        let place = self.places.declaration(Keyword::Action, name);
        self.problem(message, place.map(|place| place.of_annotation(annotation)))
    }

    /// A problem in the schema, at the attribute `attribute` of the entity type `entity_type`.
    pub(super) fn problem_at_attribute(
        &self,
        entity_type: &str,
        attribute: &str,
        message: impl Into<String>,
    ) -> Problem {
        self.problem(message, self.places.attribute(entity_type, attribute).map(|place| place.offset))
    }

    fn problem(&self, message: impl Into<String>, offset: Option<usize>) -> Problem {
        let problem = Problem::new(SCHEMA, message);
        match offset {
            Some(offset) => problem.at(self.text, offset),
            None => problem,
        }
    }

    /// The nearest groups above `action` marked `@scope`; plain groups are looked through.
    pub(super) fn scopes_above(&self, action: &str) -> BTreeSet<String> {
        let mut found = BTreeSet::new();
        let mut seen = BTreeSet::new();
        let mut above: Vec<&String> = self.actions.get(action).into_iter().flat_map(|action| &action.parents).collect();
        while let Some(name) = above.pop() {
            let Some(group) = self.actions.get(name).filter(|_| seen.insert(name)) else {
                continue;
            };
            if group.annotations.contains_key("scope") {
                found.insert(name.clone());
            } else {
                above.extend(&group.parents);
            }
        }
        found
    }

    /// Whether `name` is an action group.
    pub(super) fn is_group(&self, name: &str) -> bool {
        self.actions.get(name).is_some_and(Declaration::is_group)
    }

    /// The names of the actions that are no groups.
    pub(super) fn concrete_actions(&self) -> impl Iterator<Item = (&str, &Declaration)> {
        self.actions.iter().filter(|(_, action)| !action.is_group()).map(|(name, action)| (name.as_str(), action))
    }

    /// "did you mean" among the scopes.
    pub(super) fn similar_scope(&self, name: &str) -> Option<String> {
        let scopes = self.actions.iter().filter(|(_, group)| group.annotations.contains_key("scope"));
        did_you_mean(name, scopes.map(|(name, _)| name.as_str()))
    }

    /// Says which action was probably meant. Cedar's own suggestion is often the shortest one, and a matter of chance: it compares the name
    /// with `Action::"…"` as a whole.
    pub(super) fn with_similar_action(&self, problem: Problem) -> Problem {
        let name = problem.message.split_once("`Action::\"").and_then(|(_, rest)| rest.split_once('"'));
        let similar = name.and_then(|(name, _)| most_like(name, self.actions.keys().map(String::as_str)));
        let help = match similar {
            Some(similar) => format!("did you mean `Action::\"{similar}\"`?"),
            None => "declare it in the schema, or correct the name".to_owned(),
        };
        problem.with_help(help)
    }

    /// Every annotation that has no business where it stands.
    pub(super) fn check_annotations(&self) -> Vec<Problem> {
        let mut check = AnnotationCheck { schema: self, problems: Vec::new() };
        for (name, action) in &self.actions {
            let target = if action.is_group() { Target::Group } else { Target::Action };
            let place = self.places.declaration(Keyword::Action, name);
            check.declaration(&action.annotations, target, place);
            check.below(
                self.json.pointer("//actions").and_then(|all| all.get(name)?.pointer("/appliesTo/context")),
                place,
            );
        }
        for (namespace, content) in self.json.as_object().into_iter().flatten() {
            let place = self.places.declaration(Keyword::Namespace, namespace);
            check.declaration(&annotations::of(content), Target::Other, place);
            for (name, entity_type) in members(content.get("entityTypes")) {
                check.entity_type(&qualified(namespace, name), entity_type);
            }
            for (name, common_type) in members(content.get("commonTypes")) {
                let place = self.places.declaration(Keyword::Type, &qualified(namespace, name));
                check.declaration(&annotations::of(common_type), Target::Other, place);
                check.below(Some(common_type), place);
            }
        }
        check.problems
    }
}

/// Looks at the annotations of a schema.
struct AnnotationCheck<'a> {
    schema: &'a SourceSchema<'a>,
    problems: Vec<Problem>,
}

impl AnnotationCheck<'_> {
    fn declaration(&mut self, annotations: &Annotations, target: Target, place: Option<&Place>) {
        let at = |annotation: &str, message| {
            self.schema.problem(message, place.map(|place| place.of_annotation(annotation)))
        };
        self.problems.extend(annotations::check(annotations, target, at));
    }

    fn entity_type(&mut self, name: &str, entity_type: &Value) {
        let place = self.schema.places.declaration(Keyword::Entity, name);
        self.declaration(&annotations::of(entity_type), Target::EntityType, place);
        for (attribute, declaration) in members(entity_type.pointer("/shape/attributes")) {
            let place = self.schema.places.attribute(name, attribute);
            self.declaration(&annotations::of(declaration), Target::Attribute, place);
            self.below(Some(declaration), place);
        }
    }

    /// The attributes of records inside of a type.
    fn below(&mut self, ty: Option<&Value>, place: Option<&Place>) {
        let Some(ty) = ty else { return };
        self.below(ty.get("element"), place);
        for (_, attribute) in members(ty.get("attributes")) {
            self.declaration(&annotations::of(attribute), Target::Member, place);
            self.below(Some(attribute), place);
        }
    }
}

impl Declaration {
    fn is_group(&self) -> bool {
        self.applies_to.is_none()
    }
}

fn members(object: Option<&Value>) -> impl Iterator<Item = (&str, &Value)> {
    object.and_then(Value::as_object).into_iter().flatten().map(|(name, member)| (name.as_str(), member))
}

fn qualified(namespace: &str, name: &str) -> String {
    if namespace.is_empty() { name.to_owned() } else { format!("{namespace}::{name}") }
}

fn entity_pointer(entity_type: &str) -> String {
    format!("//entityTypes/{entity_type}")
}

/// Cedar would merge a second `Portcullis` without a word. Scopes live in one namespace, so all actions do.
fn check_namespaces(json: &Value, text: &str, places: &Places) -> Result<(), Vec<Problem>> {
    let mut problems = Vec::new();
    for (namespace, content) in json.as_object().into_iter().flatten().filter(|(name, _)| !name.is_empty()) {
        let at = |message| match places.declaration(Keyword::Namespace, namespace) {
            Some(place) => Problem::new(SCHEMA, message).at(text, place.offset),
            None => Problem::new(SCHEMA, message),
        };
        if namespace == NAMESPACE || namespace.starts_with("Portcullis::") {
            problems.push(at(format!("namespace `{namespace}` is reserved")).with_help("choose another name"));
        }
        if content.get("actions").and_then(Value::as_object).is_some_and(|actions| !actions.is_empty()) {
            problems.push(
                at(format!("namespace `{namespace}` declares actions"))
                    .with_help("declare actions and scopes outside of any namespace; entity types may stay"),
            );
        }
    }
    if problems.is_empty() { Ok(()) } else { Err(problems) }
}

fn declarations(json: &Value) -> BTreeMap<String, Declaration> {
    let actions = json.pointer("//actions").and_then(Value::as_object);
    let read = |(name, declaration): (&String, &Value)| {
        let annotations = annotations::of(declaration);
        let names = |value: Option<&Value>| -> BTreeSet<String> {
            let names = value.and_then(Value::as_array).into_iter().flatten();
            names.filter_map(Value::as_str).map(str::to_owned).collect()
        };
        let parents = declaration.get("memberOf").and_then(Value::as_array).into_iter().flatten();
        let parents = parents.filter_map(|parent| parent.get("id")?.as_str().map(str::to_owned)).collect();
        let applies_to = declaration.get("appliesTo").map(|applies_to| AppliesTo {
            principals: names(applies_to.get("principalTypes")),
            resources: names(applies_to.get("resourceTypes")),
        });
        // Without `appliesTo` an action cannot be requested: it is a group, or public and decided by nobody.
        let applies_to = applies_to.filter(|applies_to| !applies_to.principals.is_empty());
        let public = annotations.contains_key("public");
        let applies_to = if public { Some(applies_to.unwrap_or_default()) } else { applies_to };
        (name.clone(), Declaration { annotations, parents, applies_to })
    };
    actions.into_iter().flatten().map(read).collect()
}
