//! From the annotated schema to the table of actions that decisions use.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{Entity, EntityId, EntityTypeName, EntityUid};
use smol_str::SmolStr;

use super::grpc::GrpcMethod;
use super::kinds::ResourceKind;
use super::problem::Problem;
use super::routes::{ResourceId, ResourceRule, Route};
use super::schema::{AppliesTo, Declaration, SourceSchema};
use crate::caller::Subject;
use crate::claims::Kind;
use crate::copies::Copies;
use crate::scope::{ScopeId, Scopes};
use crate::typed::Types;

/// An action that can be asked for: everything the schema says about it.
#[derive(Debug, Clone)]
pub struct Action {
    /// Short names are copied and longer ones shared, so that threads need not count who uses them.
    pub(crate) name: SmolStr,
    /// Its number among all actions.
    pub(crate) place: usize,
    pub(crate) uid: Copies<EntityUid>,
    /// With all groups above it, so that `action in …` is evaluated right.
    pub(crate) entity: Entity,
    /// The names of these groups.
    pub(crate) groups: BTreeSet<String>,
    pub(crate) principals: BTreeSet<Kind>,
    pub(crate) resources: BTreeSet<EntityTypeName>,
    /// The same, with what a decision asks of each.
    pub(crate) kinds: Vec<ResourceKind>,
    pub(crate) consent: ConsentRule,
    /// Scopes needed besides one that covers the action.
    pub(crate) requires: Vec<ScopeId>,
    pub(crate) routes: Vec<Route>,
    pub(crate) via: Vec<Route>,
    pub(crate) grpc: Vec<GrpcMethod>,
    pub(crate) resource: Option<ResourceRule>,
    pub(crate) deferred: Option<String>,
    pub(crate) lists: Option<String>,
    pub(crate) doc: Option<String>,
    /// Whether the application adds anything to its context.
    pub(crate) has_facts: bool,
    /// Whether some policy that can match reads the resource's attributes, tags or ancestors.
    pub(crate) reads_resource: bool,
    pub(crate) confirmable: bool,
}

/// How consent to an action is judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ConsentRule {
    /// One of these scopes must be granted, with its condition met.
    AnyOf(Vec<ScopeId>),
    /// Any caller will do (`@no_consent`).
    NotNeeded,
    /// Anybody will do (`@public`).
    Public,
}

impl Action {
    /// The name of the action.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it does, for people.
    #[must_use]
    pub fn doc(&self) -> Option<&str> {
        self.doc.as_deref()
    }

    /// The routes that mean this action.
    #[must_use]
    pub fn routes(&self) -> &[Route] {
        &self.routes
    }

    /// The routes on which the handler names this action, among others (`@via`).
    #[must_use]
    pub fn via(&self) -> &[Route] {
        &self.via
    }

    /// The methods of gRPC services that mean this action.
    #[must_use]
    pub fn grpc(&self) -> &[GrpcMethod] {
        &self.grpc
    }

    /// Whether the handler of a route asks for the decision, on the loaded resource.
    #[must_use]
    pub fn is_deferred(&self) -> bool {
        self.deferred.is_some()
    }

    /// Whether the handler of a gRPC method asks for the decision: wherever the resource stands in the message, which only
    /// the handler reads. Known before is the one that `@resource` fixes or that is the subject, and a public action needs
    /// none.
    #[must_use]
    pub fn is_deferred_over_grpc(&self) -> bool {
        let known = |rule: &ResourceRule| matches!(rule.id, ResourceId::Fixed(_) | ResourceId::Subject);
        self.is_deferred() || !(self.is_public() || self.resource.as_ref().is_some_and(known))
    }

    /// Whether a person may have to confirm it: some policy that can match waits for that (`@confirm`).
    #[must_use]
    pub fn may_need_confirmation(&self) -> bool {
        self.confirmable
    }

    /// Whether some way to this action is decided before its handler.
    #[must_use]
    pub fn is_decided_before_some_handler(&self) -> bool {
        let http = !self.routes.is_empty() && !self.is_deferred();
        http || !self.grpc.is_empty() && !self.is_deferred_over_grpc()
    }

    /// The entity types to which it applies.
    pub fn resource_types(&self) -> impl Iterator<Item = &EntityTypeName> {
        self.resources.iter()
    }

    /// The action that each listed item must pass (`@lists`).
    #[must_use]
    pub fn lists(&self) -> Option<&str> {
        self.lists.as_deref()
    }

    /// The entity type and id of the resource that a route of this action names: `parameter` gives the value of a path
    /// parameter, percent-decoded, and `subject` is whom the caller stands for.
    ///
    /// `None` if the routes do not say, as for an action that is decided in the handler.
    #[must_use]
    pub fn resource_named<'a>(
        &'a self,
        parameter: impl Fn(&str) -> Option<&'a str>,
        subject: Option<&'a Subject>,
    ) -> Option<(&'a str, &'a str)> {
        let rule = self.resource.as_ref()?;
        let id = match &rule.id {
            ResourceId::Parameter(name) => parameter(name)?,
            ResourceId::Subject => &subject?.id,
            ResourceId::Fixed(id) => id,
        };
        Some((&rule.entity_type, id))
    }

    /// Whether the action needs no token.
    #[must_use]
    pub fn is_public(&self) -> bool {
        self.consent == ConsentRule::Public
    }
}

/// The actions of the schema.
pub(super) fn actions(
    schema: &SourceSchema<'_>,
    types: &Types,
    scopes: &Scopes,
    problems: &mut Vec<Problem>,
) -> BTreeMap<String, Action> {
    let entities = schema.for_others.action_entities();
    let mut actions = BTreeMap::new();
    for (name, declaration) in schema.concrete_actions() {
        let Some(uid) = action_uid(name) else { continue };
        let found = entities.as_ref().ok().and_then(|entities| entities.get(&uid)).cloned();
        // A public action without `appliesTo` and without groups is in no hierarchy that Cedar would list.
        let entity = found.unwrap_or_else(|| Entity::with_uid(uid.clone()));
        let reader = Reader { schema, scopes, name, declaration };
        let has_facts = types.fact_type(name).is_some_and(|facts| !facts.attributes.is_empty());
        let action = Action { place: actions.len(), has_facts, ..reader.read(uid, entity, problems) };
        actions.insert(name.to_owned(), action);
    }
    actions
}

/// The uid of the action called `name`.
pub(crate) fn action_uid(name: &str) -> Option<EntityUid> {
    Some(EntityUid::from_type_name_and_id("Action".parse().ok()?, EntityId::new(name)))
}

/// Reads the declaration of one action.
struct Reader<'a> {
    schema: &'a SourceSchema<'a>,
    scopes: &'a Scopes,
    name: &'a str,
    declaration: &'a Declaration,
}

impl Reader<'_> {
    fn read(&self, uid: EntityUid, entity: Entity, problems: &mut Vec<Problem>) -> Action {
        let applies_to = self.declaration.applies_to.as_ref();
        let types = applies_to.map(|applies_to| &applies_to.resources).into_iter().flatten();
        let resources: BTreeSet<EntityTypeName> = types.filter_map(|name| name.parse().ok()).collect();
        let routes = self.routes("http", problems);
        let via = self.routes("via", problems);
        let grpc = self.grpc(problems);
        let consent = self.consent(problems);
        let deferred = self.annotation("deferred").map(str::to_owned);
        let public = consent == ConsentRule::Public;
        let resource = self.resource_rule(&resources, &routes, deferred.is_some() || public, problems);
        let (_, _, ancestors) = entity.clone().into_inner();
        Action {
            name: self.name.into(),
            place: 0,
            has_facts: false,
            uid: Copies::of_uid(uid),
            entity,
            groups: ancestors.iter().map(|group| group.id().unescaped().to_owned()).collect(),
            principals: self.principals(applies_to, public, problems),
            resources,
            kinds: Vec::new(),
            requires: self.requires(problems),
            deferred: deferred.or_else(|| (!via.is_empty()).then(|| "the handler names the action".to_owned())),
            lists: self.lists(problems),
            doc: self.annotation("doc").map(str::to_owned),
            reads_resource: false,
            confirmable: false,
            consent,
            routes,
            via,
            grpc,
            resource,
        }
    }

    fn annotation(&self, name: &str) -> Option<&str> {
        self.declaration.annotations.get(name).map(String::as_str)
    }

    fn problem(&self, message: impl Into<String>) -> Problem {
        self.schema.problem_at_action(self.name, message)
    }

    fn problem_at(&self, annotation: &str, message: impl Into<String>) -> Problem {
        self.schema.problem_at_annotation(self.name, annotation, message)
    }

    fn principals(&self, applies_to: Option<&AppliesTo>, public: bool, problems: &mut Vec<Problem>) -> BTreeSet<Kind> {
        let mut kinds = BTreeSet::new();
        for name in applies_to.map(|applies_to| &applies_to.principals).into_iter().flatten() {
            match Kind::ALL.into_iter().find(|kind| kind.entity_type() == name) {
                Some(kind) if !public => drop(kinds.insert(kind)),
                None if public && name == "Portcullis::Anonymous" => {}
                _ => problems.push(
                    self.problem(format!("`{name}` cannot be the principal of `{}`", self.name)).with_help(if public {
                        "a public action applies to `Portcullis::Anonymous` only"
                    } else {
                        "principals are `User`, `Service` and `Agent`"
                    }),
                ),
            }
        }
        kinds
    }

    fn routes(&self, annotation: &str, problems: &mut Vec<Problem>) -> Vec<Route> {
        let texts = self.annotation(annotation).into_iter().flat_map(|routes| routes.split(',')).map(str::trim);
        let mut routes = Vec::new();
        for text in texts {
            match Route::parse(text) {
                Ok(route) => routes.push(route),
                Err(reason) => problems.push(
                    self.problem_at(annotation, format!("route `{text}` of `{}` cannot be read: {reason}", self.name))
                        .with_help("write `GET /projects/{project}`, several with commas between"),
                ),
            }
        }
        routes
    }

    fn grpc(&self, problems: &mut Vec<Problem>) -> Vec<GrpcMethod> {
        let texts = self.annotation("grpc").into_iter().flat_map(|methods| methods.split(',')).map(str::trim);
        let mut methods = Vec::new();
        for text in texts {
            match GrpcMethod::parse(text) {
                Ok(method) => methods.push(method),
                Err(reason) => problems.push(
                    self.problem_at("grpc", format!("method `{text}` of `{}` cannot be read: {reason}", self.name))
                        .with_help("write `package.Service/Method`, several with commas between"),
                ),
            }
        }
        methods
    }

    fn consent(&self, problems: &mut Vec<Problem>) -> ConsentRule {
        let above = self.schema.scopes_above(self.name);
        let scopes: Vec<ScopeId> = above.iter().filter_map(|scope| self.scopes.id(scope)).collect();
        let no_consent = self.annotation("no_consent").map(|_| ("no_consent", ConsentRule::NotNeeded));
        let public = self.annotation("public").map(|_| ("public", ConsentRule::Public));
        for mark in ["no_consent", "public", "deferred"] {
            if self.annotation(mark).is_some_and(str::is_empty) {
                problems.push(
                    self.problem_at(mark, format!("`@{mark}` on `{}` gives no reason", self.name)).with_help("say why"),
                );
            }
        }
        match (no_consent.or(public), scopes.is_empty()) {
            (None, false) => ConsentRule::AnyOf(scopes),
            (Some((_, rule)), true) => rule,
            (None, true) => {
                problems.push(self.problem(format!("no scope covers action `{}`", self.name)).with_help(
                    "put it in a scope (`in [\"read:things\"]`), or state `@no_consent(\"why\")` or `@public(\"why\")`",
                ));
                ConsentRule::AnyOf(Vec::new())
            }
            (Some((mark, rule)), false) => {
                problems.push(
                    self.problem_at(mark, format!("action `{}` is in a scope and marked `@{mark}`", self.name))
                        .with_help("take it out of the scope, or remove the annotation"),
                );
                rule
            }
        }
    }

    fn requires(&self, problems: &mut Vec<Problem>) -> Vec<ScopeId> {
        let names = self.annotation("requires").into_iter().flat_map(|names| names.split(',')).map(str::trim);
        let mut required = Vec::new();
        for name in names {
            let scope = self.scopes.id(name).filter(|id| self.scopes.scope(*id).is_some_and(|s| !s.is_conditional()));
            if let Some(id) = scope {
                required.push(id);
            } else {
                let problem = self.problem_at(
                    "requires",
                    format!("`@requires` of `{}` names `{name}`, which is no unconditional scope", self.name),
                );
                let known = self.scopes.id(name).is_some();
                problems.push(match self.schema.similar_scope(name).filter(|_| !known) {
                    Some(help) => problem.with_help(help),
                    None => problem.with_help("name scopes without condition, with commas between"),
                });
            }
        }
        required
    }

    fn lists(&self, problems: &mut Vec<Problem>) -> Option<String> {
        let listed = self.annotation("lists")?;
        let known = self.schema.actions.contains_key(listed) && !self.schema.is_group(listed);
        if !known {
            let problem =
                self.problem_at("lists", format!("`@lists` of `{}` names `{listed}`, which is no action", self.name));
            problems.push(problem.with_help("name the action that each listed item must pass"));
        }
        known.then(|| listed.to_owned())
    }

    /// The rule that names the resource of the action's routes, stated or without an alternative.
    fn resource_rule(
        &self,
        types: &BTreeSet<EntityTypeName>,
        routes: &[Route],
        undecided: bool,
        problems: &mut Vec<Problem>,
    ) -> Option<ResourceRule> {
        let help = "state `@resource(\"Type::{parameter}\")`, `@resource(\"Type::{@subject}\")` or `@resource(\"Type::\\\"id\\\"\")`";
        let in_all = |name: &str| routes.iter().all(|route| route.parameters().any(|known| known == name));
        let Some(text) = self.annotation("resource") else {
            let parameters: BTreeSet<&str> = routes.iter().flat_map(Route::parameters).collect();
            let mut one = (types.iter(), parameters.into_iter());
            let only = (one.0.next(), one.0.next(), one.1.next(), one.1.next());
            if let (Some(entity_type), None, Some(parameter), None) = only
                && (undecided || in_all(parameter))
            {
                let id = ResourceId::Parameter(parameter.to_owned());
                return Some(ResourceRule { entity_type: entity_type.to_string(), id });
            }
            if !routes.is_empty() && !undecided {
                let message = format!("the routes of `{}` do not say which resource they mean", self.name);
                problems.push(self.problem(message).with_help(help));
            }
            return None;
        };
        let rule = ResourceRule::parse(text);
        let message = match &rule {
            None => format!("`@resource` of `{}` cannot be read: `{text}`", self.name),
            Some(rule) if !types.iter().any(|known| known.to_string() == rule.entity_type) => {
                format!(
                    "`@resource` of `{}` names `{}`, to which the action does not apply",
                    self.name, rule.entity_type
                )
            }
            Some(ResourceRule { id: ResourceId::Parameter(parameter), .. }) if !in_all(parameter) => {
                format!("`@resource` of `{}` names `{{{parameter}}}`, which not every route of it has", self.name)
            }
            Some(_) => return rule,
        };
        problems.push(self.problem_at("resource", message).with_help(help));
        None
    }
}
