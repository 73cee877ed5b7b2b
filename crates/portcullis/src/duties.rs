//! Obligations and who discharges them.

use std::collections::BTreeMap;
use std::fmt;

use portcullis_core::{Discharge, Grant, Obligation, ObligationError, Permit};

use crate::refusal::{Defect, Refusal};

/// The handlers of obligations, by name. An obligation without a handler is not discharged, and so permits nothing.
#[derive(Default)]
pub(crate) struct Duties {
    handlers: BTreeMap<String, Box<dyn Discharge + Send + Sync>>,
}

impl Duties {
    pub(crate) fn insert(&mut self, name: String, handler: Box<dyn Discharge + Send + Sync>) {
        self.handlers.insert(name, handler);
    }

    /// Discharges all obligations of `grant`, which may have effects.
    pub(crate) fn permit(&self, grant: Grant) -> Result<Permit, Refusal> {
        grant.discharge(self).map_err(|undone| Defect::Undischarged(undone).into())
    }

    /// Whether `obligation` has a handler.
    pub(crate) fn knows(&self, obligation: &Obligation) -> bool {
        self.handlers.contains_key(obligation.name())
    }
}

impl Discharge for Duties {
    fn discharge(&self, obligation: &Obligation, grant: &Grant) -> Result<(), ObligationError> {
        match self.handlers.get(obligation.name()) {
            Some(handler) => handler.discharge(obligation, grant),
            None => Err(ObligationError::new(obligation, "no handler is registered")),
        }
    }
}

impl fmt::Debug for Duties {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.handlers.keys()).finish()
    }
}
