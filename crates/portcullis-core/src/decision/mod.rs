//! What comes out: an allow with its duties, or a denial with what would help.

mod conclusion;
mod denial;
mod evaluation;
mod explanation;
mod grant;
mod remedy;
mod search;

pub(crate) use conclusion::Conclusion;
pub use denial::{Denial, DenialKind};
pub(crate) use evaluation::Evaluation;
pub use explanation::{Explanation, LayerAnswer, LayerExplanation};
pub use grant::{Discharge, Grant, ObligationError, Permit};
pub use remedy::{Remedy, StepUp};

/// The answer to a request.
#[derive(Debug)]
#[must_use = "a decision protects nothing until it is enforced"]
#[expect(clippy::exhaustive_enums, reason = "callers must handle both answers")]
pub enum Decision {
    /// Allowed, once its obligations are discharged.
    Allow(Grant),
    /// Not allowed.
    Deny(Denial),
}

impl Decision {
    /// Whether the engine allows the request, obligations pending.
    #[must_use]
    pub fn is_allow(&self) -> bool {
        matches!(self, Self::Allow(_))
    }
}
