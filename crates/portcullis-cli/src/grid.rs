//! Callers against what can be asked: the questions of the cases, put for each persona.

use portcullis_core::{
    Action, Bundle, Decision, Engine, Explanation, LayerAnswer, Obligation, RecordedAnswer, Request, ResourceData,
    UnixTime, VerifiedClaims,
};
use portcullis_testkit::cases::{Case, Cases};
use serde::Serialize;
use serde_json::{Map, Value};

/// Every caller with the answer to every question.
#[derive(Debug, Serialize)]
pub(crate) struct Grid {
    pub(crate) callers: Vec<String>,
    pub(crate) rows: Vec<Row>,
}

/// One question with its answers, in the order of the callers.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    pub(crate) action: String,
    pub(crate) doc: Option<String>,
    pub(crate) resource: Option<String>,
    pub(crate) facts: Option<Value>,
    pub(crate) cells: Vec<Answer>,
}

/// What one caller is told.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub(crate) enum Answer {
    Allow {
        obligations: Vec<String>,
    },
    /// Denied, and what would change that.
    Obtainable {
        layers: Vec<String>,
        remedy: String,
    },
    Deny {
        kind: String,
        layers: Vec<String>,
        messages: Vec<String>,
        errors: Vec<String>,
    },
    /// The claims make no caller.
    NoCaller {
        reason: String,
    },
    /// No case shows on what the action is asked for.
    Unknown,
    /// Not denied before the resource is known, and it is not known.
    Open,
}

/// Somebody who asks.
#[derive(Debug)]
pub(crate) struct Persona {
    pub(crate) name: String,
    pub(crate) claims: VerifiedClaims,
}

impl Persona {
    /// The fixtures of `cases`, of the source that cases mean, changed by `change`.
    pub(crate) fn all(bundle: &Bundle, cases: &Cases, change: impl Fn(&mut Map<String, Value>)) -> Vec<Self> {
        let mut aliases = bundle.sources().aliases();
        let source = if bundle.sources().get("main").is_some() { Some("main") } else { aliases.next() };
        let persona = |(name, claims): (&str, &Map<String, Value>)| {
            let mut claims = claims.clone();
            change(&mut claims);
            let claims = VerifiedClaims::assume_verified(source.unwrap_or("main"), claims);
            Self { name: name.to_owned(), claims }
        };
        cases.personas().map(persona).collect()
    }
}

impl Grid {
    /// Asks the questions of `cases` about the actions that `wanted` accepts for all `personas` at the time `now`.
    pub(crate) fn of(
        engine: &Engine,
        cases: &Cases,
        personas: &[Persona],
        now: UnixTime,
        wanted: impl Fn(&Action) -> bool,
    ) -> Self {
        let asker = Asker { engine, cases, personas, now };
        let rows = engine.bundle().actions().filter(|action| wanted(action)).flat_map(|action| asker.rows(action));
        Self { rows: rows.collect(), callers: personas.iter().map(|persona| persona.name.clone()).collect() }
    }
}

struct Asker<'a> {
    engine: &'a Engine,
    cases: &'a Cases,
    personas: &'a [Persona],
    now: UnixTime,
}

impl Asker<'_> {
    fn rows(&self, action: &Action) -> Vec<Row> {
        let row = |resource: Option<String>, facts: Option<Value>, cells| {
            let (name, doc) = (action.name().to_owned(), action.doc().map(str::to_owned));
            Row { action: name, doc, resource, facts, cells }
        };
        if action.resource_named(|_| None, None).is_none() && self.is_of_oneself(action) {
            let ask = |persona: &Persona| self.ask_of_oneself(action, persona);
            return vec![row(Some("the caller".to_owned()), None, self.personas.iter().map(ask).collect())];
        }
        let questions = self.questions(action);
        if questions.is_empty() {
            return vec![row(None, None, vec![Answer::Unknown; self.personas.len()])];
        }
        let ask = |case: &&Case| {
            let cells = self.personas.iter().map(|persona| self.ask(action, case, persona)).collect();
            row(self.label(case.resource()), case.facts().cloned(), cells)
        };
        questions.iter().map(ask).collect()
    }

    /// Whether the action is done to the subject itself.
    fn is_of_oneself(&self, action: &Action) -> bool {
        let subject = self.personas.iter().find_map(|persona| self.engine.caller(persona.claims.clone()).ok());
        subject.is_some_and(|caller| action.resource_named(|_| None, Some(caller.subject())).is_some())
    }

    fn ask_of_oneself(&self, action: &Action, persona: &Persona) -> Answer {
        match self.engine.session(&persona.claims) {
            Ok(session) => {
                let named = action.resource_named(|_| None, Some(session.caller().subject()));
                let (entity_type, id) = named.unwrap_or_default();
                let resource = ResourceData::bare(entity_type, id);
                Answer::of(&session.explain(&Request::new(action.name(), &resource, self.now)))
            }
            Err(error) => Answer::NoCaller { reason: error.to_string() },
        }
    }

    /// The cases that ask for `action`, each question once.
    fn questions(&self, action: &Action) -> Vec<&Case> {
        let mut questions: Vec<&Case> = Vec::new();
        for case in self.cases.iter().filter(|case| case.action() == action.name() && case.is_sound()) {
            let same = |other: &&Case| other.resource() == case.resource() && other.facts() == case.facts();
            if !questions.iter().any(same) {
                questions.push(case);
            }
        }
        questions
    }

    fn ask(&self, action: &Action, case: &Case, persona: &Persona) -> Answer {
        let answer = if action.is_public() {
            // A token changes nothing.
            Ok(self.engine.explain_public(&Request::new(action.name(), case.resource(), self.now)))
        } else {
            case.ask_as(self.engine, &persona.claims, self.now)
        };
        match answer {
            Ok(explanation) => Answer::of(&explanation),
            Err(error) => Answer::NoCaller { reason: error.to_string() },
        }
    }

    /// The fixture that `resource` is, or its type and id.
    fn label(&self, resource: &ResourceData) -> Option<String> {
        let fixture = self.cases.resources().find(|(_, fixture)| *fixture == resource).map(|(name, _)| name.to_owned());
        let named = || (!resource.id().is_empty()).then(|| format!("{}::{:?}", resource.entity_type(), resource.id()));
        fixture.or_else(named)
    }
}

impl Answer {
    pub(crate) fn of(explanation: &Explanation) -> Self {
        match explanation.decision() {
            Decision::Allow(grant) => {
                Self::Allow { obligations: grant.obligations().iter().map(Obligation::to_string).collect() }
            }
            Decision::Deny(denial) => {
                let layers = denial.layers().iter().map(|layer| layer.folder().to_owned()).collect();
                match denial.remedy() {
                    Some(remedy) => Self::Obtainable { layers, remedy: remedy.to_string() },
                    None => Self::Deny {
                        kind: denial.kind().as_str().to_owned(),
                        layers,
                        messages: denial.messages().to_vec(),
                        errors: denial.errors().to_vec(),
                    },
                }
            }
        }
    }

    /// As an audit record has it, without what policies say to the caller.
    pub(crate) fn recorded(answer: &RecordedAnswer) -> Self {
        if answer.answer == LayerAnswer::Allow {
            return Self::Allow { obligations: answer.obligations.clone() };
        }
        let denying = || answer.layers.iter().filter(|layer| layer.answer != LayerAnswer::Allow);
        let layers = denying().map(|layer| layer.layer.clone()).collect();
        match (&answer.remedy, &answer.kind) {
            (Some(remedy), _) => Self::Obtainable { layers, remedy: remedy.clone() },
            (None, kind) => Self::Deny {
                kind: kind.clone().unwrap_or_default(),
                layers,
                messages: Vec::new(),
                errors: denying().flat_map(|layer| layer.errors.clone()).collect(),
            },
        }
    }

    /// In one word: `allow`, the layers that deny and `?` if that can be changed, or the layer because of which it cannot.
    pub(crate) fn word(&self) -> String {
        match self {
            Self::Allow { obligations } if obligations.is_empty() => "allow".to_owned(),
            Self::Allow { .. } => "allow*".to_owned(),
            Self::Obtainable { layers, .. } => format!("{}?", layers.join("+")),
            Self::Deny { kind, .. } => decisive(kind).to_owned(),
            Self::NoCaller { .. } => "no caller".to_owned(),
            Self::Unknown => "–".to_owned(),
            Self::Open => "open".to_owned(),
        }
    }

    /// What there is to say besides.
    pub(crate) fn detail(&self) -> Option<String> {
        match self {
            Self::Allow { obligations } if !obligations.is_empty() => {
                Some(format!("once done: {}", obligations.join(", ")))
            }
            Self::Allow { .. } | Self::Unknown => None,
            Self::Obtainable { remedy, .. } => Some(format!("would help: {remedy}")),
            Self::Deny { kind, errors, .. } if kind == "error" => Some(errors.join("; ")),
            Self::Deny { kind, layers, messages, .. } => {
                let first = if kind == "not_applicable" { "not for this kind of caller; " } else { "" };
                let denying = format!("{first}denied by {}", layers.join(", "));
                Some([vec![denying], messages.clone()].concat().join(". "))
            }
            Self::NoCaller { reason } => Some(reason.clone()),
            Self::Open => Some("decided with the resource, which is not recorded".to_owned()),
        }
    }
}

/// The layer after which a denial is named: nothing that the caller could obtain gets past it.
fn decisive(kind: &str) -> &str {
    match kind {
        "not_applicable" => "n/a",
        "ceiling" => "ceilings",
        "role" => "roles",
        "guardrail" | "liftable_guardrail" => "guardrails",
        other => other,
    }
}

/// Facts, as people write them.
pub(crate) fn facts(facts: &Value) -> String {
    match facts {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| format!("{name}={value}"));
            members.collect::<Vec<_>>().join(" ")
        }
        other => other.to_string(),
    }
}
