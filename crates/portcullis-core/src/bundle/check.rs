//! Rules that join schema, policies, entities and settings.

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{PolicySet, ValidationError, ValidationMode, ValidationResult, ValidationWarning, Validator};

use super::Layer;
use super::actions::{Action, ConsentRule};
use super::expression::Literal;
use super::grpc::GrpcMethod;
use super::policies::ReadPolicy;
use super::prelude::NAMESPACE;
use super::problem::{Problem, did_you_mean};
use super::schema::SourceSchema;
use super::validated::Validated;
use crate::scope::Scopes;
use crate::typed::{AttrType, Types};

/// What the rules look at.
pub(super) struct Checker<'a> {
    pub(super) schema: &'a SourceSchema<'a>,
    pub(super) types: &'a Types,
    pub(super) scopes: &'a Scopes,
    pub(super) policies: &'a [ReadPolicy<'a>],
    /// Ids of the static entities, by type: the types that `entities.json` keeps.
    pub(super) kept: &'a BTreeMap<String, BTreeSet<String>>,
    /// Entity types whose resources come with their attributes, without the handler.
    pub(super) supplied: &'a BTreeSet<String>,
}

impl Checker<'_> {
    /// Strict validation at level 1, each layer against what it may see. A warning is an error: a policy that cannot
    /// apply protects nothing. Nothing is said twice about a policy that `problems` is about already, and nothing is
    /// validated again that is `known` to be valid under this schema. Returns what is valid now, if there is no problem.
    pub(super) fn validate(&self, known: Option<&Validated>, problems: &mut Vec<Problem>) -> Validated {
        let mut valid = Validated::under(self.schema.text);
        let known = known.filter(|known| known.has_schema_of(&valid));
        let is_known =
            |policy: &ReadPolicy<'_>| known.is_some_and(|known| known.contains(policy.layer, policy.statement.text));
        for policy in self.policies {
            valid.insert(policy.layer, policy.statement.text);
        }
        for (schema, ceilings) in [(&self.schema.for_ceilings, true), (&self.schema.for_others, false)] {
            let mine: Vec<&ReadPolicy<'_>> = self
                .policies
                .iter()
                .filter(|policy| (policy.layer == Layer::Ceilings) == ceilings && !is_known(policy))
                .filter(|policy| !policy.is_among(problems))
                .collect();
            let mut set = PolicySet::new();
            for policy in &mine {
                // Parsed again, because the policy kept has no locations to point at.
                let id = cedar_policy::PolicyId::new(&policy.policy.id);
                if let Ok(located) = cedar_policy::Policy::parse(Some(id), policy.statement.text) {
                    // A repeated id is reported elsewhere.
                    let _ = set.add(located);
                }
            }
            let result = Validator::new(schema.clone()).validate_with_level(&set, ValidationMode::Strict, 1);
            for policy in mine {
                problems.extend(validation_problems(policy, &result, self.schema));
            }
        }
        valid
    }

    /// The rules of policies, one by one. Marks the actions for which some policy reads the resource, or waits for a person, and
    /// returns the entity types of which some policy names an entity.
    pub(super) fn policies(
        &self,
        actions: &mut BTreeMap<String, Action>,
        problems: &mut Vec<Problem>,
    ) -> BTreeSet<String> {
        let mut named = BTreeSet::new();
        for policy in self.policies {
            let mentions = &policy.mentions;
            self.visibility(policy, actions, problems);
            self.conditional_scopes(policy, problems);
            for literal in &mentions.literals {
                self.literal(policy, literal, problems);
            }
            let confirm = policy.policy.lift.confirm;
            if mentions.reads_resource || confirm {
                for action in actions.values_mut().filter(|action| policy.policy.head.matches(action)) {
                    action.reads_resource |= mentions.reads_resource;
                    // Nobody is there to confirm for the public.
                    action.confirmable |= confirm && !action.is_public();
                }
            }
            named.extend(mentions.literals.iter().map(|literal| literal.entity_type.clone()));
        }
        named
    }

    /// Nobody reads what the layer may not depend on. Cedar's type checker accepts `has` for anything.
    fn visibility(&self, policy: &ReadPolicy<'_>, actions: &BTreeMap<String, Action>, problems: &mut Vec<Problem>) {
        let mut reported = BTreeSet::new();
        for path in &policy.mentions.paths {
            let parts: Vec<&str> = path.iter().map(String::as_str).collect();
            let (owner, name, known): (&str, &str, BTreeSet<&str>) = match parts.as_slice() {
                ["context", "auth", name, ..] => ("context.auth", name, self.auth_attributes(policy.layer)),
                ["context", name, ..] => ("context", name, self.context_attributes(policy, actions)),
                ["principal", name, ..] => ("principal", name, self.entity_attributes()),
                ["resource", name, ..] => ("resource", name, self.entity_attributes()),
                _ => continue,
            };
            let reserved = owner.starts_with("context") && name == "scopes";
            if (!reserved && known.contains(name)) || !reported.insert((owner, name)) {
                continue;
            }
            let help = if reserved {
                "no policy sees scopes: put the action into a scope in the schema, or state a condition in `consent/`"
                    .to_owned()
            } else if owner == "context.auth" && name == "actor" {
                "only ceilings may depend on who acts: move the policy to `ceilings/`".to_owned()
            } else {
                did_you_mean(name, known).unwrap_or_else(|| "declare it in the schema, or remove it".to_owned())
            };
            problems.push(policy.problem(format!("`{owner}` has no attribute `{name}` in this layer")).with_help(help));
        }
    }

    fn auth_attributes(&self, layer: Layer) -> BTreeSet<&str> {
        let auths =
            self.schema.actions.keys().filter_map(|action| self.types.context_type(action)?.attributes.get("auth"));
        let names = auths.filter_map(|auth| match &auth.ty {
            AttrType::Record(auth) => Some(auth.attributes.keys()),
            _ => None,
        });
        let names = names.flatten();
        names.map(String::as_str).filter(|name| layer == Layer::Ceilings || *name != "actor").collect()
    }

    fn context_attributes(&self, policy: &ReadPolicy<'_>, actions: &BTreeMap<String, Action>) -> BTreeSet<&str> {
        let matching = actions.values().filter(|action| policy.policy.head.matches(action));
        let contexts = matching.filter_map(|action| self.types.context_type(action.name()));
        contexts.flat_map(|context| context.attributes.keys()).map(String::as_str).collect()
    }

    fn entity_attributes(&self) -> BTreeSet<&str> {
        self.types.entities().flat_map(|(_, shape)| shape.attributes.attributes.keys()).map(String::as_str).collect()
    }

    fn conditional_scopes(&self, policy: &ReadPolicy<'_>, problems: &mut Vec<Problem>) {
        let named = policy.mentions.literals.iter().filter(|literal| literal.entity_type == "Action");
        let conditional = |name: &str| self.scopes.get(name).is_some_and(crate::scope::Scope::is_conditional);
        if policy.layer == Layer::Consent {
            if self.consent_scope(policy).is_none() {
                problems.push(
                    policy.problem(format!("consent policy `{}` does not stand for one conditional scope", policy.policy.id)).with_help(
                        "its head is `action in Action::\"…\"`, with exactly one scope that the schema marks `@conditional`",
                    ),
                );
            }
        } else if let Some(scope) = named.map(|literal| literal.id.as_str()).find(|id| conditional(id)) {
            problems.push(
                policy
                    .problem(format!("conditional scope `{scope}` is named outside of `consent/`"))
                    .with_help("this layer would grant it without its condition: name the actions, or a plain group"),
            );
        }
    }

    /// The conditional scope whose condition a consent policy states.
    pub(super) fn consent_scope(&self, policy: &ReadPolicy<'_>) -> Option<String> {
        let action = policy.json.get("action")?;
        let exact = action.get("op")?.as_str()? == "in";
        let one = policy.policy.head.actions.as_ref().filter(|actions| exact && actions.len() == 1)?.first()?;
        self.scopes.get(one)?.is_conditional().then(|| one.clone())
    }

    fn literal(&self, policy: &ReadPolicy<'_>, literal: &Literal, problems: &mut Vec<Problem>) {
        let Literal { entity_type, id } = literal;
        let Some(kept) = self.kept.get(entity_type).filter(|kept| !kept.contains(id)) else {
            return;
        };
        let help = did_you_mean(id, kept.iter().map(String::as_str))
            .unwrap_or_else(|| format!("add it to `entities.json`, which keeps every `{entity_type}`"));
        problems.push(policy.problem(format!("`{entity_type}::\"{id}\"` does not exist")).with_help(help));
    }

    /// Every conditional scope has its condition.
    pub(super) fn conditions(&self, problems: &mut Vec<Problem>) {
        let in_consent = |problem: &Problem| problem.file.starts_with(Layer::Consent.folder());
        if problems.iter().any(in_consent) {
            // The condition may stand in a policy that could not be read.
            return;
        }
        let stated: BTreeSet<String> = self.policies.iter().filter_map(|policy| self.consent_scope(policy)).collect();
        for scope in self.scopes.iter().filter(|scope| scope.is_conditional()) {
            let name = scope.name().as_str();
            if !stated.contains(name) {
                problems.push(
                    self.schema
                        .problem_at_action(name, format!("conditional scope `{name}` has no consent policy"))
                        .with_help(format!("state its condition in `consent/`: `permit (principal, action in Action::\"{name}\", resource) when {{ … }};`")),
                );
            }
        }
    }

    /// The rules of actions: what must be deferred, and contexts without entities.
    pub(super) fn actions(&self, actions: &BTreeMap<String, Action>, problems: &mut Vec<Problem>) {
        for action in actions.values() {
            let name = action.name();
            self.context(action, problems);
            let facts = self.types.fact_type(name);
            let facts = facts.into_iter().flat_map(|facts| &facts.attributes);
            for (fact, attribute) in facts.clone() {
                if attribute.ty.holds_entities() {
                    let message = format!("fact `{fact}` of `{name}` refers to an entity");
                    let help =
                        "pass a string or a number: an entity in a context would be decided without its attributes";
                    problems.push(self.schema.problem_at_action(name, message).with_help(help));
                }
            }
            if !action.is_decided_before_some_handler() {
                continue;
            }
            if let Some((fact, _)) = facts.clone().find(|(_, attribute)| attribute.required) {
                problems.push(
                    self.schema
                        .problem_at_action(
                            name,
                            format!("action `{name}` needs the fact `{fact}`, which no route supplies"),
                        )
                        .with_help("mark it `@deferred(\"why\")` and pass the fact with the check in the handler"),
                );
            }
            let missing = action
                .resources
                .iter()
                .map(ToString::to_string)
                .find(|ty| !self.supplied.contains(ty) && !self.types.is_id_alone(ty));
            if let Some(missing) = missing.filter(|_| action.reads_resource) {
                problems.push(
                    self.schema
                        .problem_at_action(name, format!("policies for `{name}` read attributes or parents of `{missing}`, which nobody supplies"))
                        .with_help(format!(
                            "mark the action `@deferred(\"why\")` and check the loaded resource in the handler, or let a directory \
                             supply the type: `[directory] supplies = [\"{missing}\"]`"
                        )),
                );
            }
        }
    }

    /// The engine fills `auth` and `now`, so a context has a place for both. Nobody stands behind a public action.
    fn context(&self, action: &Action, problems: &mut Vec<Problem>) {
        let Some(context) = self.types.context_type(action.name()).filter(|_| !action.resources.is_empty()) else {
            return;
        };
        let has = |name: &str, fits: fn(&AttrType) -> bool| {
            context.attributes.get(name).is_some_and(|attribute| attribute.required && fits(&attribute.ty))
        };
        let now = has("now", |ty| *ty == AttrType::Datetime);
        let auth = has("auth", |ty| matches!(ty, AttrType::Record(auth) if auth.attributes.contains_key("expires_at")));
        let help = match (now, auth, action.is_public()) {
            (true, true, false) | (true, false, true) => return,
            (_, _, false) => {
                "write `context: Portcullis::Context`, or `context: { auth: Portcullis::Auth, now: datetime, … }`"
            }
            (_, _, true) => "write `context: { now: datetime }`: a public action has no caller",
        };
        let message = format!("the context of `{}` is not what the engine supplies", action.name());
        problems.push(self.schema.problem_at_action(action.name(), message).with_help(help));
    }

    /// No two actions on one route, unless the handler says which it is.
    pub(super) fn routes(&self, actions: &BTreeMap<String, Action>, problems: &mut Vec<Problem>) {
        let mut owners: BTreeMap<(String, String), (&str, bool)> = BTreeMap::new();
        for action in actions.values() {
            let routes = action.routes.iter().map(|route| (route, false));
            for (route, via) in routes.chain(action.via.iter().map(|route| (route, true))) {
                let key = (route.method().to_owned(), route.pattern());
                let other = owners.insert(key, (action.name(), via));
                let Some((other, _)) =
                    other.filter(|(other, other_via)| !(via && *other_via) || *other == action.name())
                else {
                    continue;
                };
                problems.push(
                    self.schema
                        .problem_at_annotation(
                            action.name(),
                            if via { "via" } else { "http" },
                            format!("route `{route}` means `{other}` and `{}`", action.name()),
                        )
                        .with_help("give each action its own route, or mark both `@via(\"…\")` and name the action in the handler"),
                );
            }
        }
    }

    /// No two actions on one gRPC method.
    pub(super) fn grpc(&self, actions: &BTreeMap<String, Action>, problems: &mut Vec<Problem>) {
        let mut owners: BTreeMap<&GrpcMethod, &str> = BTreeMap::new();
        for (action, method) in
            actions.values().flat_map(|action| action.grpc.iter().map(move |method| (action, method)))
        {
            if let Some(other) = owners.insert(method, action.name()) {
                let message = format!("gRPC method `{method}` means `{other}` and `{}`", action.name());
                let problem = self.schema.problem_at_annotation(action.name(), "grpc", message);
                problems.push(problem.with_help("give each action its own method, once"));
            }
        }
    }

    /// `@claim` stands on optional attributes of principals, of a type that a claim can have.
    pub(super) fn claims(&self, problems: &mut Vec<Problem>) {
        for (entity_type, shape) in self.types.entities().filter(|(name, _)| !name.starts_with(NAMESPACE)) {
            let principal = self.schema.kinds.iter().any(|kind| kind.entity_type() == entity_type);
            for (attribute, declared) in &shape.attributes.attributes {
                if !declared.annotations.contains_key("claim") {
                    continue;
                }
                let (message, help) = if !principal {
                    (
                        "is filled from a claim, but its type is no principal",
                        "claims describe `User`, `Service` and `Agent`",
                    )
                } else if declared.required {
                    ("is required and filled from a claim", "write `?:`: a token may come without the claim")
                } else if !is_claim_type(&declared.ty) {
                    ("cannot be filled from a claim", "a claim is a `String`, `Bool`, `Long` or `Set<String>`")
                } else {
                    continue;
                };
                let message = format!("attribute `{attribute}` of `{entity_type}` {message}");
                problems.push(self.schema.problem_at_attribute(entity_type, attribute, message).with_help(help));
            }
        }
    }
}

/// What the validator says about `policy`, without what only follows from something else that it says.
fn validation_problems(policy: &ReadPolicy<'_>, result: &ValidationResult, schema: &SourceSchema) -> Vec<Problem> {
    let mine = |id: &cedar_policy::PolicyId| policy.policy.id == id.to_string();
    let errors = result.validation_errors().filter(|error| mine(error.policy_id()));
    let errors: Vec<Problem> = errors
        .map(|error| match error {
            ValidationError::EntityDerefLevelViolation(_) => policy.cedar_problem(error).with_help(ONE_LEVEL),
            ValidationError::UnrecognizedActionId(_) => schema.with_similar_action(policy.cedar_problem(error)),
            _ => policy.cedar_problem(error),
        })
        .collect();
    if !errors.is_empty() {
        return errors;
    }
    let mut warnings: Vec<&ValidationWarning> =
        result.validation_warnings().filter(|warning| mine(warning.policy_id())).collect();
    let unfit = |warning: &&ValidationWarning| matches!(warning, ValidationWarning::InvalidActionApplication(_));
    if warnings.iter().any(unfit) {
        warnings.retain(unfit);
    }
    let problem = |warning: &ValidationWarning| {
        let problem = policy.cedar_problem(warning);
        match warning {
            ValidationWarning::InvalidActionApplication(_) => problem.with_help(NO_REQUEST),
            ValidationWarning::ImpossiblePolicy(_) => problem.with_help(NEVER_TRUE),
            _ => problem,
        }
    };
    warnings.into_iter().map(problem).collect()
}

fn is_claim_type(ty: &AttrType) -> bool {
    match ty {
        AttrType::Bool | AttrType::Long | AttrType::String => true,
        AttrType::Set(element) => **element == AttrType::String,
        _ => false,
    }
}

const NO_REQUEST: &str = "no request fits its head: compare it with `appliesTo` in the schema";
const NEVER_TRUE: &str = "it would never apply: remove it, or the part of it that cannot be true";
const ONE_LEVEL: &str = "policies read attributes of principal and resource, not of what these refer to: give the resource an \
                         attribute of its own, or pass a fact";

/// Warnings: what loads, but its author may not have meant.
pub(super) fn warnings(schema: &SourceSchema<'_>, scopes: &Scopes, actions: &BTreeMap<String, Action>) -> Vec<Problem> {
    let only_conditional = |action: &&Action| match &action.consent {
        ConsentRule::AnyOf(ids) => {
            ids.iter().all(|id| scopes.scope(*id).is_some_and(crate::scope::Scope::is_conditional))
        }
        ConsentRule::NotNeeded | ConsentRule::Public => false,
    };
    let warn = |action: &Action| {
        schema
            .problem_at_action(
                action.name(),
                format!("action `{}` is covered by conditional scopes only", action.name()),
            )
            .with_help("a broader scope above them grants it with their conditions, not without")
    };
    actions.values().filter(only_conditional).map(warn).collect()
}
