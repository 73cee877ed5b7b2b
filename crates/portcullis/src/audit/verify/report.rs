use std::fmt;
use std::path::PathBuf;

use super::super::chain::{Head, Missing};

/// What was found in a log.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Verification {
    /// The first line that is not as it should be. Nothing behind it was judged.
    pub fault: Option<Fault>,
    /// The number of the first line: 0, unless older files were left out.
    pub first: Option<u64>,
    /// The last line up to which everything is as it was written.
    pub last: Option<Head>,
    /// How many lines are good.
    pub lines: u64,
    /// How many of them are records of requests.
    pub records: u64,
    /// How many records were not written, as the writer itself says: there was no place for them.
    pub lost: u64,
    /// How often the writer did not end in order. Each time, what was not synced is lost.
    pub crashes: u64,
    /// Octets of incomplete lines that the writer found after crashes, and removed.
    pub torn: u64,
    /// Lines that the heads knew and that were gone when the writer started again, as it says itself.
    pub missing: Vec<Missing>,
    /// The last head of the log that was gone when this one began, as the writer says itself.
    pub replaces: Option<Head>,
    /// How many heads the log confirms.
    pub heads: u64,
    /// How the log ends.
    pub ending: Ending,
}

impl Verification {
    /// Whether nothing was altered, removed, inserted or moved, as far as can be seen.
    #[must_use]
    pub fn is_intact(&self) -> bool {
        self.fault.is_none() && self.missing.is_empty() && self.replaces.is_none()
    }
}

/// How a log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ending {
    /// The writer ended in order.
    Closed,
    /// It goes on in another file, which is not there.
    Elsewhere,
    /// The writer is at work, it crashed, or the tail was cut off. Only heads tell.
    Open,
    /// As `Open`, and with an incomplete line of so many octets.
    Torn(u64),
}

/// A line that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Fault {
    /// Where; the place behind the last line if something is missing there.
    pub place: Place,
    /// What is wrong.
    pub kind: FaultKind,
}

/// A line of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Place {
    /// The file.
    pub file: PathBuf,
    /// The line, from 1.
    pub line: u64,
}

/// What is wrong with a line.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum FaultKind {
    /// The line is not as any writer wrote it.
    Altered,
    /// The line is whole, and another one stood in its place: the next line follows that one.
    Replaced,
    /// Lines are missing before it.
    Lost(Missing),
    /// The line that belongs here stands further down.
    Moved {
        /// The number of the line that belongs here.
        expected: u64,
    },
    /// The line does not belong here: its number has been there already.
    Inserted,
    /// The line is of another writer.
    Foreign,
    /// The line is not the one that the head of this number knows. Something after the last head that was confirmed was
    /// written anew.
    Rewritten {
        /// The number of the last line that a head confirms.
        confirmed: Option<u64>,
    },
    /// Lines that a head knows are missing at the end.
    Cut(Missing),
    /// No head is of this writer: the whole log may be another one.
    UnknownWriter,
}

impl fmt::Display for Verification {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.fault {
            Some(fault) => writeln!(f, "{fault}")?,
            None if self.is_intact() => writeln!(f, "nothing was altered, removed, inserted or moved")?,
            None => writeln!(f, "what is here is as it was written, and something is gone")?,
        }
        write!(f, "{} lines are good, {} of them records", self.lines, self.records)?;
        if let Some(last) = &self.last {
            write!(f, ", up to number {} ({})", last.seq, last.hash)?;
        }
        writeln!(f, "; {} heads confirm it", self.heads)?;
        if let Some(gone) = &self.replaces {
            writeln!(
                f,
                "a log with lines up to {} by the writer {} was gone when this one began",
                gone.seq, gone.writer
            )?;
        }
        for missing in &self.missing {
            writeln!(f, "the lines {} to {} were gone when the writer started again", missing.from, missing.to)?;
        }
        for (count, what) in [
            (self.lost, "records were lost for want of a place, as the log says"),
            (self.crashes, "times the writer did not end in order; what was not synced then is lost"),
            (self.torn, "octets of incomplete lines were removed after crashes"),
        ] {
            if count > 0 {
                writeln!(f, "{count} {what}")?;
            }
        }
        match self.ending {
            Ending::Closed => f.write_str("the writer ended in order"),
            Ending::Elsewhere => f.write_str("the log goes on in a file that is not here"),
            Ending::Open => f.write_str("the log is open: its writer is at work, crashed, or the tail was cut off"),
            Ending::Torn(octets) => write!(f, "the log ends with {octets} octets of an incomplete line"),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.kind)
    }
}

impl fmt::Display for FaultKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Altered => f.write_str("the line is not as it was written"),
            Self::Replaced => f.write_str("the line was replaced: the next one follows another line"),
            Self::Lost(lost) => write!(f, "the lines {} to {} are missing before this one", lost.from, lost.to),
            Self::Moved { expected } => write!(f, "line {expected} belongs here, and stands further down"),
            Self::Inserted => f.write_str("the line was inserted: its number has been there"),
            Self::Foreign => f.write_str("the line is of another writer"),
            Self::Rewritten { confirmed: Some(seq) } => {
                write!(f, "the line is not the one that its head knows: something after line {seq} was written anew")
            }
            Self::Rewritten { confirmed: None } => {
                f.write_str("the line is not the one that its head knows: the log was written anew")
            }
            Self::Cut(lost) => {
                write!(f, "the tail was cut off: the lines {} to {} are missing", lost.from, lost.to)
            }
            Self::UnknownWriter => f.write_str("no head is of this writer: the whole log may have been replaced"),
        }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.file.display(), self.line)
    }
}
