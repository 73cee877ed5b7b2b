use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use portcullis_core::{
    Approval, Binding, Bundle, Decision, DenialKind, Engine, Explanation, Facts, Layer, LayerAnswer, Obligation,
    Parents, Remedy, Request, ResourceData, Session, StepUp,
};
use serde_json::Value;

use crate::scenario::Scenario;

/// Whoever answers scenarios: the engine, the reference model, or an engine that is broken on purpose.
pub trait Decider {
    /// Answers `scenario`.
    fn decide(&self, scenario: &Scenario) -> Verdict;

    /// Answers `scenario` for nobody: without its token, as for a public action.
    fn decide_for_nobody(&self, scenario: &Scenario) -> Verdict;

    /// Everything that a token with the scopes `scopes` is granted, by the names on the wire.
    fn expand(&self, scopes: &[String]) -> BTreeSet<String>;

    /// Whether `scenario` is denied before its resource and facts are known.
    fn denies_early(&self, scenario: &Scenario) -> bool;
}

/// An answer, in full.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verdict {
    /// Whether the request is allowed, obligations pending.
    pub allowed: bool,
    /// What each layer says; empty if the token was refused before any layer was asked.
    pub layers: BTreeMap<Layer, LayerVerdict>,
    /// What kind of denial this is; `None` for an allow and for a refused token.
    pub kind: Option<DenialKind>,
    /// The duties that come with an allow.
    pub obligations: BTreeSet<(String, String)>,
    /// What is said to help against a denial.
    pub remedy: Option<OfferedRemedy>,
}

/// What one layer says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LayerVerdict {
    /// Its answer.
    pub answer: LayerAnswer,
    /// The policies that made it so.
    pub policies: BTreeSet<String>,
}

/// What is said to turn a denial into an allow.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct OfferedRemedy {
    /// Scopes to add, by their names on the wire.
    pub scopes: BTreeSet<String>,
    /// All scopes of a token for just this operation; empty if no scope is missing.
    pub needed_scopes: BTreeSet<String>,
    /// Authentication context classes, one of which is needed.
    pub acr_values: Vec<String>,
    /// The greatest age of the login.
    pub max_age: Option<Duration>,
    /// Proofs of possession, one of which is needed.
    pub bindings: BTreeSet<Binding>,
    /// Whether the user must confirm.
    pub confirm: bool,
}

impl Verdict {
    /// A token that does not make a session.
    #[must_use]
    pub fn refused() -> Self {
        Self { allowed: false, layers: BTreeMap::new(), kind: None, obligations: BTreeSet::new(), remedy: None }
    }

    /// Input that does not fit the schema.
    #[must_use]
    pub fn unfit() -> Self {
        Self { kind: Some(DenialKind::Error), ..Self::refused() }
    }

    /// Whether the token or the request was unusable, so that no layer could judge it.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        let broken = |layer| self.layers.get(layer).is_none_or(|verdict| verdict.answer == LayerAnswer::Error);
        !self.allowed && [Layer::Consent, Layer::Roles, Layer::Guardrails].iter().all(broken)
    }

    /// Whether `layer` allows.
    #[must_use]
    pub fn allows(&self, layer: Layer) -> bool {
        self.layers.get(&layer).is_some_and(|verdict| verdict.answer == LayerAnswer::Allow)
    }
}

impl LayerVerdict {
    /// `answer`, because of `policies`.
    #[must_use]
    pub fn new(answer: LayerAnswer, policies: BTreeSet<String>) -> Self {
        Self { answer, policies }
    }
}

/// The engine as a [`Decider`].
#[derive(Debug, Clone)]
pub struct Product {
    engine: Engine,
}

impl Product {
    /// The engine for `bundle`.
    #[must_use]
    pub fn new(bundle: Arc<Bundle>) -> Self {
        Self { engine: Engine::new(bundle) }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.engine
    }

    fn wire_names<'a>(&self, names: impl IntoIterator<Item = &'a str>) -> BTreeSet<String> {
        let scopes = self.engine.bundle().scopes();
        names.into_iter().filter_map(|name| Some(scopes.get(name)?.wire_name().to_string())).collect()
    }

    fn remedy(&self, remedy: &Remedy) -> OfferedRemedy {
        let step_up = remedy.step_up();
        OfferedRemedy {
            scopes: self.wire_names(remedy.scopes().iter().map(portcullis_core::ScopeName::as_str)),
            needed_scopes: self.wire_names(remedy.needed_scopes().iter().map(portcullis_core::ScopeName::as_str)),
            acr_values: step_up.map(|step_up| step_up.acr_values().to_vec()).unwrap_or_default(),
            max_age: step_up.and_then(StepUp::max_age),
            bindings: remedy.bindings().clone(),
            confirm: remedy.confirm(),
        }
    }

    /// The decision that the gate asks for, with what the layers say where it keeps an audit log.
    fn verdict(&self, session: Option<&Session>, request: &Request<'_>) -> Verdict {
        let decision = self.engine.decide(session, request);
        let explanation = self.engine.explain(session, request);
        self.verdict_of(&decision, &explanation)
    }

    pub(crate) fn verdict_of(&self, decision: &Decision, explanation: &Explanation) -> Verdict {
        let layer = |layer: &portcullis_core::LayerExplanation| {
            (layer.layer, LayerVerdict::new(layer.answer, layer.policies.iter().cloned().collect()))
        };
        let (kind, obligations, remedy) = match decision {
            Decision::Allow(grant) => (None, grant.obligations().iter().map(pair).collect(), None),
            Decision::Deny(denial) => {
                (Some(denial.kind()), BTreeSet::new(), denial.remedy().map(|remedy| self.remedy(remedy)))
            }
        };
        let allowed = decision.is_allow();
        Verdict { allowed, layers: explanation.layers().iter().map(layer).collect(), kind, obligations, remedy }
    }
}

impl Decider for Product {
    fn decide(&self, scenario: &Scenario) -> Verdict {
        let Ok(session) = self.engine.session(&scenario.token.verified()) else {
            return Verdict::refused();
        };
        let Some((resource, facts)) = request(scenario) else {
            return Verdict::unfit();
        };
        // A session remembers what it was asked before. Whatever that was, it must not show.
        for before in [scenario.now.minus(Duration::from_secs(1)), scenario.now] {
            let _ = session.decide(&Request::new(&scenario.action, &resource, before));
        }
        self.verdict(Some(&session), &scenario.request(&resource, facts))
    }

    fn decide_for_nobody(&self, scenario: &Scenario) -> Verdict {
        let Some((resource, facts)) = request(scenario) else { return Verdict::unfit() };
        self.verdict(None, &scenario.request(&resource, facts))
    }

    fn expand(&self, scopes: &[String]) -> BTreeSet<String> {
        let table = self.engine.bundle().scopes();
        let names = table.iter().filter(|scope| scopes.iter().any(|wire| wire == scope.wire_name().as_str()));
        let granted = table.expand(names.map(|scope| scope.name().as_str()));
        self.wire_names(table.names(&granted).map(portcullis_core::ScopeName::as_str))
    }

    fn denies_early(&self, scenario: &Scenario) -> bool {
        let session = self.engine.session(&scenario.token.verified());
        session.map_or(true, |session| session.deny_early(&scenario.action, scenario.now).is_some())
    }
}

/// What `scenario` asks about; `None` if no engine could be asked about it.
pub(crate) fn request(scenario: &Scenario) -> Option<(ResourceData, Facts)> {
    Some((resource(scenario)?, facts(&scenario.facts)?))
}

impl Scenario {
    pub(crate) fn request<'a>(&'a self, resource: &'a ResourceData, facts: Facts) -> Request<'a> {
        let request = Request::new(&self.action, resource, self.now).with_facts(facts);
        match &self.approval {
            Some((by, at)) => request.with_approval(Approval::assume_verified(by, *at)),
            None => request,
        }
    }
}

fn resource(scenario: &Scenario) -> Option<ResourceData> {
    let asked = &scenario.resource;
    let Some(attributes) = &asked.attributes else {
        return Some(ResourceData::bare(asked.entity_type.clone(), &asked.id));
    };
    let parents: Parents = asked.parents.iter().map(|(ty, id)| (ty.clone(), id.clone())).collect();
    ResourceData::from_json(asked.entity_type.clone(), &asked.id, attributes, parents).ok()
}

fn facts(facts: &Value) -> Option<Facts> {
    if facts.is_null() { Some(Facts::none()) } else { Facts::from_json(facts).ok() }
}

fn pair(obligation: &Obligation) -> (String, String) {
    (obligation.name().to_owned(), obligation.arguments().to_owned())
}
