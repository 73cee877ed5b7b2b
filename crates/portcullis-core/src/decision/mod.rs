//! What comes out: an allow with its duties, or a denial with what would help.

mod conclusion;
mod denial;
mod evaluation;
mod explanation;
mod grant;
mod near_miss;
mod remedy;
mod search;
mod told;

pub(crate) use conclusion::{Conclusion, Diagnosis};
pub use denial::{Denial, DenialKind};
pub(crate) use evaluation::Evaluation;
pub use explanation::{Explanation, LayerAnswer, LayerExplanation};
pub use grant::{Discharge, Grant, ObligationError, Permit};
pub use near_miss::{ConditionAnswer, ConditionExplanation, PolicyAnswer, PolicyExplanation};
pub use remedy::{Remedy, StepUp};
pub use told::{AgentExplanation, Needs, UserExplanation};

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
