//! Many cases at once: callers against actions.

use std::collections::BTreeSet;
use std::net::IpAddr;

use serde::Deserialize;

use super::fixtures::{Named, ResourceSpec};
use super::run::{Duties, Expected, Wanted};
use super::spec::{self, CaseSpec};

/// A table as it is written down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TableSpec {
    name: String,
    #[serde(default)]
    with: toml::Table,
    #[serde(default)]
    without: Vec<String>,
    #[serde(default = "spec::main")]
    source: String,
    #[serde(default)]
    bindings: Vec<String>,
    ip: Option<IpAddr>,
    resource: Option<Named<ResourceSpec>>,
    facts: Option<toml::Table>,
    now: Option<i64>,
    cells: String,
}

impl TableSpec {
    /// The case of each cell, with the text of its line.
    pub(super) fn cases(&self) -> Result<Vec<(CaseSpec, &str)>, String> {
        let mut lines = self.cells.lines().filter(|line| words(line).next().is_some());
        let callers: Vec<&str> = words(lines.next().unwrap_or_default()).collect();
        let mut cases = Vec::new();
        for line in lines {
            let mut words = words(line);
            let action = words.next().unwrap_or_default();
            let cells: Vec<&str> = words.collect();
            if cells.len() != callers.len() {
                let (found, expected) = (cells.len(), callers.len());
                return Err(format!("`{action}` has {found} cells for {expected} callers"));
            }
            for (caller, cell) in callers.iter().zip(cells) {
                let expected = expected(cell).map_err(|message| format!("{caller}, {action}: {message}"))?;
                cases.push((self.case(caller, action, expected), line));
            }
        }
        if cases.is_empty() {
            return Err(
                "`cells` holds none: write callers in the first line, and an action with its cells in each other"
                    .to_owned(),
            );
        }
        Ok(cases)
    }

    fn case(&self, caller: &str, action: &str, expected: Expected) -> CaseSpec {
        CaseSpec {
            name: format!("{}: {caller}, {action}", self.name),
            claims: Some(Named::Name(caller.to_owned())),
            with: self.with.clone(),
            without: self.without.clone(),
            source: self.source.clone(),
            bindings: self.bindings.clone(),
            ip: self.ip,
            action: action.to_owned(),
            resource: self.resource.clone(),
            facts: self.facts.clone(),
            now: self.now,
            cell: Some(expected),
            ..CaseSpec::default()
        }
    }
}

/// The words of a line, without a comment.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split('#').next().unwrap_or_default().split_whitespace()
}

/// What a cell says: `allow`, `allow*`, or the layers that deny with `+` between and perhaps a `?`.
fn expected(cell: &str) -> Result<Expected, String> {
    match cell {
        "allow" => return Ok(Expected::Allow { obligations: Duties::Exactly(BTreeSet::new()) }),
        "allow*" => return Ok(Expected::Allow { obligations: Duties::Some }),
        _ => {}
    }
    let (layers, remedy) = match cell.strip_suffix('?') {
        Some(layers) => (layers, Wanted::Some),
        None => (cell, Wanted::Exactly(None)),
    };
    let layers = layers.split('+').map(spec::layer).collect::<Result<_, _>>()?;
    Ok(Expected::Deny { layers, kind: None, remedy, challenge: None })
}
