//! The questions of an audit log.

use std::collections::BTreeMap;
use std::path::Path;

use portcullis::audit::{ReadRecord, RecordError};
use portcullis_core::{Engine, RecordedAnswer, RecordedQuestion, ReplayError};
use serde::Serialize;

use super::{Change, Pair, Who, Written, text};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::grid::Answer;
use crate::input::{each_record, files_of};
use crate::output::{Shell, Style, recorded};

/// Asks both bundles what `log` records of one of them.
pub(super) fn run(log: &Path, engines: &Pair<Engine>, shell: &Shell) -> Result<Exit, Failure> {
    let mut questions = Questions { engines, asked: 0, changes: BTreeMap::new(), left_out: LeftOut::default() };
    each_record(&files_of(log)?, |place, record| questions.take(place, record))?;
    let Questions { asked, changes, left_out, .. } = questions;
    if asked == 0 {
        let why = left_out.text(Style::new(false));
        let why = if why.is_empty() { "it records no decisions".to_owned() } else { why.trim().replace("\n   ", "; ") };
        return Err(Failure::cannot(log.display().to_string(), format!("holds nothing to ask both bundles: {why}")));
    }
    let change = |((who, old, new), times)| Some(Change { times: Some(times), ..Change::of(who, Pair { old, new })? });
    let changes: Vec<Change> = changes.into_iter().filter_map(change).collect();
    let answer = Answered { written: Written { asked, changes: &changes }, left_out: &left_out };
    shell.answer(&answer, |style| text(style, asked, &changes, left_out.is_harmless()) + &left_out.text(style))?;
    Ok(Exit::yes_if(changes.is_empty() && left_out.is_harmless()))
}

struct Questions<'a> {
    engines: &'a Pair<Engine>,
    asked: usize,
    /// Who is told what by the old bundle and by the new one, and how often.
    changes: BTreeMap<(Who, Option<Answer>, Option<Answer>), u64>,
    left_out: LeftOut,
}

#[derive(Debug, Serialize)]
struct Answered<'a> {
    #[serde(flatten)]
    written: Written<'a>,
    left_out: &'a LeftOut,
}

/// What was not asked.
#[derive(Debug, Default, Serialize)]
struct LeftOut {
    /// Records of other bundles, by their hash: nobody knows what those did not record.
    other_bundles: BTreeMap<String, u64>,
    /// Records of which something was left out.
    masked: u64,
    lists: u64,
    /// Questions that cannot be asked, by the reason.
    impossible: BTreeMap<String, u64>,
    /// Decisions that come out otherwise under their own bundle.
    otherwise: u64,
    /// Lines that cannot be read, with the first reason.
    unreadable: Vec<String>,
}

impl Questions<'_> {
    fn take(&mut self, place: &str, record: Result<ReadRecord, RecordError>) {
        let record = match record {
            Ok(record) => record,
            Err(RecordError::Masked) => return self.left_out.masked += 1,
            Err(RecordError::NoRecord) => return,
            Err(error) => return self.left_out.unreadable.push(recorded::printable(&format!("{place}: {error}"))),
        };
        let is_of = |engine: &Engine| engine.bundle().hash().to_string() == record.bundle();
        let Pair { old, new } = self.engines;
        let of_old = is_of(old);
        if !of_old && !is_of(new) {
            *self.left_out.other_bundles.entry(record.bundle().to_owned()).or_default() += 1;
            return;
        }
        let (own, other) = if of_old { (old, new) } else { (new, old) };
        for decision in record.decisions() {
            let Some((question, answer)) = decision else {
                self.left_out.lists += 1;
                continue;
            };
            match ask(own, other, &record, question, answer) {
                Ok((own, other)) => {
                    let who = Who::Recorded {
                        caller: recorded::caller(record.caller()),
                        action: recorded::printable(question.action()),
                        resource: recorded::resource(question),
                    };
                    let (old, new) = if of_old { (own, other) } else { (other, own) };
                    self.asked += 1;
                    // The most are the same.
                    if old != new {
                        *self.changes.entry((who, old, new)).or_default() += 1;
                    }
                }
                Err(Some(error)) => {
                    *self.left_out.impossible.entry(recorded::printable(&error.to_string())).or_default() += 1
                }
                Err(None) => self.left_out.otherwise += 1,
            }
        }
    }
}

/// Asks the bundle of the record and another one; the answer of a bundle without the action is `None`.
///
/// # Errors
///
/// Why the question cannot be asked; `None` if the record does not say what was asked.
fn ask(
    own: &Engine,
    other: &Engine,
    record: &ReadRecord,
    question: &RecordedQuestion,
    answer: &RecordedAnswer,
) -> Result<(Option<Answer>, Option<Answer>), Option<ReplayError>> {
    if own.replay(record.bundle(), record.caller(), question)? != *answer {
        return Err(None);
    }
    let own_answer = Some(Answer::recorded(answer));
    if other.bundle().action(question.action()).is_none() {
        return Ok((own_answer, None));
    }
    let told = match other.ask_recorded(own.bundle(), record.caller(), question) {
        Ok(answer) => Answer::recorded(&answer),
        Err(ReplayError::NeedsResource) => Answer::Open,
        Err(error @ (ReplayError::Session(_) | ReplayError::Source(_))) => {
            Answer::NoCaller { reason: error.to_string() }
        }
        Err(error) => return Err(Some(error)),
    };
    Ok((own_answer, Some(told)))
}

impl LeftOut {
    /// Whether all was asked that the log holds of these bundles.
    fn is_harmless(&self) -> bool {
        self.impossible.is_empty() && self.otherwise == 0 && self.unreadable.is_empty()
    }

    fn text(&self, style: Style) -> String {
        let others = self
            .other_bundles
            .iter()
            .map(|(hash, count)| (*count, format!("records of the bundle {}", recorded::printable(hash))));
        let counts = others.chain([
            (self.masked, "records of which something was left out".to_owned()),
            (self.lists, "lists".to_owned()),
            (self.otherwise, "decisions that their own bundle makes otherwise: see `audit replay`".to_owned()),
            (self.unreadable.len() as u64, format!("unreadable lines, the first at {}", self.first_unreadable())),
        ]);
        let impossible = self.impossible.iter().map(|(reason, count)| (*count, format!("questions: {reason}")));
        let lines = counts.chain(impossible).filter(|(count, _)| *count > 0);
        lines.map(|(count, what)| format!("   {} {count} {what}\n", style.yellow("not asked:"))).collect()
    }

    fn first_unreadable(&self) -> &str {
        self.unreadable.first().map_or("", String::as_str)
    }
}
