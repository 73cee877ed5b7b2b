//! What things cost, beside what else one could pick: every bench and every peer in one run, `docs/benchmarks.md` and a chart.
//!
//! What was measured is stored in `benches/results.tsv`, so that the page can be made again without measuring. What is
//! kept by hand, the budgets and what the peers leave out, is in `benches/report.toml`.

mod chart;
mod format;
mod machine;
mod notes;
mod page;
mod results;
mod run;
mod table;

use crate::process::root;
use notes::Notes;
use results::Results;
pub(crate) use run::MANIFEST as PEERS;

/// What to measure, and whether to keep it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Report {
    /// Everything; the results are stored and the page is written.
    Everything,
    /// Some of the benches, to try them: the page is printed, and nothing is written.
    Some(Vec<String>),
    /// Nothing: the page is made from what is stored.
    Stored,
}

impl Report {
    /// Reads what stands behind `bench-report`.
    pub(crate) fn parse(arguments: &[&str]) -> Result<Self, String> {
        match arguments {
            [] => Ok(Self::Everything),
            ["--render"] => Ok(Self::Stored),
            ["--only", names] => {
                let names: Vec<String> = names.split(',').map(str::to_owned).collect();
                match names.iter().find(|name| !run::NAMES.contains(&name.as_str())) {
                    Some(unknown) => Err(format!("there is no bench `{unknown}`, only {}", run::NAMES.join(", "))),
                    None => Ok(Self::Some(names)),
                }
            }
            rest => Err(format!("`bench-report` does not understand `{}`", rest.join(" "))),
        }
    }
}

/// Makes the report.
pub(crate) fn run(report: &Report) -> Result<(), String> {
    match report {
        Report::Everything => {
            let results = run::measure(&run::NAMES)?;
            save(RESULTS, &results.to_string())?;
            // As they are stored, which is rounded: the page must be made again from that.
            write(&stored()?)
        }
        Report::Stored => write(&stored()?),
        Report::Some(names) => {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            let results = run::measure(&names)?;
            println!("{}", page::markdown(&results, &notes()?));
            Ok(())
        }
    }
}

fn write(results: &Results) -> Result<(), String> {
    save(PAGE, &page::markdown(results, &notes()?))?;
    save(CHART, &chart::svg(results))
}

fn stored() -> Result<Results, String> {
    Results::parse(&read(RESULTS)?)
}

fn notes() -> Result<Notes, String> {
    Notes::parse(&read(NOTES)?)
}

fn read(path: &str) -> Result<String, String> {
    std::fs::read_to_string(root()?.join(path)).map_err(|error| format!("cannot read {path}: {error}"))
}

fn save(path: &str, text: &str) -> Result<(), String> {
    std::fs::write(root()?.join(path), text).map_err(|error| format!("cannot write {path}: {error}"))
}

const RESULTS: &str = "benches/results.tsv";

const NOTES: &str = "benches/report.toml";

const PAGE: &str = "docs/benchmarks.md";

const CHART: &str = "docs/decision-time.svg";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_and_the_chart_are_those_of_the_stored_results() {
        let results = stored().unwrap();
        assert_eq!(
            read(PAGE).unwrap(),
            page::markdown(&results, &notes().unwrap()),
            "cargo xtask bench-report --render"
        );
        assert_eq!(read(CHART).unwrap(), chart::svg(&results), "cargo xtask bench-report --render");
    }

    #[test]
    fn every_budget_has_a_figure_of_its_bench_and_every_miss_a_reason() {
        let results = stored().unwrap();
        for budget in notes().unwrap().budgets {
            let bench = budget.figure.split('/').next().unwrap_or_default();
            let is_run = results.below(bench).next().is_some();
            assert!(run::NAMES.contains(&bench), "no such bench: {}", budget.figure);
            match budget.is_met(&results) {
                None => assert!(!is_run, "no figure: {}", budget.path),
                Some(met) => assert!(met || !budget.missed.is_empty(), "missed without a reason: {}", budget.path),
            }
        }
    }

    #[test]
    fn what_to_measure_is_understood_or_refused() {
        assert_eq!(Report::parse(&[]), Ok(Report::Everything));
        assert_eq!(Report::parse(&["--render"]), Ok(Report::Stored));
        assert_eq!(Report::parse(&["--only", "decide,peers"]), Ok(Report::Some(vec!["decide".into(), "peers".into()])));
        for wrong in [&["--only"][..], &["--only", "decyde"], &["--rendre"], &["--render", "--only", "decide"]] {
            assert!(Report::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
