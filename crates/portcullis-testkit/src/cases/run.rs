//! One case put to the engine.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use portcullis_core::{
    Approval, Decision, Denial, Engine, Explanation, Facts, Layer, Obligation, Remedy, Request, ResourceData, Session,
    SessionError, UnixTime, VerifiedClaims,
};

use super::report::Failure;
use crate::replay;

/// A case with its fixtures put in.
#[derive(Debug)]
pub(super) struct Case {
    pub(super) name: String,
    /// File and line.
    pub(super) place: String,
    /// `None`: a request without a token.
    pub(super) claims: Option<VerifiedClaims>,
    pub(super) action: String,
    pub(super) resource: ResourceData,
    pub(super) facts: Facts,
    pub(super) now: UnixTime,
    pub(super) approval: Option<Approval>,
    pub(super) expected: Expected,
}

#[derive(Debug)]
pub(super) enum Expected {
    Allow { obligations: BTreeSet<String> },
    Deny { layers: BTreeSet<Layer>, kind: Option<String>, remedy: Option<Offer> },
    NoSession { error: String },
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

pub(super) fn run(case: &Case, engine: &Engine) -> Outcome {
    let mut request = Request::new(&case.action, &case.resource, case.now).with_facts(case.facts.clone());
    if let Some(approval) = &case.approval {
        request = request.with_approval(approval.clone());
    }
    let without_layers =
        |mismatches| Outcome { action: case.action.clone(), scopes: Vec::new(), explanation: None, mismatches };
    let Some(claims) = &case.claims else {
        let explanation = engine.explain_public(&request);
        let mut mismatches = compare(&case.expected, explanation.decision());
        mismatches.extend(compare_replay(engine, None, &request, &explanation));
        return without_layers(mismatches);
    };
    match engine.session(claims) {
        Ok(session) => {
            let explanation = session.explain(&request);
            let mut mismatches = compare(&case.expected, explanation.decision());
            mismatches.extend(compare_replay(engine, Some(&session), &request, &explanation));
            Outcome {
                action: case.action.clone(),
                scopes: session.caller().scopes().unwrap_or_default().to_vec(),
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
            differ("obligations", &list(obligations), &list(&found))
        }
        (Expected::Deny { layers, kind, remedy }, Decision::Deny(denial)) => {
            compare_denial(layers, kind.as_deref(), remedy.as_ref(), denial)
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

/// Whether the decision is the same once it was recorded and is made again from its record.
fn compare_replay(
    engine: &Engine,
    session: Option<&Session>,
    request: &Request<'_>,
    explanation: &Explanation,
) -> Option<String> {
    replay::check(engine, session, request, explanation).err().map(|problem| format!("replay: {problem}"))
}

fn compare_denial(
    layers: &BTreeSet<Layer>,
    kind: Option<&str>,
    remedy: Option<&Offer>,
    denial: &Denial,
) -> Vec<String> {
    let found: BTreeSet<Layer> = denial.layers().iter().copied().collect();
    let mut mismatches = differ("denying layers", &folders(layers), &folders(&found));
    if let Some(kind) = kind {
        mismatches.extend(differ("kind", kind, denial.kind().as_str()));
    }
    let text = |offer: Option<&Offer>| offer.map_or_else(|| "none".to_owned(), ToString::to_string);
    mismatches.extend(differ("remedy", &text(remedy), &text(denial.remedy().map(Offer::of).as_ref())));
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
