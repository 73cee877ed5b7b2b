//! A record, decided again.

use portcullis_core::{Engine, RecordedAnswer, RecordedCaller, ReplayError};
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
    let unreadable = |error: serde_json::Error| RecordError::Unreadable(error.to_string());
    let Marked { v, kind, replayable } = serde_json::from_str(line).map_err(unreadable)?;
    if v != super::chain::VERSION || !matches!(kind.as_str(), kind::REQUEST | kind::LATER) {
        return Err(RecordError::NoRecord);
    }
    if !replayable {
        return Err(RecordError::Masked);
    }
    let Replayable { bundle, caller, decisions } = serde_json::from_str(line).map_err(unreadable)?;
    let again = |decided| match decided {
        Decided::Many { .. } => Replayed::List,
        Decided::One { question, answer } => match engine.replay(&bundle, caller.as_ref(), &question) {
            Ok(now) if now == answer => Replayed::Same,
            Ok(now) => Replayed::Different { recorded: answer, now },
            Err(error) => Replayed::Impossible(error),
        },
    };
    Ok(decisions.into_iter().map(again).collect())
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

#[derive(Deserialize)]
struct Replayable {
    bundle: String,
    caller: Option<RecordedCaller>,
    #[serde(default)]
    decisions: Vec<Decided>,
}

fn yes() -> bool {
    true
}
