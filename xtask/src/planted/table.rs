//! The table in CONTRIBUTING.md: which law notices which bug.

use super::bug::Bug;
use super::laws::Caught;
use crate::process::root;

/// Writes what was `found`.
pub(super) fn write(found: &[(&Bug, Caught)]) -> Result<(), String> {
    let text = read()?;
    let (before, _, after) = parts(&text)?;
    let path = root()?.join(FILE);
    std::fs::write(&path, format!("{before}{}{after}", markdown(found)))
        .map_err(|error| format!("cannot write {FILE}: {error}"))
}

/// Fails if the table says something else than what was `found`.
pub(super) fn compare(found: &[(&Bug, Caught)]) -> Result<(), String> {
    let text = read()?;
    let (_, table, _) = parts(&text)?;
    if table == markdown(found) { Ok(()) } else { Err(format!("the table in {FILE} says something else; {REMEDY}")) }
}

/// Fails if the table is not about `bugs`.
pub(super) fn check(bugs: &[Bug]) -> Result<(), String> {
    let text = read()?;
    let (_, table, _) = parts(&text)?;
    let listed = table.lines().skip(2).map(|row| row.split(" | ").take(2).collect::<Vec<_>>().join(" | "));
    let expected = bugs.iter().map(row);
    if listed.eq(expected) { Ok(()) } else { Err(format!("the table in {FILE} is about other bugs; {REMEDY}")) }
}

fn row(bug: &Bug) -> String {
    format!("| {} | {}", bug.layer, bug.what)
}

fn markdown(found: &[(&Bug, Caught)]) -> String {
    let row = |(bug, caught): &(&Bug, Caught)| {
        let (scenario, cases) = caught.scenario;
        format!("{} | {} | {scenario} of {cases} in `{}` |\n", row(bug), caught.law, caught.test)
    };
    HEADER.to_owned() + &found.iter().map(row).collect::<String>()
}

/// What stands before the table, the table, and what stands behind it.
fn parts(text: &str) -> Result<(&str, &str, &str), String> {
    let missing = || format!("{FILE} has no table that begins with `{}`", HEADER.lines().next().unwrap_or_default());
    let begin = text.find(HEADER).ok_or_else(missing)?;
    let (before, rest) = text.split_at(begin);
    let (table, after) = rest.split_at(rest.find("\n\n").map_or(rest.len(), |end| end + 1));
    Ok((before, table, after))
}

fn read() -> Result<String, String> {
    std::fs::read_to_string(root()?.join(FILE)).map_err(|error| format!("cannot read {FILE}: {error}"))
}

const FILE: &str = "CONTRIBUTING.md";
const REMEDY: &str = "run `cargo xtask planted --write`";
const HEADER: &str = "| Layer | Bug | Law that notices it | Scenario |\n|---|---|---|---|\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_replaced_and_nothing_else() {
        let text = format!("# A\n\n{HEADER}| a | b | c | d |\n\nmore\n");
        let (before, table, after) = parts(&text).unwrap();
        assert_eq!((before, after), ("# A\n\n", "\nmore\n"));
        assert!(table.ends_with("| a | b | c | d |\n"));
        assert!(parts("# A\n").is_err());
    }

    #[test]
    fn a_row_names_bug_law_and_scenario() {
        let bug = Bug {
            name: "01-a".to_owned(),
            what: "one is two".to_owned(),
            layer: "roles".to_owned(),
            patch: std::path::PathBuf::new(),
        };
        let caught = Caught { law: "a law".to_owned(), scenario: (3, 256), test: "laws" };
        let table = markdown(&[(&bug, caught)]);
        assert_eq!(table.lines().last(), Some("| roles | one is two | a law | 3 of 256 in `laws` |"));
        assert!(table.lines().last().is_some_and(|line| line.starts_with(&row(&bug))));
    }
}
