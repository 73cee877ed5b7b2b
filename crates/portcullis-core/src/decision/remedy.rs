use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use crate::claims::Binding;
use crate::scope::ScopeName;

/// The least authority or proof that the caller could obtain to be allowed.
///
/// The engine has decided again with it and allowed, and no part of it is superfluous.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Remedy {
    pub(super) scopes: Vec<ScopeName>,
    pub(super) needed_scopes: Vec<ScopeName>,
    pub(super) step_up: Option<StepUp>,
    pub(super) bindings: BTreeSet<Binding>,
    pub(super) confirm: bool,
}

/// A stronger or fresher login (RFC 9470).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct StepUp {
    pub(super) acr_values: Vec<String>,
    pub(super) max_age: Option<Duration>,
}

impl Remedy {
    /// The scopes that are missing.
    #[must_use]
    pub fn scopes(&self) -> &[ScopeName] {
        &self.scopes
    }

    /// All scopes that the operation needs once the remedy is applied, granted ones included: what a challenge names.
    /// Empty if no scope is missing.
    #[must_use]
    pub fn needed_scopes(&self) -> &[ScopeName] {
        &self.needed_scopes
    }

    /// The login that is missing.
    #[must_use]
    pub fn step_up(&self) -> Option<&StepUp> {
        self.step_up.as_ref()
    }

    /// Proofs of possession, one of which is missing.
    #[must_use]
    pub fn bindings(&self) -> &BTreeSet<Binding> {
        &self.bindings
    }

    /// Whether the user must confirm.
    #[must_use]
    pub fn confirm(&self) -> bool {
        self.confirm
    }
}

impl StepUp {
    /// Authentication context classes, most preferred first, one of which suffices. Empty if the class does not matter.
    #[must_use]
    pub fn acr_values(&self) -> &[String] {
        &self.acr_values
    }

    /// The greatest age of the login.
    #[must_use]
    pub fn max_age(&self) -> Option<Duration> {
        self.max_age
    }
}

impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut parts = Vec::new();
        parts.extend(self.scopes.iter().map(|scope| format!("scope {scope}")));
        if let Some(step_up) = &self.step_up {
            if !step_up.acr_values.is_empty() {
                parts.push(format!("acr {}", step_up.acr_values.join(" or ")));
            }
            parts.extend(step_up.max_age.map(|age| format!("a login at most {} s old", age.as_secs())));
        }
        if !self.bindings.is_empty() {
            let names: Vec<_> = self.bindings.iter().map(|binding| binding.as_str()).collect();
            parts.push(format!("a token bound by {}", names.join(" or ")));
        }
        if self.confirm {
            parts.push("the user's confirmation".to_owned());
        }
        f.write_str(&parts.join(", "))
    }
}
