//! What was measured, as the report wants it.

use std::fs::OpenOptions;
use std::io::Write as _;

use crate::must;

/// The unit of a figure.
#[derive(Debug, Clone, Copy)]
#[expect(clippy::exhaustive_enums, reason = "the benches need no more")]
pub enum Unit {
    /// Nanoseconds.
    Nanos,
    /// How many times something else.
    Ratio,
    /// So many a second.
    PerSecond,
    /// Bytes.
    Bytes,
}

/// Hands the figure called `name` to the report, if one is being made: `cargo xtask bench-report` names a file in the
/// environment, and each figure is a line of it.
///
/// # Panics
///
/// If the file cannot be written.
pub fn record(name: &str, value: f64, unit: Unit) {
    let Some(path) = std::env::var_os(FILE) else {
        return;
    };
    let unit = match unit {
        Unit::Nanos => "ns",
        Unit::Ratio => "x",
        Unit::PerSecond => "/s",
        Unit::Bytes => "B",
    };
    let mut file = must(OpenOptions::new().create(true).append(true).open(path));
    must(writeln!(file, "{name}\t{value}\t{unit}"));
}

const FILE: &str = "PORTCULLIS_BENCH_RESULTS";
