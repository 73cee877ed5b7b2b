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

/// Bugs, each with the law that noticed it.
type Noticed<'a> = Vec<(&'a Bug, Caught)>;

/// Plants the bugs whose names begin with one of `names`, or all if there are none, and holds what notices them against the table
/// in CONTRIBUTING.md, or writes it there.
pub(crate) fn run(purpose: Purpose, names: &[String]) -> Result<(), String> {
    let bugs = bug::all()?;
    if let Some(unknown) = names.iter().find(|name| !bugs.iter().any(|bug| bug.name.starts_with(name.as_str()))) {
        return Err(format!("there is no bug `{unknown}`"));
    }
    let is_meant = |bug: &&Bug| names.is_empty() || names.iter().any(|name| bug.name.starts_with(name));
    // It takes long, so what was found is kept at once.
    let keep = |found: &Noticed<'_>| if purpose == Purpose::Write { table::write(&bugs, found) } else { Ok(()) };
    let (found, missed) = plant(bugs.iter().filter(is_meant), keep)?;
    if missed.is_empty() { table::compare(&found) } else { Err(missed.join("\n")) }
}

/// Fails if a patch does not apply any more, or the table is not about these bugs.
pub(crate) fn check() -> Result<(), String> {
    let bugs = bug::all()?;
    let mut problems: Vec<String> = bugs.iter().filter_map(|bug| bug.check().err()).collect();
    problems.extend(table::check(&bugs).err());
    if problems.is_empty() { Ok(()) } else { Err(format!("planted bugs\n  {}", problems.join("\n  "))) }
}

/// Each bug with what noticed it, and those that nothing noticed.
fn plant<'a>(
    bugs: impl Iterator<Item = &'a Bug>,
    keep: impl Fn(&Noticed<'a>) -> Result<(), String>,
) -> Result<(Noticed<'a>, Vec<String>), String> {
    let scratch = Scratch::create()?;
    println!("   without a bug");
    if let Some(caught) = laws::check(&scratch)? {
        return Err(format!("the laws do not hold as it is: {}", caught.law));
    }
    let (mut found, mut missed) = (Vec::new(), Vec::new());
    for bug in bugs {
        let started = Instant::now();
        scratch.plant(bug)?;
        let caught = laws::check(&scratch).and_then(|caught| caught.ok_or_else(|| "no law notices it".to_owned()));
        scratch.weed(bug)?;
        let fate = caught.as_ref().map_or_else(Clone::clone, ToString::to_string);
        println!("   {}: {fate} ({:.0?})", bug.name, started.elapsed());
        match caught {
            Ok(caught) => {
                found.push((bug, caught));
                keep(&found)?;
            }
            Err(error) => missed.push(format!("{}: {error}", bug.name)),
        }
    }
    Ok((found, missed))
}
