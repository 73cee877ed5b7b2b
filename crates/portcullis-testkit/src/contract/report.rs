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
        let lines = |text: &str| text.lines().map(str::to_owned).collect::<Vec<_>>();
        let (expected, actual) = (lines(&self.expected), lines(&self.actual));
        for line in expected.iter().filter(|line| !actual.contains(line)) {
            writeln!(f, "  - {line}")?;
        }
        for line in actual.iter().filter(|line| !expected.contains(line)) {
            writeln!(f, "  + {line}")?;
        }
        Ok(())
    }
}
