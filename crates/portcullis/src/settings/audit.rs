//! `[[audit]]`: where audit records go.

use std::collections::{BTreeMap, BTreeSet};
use std::num::{NonZeroU64, NonZeroUsize};
use std::path::Path;
use std::time::Duration;

use portcullis_core::{Problem, parse_duration};
use serde::Deserialize;

use super::table::Table;
use crate::audit::{AuditClass, AuditLog, AuditSink, FileSink, OnFailure, StdoutSink, TracingSink};

/// Reads the logs. Nothing is opened before a gate is built.
pub(super) fn read(tables: Vec<Table<'_>>, directory: &Path, problems: &mut Vec<Problem>) -> Vec<AuditLog> {
    let mut paths = BTreeSet::new();
    let read = |table| read_one(table, directory, &mut paths, problems);
    tables.into_iter().filter_map(read).collect()
}

fn read_one(
    mut table: Table<'_>,
    directory: &Path,
    paths: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Option<AuditLog> {
    table.refuse_unknown("an `[[audit]]`", KEYS, problems);
    let (whole, before) = (table.clone(), problems.len());
    let sink = read_sink(&mut table, directory, paths, problems);
    let heads = table.take_table("heads", problems).map(|heads| read_heads(heads, directory, paths, problems));
    let classes: Option<BTreeSet<AuditClass>> = table.take("classes", problems);
    let masks: Vec<String> = table.take("mask", problems).unwrap_or_default();
    let on_failure: BTreeMap<AuditClass, OnFailure> = table.take("on_failure", problems).unwrap_or_default();
    let queue: Option<NonZeroUsize> = table.take("queue", problems);
    let sync_every = duration(&mut table, "sync_every", problems);
    if problems.len() > before {
        return None;
    }
    let mut log = AuditLog::new(sink?);
    if let Some(Heads { sink, every, after }) = heads.flatten() {
        log = log.heads(sink, every, after);
    }
    if let Some(classes) = classes {
        log = log.only(classes);
    }
    for (class, what) in on_failure {
        log = log.on_failure(class, what);
    }
    if let Some(queue) = queue {
        log = log.places(queue);
    }
    if let Some(time) = sync_every {
        log = log.sync_every(time);
    }
    for path in masks {
        log = log
            .mask(&path)
            .map_err(|error| problems.push(whole.problem("mask", error.to_string()).with_help(MASK_HELP)))
            .ok()?;
    }
    Some(log)
}

/// A sink that the settings can name.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum SinkName {
    File,
    Stdout,
    Tracing,
}

struct Heads {
    sink: Box<dyn AuditSink>,
    every: NonZeroU64,
    after: Duration,
}

fn read_heads(
    mut table: Table<'_>,
    directory: &Path,
    paths: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Option<Heads> {
    table.refuse_unknown("`heads`", HEADS_KEYS, problems);
    let sink = read_sink(&mut table, directory, paths, problems)?;
    let every = table.take("every", problems).unwrap_or(HEAD_EVERY);
    let after = duration(&mut table, "after", problems).unwrap_or(HEAD_AFTER);
    Some(Heads { sink, every, after })
}

/// The sink, and what is only for files.
fn read_sink(
    table: &mut Table<'_>,
    directory: &Path,
    paths: &mut BTreeSet<String>,
    problems: &mut Vec<Problem>,
) -> Option<Box<dyn AuditSink>> {
    let whole = table.clone();
    let name: Option<SinkName> = table.take("sink", problems);
    let path: Option<String> = table.take("path", problems);
    let rotate_at = table.take::<String>("rotate_at", problems).map(|text| (octets(&text), text));
    let rotate_every = duration(table, "rotate_every", problems);
    if let Some((None, text)) = &rotate_at {
        let message = format!("`{text}` is not a number from 1 and a unit of size");
        problems.push(
            whole
                .problem("rotate_at", message)
                .with_help("write it like `rotate_at = \"100MB\"`; units are `kB`, `MB`, `GB`"),
        );
    }
    let only_for_files = |key: &str, problems: &mut Vec<Problem>| {
        if whole.keys().iter().any(|known| known == key) {
            let problem = whole.problem(key, format!("`{key}` means nothing for this sink"));
            problems.push(problem.with_help("remove it, or write to a file: `sink = \"file\"`"));
        }
    };
    match name {
        None => {
            if !whole.keys().iter().any(|known| known == "sink") {
                let problem = whole.problem("", "nothing says where the records go");
                problems
                    .push(problem.with_help(
                        "write `sink = \"file\"` and a `path`, `sink = \"stdout\"` or `sink = \"tracing\"`",
                    ));
            }
            None
        }
        Some(SinkName::File) => {
            let Some(path) = path else {
                let problem = whole.problem("sink", "the sink is a file, and no `path` says which");
                problems.push(problem.with_help("write it like `path = \"/var/log/projects/audit.jsonl\"`"));
                return None;
            };
            if !paths.insert(path.clone()) {
                let problem = whole.problem("path", format!("`{path}` is written to already"));
                problems.push(problem.with_help("give each log, and its heads, a file of their own"));
            }
            let mut file = FileSink::new(directory.join(path));
            if let Some((Some(octets), _)) = rotate_at {
                file = file.rotate_at(octets);
            }
            if let Some(age) = rotate_every {
                file = file.rotate_every(age);
            }
            Some(Box::new(file))
        }
        Some(other) => {
            ["path", "rotate_at", "rotate_every"].into_iter().for_each(|key| only_for_files(key, problems));
            Some(if matches!(other, SinkName::Stdout) { Box::new(StdoutSink) } else { Box::new(TracingSink) })
        }
    }
}

fn duration(table: &mut Table<'_>, key: &str, problems: &mut Vec<Problem>) -> Option<Duration> {
    let whole = table.clone();
    let text: String = table.take(key, problems)?;
    let read = parse_duration(&text);
    if read.is_none() {
        let problem = whole.problem(key, format!("`{text}` is no duration"));
        problems.push(problem.with_help(super::table::form(key).unwrap_or_default()));
    }
    read
}

/// `100MB` is 100,000,000.
fn octets(text: &str) -> Option<u64> {
    let unit = text.find(|c: char| !c.is_ascii_digit())?;
    let (number, unit) = text.split_at_checked(unit)?;
    let factor: u64 = match unit {
        "kB" => 1_000,
        "MB" => 1_000_000,
        "GB" => 1_000_000_000,
        _ => return None,
    };
    number.parse::<NonZeroU64>().ok()?.get().checked_mul(factor)
}

const KEYS: &[&str] =
    &["sink", "path", "rotate_at", "rotate_every", "heads", "classes", "mask", "on_failure", "queue", "sync_every"];
const HEADS_KEYS: &[&str] = &["sink", "path", "every", "after"];

const MASK_HELP: &str = "name members of a record with points between them, such as `caller.subject.id`";

/// A tail that was cut is noticed to this many lines,
const HEAD_EVERY: NonZeroU64 = NonZeroU64::MIN.saturating_add(999);
/// and to this time.
const HEAD_AFTER: Duration = Duration::from_secs(10);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_is_a_number_and_a_unit() {
        for (text, expected) in [
            ("1kB", Some(1_000)),
            ("100MB", Some(100_000_000)),
            ("2GB", Some(2_000_000_000)),
            ("100", None),
            ("MB", None),
            ("0MB", None),
            ("1mb", None),
            ("1 MB", None),
            ("-1MB", None),
            ("1.5MB", None),
            ("99999999999999GB", None),
        ] {
            assert_eq!(octets(text), expected, "{text}");
        }
    }
}
