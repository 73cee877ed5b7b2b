//! Each request of the contract leaves one record, which says how it was answered and can be decided again.

use portcullis::Engine;
use portcullis::audit::{AuditLog, Replayed, replay};
use serde_json::Value;

use crate::audit_lines::AuditLines;

/// The lines of a gate, once it has ended.
#[derive(Debug)]
pub(super) struct Records(AuditLines);

/// A log, and where its lines can be read.
pub(super) fn log() -> (AuditLog, Records) {
    let (log, lines) = AuditLines::log();
    (log, Records(lines))
}

/// How a request was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Answered {
    Http(u16),
    Grpc(u8),
    /// By a document that anybody may have: nothing is decided, and nothing recorded.
    Metadata,
}

impl Records {
    /// The first request whose record is missing or wrong: its index, what should stand there, and what does. All handles of
    /// the gate must be gone.
    pub(super) fn mismatch(
        self,
        engine: &Engine,
        answered: &[Answered],
        secrets: &[String],
    ) -> Option<(usize, String, String)> {
        let (text, _) = self.0.rest();
        let mut records = text.lines().filter(|line| line.contains("\"type\":\"request\""));
        for (index, answered) in answered.iter().enumerate().filter(|(_, answered)| **answered != Answered::Metadata) {
            let record = records.next().unwrap_or("no record");
            if let Err((expected, actual)) = check(engine, *answered, record) {
                return Some((index, expected, actual));
            }
        }
        let last = answered.len().saturating_sub(1);
        if let Some(more) = records.next() {
            return Some((last, "no more records".to_owned(), more.to_owned()));
        }
        let shown = secrets.iter().find(|secret| text.contains(secret.as_str()))?;
        Some((last, "a log without credentials".to_owned(), format!("a log with {shown}")))
    }
}

fn check(engine: &Engine, answered: Answered, record: &str) -> Result<(), (String, String)> {
    let actual = || record.to_owned();
    let (member, code) = match answered {
        Answered::Http(status) => ("status", u64::from(status)),
        Answered::Grpc(code) => ("grpc_status", u64::from(code)),
        Answered::Metadata => return Ok(()),
    };
    let members: Value = serde_json::from_str(record).unwrap_or_default();
    if members.get(member).and_then(Value::as_u64) != Some(code) {
        return Err((format!("a record with the {member} {code}"), actual()));
    }
    let replayed = replay(engine, record).map_err(|error| (error.to_string(), actual()))?;
    match replayed.iter().find(|replayed| !matches!(replayed, Replayed::Same | Replayed::List)) {
        Some(different) => Err((format!("a record that gives the same decisions: {different:?}"), actual())),
        None => Ok(()),
    }
}
