//! Whether a gate can do its work.

use std::time::Duration;

use portcullis_core::BundleHash;

use crate::gate::Gate;

impl Gate {
    /// How the gate stands, for what a service answers to its orchestrator (`/ready`).
    ///
    /// Keys that are not there yet are fetched, so that the first caller need not wait for them. This takes at most half a
    /// second, also where an issuer does not answer.
    pub async fn readiness(&self) -> Readiness {
        let without_keys = self.parts().verifier.issuers_without_keys(self.parts().clock.now(), PATIENCE).await;
        Readiness {
            bundle: self.bundle().hash(),
            without_keys,
            refused_reload: self.parts().reloads.refused(),
            audit_failing: self.parts().audit.as_ref().is_some_and(|audit| audit.is_failing()),
        }
    }
}

/// How a gate stands. Made by [`Gate::readiness`].
///
/// Problems of a bundle name policies and files: they are for operators and not for an answer that strangers can see.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Readiness {
    /// The bundle by which the next request will be decided.
    pub bundle: BundleHash,
    /// The aliases of the issuers whose tokens cannot be verified now, since there are no keys.
    pub without_keys: Vec<String>,
    /// Why the last bundle was refused, if it was. The gate goes on with the one before it.
    pub refused_reload: Option<String>,
    /// Whether an audit log cannot be written now. Who must leave a record is refused meanwhile, by default services and agents.
    pub audit_failing: bool,
}

impl Readiness {
    /// Whether the tokens of all issuers can be verified. A service that would rather serve the callers of the others looks
    /// at [`Readiness::without_keys`] itself.
    ///
    /// An audit log that cannot be written does not count: replicas that share a disk would all be taken away, also from those
    /// who may go on. A refused reload does not count: the gate decides by a bundle that is whole, and taking the service away would only
    /// make an outage of a mistake.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        self.without_keys.is_empty()
    }
}

/// Below the second that orchestrators usually wait.
const PATIENCE: Duration = Duration::from_millis(500);
