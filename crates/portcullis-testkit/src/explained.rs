use std::collections::{BTreeMap, BTreeSet};

use http::header::WWW_AUTHENTICATE;
use portcullis::Answer;
use portcullis_core::{
    AgentExplanation, Decision, Engine, Explanation, Layer, LayerAnswer, Obligation, PolicyExplanation, Request,
    Session, UserExplanation,
};
use serde_json::{Value, json};

use crate::decider::{Product, Verdict, request};
use crate::scenario::Scenario;

/// Whoever says why scenarios are answered as they are: the engine, or one that is broken on purpose.
pub trait Explainer {
    /// What is said of the answer to `scenario`; `None` if its token makes no caller, or nobody could be asked about it.
    fn explained(&self, scenario: &Scenario) -> Option<Explained>;

    /// The same, once policies were looked into ([`Engine::diagnose`](portcullis_core::Engine::diagnose)).
    fn diagnosed(&self, scenario: &Scenario) -> Option<Explained>;

    /// What is read of a resource that is not there.
    fn absent(&self) -> Readings;
}

/// What is said of one answer.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Explained {
    /// What the engine decides where nobody asks why.
    pub decided: Decided,
    /// What the explanation says that it decides.
    pub stated: Decided,
    /// What the explanation says of the layers, and what would help.
    pub verdict: Verdict,
    /// For each layer, the policies that it names as those without which it would answer otherwise.
    pub named: BTreeMap<Layer, BTreeSet<String>>,
    /// What is said of single policies, by layer.
    pub why: BTreeMap<Layer, Vec<PolicyExplanation>>,
    /// Whether the type of the resource is hidden (`@hide`).
    pub hidden: bool,
    /// Everything that the caller reads.
    pub readings: Readings,
}

/// A decision in few words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Decided {
    /// Whether the request is allowed.
    pub allowed: bool,
    /// What kind of denial it is.
    pub kind: Option<String>,
    /// The layers that deny.
    pub denying: BTreeSet<Layer>,
    /// The policies that deny.
    pub forbidding: BTreeSet<String>,
    /// What would help.
    pub remedy: Option<String>,
    /// What is to be done.
    pub obligations: BTreeSet<String>,
}

/// Everything that a caller reads of a decision.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub struct Readings {
    /// What the person is told.
    pub user: Value,
    /// What the program is told.
    pub agent: Value,
    /// The answer over HTTP, but for the id of the decision; `null` for an allow.
    pub wire: Value,
}

impl Explainer for Product {
    fn explained(&self, scenario: &Scenario) -> Option<Explained> {
        self.asked(scenario, Engine::explain)
    }

    fn diagnosed(&self, scenario: &Scenario) -> Option<Explained> {
        self.asked(scenario, Engine::diagnose)
    }

    fn absent(&self) -> Readings {
        Readings {
            user: json!(UserExplanation::not_found()),
            agent: json!(AgentExplanation::not_found()),
            wire: wire(&Answer::to_absence(DPOP_ALGS)),
        }
    }
}

impl Product {
    fn asked(
        &self,
        scenario: &Scenario,
        explain: fn(&Engine, Option<&Session>, &Request<'_>) -> Explanation,
    ) -> Option<Explained> {
        let engine = self.engine();
        let session = engine.session(&scenario.token.verified()).ok()?;
        let (resource, facts) = request(scenario)?;
        let request = scenario.request(&resource, facts);
        let decision = engine.decide(Some(&session), &request);
        Some(self.say(&session, scenario, &decision, &explain(engine, Some(&session), &request)))
    }

    fn say(&self, session: &Session, scenario: &Scenario, decision: &Decision, explanation: &Explanation) -> Explained {
        let entity_type = &scenario.resource.entity_type;
        let scopes = self.engine().bundle().scopes();
        let unconditional = |name: &String| scopes.get(name).is_some_and(|scope| !scope.is_conditional());
        let mut named = BTreeMap::new();
        for layer in explanation.layers() {
            // A scope without condition covers by itself.
            let without = layer.covered_by.iter().any(unconditional);
            let policies = layer.policies.iter().filter(|_| !without).cloned();
            named.insert(layer.layer, policies.collect());
        }
        let answer = match decision {
            Decision::Allow(_) => Value::Null,
            Decision::Deny(denial) => wire(&Answer::to_denial(session, denial.clone(), entity_type, DPOP_ALGS)),
        };
        Explained {
            decided: Decided::of(decision),
            stated: Decided::stated(explanation),
            verdict: self.verdict_of(decision, explanation),
            named,
            why: explanation.layers().iter().map(|layer| (layer.layer, layer.why.clone())).collect(),
            hidden: self.engine().bundle().is_hidden(entity_type),
            readings: Readings {
                user: json!(explanation.for_user()),
                agent: json!(explanation.for_agent()),
                wire: answer,
            },
        }
    }
}

impl Decided {
    fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Allow(grant) => Self {
                allowed: true,
                obligations: grant.obligations().iter().map(Obligation::to_string).collect(),
                ..Self::default()
            },
            Decision::Deny(denial) => Self {
                kind: Some(denial.kind().as_str().to_owned()),
                denying: denial.layers().iter().copied().collect(),
                forbidding: denial.policies().iter().cloned().collect(),
                remedy: denial.remedy().map(ToString::to_string),
                ..Self::default()
            },
        }
    }

    /// As `explanation` says it to programs, and not as the decision that it carries along.
    fn stated(explanation: &Explanation) -> Self {
        let written = json!(explanation);
        let text = |name: &str| written.get(name).and_then(Value::as_str).map(str::to_owned);
        let duties = written.get("obligations").and_then(Value::as_array).into_iter().flatten();
        let denying = || explanation.layers().iter().filter(|layer| layer.answer != LayerAnswer::Allow);
        Self {
            allowed: explanation.answer() == LayerAnswer::Allow,
            kind: text("kind"),
            denying: denying().map(|layer| layer.layer).collect(),
            forbidding: denying().flat_map(|layer| layer.policies.clone()).collect(),
            remedy: text("remedy"),
            obligations: duties.filter_map(Value::as_str).map(str::to_owned).collect(),
        }
    }
}

/// Status, challenges and body, but for the id.
fn wire(answer: &Answer) -> Value {
    let mut body: Value = serde_json::from_str(answer.body()).unwrap_or_default();
    if let Some(members) = body.as_object_mut() {
        members.remove("decision");
    }
    let challenges = answer.headers().get_all(WWW_AUTHENTICATE).iter();
    let challenges: Vec<String> =
        challenges.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    json!({ "status": answer.status().as_u16(), "challenges": challenges, "body": body })
}

/// So that a binding is something that can be obtained.
const DPOP_ALGS: Option<&str> = Some("ES256");
