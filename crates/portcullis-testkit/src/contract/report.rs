use std::fmt;

/// How an adapter answered the rows of the contract.
#[derive(Debug, Clone)]
#[must_use = "a report that nobody reads lets everything pass"]
pub struct Report {
    rows: usize,
    differences: Vec<Difference>,
}

/// A row that was answered otherwise than the contract has it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Difference {
    /// The file with the row.
    pub file: &'static str,
    /// The name of the row.
    pub row: String,
    /// The line of the request.
    pub request: String,
    /// The answer that is stored.
    pub expected: String,
    /// The answer that came.
    pub actual: String,
}

impl Report {
    pub(super) fn new() -> Self {
        Self { rows: 0, differences: Vec::new() }
    }

    pub(super) fn add(&mut self, difference: Option<Difference>) {
        self.rows += 1;
        self.differences.extend(difference);
    }

    /// Adds what is wrong with a row that was sent before.
    pub(super) fn append(&mut self, difference: Option<Difference>) {
        self.differences.extend(difference);
    }

    /// How many rows were sent.
    #[must_use]
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The rows that were answered otherwise.
    #[must_use]
    pub fn differences(&self) -> &[Difference] {
        &self.differences
    }

    /// # Panics
    ///
    /// If a row was answered otherwise than the contract has it, with all of them.
    #[track_caller]
    pub fn assert_kept(&self) {
        assert!(self.differences.is_empty(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} of {} rows are answered otherwise", self.differences.len(), self.rows)?;
        self.differences.iter().try_for_each(|difference| write!(f, "\n{difference}"))
    }
}

/// The row, and the lines that differ: `-` is missing, `+` is there instead.
impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}: {}\n    {}", self.file, self.row, self.request)?;
        for line in only_in(&self.expected, &self.actual) {
            writeln!(f, "  - {line}")?;
        }
        for line in only_in(&self.actual, &self.expected) {
            writeln!(f, "  + {line}")?;
        }
        Ok(())
    }
}

/// The lines of `text` that `other` does not have, or not as often.
fn only_in<'a>(text: &'a str, other: &str) -> Vec<&'a str> {
    let mut left: Vec<&str> = other.lines().collect();
    let is_more = |line: &&str| match left.iter().position(|other| other == line) {
        Some(place) => {
            left.remove(place);
            false
        }
        None => true,
    };
    text.lines().filter(is_more).collect()
}
