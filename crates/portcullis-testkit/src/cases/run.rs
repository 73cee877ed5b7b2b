//! One case put to the engine.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use http::header::WWW_AUTHENTICATE;
use portcullis::Answer;
use portcullis_core::{
    Approval, Decision, Denial, DenialKind, Engine, Explanation, Facts, Layer, Obligation, Remedy, Request,
    ResourceData, SessionError, UnixTime, VerifiedClaims,
};

use serde_json::Value;

use super::Service;
use super::report::Failure;
use crate::replay;

/// A case with its fixtures put in.
#[derive(Debug)]
pub struct Case {
    pub(super) name: String,
    /// File and line.
    pub(super) place: String,
    /// `None`: a request without a token.
    pub(super) claims: Option<VerifiedClaims>,
    pub(super) action: String,
    pub(super) resource: ResourceData,
    pub(super) facts: Option<Value>,
    pub(super) now: UnixTime,
    pub(super) approval: Option<Approval>,
    pub(super) expected: Expected,
}

impl Case {
    /// What it is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// File and line.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// What is asked for.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// On what; of no type where the case names nothing.
    #[must_use]
    pub fn resource(&self) -> &ResourceData {
        &self.resource
    }

    /// What the application adds to the context.
    #[must_use]
    pub fn facts(&self) -> Option<&Value> {
        self.facts.as_ref()
    }

    /// Whether the request is one that a service makes: not one that shows what happens to broken input.
    #[must_use]
    pub fn is_sound(&self) -> bool {
        match &self.expected {
            Expected::Allow { .. } => true,
            Expected::Deny { kind, .. } => kind.as_deref() != Some(DenialKind::Error.as_str()),
            Expected::NoSession { .. } => false,
        }
    }

    /// Asks `engine`.
    ///
    /// # Errors
    ///
    /// If the claims make no caller.
    pub fn ask(&self, engine: &Engine) -> Result<Explanation, SessionError> {
        self.explain(engine, self.claims.as_ref(), self.now, self.approval.as_ref())
    }

    /// Asks `engine` the same for somebody else at the time `now`, without approval.
    ///
    /// # Errors
    ///
    /// If `claims` make no caller.
    pub fn ask_as(&self, engine: &Engine, claims: &VerifiedClaims, now: UnixTime) -> Result<Explanation, SessionError> {
        self.explain(engine, Some(claims), now, None)
    }

    /// The scopes of the token, as on the wire.
    fn scopes(&self, engine: &Engine) -> Vec<String> {
        let caller = self.claims.as_ref().and_then(|claims| engine.caller(claims.clone()).ok());
        caller.and_then(|caller| caller.scopes().map(<[String]>::to_vec)).unwrap_or_default()
    }

    /// Compares the challenge of the answer, if the case states one.
    fn compare_challenge(&self, engine: &Engine, service: Option<&Service>, decision: &Decision) -> Vec<String> {
        let (Expected::Deny { challenge: Some(expected), .. }, Decision::Deny(denial)) = (&self.expected, decision)
        else {
            return Vec::new();
        };
        let session = self.claims.as_ref().and_then(|claims| engine.session(claims).ok());
        let (Some(service), Some(session)) = (service, session) else {
            return vec!["challenge: only a bundle that is run with its settings has one".to_owned()];
        };
        let algs = service.dpop_algs.as_deref();
        let answer = Answer::to_denial(&session, denial.clone(), self.resource.entity_type(), algs);
        let found = answer.headers().get(WWW_AUTHENTICATE).and_then(|value| value.to_str().ok());
        // The realm is the service's.
        let found = found.map_or_else(|| "none".to_owned(), |text| text.replacen("realm=\"api\", ", "", 1));
        differ("challenge", expected, &found)
    }

    /// Whether the decision is the same once it was recorded and is made again from its record.
    fn compare_replay(&self, engine: &Engine, explanation: &Explanation) -> Option<String> {
        let session = self.claims.as_ref().and_then(|claims| engine.session(claims).ok());
        let request = self.request(self.now, self.approval.as_ref());
        let problem = replay::check(engine, session.as_ref(), &request, explanation).err()?;
        Some(format!("replay: {problem}"))
    }

    fn request(&self, now: UnixTime, approval: Option<&Approval>) -> Request<'_> {
        // What is no fact was found when the case was read.
        let facts = self.facts.as_ref().and_then(|facts| Facts::from_json(facts).ok()).unwrap_or_else(Facts::none);
        let request = Request::new(&self.action, &self.resource, now).with_facts(facts);
        match approval {
            Some(approval) => request.with_approval(approval.clone()),
            None => request,
        }
    }

    fn explain(
        &self,
        engine: &Engine,
        claims: Option<&VerifiedClaims>,
        now: UnixTime,
        approval: Option<&Approval>,
    ) -> Result<Explanation, SessionError> {
        let request = self.request(now, approval);
        match claims {
            Some(claims) => Ok(engine.session(claims)?.explain(&request)),
            None => Ok(engine.explain_public(&request)),
        }
    }
}

#[derive(Debug, Clone)]
pub(super) enum Expected {
    Allow { obligations: Duties },
    Deny { layers: BTreeSet<Layer>, kind: Option<String>, remedy: Wanted, challenge: Option<String> },
    NoSession { error: String },
}

/// The obligations that must come with an allow.
#[derive(Debug, Clone)]
pub(super) enum Duties {
    Exactly(BTreeSet<String>),
    /// Whichever.
    Some,
}

/// The remedy that must be offered.
#[derive(Debug, Clone)]
pub(super) enum Wanted {
    Exactly(Option<Offer>),
    /// Whichever.
    Some,
}

/// A remedy, for comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Offer {
    pub(super) scopes: BTreeSet<String>,
    pub(super) acr: Vec<String>,
    pub(super) max_age: Option<Duration>,
    pub(super) bindings: BTreeSet<String>,
    pub(super) confirm: bool,
}

/// What became of a case.
pub(super) struct Outcome {
    pub(super) action: String,
    pub(super) scopes: Vec<String>,
    /// What the layers said. `None` where no layer was asked: no token, or none that makes a caller.
    pub(super) explanation: Option<Explanation>,
    mismatches: Vec<String>,
}

impl Outcome {
    /// What does not match; `None` if the case is met.
    pub(super) fn failure(&self, case: &Case) -> Option<Failure> {
        (!self.mismatches.is_empty()).then(|| Failure {
            case: case.name.clone(),
            place: case.place.clone(),
            mismatches: self.mismatches.clone(),
            explanation: self.explanation.as_ref().map(ToString::to_string),
        })
    }
}

pub(super) fn run(case: &Case, engine: &Engine, service: Option<&Service>) -> Outcome {
    let without_layers =
        |mismatches| Outcome { action: case.action.clone(), scopes: Vec::new(), explanation: None, mismatches };
    match case.ask(engine) {
        Ok(explanation) => {
            let mut mismatches = compare(&case.expected, explanation.decision());
            mismatches.extend(case.compare_replay(engine, &explanation));
            // Public actions are judged by no more than guardrails: no layer is exercised by an answer without a caller.
            if case.claims.is_none() {
                return without_layers(mismatches);
            }
            mismatches.extend(case.compare_challenge(engine, service, explanation.decision()));
            Outcome {
                action: case.action.clone(),
                scopes: case.scopes(engine),
                mismatches,
                explanation: Some(explanation),
            }
        }
        Err(error) => without_layers(compare_error(&case.expected, &error)),
    }
}

fn compare(expected: &Expected, found: &Decision) -> Vec<String> {
    match (expected, found) {
        (Expected::Allow { obligations }, Decision::Allow(grant)) => {
            let found: BTreeSet<String> = grant.obligations().iter().map(written).collect();
            match obligations {
                Duties::Exactly(obligations) => differ("obligations", &list(obligations), &list(&found)),
                Duties::Some if found.is_empty() => differ("obligations", "some", "none"),
                Duties::Some => Vec::new(),
            }
        }
        (Expected::Deny { layers, kind, remedy, .. }, Decision::Deny(denial)) => {
            compare_denial(layers, kind.as_deref(), remedy, denial)
        }
        (Expected::Allow { .. }, Decision::Deny(denial)) => {
            differ("answer", "allow", &format!("deny ({})", folders(denial.layers())))
        }
        (Expected::Deny { layers, .. }, Decision::Allow(_)) => {
            differ("answer", &format!("deny ({})", folders(layers)), "allow")
        }
        (Expected::NoSession { error }, _) => differ("session", &format!("error `{error}`"), "a caller"),
    }
}

fn compare_denial(layers: &BTreeSet<Layer>, kind: Option<&str>, remedy: &Wanted, denial: &Denial) -> Vec<String> {
    let found: BTreeSet<Layer> = denial.layers().iter().copied().collect();
    let mut mismatches = differ("denying layers", &folders(layers), &folders(&found));
    if let Some(kind) = kind {
        mismatches.extend(differ("kind", kind, denial.kind().as_str()));
    }
    let text = |offer: Option<&Offer>| offer.map_or_else(|| "none".to_owned(), ToString::to_string);
    let found = denial.remedy().map(Offer::of);
    mismatches.extend(match remedy {
        Wanted::Exactly(remedy) => differ("remedy", &text(remedy.as_ref()), &text(found.as_ref())),
        Wanted::Some if found.is_none() => differ("remedy", "some", "none"),
        Wanted::Some => Vec::new(),
    });
    mismatches
}

fn compare_error(expected: &Expected, error: &SessionError) -> Vec<String> {
    let found = match error {
        SessionError::Claims(_) | SessionError::Claim { .. } => "claims",
        SessionError::UnknownMemberships { .. } => "memberships",
        SessionError::Principal { .. } => "principal",
        _ => "other",
    };
    let reason = format!("error `{found}` ({error})");
    match expected {
        Expected::NoSession { error } if error == found => Vec::new(),
        Expected::NoSession { error } => differ("session", &format!("error `{error}`"), &reason),
        Expected::Allow { .. } | Expected::Deny { .. } => differ("session", "a caller", &reason),
    }
}

fn differ(what: &str, expected: &str, found: &str) -> Vec<String> {
    if expected == found { Vec::new() } else { vec![format!("{what}: expected {expected}, found {found}")] }
}

fn folders<'a>(layers: impl IntoIterator<Item = &'a Layer>) -> String {
    layers.into_iter().map(|layer| layer.folder()).collect::<Vec<_>>().join(", ")
}

fn list(values: &BTreeSet<String>) -> String {
    if values.is_empty() { "none".to_owned() } else { values.iter().cloned().collect::<Vec<_>>().join(", ") }
}

/// An obligation as its annotation writes it.
fn written(obligation: &Obligation) -> String {
    match obligation.arguments() {
        "" => obligation.name().to_owned(),
        arguments => format!("{}:{arguments}", obligation.name()),
    }
}

impl Offer {
    fn of(remedy: &Remedy) -> Self {
        let step_up = remedy.step_up();
        Self {
            scopes: remedy.scopes().iter().map(ToString::to_string).collect(),
            acr: step_up.map(|step_up| step_up.acr_values().to_vec()).unwrap_or_default(),
            max_age: step_up.and_then(portcullis_core::StepUp::max_age),
            bindings: remedy.bindings().iter().map(|binding| binding.as_str().to_owned()).collect(),
            confirm: remedy.confirm(),
        }
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        if !self.scopes.is_empty() {
            parts.push(format!("scopes {}", list(&self.scopes)));
        }
        if !self.acr.is_empty() {
            parts.push(format!("acr {}", self.acr.join(", ")));
        }
        parts.extend(self.max_age.map(|age| format!("max_age {}s", age.as_secs())));
        if !self.bindings.is_empty() {
            parts.push(format!("bindings {}", list(&self.bindings)));
        }
        if self.confirm {
            parts.push("confirm".to_owned());
        }
        f.write_str(&parts.join("; "))
    }
}
