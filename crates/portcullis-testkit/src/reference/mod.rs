//! The law, written as plainly as possible.
//!
//! Nothing here comes from the engine's tables: policies are parsed from their files, scopes are looked up in the schema
//! each time, entities and contexts go through JSON, and each layer is one plain call of Cedar. It shares with the engine
//! only the reading of claims, which has tests of its own. It is slow, knows no remedies, and decides nothing early.

mod layer;
mod public;
mod reads;
mod schema;
mod store;

use std::collections::{BTreeMap, BTreeSet};

use cedar_policy::{ActionConstraint, EntityId, EntityUid, Policy, Request};
use portcullis_core::{
    AgentType, BundleFiles, BundleSettings, Caller, DenialKind, Kind, Layer, LayerAnswer, Source, Sources,
};
use serde_json::Value;

use crate::decider::{Decider, Verdict};
use crate::scenario::Scenario;
use layer::{Answered, LayerPolicies};
use schema::Declarations;
use store::Unfit;

/// The reference model of one bundle: a [`Decider`] to hold the engine against.
#[derive(Debug)]
pub struct Reference {
    declared: Declarations,
    sources: Sources,
    layers: BTreeMap<Layer, LayerPolicies>,
    static_entities: Vec<Value>,
    policy_text: String,
}

/// Why there is no reference model of a bundle. The engine's loader says more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the reference model cannot be built: {reason}")]
#[non_exhaustive]
pub struct ReferenceError {
    /// Why.
    pub reason: String,
}

impl ReferenceError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl Reference {
    /// The model of the bundle in `files`, which the engine must accept.
    ///
    /// `paths` are the files of the bundle; others are not looked at.
    ///
    /// # Errors
    ///
    /// If a file is missing or cannot be parsed, or the sources do not fit together.
    pub fn new(files: &BundleFiles, settings: &BundleSettings) -> Result<Self, ReferenceError> {
        let text = |path: &str| files.get(path).ok_or_else(|| ReferenceError::new(format!("no `{path}`")));
        let declared = Declarations::read(text("schema.cedarschema")?)?;
        let mut layers = BTreeMap::new();
        let mut policy_text = String::new();
        for layer in Layer::ALL {
            let mut policies = LayerPolicies::default();
            let folder = format!("{}/", layer.folder());
            for (_, text) in files.iter().filter(|(path, _)| path.starts_with(&folder)) {
                policies.add(text)?;
                policy_text += text;
            }
            layers.insert(layer, policies);
        }
        let static_entities = match files.get("entities.json") {
            Some(text) => serde_json::from_str(text).map_err(|error| ReferenceError::new(error.to_string()))?,
            None => Vec::new(),
        };
        let agents = if declared.entity_type("Agent").is_some() { AgentType::Declared } else { AgentType::Undeclared };
        let sources: Vec<Source> = settings.sources.clone();
        let sources = Sources::new(sources, agents).map_err(|error| ReferenceError::new(error.to_string()))?;
        Ok(Self { declared, sources, layers, static_entities, policy_text })
    }

    fn policies_mention(&self, text: &str) -> bool {
        self.policy_text.contains(text)
    }

    fn policies(&self, layer: Layer) -> LayerPolicies {
        self.layers.get(&layer).cloned().unwrap_or_default()
    }

    /// The scopes of the schema that the token names, and all below them.
    fn granted(&self, caller: &Caller) -> BTreeSet<&str> {
        let scopes = self.declared.scopes();
        let named = |wire: &String| match caller.scope_name(wire) {
            Some(name) => scopes.get_key_value(name).map(|(name, _)| *name),
            None => scopes.iter().find(|(_, known)| *known == wire).map(|(name, _)| *name),
        };
        self.declared.granted_with(&caller.scopes().unwrap_or_default().iter().filter_map(named).collect())
    }

    fn answer(&self, caller: &Caller, scenario: &Scenario) -> Result<Verdict, Unfit> {
        self.check_principals(caller)?;
        let action = uid("Action", &scenario.action)?;
        let resource = uid(&scenario.resource.entity_type, &scenario.resource.id)?;
        let types = self.declared.applies_to(&scenario.action, "resourceTypes").ok_or(Unfit::Request)?;
        if !types.contains(scenario.resource.entity_type.as_str()) {
            return Err(Unfit::Request);
        }
        let asked = Asked { reference: self, caller, scenario, action, resource };
        let subject = (caller.subject().kind, caller.subject().id.as_str());
        let consent = asked.consent(subject)?;
        let ceilings = asked.ceilings(subject)?;
        let roles = asked.layer(Layer::Roles, &self.policies(Layer::Roles), subject)?;
        let guardrails = self.policies(Layer::Guardrails).or_allow().map_err(|_| Unfit::Request)?;
        let guardrails = asked.layer(Layer::Guardrails, &guardrails, subject)?;

        let allowed = consent.allows() && ceilings.allows() && roles.allows() && guardrails.allows();
        let answers = BTreeMap::from([
            (Layer::Consent, consent),
            (Layer::Ceilings, ceilings),
            (Layer::Roles, roles),
            (Layer::Guardrails, guardrails),
        ]);
        let mut verdict = Verdict::refused();
        verdict.allowed = allowed;
        if allowed {
            verdict.obligations = answers.values().flat_map(|answered| answered.obligations.clone()).collect();
        } else {
            verdict.kind = Some(asked.kind(&answers));
        }
        verdict.layers = answers.into_iter().map(|(layer, answered)| (layer, answered.verdict)).collect();
        Ok(verdict)
    }
}

impl Decider for Reference {
    fn decide(&self, scenario: &Scenario) -> Verdict {
        let Ok(caller) = self.sources.read(scenario.token.verified()) else {
            return Verdict::refused();
        };
        let answer = if self.declared.is_public(&scenario.action) {
            self.check_principals(&caller).and_then(|()| self.answer_public(scenario))
        } else {
            self.answer(&caller, scenario)
        };
        answer.unwrap_or_else(Unfit::verdict)
    }

    fn decide_for_nobody(&self, scenario: &Scenario) -> Verdict {
        let public = self.declared.is_public(&scenario.action);
        let answer = if public { self.answer_public(scenario) } else { Err(Unfit::Request) };
        answer.unwrap_or_else(Unfit::verdict)
    }

    fn expand(&self, scopes: &[String]) -> BTreeSet<String> {
        let known = self.declared.scopes();
        let named = known.iter().filter(|(_, wire)| scopes.iter().any(|scope| scope == *wire));
        let granted = self.declared.granted_with(&named.map(|(name, _)| *name).collect());
        granted.iter().filter_map(|name| known.get(name)).map(|wire| (*wire).to_owned()).collect()
    }

    fn denies_early(&self, _: &Scenario) -> bool {
        false
    }
}

/// One scenario of one caller.
struct Asked<'a> {
    reference: &'a Reference,
    caller: &'a Caller,
    scenario: &'a Scenario,
    action: EntityUid,
    resource: EntityUid,
}

impl Asked<'_> {
    fn applies_to(&self, kind: Kind) -> bool {
        let kinds = self.reference.declared.applies_to(&self.scenario.action, "principalTypes").unwrap_or_default();
        kinds.contains(kind.entity_type())
    }

    /// One plain call of Cedar.
    fn layer(&self, layer: Layer, policies: &LayerPolicies, principal: (Kind, &str)) -> Result<Answered, Unfit> {
        let schema = self.reference.declared.schema(layer);
        let entities = self.reference.entities(Some(self.caller), self.scenario, schema)?;
        let context = self.reference.context(layer, Some(self.caller), self.scenario, &self.action)?;
        if !self.applies_to(principal.0) {
            return Ok(Answered::new(LayerAnswer::Deny, BTreeSet::new()));
        }
        let principal = uid(principal.0.entity_type(), principal.1)?;
        let (action, resource) = (self.action.clone(), self.resource.clone());
        let request = Request::new(principal, action, resource, context, Some(schema)).map_err(|_| Unfit::Request)?;
        Ok(policies.ask(&request, &entities))
    }

    /// Some granted scope covers the action, with its condition met, and all required ones are granted.
    fn consent(&self, subject: (Kind, &str)) -> Result<Answered, Unfit> {
        let declared = &self.reference.declared;
        let granted = self.reference.granted(self.caller);
        let action = &self.scenario.action;
        let covering = declared.covering(action);
        let nothing = || Answered::new(LayerAnswer::Allow, BTreeSet::new());
        let required = declared.annotation(action, "requires").into_iter().flat_map(|names| names.split(','));
        let required = required.map(str::trim).all(|name| granted.contains(name));
        if !self.applies_to(subject.0) {
            return Ok(Answered::new(LayerAnswer::Deny, BTreeSet::new()));
        }
        if self.is_consent_exempt() || (required && declared.annotation(action, "no_consent").is_some()) {
            return Ok(nothing());
        }
        let conditions = self.conditions(covering.iter().copied().filter(|scope| granted.contains(scope)).collect());
        let mut answered = self.layer(Layer::Consent, &conditions, subject)?;
        if covering.iter().any(|scope| granted.contains(scope) && !declared.is_conditional(scope)) {
            answered.verdict.answer = LayerAnswer::Allow;
            answered.obligations.clear();
        }
        if answered.allows() && !required {
            answered.verdict.answer = LayerAnswer::Deny;
        }
        if !answered.allows() {
            answered.verdict.policies.clear();
        }
        Ok(answered)
    }

    /// A token without a claim of scopes, of a subject that acts itself, where the source says that such tokens have none.
    fn is_consent_exempt(&self) -> bool {
        let (caller, source) = (self.caller, self.reference.sources.get(self.caller.source()));
        let by_design = source.map(|source| &source.settings().consent).is_some_and(|exempt| {
            match (caller.subject().kind, caller.client()) {
                (Kind::User, Some(client)) => exempt.user.contains(client),
                (Kind::User, None) => exempt.user_without_client,
                (Kind::Service, _) => exempt.service,
                (Kind::Agent, _) => false,
            }
        });
        by_design && caller.scopes().is_none() && caller.actor().is_none()
    }

    /// The consent policies whose head is exactly one of `scopes`.
    fn conditions(&self, scopes: BTreeSet<&str>) -> LayerPolicies {
        let states = |policy: &Policy| match policy.action_constraint() {
            ActionConstraint::In(groups) => {
                groups.len() == 1 && groups.iter().all(|group| scopes.contains(group.id().unescaped()))
            }
            ActionConstraint::Any | ActionConstraint::Eq(_) => false,
        };
        let mut all = self.reference.policies(Layer::Consent);
        all.policies.retain(states);
        all
    }

    /// The actor and the subject, each unless it is a user in person, need a permit of their own.
    fn ceilings(&self, subject: (Kind, &str)) -> Result<Answered, Unfit> {
        let policies = self.reference.policies(Layer::Ceilings);
        let actor = self.caller.actor().map(|actor| (actor.kind, actor.id.as_str()));
        let judged = actor.into_iter().chain(Some(subject).filter(|(kind, _)| *kind != Kind::User));
        let answers = judged.map(|party| self.layer(Layer::Ceilings, &policies, party));
        let answers: Vec<Answered> = answers.collect::<Result<_, _>>()?;
        let denied = answers.iter().any(|answered| !answered.allows());
        let broken = answers.iter().any(|answered| answered.verdict.answer == LayerAnswer::Error);
        // A denial is explained by those who deny.
        let telling = answers.into_iter().filter(|answered| !denied || !answered.allows());
        let answer = match (broken, denied) {
            (true, _) => LayerAnswer::Error,
            (false, true) => LayerAnswer::Deny,
            (false, false) => LayerAnswer::Allow,
        };
        Ok(telling.fold(Answered::new(answer, BTreeSet::new()), |mut all, one| {
            all.verdict.policies.extend(one.verdict.policies);
            all.obligations.extend(one.obligations);
            all
        }))
    }

    /// The first kind that applies names the denial.
    fn kind(&self, answers: &BTreeMap<Layer, Answered>) -> DenialKind {
        let denies = |layer| answers.get(&layer).is_some_and(|answered| !answered.allows());
        let actor = self.caller.actor().map(|actor| actor.kind);
        let parties = actor.into_iter().chain([self.caller.subject().kind]);
        if answers.values().any(|answered| answered.verdict.answer == LayerAnswer::Error) {
            DenialKind::Error
        } else if !parties.into_iter().all(|kind| self.applies_to(kind)) {
            DenialKind::NotApplicable
        } else if denies(Layer::Ceilings) {
            DenialKind::Ceiling
        } else if denies(Layer::Roles) {
            DenialKind::Role
        } else if denies(Layer::Guardrails) {
            let forbidding = answers.get(&Layer::Guardrails);
            self.reference.forbidden(forbidding.map(|answered| &answered.verdict.policies))
        } else {
            DenialKind::Consent
        }
    }
}

impl Reference {
    /// What kind of denial it is if the guardrails `forbidding` deny.
    fn forbidden(&self, forbidding: Option<&BTreeSet<String>>) -> DenialKind {
        let lifted = |policy: &Policy| LIFTS.iter().any(|lift| policy.annotation(*lift).is_some());
        let all = self.policies(Layer::Guardrails).policies;
        let mut forbidding = all
            .iter()
            .filter(|policy| forbidding.is_some_and(|forbidding| forbidding.contains(&policy.id().to_string())));
        if forbidding.all(lifted) { DenialKind::LiftableGuardrail } else { DenialKind::Guardrail }
    }
}

fn uid(ty: &str, id: &str) -> Result<EntityUid, Unfit> {
    let ty = ty.parse().map_err(|_| Unfit::Request)?;
    Ok(EntityUid::from_type_name_and_id(ty, EntityId::new(id)))
}

const LIFTS: [&str; 4] = ["step_up", "max_age", "require_binding", "confirm"];
