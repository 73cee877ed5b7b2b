//! A decision made again from its record.

use portcullis_core::{
    DenialKind, Engine, Explanation, RecordedAnswer, RecordedCaller, RecordedQuestion, Request, Session,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::decider::{Product, request};
use crate::laws::Violation;
use crate::scenario::Scenario;

impl Product {
    /// The record of a decision, written as text and read again, gives the same decision.
    ///
    /// # Errors
    ///
    /// If it does not.
    pub fn replays(&self, scenario: &Scenario) -> Result<(), Violation> {
        let violation = |message| Violation {
            law: "a record replays to the same decision",
            message,
            scenario: Box::new(scenario.clone()),
            neighbour: None,
        };
        let engine = self.engine();
        let Ok(session) = engine.session(&scenario.token.verified()) else { return Ok(()) };
        if let Some((resource, facts)) = request(scenario) {
            let request = scenario.request(&resource, facts);
            for session in [Some(&session), None] {
                check(engine, session, &request, &engine.explain(session, &request)).map_err(violation)?;
            }
        }
        let Some(early) = session.explain_early(&scenario.action, scenario.now) else { return Ok(()) };
        let question = RecordedQuestion::early(&scenario.action, scenario.now);
        compare(&again(engine, Some(&session), &question).map_err(violation)?, &early).map_err(violation)
    }
}

/// Compares the answer of `engine` to `request` with its answer to the record of it.
///
/// # Errors
///
/// What differs.
pub(crate) fn check(
    engine: &Engine,
    session: Option<&Session>,
    request: &Request<'_>,
    explanation: &Explanation,
) -> Result<(), String> {
    let question = RecordedQuestion::of(engine.bundle(), request);
    if question.is_replayable() {
        return compare(&again(engine, session, &question)?, explanation);
    }
    match explanation.decision() {
        // What the schema does not know is not kept, so it cannot be said again that it was wrong.
        portcullis_core::Decision::Deny(denial) if denial.kind() == DenialKind::Error => Ok(()),
        _ => Err("the record is incomplete".to_owned()),
    }
}

fn compare(again: &RecordedAnswer, explanation: &Explanation) -> Result<(), String> {
    let before = RecordedAnswer::from(explanation);
    if *again == before { Ok(()) } else { Err(format!("{before:?} became {again:?}")) }
}

fn again(engine: &Engine, session: Option<&Session>, question: &RecordedQuestion) -> Result<RecordedAnswer, String> {
    let caller =
        session.map(|session| through_text(&RecordedCaller::of(engine.bundle(), session.caller()))).transpose()?;
    let question = through_text(question)?;
    let hash = engine.bundle().hash().to_string();
    engine.replay(&hash, caller.as_ref(), &question).map_err(|error| error.to_string())
}

fn through_text<T: Serialize + DeserializeOwned + PartialEq>(value: &T) -> Result<T, String> {
    let text = serde_json::to_string(value).map_err(|error| error.to_string())?;
    let read: T = serde_json::from_str(&text).map_err(|error| format!("{error}: {text}"))?;
    if read == *value { Ok(read) } else { Err(format!("the text says something else: {text}")) }
}
