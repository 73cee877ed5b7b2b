//! A record, decided again.

use portcullis_core::{Engine, RecordedAnswer, RecordedCaller, RecordedQuestion, ReplayError};
use serde::Deserialize;

use super::chain::kind;
use super::record::Decided;

/// Asks again what the record in `line` says was asked: one result for each of its decisions.
///
/// ```
/// use portcullis::Engine;
/// use portcullis::audit::{Replayed, replay};
///
/// # fn check(engine: &Engine, line: &str) -> Result<(), portcullis::audit::RecordError> {
/// for replayed in replay(engine, line)? {
///     assert!(!matches!(replayed, Replayed::Different { .. }));
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If the line is no record.
pub fn replay(engine: &Engine, line: &str) -> Result<Vec<Replayed>, RecordError> {
    Ok(ReadRecord::read(line)?.replay(engine))
}

/// The record of a request, read from its line: as much of it as is needed to decide again.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct ReadRecord {
    id: String,
    bundle: String,
    caller: Option<RecordedCaller>,
    #[serde(default)]
    decisions: Vec<Decided>,
}

impl ReadRecord {
    /// Reads `line`. Its hash is not checked: [`verify`](super::verify()) does that for the whole log.
    ///
    /// # Errors
    ///
    /// If the line is no record that can be decided again.
    pub fn read(line: &str) -> Result<Self, RecordError> {
        let unreadable = |error: serde_json::Error| RecordError::Unreadable(error.to_string());
        let Marked { v, kind, replayable } = serde_json::from_str(line).map_err(unreadable)?;
        if v != super::chain::VERSION {
            return Err(RecordError::Unreadable(format!("the version {v} is not known")));
        }
        match kind.as_str() {
            kind::REQUEST | kind::LATER if replayable => serde_json::from_str(line).map_err(unreadable),
            kind::REQUEST | kind::LATER => Err(RecordError::Masked),
            _ => Err(RecordError::NoRecord),
        }
    }

    /// The decision id of the request.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The hash of the bundle that decided, as text.
    #[must_use]
    pub fn bundle(&self) -> &str {
        &self.bundle
    }

    /// Who asked; `None` for nobody.
    #[must_use]
    pub fn caller(&self) -> Option<&RecordedCaller> {
        self.caller.as_ref()
    }

    /// What was asked, with what was answered; `None` for a list.
    pub fn decisions(&self) -> impl Iterator<Item = Option<(&RecordedQuestion, &RecordedAnswer)>> {
        self.decisions.iter().map(|decided| match decided {
            Decided::One { question, answer } => Some((&**question, answer)),
            Decided::Many { .. } => None,
        })
    }

    /// Asks again: one result for each of the [`decisions`](Self::decisions).
    #[must_use]
    pub fn replay(&self, engine: &Engine) -> Vec<Replayed> {
        let again = |decided: Option<(&RecordedQuestion, &RecordedAnswer)>| match decided {
            None => Replayed::List,
            Some((question, answer)) => match engine.replay(&self.bundle, self.caller.as_ref(), question) {
                Ok(now) if now == *answer => Replayed::Same,
                Ok(now) => Replayed::Different { recorded: answer.clone(), now },
                Err(error) => Replayed::Impossible(error),
            },
        };
        self.decisions().map(again).collect()
    }
}

/// What became of a decision that was made again.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Replayed {
    /// It is the same, in all that every layer said.
    Same,
    /// It is another one.
    Different {
        /// As the record has it.
        recorded: RecordedAnswer,
        /// As it is now.
        now: RecordedAnswer,
    },
    /// The items of a list, of which only numbers are recorded.
    List,
    /// It cannot be made again.
    Impossible(ReplayError),
}

/// Why a line cannot be replayed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RecordError {
    /// It is no record of a request.
    #[error("the line is no record of a request")]
    NoRecord,
    /// Something of it was left out.
    #[error("the record is masked or cut")]
    Masked,
    /// It does not have the form of a record.
    #[error("the record cannot be read: {0}")]
    Unreadable(String),
}

#[derive(Deserialize)]
struct Marked {
    v: u64,
    #[serde(rename = "type")]
    kind: String,
    #[serde(default = "yes")]
    replayable: bool,
}

fn yes() -> bool {
    true
}
