//! Rules for the sources that no compiler knows.

mod links;
mod messages;
mod rules;

use crate::files;

/// Fails if a file of the project breaks a rule.
pub(crate) fn check() -> Result<(), String> {
    let files = files::all()?;
    let mut found = rules::broken(&files);
    found.extend(links::broken(&files));
    found.extend(messages::differing(&files)?);
    if found.is_empty() { Ok(()) } else { Err(format!("broken rules\n  {}", found.join("\n  "))) }
}
