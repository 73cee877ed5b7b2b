use std::fmt;
use std::sync::Arc;

use cedar_policy::EntityId;
use smol_str::SmolStr;

use crate::bundle::Obligation;
use crate::caller::{Caller, Subject};
use crate::time::UnixTime;

/// The engine's allow, with its obligations pending.
///
/// It is no [`Permit`] yet: only [`Grant::discharge`] makes one.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a grant with pending obligations permits nothing"]
pub struct Grant {
    pub(super) action: SmolStr,
    pub(super) resource: (SmolStr, EntityId),
    pub(super) behalf: Option<Behalf>,
    pub(super) deadline: UnixTime,
    pub(super) obligations: Vec<Obligation>,
}

impl Grant {
    /// What must be done before the allow counts.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.obligations
    }

    /// Discharges every obligation and turns the grant into a permit.
    ///
    /// All obligations are tried, also after one has failed.
    ///
    /// # Errors
    ///
    /// The obligations that `duties` did not discharge. Then nothing is permitted.
    pub fn discharge(self, duties: &(impl Discharge + ?Sized)) -> Result<Permit, Vec<ObligationError>> {
        let undone = |obligation: &Obligation| duties.discharge(obligation, &self).err();
        let errors: Vec<ObligationError> = self.obligations.iter().filter_map(undone).collect();
        if errors.is_empty() { Ok(Permit(self)) } else { Err(errors) }
    }

    /// The action.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.action
    }

    /// The entity type and id of the resource.
    #[must_use]
    pub fn resource(&self) -> (&str, &str) {
        (&self.resource.0, self.resource.1.unescaped())
    }

    /// On whose behalf; `None` for a public action.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.behalf.as_ref().map(|behalf| behalf.0.subject())
    }
}

/// The subject of a caller, who is shared rather than copied: a permit is made for every request.
#[derive(Clone)]
pub(super) struct Behalf(pub(super) Arc<Caller>);

impl PartialEq for Behalf {
    fn eq(&self, other: &Self) -> bool {
        self.0.subject() == other.0.subject()
    }
}

impl Eq for Behalf {}

impl fmt::Debug for Behalf {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.subject().fmt(f)
    }
}

/// Proof that the engine allowed an action on a resource and that the obligations were discharged.
///
/// Not `Clone` and without a public constructor: a function that takes `&Permit` cannot be called without an
/// authorization.
///
/// ```compile_fail
/// fn forge(grant: portcullis_core::Grant) -> portcullis_core::Permit {
///     portcullis_core::Permit(grant) // the field is private
/// }
/// ```
///
/// Nor is a [`Grant`] one, whose obligations nobody has discharged yet:
///
/// ```compile_fail,E0308
/// fn publish(_: &portcullis_core::Permit) {}
///
/// fn too_early(grant: portcullis_core::Grant) {
///     publish(&grant);
/// }
/// ```
#[derive(Debug, PartialEq, Eq)]
pub struct Permit(Grant);

impl Permit {
    /// What was allowed.
    #[must_use]
    pub fn action(&self) -> &str {
        &self.0.action
    }

    /// The entity type and id of the resource on which it was allowed.
    #[must_use]
    pub fn resource(&self) -> (&str, &str) {
        self.0.resource()
    }

    /// On whose behalf; `None` for a public action.
    #[must_use]
    pub fn subject(&self) -> Option<&Subject> {
        self.0.subject()
    }

    /// Until when: the credential is not valid at or after this time.
    #[must_use]
    pub fn deadline(&self) -> UnixTime {
        self.0.deadline
    }

    /// What was done for it.
    #[must_use]
    pub fn obligations(&self) -> &[Obligation] {
        &self.0.obligations
    }
}

/// Does what obligations demand. Closures implement it.
pub trait Discharge {
    /// Discharges one obligation of `grant`.
    ///
    /// # Errors
    ///
    /// If the obligation is unknown or could not be discharged: then the request is denied.
    fn discharge(&self, obligation: &Obligation, grant: &Grant) -> Result<(), ObligationError>;
}

impl<F: Fn(&Obligation, &Grant) -> Result<(), ObligationError>> Discharge for F {
    fn discharge(&self, obligation: &Obligation, grant: &Grant) -> Result<(), ObligationError> {
        self(obligation, grant)
    }
}

/// An obligation that was not discharged.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("obligation `{name}` was not discharged: {reason}")]
#[non_exhaustive]
pub struct ObligationError {
    /// The name of the obligation.
    pub name: String,
    /// Why.
    pub reason: String,
}

impl ObligationError {
    /// `obligation` was not discharged, because of `reason`.
    #[must_use]
    pub fn new(obligation: &Obligation, reason: impl Into<String>) -> Self {
        Self { name: obligation.name().to_owned(), reason: reason.into() }
    }
}
