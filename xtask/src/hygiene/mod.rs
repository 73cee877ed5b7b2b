//! Rules for the sources that no compiler knows.

mod rules;

use crate::files;

/// Fails if a file of the project breaks a rule of `rules.rs`.
pub(crate) fn check() -> Result<(), String> {
    let files = files::all()?;
    let found = rules::broken(&files);
    if found.is_empty() { Ok(()) } else { Err(format!("broken rules\n  {}", found.join("\n  "))) }
}
