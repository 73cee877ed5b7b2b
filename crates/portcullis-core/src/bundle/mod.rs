//! Loading a bundle: from files and settings to tables that decisions use, or to a list of problems.

mod action_table;
mod actions;
mod annotations;
mod body;
mod cedar;
mod check;
mod denials;
mod entities;
mod expression;
mod files;
mod grpc;
mod head;
mod index;
mod kinds;
mod places;
mod policies;
mod prelude;
mod problem;
mod reads;
mod report;
mod routes;
mod schema;
mod scopes;
mod settings;
mod sources;
mod text;
mod validated;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

pub(crate) use action_table::ActionTable;
pub use actions::Action;
pub(crate) use actions::ConsentRule;
pub(crate) use entities::StaticEntities;
pub use files::{BundleFiles, BundleHash};
pub use grpc::GrpcMethod;
pub(crate) use head::HeadPart;
pub(crate) use index::{Named, Policies, PrincipalKey, PrincipalNames, ResourceKey};
pub use policies::Obligation;
pub(crate) use policies::{LayerPolicy, Lift};
pub(crate) use prelude::NAMESPACE;
pub use problem::{LoadError, Problem};
pub(crate) use reads::Reads;
pub use report::Report;
pub use routes::{Route, erase_parameters};
use schema::SourceSchema;
pub use settings::BundleSettings;
pub(crate) use text::{Anatomy, ClauseKeyword, ConditionClause, Conjunct};

use validated::Validated;

use crate::caller::{Caller, Sources};
use crate::claims::Kind;
use crate::scope::{Scope, Scopes};
use crate::typed::Types;

/// One of the four questions that a request must pass.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[expect(clippy::exhaustive_enums, reason = "the law has four layers")]
pub enum Layer {
    /// Does the token carry a scope that covers the action, and is that scope's condition met?
    Consent,
    /// May this software ever do this?
    Ceilings,
    /// Is the subject granted this in the application?
    Roles,
    /// Does anything forbid it for everyone?
    Guardrails,
}

impl Layer {
    /// All layers, in the order in which they are reported.
    pub const ALL: [Self; 4] = [Self::Consent, Self::Ceilings, Self::Roles, Self::Guardrails];

    /// The folder of the layer's policies, which is also its name in settings, cases and logs.
    #[must_use]
    pub const fn folder(self) -> &'static str {
        match self {
            Self::Consent => "consent",
            Self::Ceilings => "ceilings",
            Self::Roles => "roles",
            Self::Guardrails => "guardrails",
        }
    }
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.folder())
    }
}

/// One validated, immutable snapshot of schema, layers, entities and settings.
///
/// It is loaded whole or not at all. Cloning the `Arc` in which [`Bundle::load`] puts it is how it is shared.
#[derive(Debug)]
pub struct Bundle {
    hash: BundleHash,
    sources: Sources,
    scopes: Scopes,
    pub(crate) actions: ActionTable,
    pub(crate) types: Types,
    pub(crate) layers: Layers,
    pub(crate) principal_names: PrincipalNames,
    pub(crate) reads: Reads,
    pub(crate) entities: StaticEntities,
    supplied: BTreeSet<String>,
    /// Entity types of which some policy names an entity.
    tested_types: BTreeSet<String>,
    warnings: Vec<Problem>,
    validated: Validated,
}

/// The policies, by layer.
#[derive(Debug, Default)]
pub(crate) struct Layers {
    /// By the conditional scope whose condition they state.
    pub(crate) consent: BTreeMap<String, Policies>,
    pub(crate) ceilings: Policies,
    pub(crate) roles: Policies,
    pub(crate) guardrails: Policies,
}

impl Bundle {
    /// Loads the bundle in `files` under the settings `given`.
    ///
    /// # Errors
    ///
    /// Every problem that was found, not only the first. Problems of one stage can hide those of a later one: policies
    /// are not judged against a schema that does not parse.
    pub fn load(files: &BundleFiles, given: BundleSettings) -> Result<Arc<Self>, LoadError> {
        Self::load_after(None, files, given)
    }

    /// Loads the bundle that follows this one. The result is that of [`Bundle::load`]. It comes sooner where the schema is the
    /// same: policies whose text has not changed are not validated again.
    ///
    /// # Errors
    ///
    /// As [`Bundle::load`].
    pub fn load_next(&self, files: &BundleFiles, given: BundleSettings) -> Result<Arc<Self>, LoadError> {
        Self::load_after(Some(self), files, given)
    }

    fn load_after(previous: Option<&Self>, files: &BundleFiles, given: BundleSettings) -> Result<Arc<Self>, LoadError> {
        let mut problems = files.check_manifest();
        let policies = policies::read(files, &mut problems);
        settings::check_folders(files, &given, &mut problems);
        settings::check_files(files, &given, &policies, &mut problems);
        let schema = match read_schema(files) {
            Ok(schema) => schema,
            Err(found) => {
                problems.extend(found);
                return Err(LoadError::new(problems));
            }
        };
        problems.extend(schema.check_annotations());
        let types = Types::from_json(&[&schema.prelude_json, &schema.json])
            .map_err(|error| LoadError::new(vec![Problem::new(files::SCHEMA, error.to_string())]))?;
        let scopes = scopes::scopes(&schema, &mut problems);
        let mut actions = actions::actions(&schema, &types, &scopes, &mut problems);
        let entities = StaticEntities::read(files, &schema.for_others, &mut problems);
        let sources = sources::join(given.sources, &schema, &scopes, &mut problems);
        let mut supplied = given.supplied;
        settings::check_supplied(&supplied, &types, &mut problems);
        supplied.extend(entities.kept().keys().cloned());
        let checker = check::Checker {
            schema: &schema,
            types: &types,
            scopes: &scopes,
            policies: &policies,
            kept: entities.kept(),
            supplied: &supplied,
        };
        let tested_types = checker.policies(&mut actions, &mut problems);
        let validated = checker.validate(previous.map(|previous| &previous.validated), &mut problems);
        checker.conditions(&mut problems);
        checker.actions(&actions, &mut problems);
        checker.routes(&actions, &mut problems);
        checker.grpc(&actions, &mut problems);
        checker.claims(&mut problems);
        let Some(sources) = sources.filter(|_| problems.is_empty()) else {
            return Err(LoadError::new(problems));
        };
        let warnings = check::warnings(&schema, &scopes, &actions);
        let mut principal_names = PrincipalNames::default();
        let layers = sort_into_layers(&checker, &policies, &actions, &mut principal_names);
        let reads = Reads::of(policies.iter().map(|policy| &policy.mentions));
        let actions = ActionTable::new(actions, &types, &entities);
        Ok(Arc::new(Self {
            hash: files.hash(),
            sources,
            scopes,
            actions,
            types,
            layers,
            principal_names,
            reads,
            entities,
            supplied,
            tested_types,
            warnings,
            validated,
        }))
    }

    /// The hash of the files.
    #[must_use]
    pub fn hash(&self) -> BundleHash {
        self.hash
    }

    /// The scopes that a token can carry.
    #[must_use]
    pub fn scopes(&self) -> &Scopes {
        &self.scopes
    }

    /// The actions that can be asked for, by name.
    pub fn actions(&self) -> impl Iterator<Item = &Action> {
        self.actions.iter()
    }

    /// The scopes that cover `action`, one of which a token must carry. None where it needs no scope.
    pub fn scopes_covering(&self, action: &Action) -> impl Iterator<Item = &Scope> {
        let ids = match &action.consent {
            ConsentRule::AnyOf(scopes) => scopes.clone(),
            ConsentRule::NotNeeded | ConsentRule::Public => Vec::new(),
        };
        ids.into_iter().filter_map(|id| self.scopes.scope(id))
    }

    /// The scopes that `action` needs besides one that covers it (`@requires`).
    pub fn scopes_required(&self, action: &Action) -> impl Iterator<Item = &Scope> {
        action.requires.clone().into_iter().filter_map(|id| self.scopes.scope(id))
    }

    /// The action called `name`; groups and scopes are none.
    #[must_use]
    pub fn action(&self, name: &str) -> Option<&Action> {
        self.actions.get(name)
    }

    /// Where credentials come from.
    #[must_use]
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// The entity types whose resources must be supplied before the handler, other than those of `entities.json`.
    pub fn supplied(&self) -> impl Iterator<Item = &str> {
        self.supplied.iter().map(String::as_str).filter(|name| !self.entities.kept().contains_key(*name))
    }

    /// Whether absent and denied resources of this entity type look the same to the caller (`@hide`).
    #[must_use]
    pub fn is_hidden(&self, entity_type: &str) -> bool {
        self.types.entity(entity_type).is_some_and(|shape| shape.annotations.contains_key("hide"))
    }

    /// The scope that goes by the name `wire` in tokens of `caller`'s source.
    pub(crate) fn scope_on_wire<'a>(&'a self, caller: &'a Caller, wire: &str) -> Option<&'a str> {
        if let Some(name) = caller.scope_name(wire) {
            return Some(name);
        }
        self.scopes.by_wire_name(wire).map(|scope| scope.name().as_str())
    }

    /// Whether some policy names an entity of this type, so that not knowing a membership matters.
    pub(crate) fn tests_membership(&self, entity_type: &str) -> bool {
        self.tested_types.contains(entity_type)
    }

    /// The ids of all policies, with their layers.
    pub fn policy_ids(&self) -> impl Iterator<Item = (Layer, &str)> {
        let Layers { consent, ceilings, roles, guardrails } = &self.layers;
        let consent = consent.values().map(|policies| (Layer::Consent, policies));
        let others = [(Layer::Ceilings, ceilings), (Layer::Roles, roles), (Layer::Guardrails, guardrails)];
        consent
            .chain(others)
            .flat_map(|(layer, policies)| policies.iter().map(move |policy| (layer, policy.id.as_str())))
    }

    /// Whether the schema has principals of `kind`.
    #[must_use]
    pub fn knows(&self, kind: Kind) -> bool {
        self.types.entity(kind.entity_type()).is_some()
    }

    /// What loads, but its author may not have meant.
    #[must_use]
    pub fn warnings(&self) -> &[Problem] {
        &self.warnings
    }
}

fn read_schema(files: &BundleFiles) -> Result<SourceSchema<'_>, Vec<Problem>> {
    let text = files.get(files::SCHEMA).ok_or_else(|| {
        let help = "it declares entity types, scopes and actions";
        vec![Problem::new(files::SCHEMA, "is missing").with_help(help)]
    })?;
    SourceSchema::parse(text)
}

fn sort_into_layers(
    checker: &check::Checker<'_>,
    policies: &[policies::ReadPolicy<'_>],
    actions: &BTreeMap<String, Action>,
    names: &mut PrincipalNames,
) -> Layers {
    let mut consent: BTreeMap<String, Vec<LayerPolicy>> = BTreeMap::new();
    let (mut ceilings, mut roles, mut guardrails) = (Vec::new(), Vec::new(), Vec::new());
    for policy in policies {
        let home = match policy.layer {
            Layer::Consent => match checker.consent_scope(policy) {
                Some(scope) => consent.entry(scope).or_default(),
                None => continue,
            },
            Layer::Ceilings => &mut ceilings,
            Layer::Roles => &mut roles,
            Layer::Guardrails => &mut guardrails,
        };
        home.push(policy.policy.clone());
    }
    let mut index = |policies| Policies::new(policies, actions, names);
    Layers {
        consent: consent.into_iter().map(|(scope, policies)| (scope, index(policies))).collect(),
        ceilings: index(ceilings),
        roles: index(roles),
        guardrails: index(guardrails),
    }
}
