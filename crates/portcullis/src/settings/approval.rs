//! `[approval]`: how people confirm what others want to do for them.

use std::path::{Path, PathBuf};

use portcullis_core::{Bundle, Problem};
use portcullis_token::{ApprovalSettings, ApprovalSettingsError, Approvals, ApprovalsError};

use super::SETTINGS;
use super::table::Table;
use crate::builder::GateBuilder;
use crate::rules;

/// The table, checked. The key is read when a gate is built: who tests policies need not have it.
#[derive(Debug)]
pub(crate) struct ApprovalTable {
    settings: ApprovalSettings,
    directory: PathBuf,
}

impl ApprovalTable {
    pub(super) fn read(table: &Table<'_>, directory: &Path, problems: &mut Vec<Problem>) -> Option<Self> {
        table.refuse_unknown("`[approval]`", ApprovalSettings::KEYS, problems);
        let settings: ApprovalSettings = table.only(ApprovalSettings::KEYS).read(problems)?;
        let checked = settings.check().map_err(|error| {
            let (key, help) = match &error {
                ApprovalSettingsError::EachReplica => {
                    ("replay", "write `replay = \"shared\"`, and give the gate a store that replicas share")
                }
                ApprovalSettingsError::Rules(ApprovalsError::NoClients) => {
                    ("clients", "name the clients that people use: `clients = [\"web\"]`")
                }
                _ => ("", "write `ticket_lifetime = \"15m\"` and `approval_lifetime = \"5m\"`, or leave them out"),
            };
            problems.push(table.problem(key, error.to_string()).with_help(help));
        });
        checked.ok().map(|()| Self { settings, directory: directory.to_owned() })
    }

    pub(super) fn apply(self, gate: GateBuilder) -> GateBuilder {
        let scope = self.settings.replay();
        gate.approvals_of(self.settings.into_approvals(&self.directory), scope)
    }
}

/// Whether `bundle` can have confirmed what it wants confirmed.
pub(super) fn check(table: Option<&ApprovalTable>, bundle: &Bundle, problems: &mut Vec<Problem>) {
    let scope = table.map(|table| table.settings.scope().unwrap_or(Approvals::SCOPE));
    if let Err(error) = rules::can_be_confirmed(bundle, scope) {
        problems.push(Problem::new(SETTINGS, error.to_string()));
    }
}
