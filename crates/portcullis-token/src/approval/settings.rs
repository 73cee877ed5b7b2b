//! `[approval]` of `portcullis.toml`.

use std::path::Path;

use serde::Deserialize;

use super::key::{ApprovalKey, ApprovalKeyError};
use super::rules::{Approvals, ApprovalsError};
use crate::dpop::ReplayScope;
use crate::duration::HumanDuration;
use crate::secret::{SecretError, SecretSource};

/// The table `[approval]`: how people confirm what others want to do for them (`@confirm`).
///
/// ```toml
/// [approval]
/// clients = ["web"]                    # with which people approve; must be stated
/// key = { file = "approval.key" }      # or { env = "APPROVAL_KEY" }: at least 32 random characters; must be stated
/// replay = "one-replica"               # or "shared": who remembers used approvals; must be stated
/// scope = "approve:actions"            # what a token needs to approve
/// max_age = "5m"                       # how old the login of who approves may be
/// ticket_lifetime = "15m"              # from the denial to the use of an approval
/// approval_lifetime = "5m"             # from the approval to its use, within the time of the ticket
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApprovalSettings {
    clients: Vec<String>,
    key: SecretSource,
    replay: ReplayScope,
    scope: Option<String>,
    max_age: Option<HumanDuration>,
    ticket_lifetime: Option<HumanDuration>,
    approval_lifetime: Option<HumanDuration>,
}

impl ApprovalSettings {
    /// The keys of the table.
    pub const KEYS: &[&str] = &["clients", "key", "replay", "scope", "max_age", "ticket_lifetime", "approval_lifetime"];

    /// Who remembers used approvals.
    #[must_use]
    pub fn replay(&self) -> ReplayScope {
        self.replay
    }

    /// The scope that a token needs to approve, if it is stated.
    #[must_use]
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref()
    }

    /// Checks all but the key, which is not read.
    ///
    /// # Errors
    ///
    /// If approvals would count for more than anybody meant.
    pub fn check(&self) -> Result<(), ApprovalSettingsError> {
        self.clone().rules(ApprovalKey::random()?).map(drop)
    }

    /// The rules of these settings. A relative file is looked for in `directory`.
    ///
    /// # Errors
    ///
    /// As [`ApprovalSettings::check`], and if the key cannot be had.
    pub fn into_approvals(self, directory: &Path) -> Result<Approvals, ApprovalSettingsError> {
        let key = ApprovalKey::new(self.key.read(directory)?.reveal().as_bytes())?;
        self.rules(key)
    }

    fn rules(self, key: ApprovalKey) -> Result<Approvals, ApprovalSettingsError> {
        if self.replay == ReplayScope::EachReplica {
            return Err(ApprovalSettingsError::EachReplica);
        }
        let mut approvals = Approvals::new(key, self.clients)?;
        if let Some(scope) = self.scope {
            approvals = approvals.with_scope(scope);
        }
        if let Some(max_age) = self.max_age {
            approvals = approvals.with_max_age(max_age.into());
        }
        let (ticket, approval) = approvals.lifetimes();
        let ticket = self.ticket_lifetime.map_or(ticket, Into::into);
        let approval = self.approval_lifetime.map_or(approval, Into::into);
        Ok(approvals.with_lifetimes(ticket, approval)?)
    }
}

/// Why `[approval]` is refused. The operator must change a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalSettingsError {
    /// One approval would be used once at each replica.
    #[error("`replay = \"each-replica\"` would let one approval be used once at each of them")]
    EachReplica,
    /// The key is too short.
    #[error(transparent)]
    Key(#[from] ApprovalKeyError),
    /// The clients or the times.
    #[error(transparent)]
    Rules(#[from] ApprovalsError),
    /// The key cannot be read.
    #[error(transparent)]
    Secret(#[from] SecretError),
}
