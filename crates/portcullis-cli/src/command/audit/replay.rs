use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use portcullis::audit::{ReadRecord, RecordError, Replayed};
use portcullis_core::{Engine, RecordedAnswer, RecordedQuestion, ReplayError};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::grid::Answer as Word;
use crate::input::{LogArgs, Opened, each_record};
use crate::output::recorded;
use crate::output::{Shell, Style};

/// Decide again what an audit log records of a bundle, and show what comes out otherwise
///
/// Records of other bundles, and those of which something was left out, are counted. `audit verify` says whether the log itself is
/// as it was written.
#[derive(Debug, Args)]
pub(crate) struct Replay {
    /// The directory of the bundle
    #[arg(value_name = "BUNDLE")]
    bundle: PathBuf,
    #[command(flatten)]
    log: LogArgs,
}

impl Replay {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let opened = Opened::at(&self.bundle, shell)?;
        let (engine, hash) = (opened.engine(), opened.loaded.bundle.hash().to_string());
        let mut answer = Answer { bundle: hash, ..Answer::default() };
        each_record(&self.log.files()?, |place, record| answer.take(&engine, place, record))?;
        if answer.records == 0 && answer.unreadable.is_empty() {
            return Err(none_of(&self.bundle, &answer.bundle, &answer.other_bundles));
        }
        shell.answer(&answer, |style| answer.text(style))?;
        Ok(Exit::yes_if(answer.is_good()))
    }
}

/// No record is of the bundle `hash` in `directory`.
pub(crate) fn none_of(directory: &std::path::Path, hash: &str, others: &BTreeMap<String, u64>) -> Failure {
    let others = match others.keys().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => "there is no record that can be decided again".to_owned(),
        hashes => format!("its records are of {}", hashes.join(", ")),
    };
    Failure::cannot("the log", format!("no record is of the bundle {hash} in {}: {others}", directory.display()))
}

#[derive(Debug, Default, Serialize)]
struct Answer {
    /// The hash of the bundle.
    bundle: String,
    /// Records of this bundle.
    records: u64,
    /// Decisions that come out as they were.
    same: u64,
    different: Vec<Difference>,
    /// What cannot be decided again though it should.
    impossible: Vec<Unanswered>,
    /// Lines that are neither records nor anything else of a log.
    unreadable: Vec<Unanswered>,
    /// Decisions of which the application passed something that is not recorded.
    incomplete: u64,
    /// Lists, of whose items only numbers are recorded.
    lists: u64,
    /// Records of which something was left out.
    masked: u64,
    /// Records of other bundles, by their hash.
    other_bundles: BTreeMap<String, u64>,
}

#[derive(Debug, Serialize)]
struct Difference {
    place: String,
    id: String,
    caller: String,
    action: String,
    resource: Option<String>,
    recorded: RecordedAnswer,
    now: RecordedAnswer,
}

#[derive(Debug, Serialize)]
struct Unanswered {
    place: String,
    reason: String,
}

impl Unanswered {
    fn new(place: &str, error: &impl std::fmt::Display) -> Self {
        Self { place: place.to_owned(), reason: recorded::printable(&error.to_string()) }
    }
}

impl Answer {
    fn take(&mut self, engine: &Engine, place: &str, record: Result<ReadRecord, RecordError>) {
        match record {
            Ok(record) if record.bundle() == self.bundle => self.replay(engine, place, &record),
            Ok(record) => *self.other_bundles.entry(record.bundle().to_owned()).or_default() += 1,
            Err(RecordError::Masked) => self.masked += 1,
            Err(RecordError::NoRecord) => {}
            Err(error) => self.unreadable.push(Unanswered::new(place, &error)),
        }
    }

    fn replay(&mut self, engine: &Engine, place: &str, record: &ReadRecord) {
        self.records += 1;
        for (decision, replayed) in record.decisions().zip(record.replay(engine)) {
            match (decision, replayed) {
                (_, Replayed::Same) => self.same += 1,
                (Some((question, _)), Replayed::Different { recorded, now }) => {
                    self.different.push(Difference::of(place, record, question, recorded, now));
                }
                (_, Replayed::Impossible(ReplayError::Incomplete)) => self.incomplete += 1,
                (_, Replayed::Impossible(error)) => {
                    self.impossible.push(Unanswered::new(place, &error));
                }
                _ => self.lists += 1,
            }
        }
    }

    fn is_good(&self) -> bool {
        self.different.is_empty() && self.impossible.is_empty() && self.unreadable.is_empty()
    }

    fn text(&self, style: Style) -> String {
        let mut text: String = self.different.iter().map(|difference| difference.text(style)).collect();
        for Unanswered { place, reason } in self.impossible.iter().chain(&self.unreadable) {
            text += &format!("{place}: {reason}\n");
        }
        let title = if self.is_good() { style.green("ok") } else { style.red("failed") };
        let (decisions, records) = (counted_of(self.same, "decision"), counted_of(self.records, "record"));
        text +=
            &format!("{title} {decisions} of {records} come out as they were, {} otherwise\n", self.different.len());
        let others: u64 = self.other_bundles.values().sum();
        for (count, what) in [(others, "of other bundles"), (self.masked, "of which something was left out")] {
            if count > 0 {
                text += &format!("   not decided again: {} {what}\n", counted_of(count, "record"));
            }
        }
        for (count, thing) in [(self.lists, "list"), (self.incomplete, "incomplete question")] {
            if count > 0 {
                text += &format!("   not decided again: {}\n", counted_of(count, thing));
            }
        }
        text
    }
}

impl Difference {
    fn of(
        place: &str,
        record: &ReadRecord,
        question: &RecordedQuestion,
        before: RecordedAnswer,
        now: RecordedAnswer,
    ) -> Self {
        Self {
            place: place.to_owned(),
            id: record.id().to_owned(),
            caller: recorded::caller(record.caller()),
            action: recorded::printable(question.action()),
            resource: recorded::resource(question),
            recorded: before,
            now,
        }
    }

    fn text(&self, style: Style) -> String {
        let Self { place, caller, action, recorded, now, .. } = self;
        let on = self.resource.iter().map(|resource| format!(" on {resource}")).collect::<String>();
        let [before, after] = [recorded, now].map(|answer| Word::recorded(answer).word());
        let title = format!("{} {place}: {caller}: {action}{on}: {before} → {after}\n", style.red("differs"));
        let differences = recorded::differences(recorded, now).into_iter();
        title + &differences.map(|difference| format!("  {}\n", style.dim(&difference))).collect::<String>()
    }
}

/// `1 record`, `2 records`.
fn counted_of(count: u64, thing: &str) -> String {
    counted(usize::try_from(count).unwrap_or(usize::MAX), thing)
}
