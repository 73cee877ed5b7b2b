//! What is wrong with a bundle, said so that its author can put it right.

use std::fmt;

use miette::Diagnostic;

/// One thing that is wrong with a bundle.
///
/// Displays as `file:line:column: what is wrong`, with what to do on the next line.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub struct Problem {
    /// The file, relative to the bundle.
    pub file: String,
    /// Line and column, counted from 1, where the problem has a place in the file.
    pub place: Option<(usize, usize)>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub help: Option<String>,
}

impl Problem {
    /// A problem with `file` as a whole.
    #[must_use]
    pub fn new(file: impl Into<String>, message: impl Into<String>) -> Self {
        Self { file: file.into(), place: None, message: message.into(), help: None }
    }

    /// Says what to do.
    #[must_use]
    pub fn with_help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// Says what was probably meant: the candidate most like `word`, or else `otherwise`.
    #[must_use]
    pub fn with_suggestion<'a>(
        self,
        word: &str,
        candidates: impl IntoIterator<Item = &'a str>,
        otherwise: impl Into<String>,
    ) -> Self {
        self.with_help(did_you_mean(word, candidates).unwrap_or_else(|| otherwise.into()))
    }

    /// Says where: `offset` is a byte offset into `text`, the content of the file.
    #[must_use]
    pub fn at(mut self, text: &str, offset: usize) -> Self {
        self.place = Some(line_and_column(text, offset));
        self
    }

    /// Takes over a message of Cedar about `text`, whose first byte is byte `base` of the file with the content
    /// `whole`.
    pub(crate) fn from_cedar(file: &str, whole: &str, base: usize, diagnostic: &dyn Diagnostic) -> Self {
        let mut problem = Self::new(file, full_message(diagnostic));
        problem.help = diagnostic.help().map(|help| help.to_string());
        let label = diagnostic.labels().and_then(|mut labels| labels.next());
        let offset = label.map_or_else(|| named_action(&problem.message, whole), |label| Some(label.offset()));
        match offset {
            Some(offset) => problem.at(whole, base + offset),
            // Part of a file has a place of its own.
            None if base > 0 => problem.at(whole, base),
            None => problem,
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.file)?;
        if let Some((line, column)) = self.place {
            write!(f, ":{line}:{column}")?;
        }
        write!(f, ": {}", self.message)?;
        if let Some(help) = &self.help {
            write!(f, "\n    help: {help}")?;
        }
        Ok(())
    }
}

/// Why a bundle did not load: every problem that was found, in the order of files and lines.
///
/// Nothing of a bundle with a problem is used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoadError {
    problems: Vec<Problem>,
}

impl LoadError {
    /// Joins `problems`, sorted by file and line, each once.
    #[must_use]
    pub fn new(mut problems: Vec<Problem>) -> Self {
        problems.sort();
        problems.dedup();
        Self { problems }
    }

    /// The problems.
    #[must_use]
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The problems, to be joined with those of other files.
    #[must_use]
    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }
}

impl std::error::Error for LoadError {}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let count = self.problems.len();
        write!(f, "the bundle has {count} problem{}", if count == 1 { "" } else { "s" })?;
        self.problems.iter().try_for_each(|problem| write!(f, "\n{problem}"))
    }
}

/// "did you mean `…`?" for the candidate most like `word`, if one is alike.
pub(crate) fn did_you_mean<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<String> {
    most_like(word, candidates).map(|candidate| format!("did you mean `{candidate}`?"))
}

/// The candidate most like `word`, if one is alike.
pub(crate) fn most_like<'a>(word: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |candidate: &str| {
        let (word, candidate) = (word.to_lowercase(), candidate.to_lowercase());
        // In short words one slip changes much of the word: `arc` and `acr` are alike.
        let one_slip = word.len() > 2 && strsim::osa_distance(&word, &candidate) == 1;
        let likeness = strsim::jaro_winkler(&word, &candidate);
        if one_slip { likeness.max(ONE_SLIP) } else { likeness }
    };
    candidates
        .into_iter()
        .map(|candidate| (likeness(candidate), candidate))
        .filter(|(likeness, _)| *likeness > ALIKE)
        .max_by(|a, b| a.0.total_cmp(&b.0))
        .map(|(_, candidate)| candidate)
}

/// A message with the messages it stands on: Cedar keeps what went wrong in the cause.
fn full_message(diagnostic: &dyn Diagnostic) -> String {
    let mut message = diagnostic.to_string();
    let mut cause = std::error::Error::source(diagnostic);
    while let Some(error) = cause {
        let text = error.to_string();
        if !message.contains(&text) {
            message = format!("{message}: {text}");
        }
        cause = error.source();
    }
    message
}

/// Where the action that `message` names occurs in `text`, for messages of Cedar that have no place.
fn named_action(message: &str, text: &str) -> Option<usize> {
    let (_, rest) = message.split_once("Action::\"")?;
    let (name, _) = rest.split_once('"')?;
    text.find(&format!("\"{name}\""))
}

fn line_and_column(text: &str, offset: usize) -> (usize, usize) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    (before.matches('\n').count() + 1, before.get(line_start..).unwrap_or("").chars().count() + 1)
}

/// Below this two words are not a slip of the finger apart: `viewer` and `admin` are not alike, `amdin` and `admin` are.
const ALIKE: f64 = 0.8;

/// How alike words are that one added, lost, wrong or swapped letter tells apart.
const ONE_SLIP: f64 = 0.9;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_names_file_line_column_message_and_help() {
        let text = "first\nsecond line";
        let problem =
            Problem::new("roles/people.cedar", "no such role").with_help("did you mean `admin`?").at(text, 13);
        assert_eq!(problem.to_string(), "roles/people.cedar:2:8: no such role\n    help: did you mean `admin`?");
    }

    #[test]
    fn only_similar_names_are_suggested() {
        assert_eq!(did_you_mean("amdin", ["admin", "viewer"]).as_deref(), Some("did you mean `admin`?"));
        assert_eq!(did_you_mean("arc", ["acr", "amr", "actor"]).as_deref(), Some("did you mean `acr`?"));
        assert_eq!(did_you_mean("billing", ["admin", "viewer"]), None);
    }
}
