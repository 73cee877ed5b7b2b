//! Which test shows which rule: `docs/requirements.md`, made from a catalogue and from what tests cite.

mod catalogue;
mod citations;
mod items;
mod table;

use crate::files::{self, TextFile};
use crate::process::root;
use catalogue::{Catalogue, Requirement, State};
use citations::Citation;

/// Writes the table, and strikes from the catalogue what waits for a test that is there now.
pub(crate) fn write() -> Result<(), String> {
    let mut files = files::all()?;
    let (catalogue, citations, _) = read(&files)?;
    let overtaken: Vec<&Requirement> = overtaken(&catalogue, &citations).collect();
    if let Some(file) = files.iter_mut().find(|file| file.path == CATALOGUE && !overtaken.is_empty()) {
        file.text = file.text.lines().map(|line| without_later(line, &overtaken) + "\n").collect();
        save(CATALOGUE, &file.text)?;
    }
    let (catalogue, citations, mut problems) = read(&files)?;
    problems.extend(disagreements(&catalogue, &citations));
    fail(&problems)?;
    save(TABLE, &table::markdown(&catalogue, &citations))
}

/// Fails if the table is out of date.
pub(crate) fn check() -> Result<(), String> {
    let files = files::all()?;
    let (catalogue, citations, mut problems) = read(&files)?;
    problems.extend(disagreements(&catalogue, &citations));
    let waiting = overtaken(&catalogue, &citations).map(|requirement| &requirement.id);
    problems.extend(waiting.map(|id| format!("{id} has a test now, and {CATALOGUE} says `later`; {REMEDY}")));
    let table = files.iter().find(|file| file.path == TABLE).map(|file| file.text.as_str());
    if problems.is_empty() && table != Some(table::markdown(&catalogue, &citations).as_str()) {
        problems.push(format!("{TABLE} is out of date; {REMEDY}"));
    }
    fail(&problems)
}

fn read(files: &[TextFile]) -> Result<(Catalogue, Vec<Citation>, Vec<String>), String> {
    let text = files.iter().find(|file| file.path == CATALOGUE).map(|file| file.text.as_str()).unwrap_or_default();
    let catalogue = Catalogue::parse(text)?;
    let (citations, problems) = citations::find(files, &catalogue);
    Ok((catalogue, citations, problems))
}

fn save(path: &str, text: &str) -> Result<(), String> {
    let path = root()?.join(path);
    std::fs::write(&path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

fn fail(problems: &[String]) -> Result<(), String> {
    if problems.is_empty() { Ok(()) } else { Err(format!("requirements\n  {}", problems.join("\n  "))) }
}

fn is_tested(requirement: &Requirement, citations: &[Citation]) -> bool {
    citations.iter().any(|citation| citation.id == requirement.id)
}

/// Rules that wait for a test which is there now.
fn overtaken<'a>(catalogue: &'a Catalogue, citations: &'a [Citation]) -> impl Iterator<Item = &'a Requirement> {
    let waits = |requirement: &&Requirement| matches!(requirement.state, State::Later(_));
    catalogue.requirements().filter(waits).filter(|requirement| is_tested(requirement, citations))
}

/// The line of the catalogue, without `later` if it is about one of `overtaken`.
fn without_later(line: &str, overtaken: &[&Requirement]) -> String {
    let is_about = |requirement: &&&Requirement| line.starts_with(&format!("{} = ", requirement.id));
    match (overtaken.iter().find(is_about), line.split_once(", later = ")) {
        (Some(_), Some((before, _))) => format!("{before} }}"),
        _ => line.to_owned(),
    }
}

/// Rules without a test and without a reason, and reasons that contradict tests.
fn disagreements(catalogue: &Catalogue, citations: &[Citation]) -> Vec<String> {
    let problem = |requirement: &Requirement| {
        let id = &requirement.id;
        match (&requirement.state, is_tested(requirement, citations)) {
            (State::Nothing, false) => {
                Some(format!("{id} has neither a test that cites it nor a reason in {CATALOGUE}"))
            }
            (State::Open(_), false) => Some(format!("{id} is `open` but no test cites it; say `later` or `not`")),
            (State::Not(_), true) => Some(format!("{id} does not apply, but a test cites it; which of them is right?")),
            _ => None,
        }
    };
    catalogue.requirements().filter_map(problem).collect()
}

const TABLE: &str = "docs/requirements.md";

const CATALOGUE: &str = "xtask/requirements.toml";

const REMEDY: &str = "run `cargo xtask requirements`";

#[cfg(test)]
mod tests {
    use super::*;

    fn catalogue() -> Catalogue {
        let text = "[JWK]\ntitle = \"Key sets\"\nsource = \"RFC 7517\"\n\
             JWK-01 = { level = \"MUST\", title = \"a\" }\n\
             JWK-02 = { level = \"MUST\", title = \"b\" }\n\
             JWK-03 = { level = \"MAY\", title = \"c\", later = \"x\" }\n\
             JWK-04 = { level = \"MAY\", title = \"d\", later = \"x\" }\n\
             JWK-05 = { level = \"MAY\", title = \"e\", not = \"y\" }\n\
             JWK-06 = { level = \"MAY\", title = \"f\", not = \"y\" }\n\
             JWK-07 = { level = \"MAY\", title = \"g\", open = \"z\" }\n\
             JWK-08 = { level = \"MAY\", title = \"h\", open = \"z\" }\n";
        Catalogue::parse(text).unwrap()
    }

    fn citations() -> Vec<Citation> {
        let cite = |id: &str| Citation { id: id.to_owned(), path: "a.rs".to_owned(), test: "t".to_owned() };
        ["JWK-01", "JWK-03", "JWK-05", "JWK-07"].map(cite).into()
    }

    #[test]
    fn a_rule_needs_a_test_or_a_reason_and_not_both() {
        let found = disagreements(&catalogue(), &citations());
        let ids: Vec<_> = found.iter().filter_map(|problem| problem.split(' ').next()).collect();
        assert_eq!(ids, ["JWK-02", "JWK-05", "JWK-08"]);
    }

    #[test]
    fn what_waits_for_a_test_is_struck_when_there_is_one() {
        let (catalogue, citations) = (catalogue(), citations());
        let overtaken: Vec<_> = overtaken(&catalogue, &citations).collect();
        let struck = |line: &str| without_later(line, &overtaken);
        assert_eq!(struck("JWK-03 = { title = \"c\", later = \"x\" }"), "JWK-03 = { title = \"c\" }");
        for kept in
            ["JWK-04 = { title = \"d\", later = \"x\" }", "JWK-01 = { title = \"a\" }", "# JWK-03, later = \"x\""]
        {
            assert_eq!(struck(kept), kept);
        }
    }
}
