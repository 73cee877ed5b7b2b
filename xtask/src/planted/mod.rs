//! Bugs, planted into a copy of the sources one at a time: some law must notice each.
//!
//! A bug is a patch of the engine. Only laws count, as users check them on their own bundles: a unit test that knows the
//! code would notice the bug for another reason.

mod bug;
mod laws;
mod scratch;
mod table;

use std::time::Instant;

use crate::Purpose;
use bug::Bug;
use laws::Caught;
use scratch::Scratch;

/// Plants every bug and holds what notices them against the table in CONTRIBUTING.md, or writes it there.
pub(crate) fn run(purpose: Purpose) -> Result<(), String> {
    let found = plant(&bug::all()?)?;
    match purpose {
        Purpose::Write => table::write(&found),
        Purpose::Check => table::compare(&found),
    }
}

/// Plants the bugs whose names begin with one of `names`.
pub(crate) fn run_some(names: &[String]) -> Result<(), String> {
    let mut bugs = bug::all()?;
    if let Some(unknown) = names.iter().find(|name| !bugs.iter().any(|bug| bug.name.starts_with(name.as_str()))) {
        return Err(format!("there is no bug `{unknown}`"));
    }
    bugs.retain(|bug| names.iter().any(|name| bug.name.starts_with(name)));
    plant(&bugs).map(drop)
}

/// Fails if a patch does not apply any more, or the table is not about these bugs.
pub(crate) fn check() -> Result<(), String> {
    let bugs = bug::all()?;
    let mut problems: Vec<String> = bugs.iter().filter_map(|bug| bug.check().err()).collect();
    problems.extend(table::check(&bugs).err());
    if problems.is_empty() { Ok(()) } else { Err(format!("planted bugs\n  {}", problems.join("\n  "))) }
}

/// Each bug with what noticed it. A bug that nothing notices is an error, once all were tried.
fn plant(bugs: &[Bug]) -> Result<Vec<(&Bug, Caught)>, String> {
    let scratch = Scratch::create()?;
    println!("   without a bug");
    if let Some(caught) = laws::check(&scratch)? {
        return Err(format!("the laws do not hold as it is: {}", caught.law));
    }
    let (mut found, mut missed) = (Vec::new(), Vec::new());
    for bug in bugs {
        let started = Instant::now();
        scratch.restore()?;
        scratch.apply(bug)?;
        let caught = laws::check(&scratch).map_err(|error| format!("{}: {error}", bug.name))?;
        let fate = caught.as_ref().map_or_else(|| "NOT NOTICED".to_owned(), ToString::to_string);
        println!("   {}: {fate} ({:.0?})", bug.name, started.elapsed());
        match caught {
            Some(caught) => found.push((bug, caught)),
            None => missed.push(bug.name.as_str()),
        }
    }
    if missed.is_empty() { Ok(found) } else { Err(format!("no law notices {}", missed.join(", "))) }
}
