//! The table in CONTRIBUTING.md: which law notices which bug.

use super::bug::Bug;
use super::laws::Caught;
use crate::process::root;

/// Writes what was `found`; what the table says of other `bugs` stays, and new ones are there as such.
pub(super) fn write(bugs: &[Bug], found: &[(&Bug, Caught)]) -> Result<(), String> {
    let text = read()?;
    let (before, table, after) = parts(&text)?;
    let known = |bug: &Bug| {
        let begin = row(bug);
        table
            .lines()
            .find(|line| line.starts_with(&begin))
            .map_or_else(|| format!("{begin} | not planted yet | |\n"), |line| format!("{line}\n"))
    };
    let line = |bug: &Bug| match found.iter().find(|(planted, _)| planted.name == bug.name) {
        Some((bug, caught)) => full_row(bug, caught),
        None => known(bug),
    };
    let table = HEADER.to_owned() + &bugs.iter().map(line).collect::<String>();
    let path = root()?.join(FILE);
    std::fs::write(&path, format!("{before}{table}{after}")).map_err(|error| format!("cannot write {FILE}: {error}"))
}

/// Fails if the table names other laws than what was `found`. How many scenarios it took says less, and changes with each change of
/// what scenarios are made of.
pub(super) fn compare(found: &[(&Bug, Caught)]) -> Result<(), String> {
    let text = read()?;
    let (_, table, _) = parts(&text)?;
    let differs = |(bug, caught): &&(&Bug, Caught)| !table.lines().any(|line| line.starts_with(&law_row(bug, caught)));
    match found.iter().find(differs) {
        None => Ok(()),
        Some((bug, _)) => Err(format!("the table in {FILE} says something else of {}; {REMEDY}", bug.name)),
    }
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

fn law_row(bug: &Bug, caught: &Caught) -> String {
    format!("{} | {} | ", row(bug), caught.law)
}

fn full_row(bug: &Bug, caught: &Caught) -> String {
    let (scenario, cases) = caught.scenario;
    format!("{}{scenario} of {cases} in `{}` |\n", law_row(bug, caught), caught.test)
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
            path: String::new(),
        };
        let caught = Caught { law: "a law".to_owned(), scenario: (3, 256), test: "laws" };
        let full = full_row(&bug, &caught);
        assert_eq!(full, "| roles | one is two | a law | 3 of 256 in `laws` |\n");
        assert!(full.starts_with(&row(&bug)) && full.starts_with(&law_row(&bug, &caught)));
    }
}
