//! What came of running cases.

use std::fmt;

use portcullis_core::{DenialKind, Layer};

/// What came of running cases. `Display` lists all of it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Report {
    /// How many cases ran.
    pub cases: usize,
    /// The cases that were answered otherwise than they say, in their order.
    pub failures: Vec<Failure>,
    /// What no case exercised.
    pub gaps: Vec<Gap>,
}

impl Report {
    /// Whether every case was answered as it says.
    #[must_use]
    pub fn is_success(&self) -> bool {
        self.failures.is_empty()
    }

    /// Whether, besides, nothing was left without a case.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        self.is_success() && self.gaps.is_empty()
    }

    /// For tests: everything is as expected, and nothing is left without a case.
    ///
    /// # Panics
    ///
    /// With the whole report, if a case failed or something was not exercised.
    #[track_caller]
    pub fn assert_complete(&self) {
        assert!(self.is_complete(), "{self}");
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { cases, failures, gaps } = self;
        write!(f, "{cases} cases, {} failed, {} gaps", failures.len(), gaps.len())?;
        failures.iter().try_for_each(|failure| write!(f, "\n\n{failure}"))?;
        gaps.iter().try_for_each(|gap| write!(f, "\n\nnot exercised: {gap}"))
    }
}

/// A case that was answered otherwise than it says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Failure {
    /// The name of the case.
    pub case: String,
    /// File and line.
    pub place: String,
    /// What differs, one sentence each.
    pub mismatches: Vec<String>,
    /// What every layer said, where layers were asked.
    pub explanation: Option<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.place, self.case)?;
        self.mismatches.iter().try_for_each(|mismatch| write!(f, "\n  {mismatch}"))?;
        let lines = self.explanation.iter().flat_map(|explanation| explanation.lines());
        lines.into_iter().try_for_each(|line| write!(f, "\n    {line}"))
    }
}

/// Something that no case exercised.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, thiserror::Error)]
#[non_exhaustive]
pub enum Gap {
    /// An action that no case asks for.
    #[error("action `{action}`: no case asks for it")]
    Action {
        /// The action.
        action: String,
    },
    /// A policy that never decides: no case would notice its loss.
    #[error("policy `{policy}` of {layer}: no case is decided by it")]
    NeverDecides {
        /// The layer.
        layer: Layer,
        /// The policy.
        policy: String,
    },
    /// A policy that always decides: no case asks its layer for one of its actions and gets the other answer.
    #[error("policy `{policy}` of {layer}: no case shows the layer's other answer to an action that it decides")]
    AlwaysDecides {
        /// The layer.
        layer: Layer,
        /// The policy.
        policy: String,
    },
    /// A kind of denial that no case shows, though the bundle can lead to it.
    #[error("denial `{}`: no case shows one", kind.as_str())]
    DenialKind {
        /// The kind.
        kind: DenialKind,
    },
    /// A scope that never covers an action.
    #[error("scope `{scope}`: in no case does a token with it cover an action")]
    Scope {
        /// The scope.
        scope: String,
    },
    /// A policy that is said to be `[unfailing]`, and is not in the bundle or fails.
    #[error("policy `{policy}` is listed as unfailing, but there is none or a case shows it failing")]
    NotUnfailing {
        /// The policy.
        policy: String,
    },
}
