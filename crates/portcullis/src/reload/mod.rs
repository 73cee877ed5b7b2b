//! Another bundle for a gate that is at work.

mod directory;

use std::collections::BTreeSet;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use portcullis_core::{Action, Bundle, LoadError};

use crate::builder::GateError;
use crate::gate::Gate;
use crate::measure;
use crate::rules::{Fitting, Rules};
pub use directory::{Looked, Reloader};

impl Gate {
    /// Decides by `bundle` from the next request on.
    ///
    /// The bundle is replaced as a whole. A request that has begun stays with the bundle that it began with, to its last check
    /// in the handler, and so does an answer that lasts: a [`Lease`](crate::Lease) ends with its credential, and not because
    /// policies changed. What the gate itself holds stays: issuers and their keys, what was revoked, which proofs were used.
    ///
    /// # Errors
    ///
    /// If `bundle` does not fit this gate. Nothing has changed then.
    pub fn reload(&self, bundle: Arc<Bundle>) -> Result<(), ReloadError> {
        self.replace(bundle).inspect_err(|error| self.parts().reloads.refuse(error))
    }

    fn replace(&self, bundle: Arc<Bundle>) -> Result<(), ReloadError> {
        let before = self.bundle();
        fits(&before, &bundle)?;
        let parts = self.parts();
        let fitting = Fitting::new(Arc::clone(&bundle), parts)?;
        self.set_rules(Rules::new(fitting, Arc::clone(parts)));
        parts.reloads.settle();
        measure::reload("replaced");
        tracing::info!(target: "portcullis", bundle = %bundle.hash(), before = %before.hash(), "the bundle was replaced");
        Ok(())
    }
}

/// What became of the last reload.
#[derive(Debug, Default)]
pub(crate) struct Reloads {
    refused: Mutex<Option<String>>,
}

impl Reloads {
    /// Why the last bundle was refused, if it was.
    pub(crate) fn refused(&self) -> Option<String> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn refuse(&self, error: &ReloadError) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = Some(error.to_string());
        measure::reload("refused");
    }

    /// What is in use is what is wanted.
    fn settle(&self) {
        *self.refused.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

/// Why a gate keeps its bundle instead of another one.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ReloadError {
    /// It is no bundle, or needs other settings than those that the service started with.
    #[error(transparent)]
    Load(#[from] LoadError),
    /// No gate would start with it.
    #[error(transparent)]
    Gate(#[from] GateError),
    /// The routes of the schema, or who decides on them, are not those that the service has handlers for: its router was made
    /// when it started.
    #[error("the handlers of this service do not fit the schema{changes}: restart it with handlers that do")]
    Handlers {
        /// What the handlers would have to serve, and need not any more.
        changes: Changes,
    },
    /// Credentials come from other sources than those that the gate verifies credentials of.
    #[error("the sources of credentials are not those of this gate{changes}: restart the service to change them")]
    Sources {
        /// The aliases.
        changes: Changes,
    },
}

/// What another bundle has that the one in use has not, and the other way round.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Changes {
    /// Only the new one has it.
    pub added: BTreeSet<String>,
    /// Only the old one has it.
    pub removed: BTreeSet<String>,
}

impl Changes {
    /// `None` if there are none.
    fn between(old: &BTreeSet<String>, new: &BTreeSet<String>) -> Option<Self> {
        let only = |one: &BTreeSet<String>, other| one.difference(other).cloned().collect();
        (old != new).then(|| Self { added: only(new, old), removed: only(old, new) })
    }
}

impl fmt::Display for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.added.iter().try_for_each(|added| write!(f, "\n  added   {added}"))?;
        self.removed.iter().try_for_each(|removed| write!(f, "\n  removed {removed}"))?;
        f.write_str("\n")
    }
}

/// What was made for the old bundle must fit the new one: handlers and the verifier.
fn fits(old: &Bundle, new: &Bundle) -> Result<(), ReloadError> {
    if let Some(changes) = Changes::between(&served(old), &served(new)) {
        return Err(ReloadError::Handlers { changes });
    }
    let aliases = |bundle: &Bundle| bundle.sources().aliases().map(str::to_owned).collect();
    match Changes::between(&aliases(old), &aliases(new)) {
        Some(changes) => Err(ReloadError::Sources { changes }),
        None => Ok(()),
    }
}

/// What handlers are written for, a line for each: the route, the action that it means, and what is left to the handler. A
/// handler that relies on a decision made before it must not find itself without one.
fn served(bundle: &Bundle) -> BTreeSet<String> {
    let lines = |action: &Action| -> Vec<String> {
        let name = action.name();
        let duty = |deferred| if deferred { ", decided in the handler" } else { "" };
        let list = action.lists().map(|item| format!(", a list of `{item}`")).unwrap_or_default();
        let line = |route: &dyn fmt::Display, deferred| format!("`{route}` of `{name}`{}{list}", duty(deferred));
        let http = action.routes().iter().map(|route| line(route, action.is_deferred()));
        let via = action.via().iter().map(|route| line(route, true));
        let grpc = action.grpc().iter().map(|method| line(method, action.is_deferred_over_grpc()));
        http.chain(via).chain(grpc).collect()
    };
    bundle.actions().flat_map(lines).collect()
}
