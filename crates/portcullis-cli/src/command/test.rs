use std::path::Path;

use clap::Args;
use portcullis_testkit::cases::{Gap, Mutants, Mutation, MutationReport, Report};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::input::BundleArgs;
use crate::output::excerpt::path;
use crate::output::{Shell, Style};

/// Run the cases of a bundle, and say what no case exercises
#[derive(Debug, Args)]
pub(crate) struct Test {
    #[command(flatten)]
    bundle: BundleArgs,
    /// What no case exercises is a failure
    #[arg(long)]
    complete: bool,
    /// Also change the bundle in one place at a time, and say which changes no case notices
    #[arg(long)]
    mutate: bool,
}

impl Test {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let opened = self.bundle.open(shell)?;
        let report = opened.cases()?.run(&opened.engine());
        let mutated = if self.mutate && report.is_success() { Some(mutate(&opened.directory, shell)?) } else { None };
        let noticed = mutated.as_ref().is_none_or(MutationReport::is_success);
        let passed = report.is_success() && (report.is_complete() || !self.complete) && noticed;
        shell.answer(&Answer::of(&report, mutated.as_ref(), passed), |style| {
            let tried = match &mutated {
                Some(mutated) => mutants(style, mutated),
                None if self.mutate => format!("{}\n", style.dim("no mutants were tried: cases fail without them")),
                None => String::new(),
            };
            text(style, &opened.directory, &report, self.complete) + &tried
        })?;
        Ok(Exit::yes_if(passed))
    }
}

fn mutate(directory: &Path, shell: &Shell) -> Result<MutationReport, Failure> {
    let mutants = Mutants::of_dir(directory).map_err(|error| Failure::cases(directory, error))?;
    let count = mutants.count();
    let report = mutants.run(|tried| shell.progress(&format!("mutant {tried} of {count}")));
    shell.progress("");
    Ok(report)
}

fn mutants(style: Style, report: &MutationReport) -> String {
    let mut text = String::from("\n");
    for mutation in &report.survivors {
        text += &format!("{} {mutation}\n", style.red("survived:"));
    }
    for name in &report.unexcused {
        text += &format!("{} {name}\n", style.red("listed as surviving, but it does not:"));
    }
    let MutationReport { mutants, refused, survivors, excused, .. } = report;
    let excused = match excused.len() {
        0 => String::new(),
        count => format!(", {count} more with a reason"),
    };
    let verdict = if report.is_success() { style.green("ok") } else { style.red("failed") };
    let counts = format!("{refused} did not load, {} survived{excused}", survivors.len());
    text + &format!("{verdict} {}: {counts}\n", counted(*mutants, "mutant"))
}

fn text(style: Style, directory: &Path, report: &Report, complete: bool) -> String {
    let mut text = String::new();
    for failure in &report.failures {
        let place = path(&directory.join("cases"), &failure.place);
        text += &format!("{} {}\n  {} {place}\n", style.red("failed:"), style.bold(&failure.case), style.blue("-->"));
        for mismatch in &failure.mismatches {
            text += &format!("  {mismatch}\n");
        }
        for line in failure.explanation.iter().flat_map(|explanation| explanation.lines()) {
            text += &format!("    {}\n", style.dim(line));
        }
        text.push('\n');
    }
    let paint = |title: &str| if complete { style.red(title) } else { style.yellow(title) };
    for gap in &report.gaps {
        text += &format!("{} {gap}\n", paint("not exercised:"));
    }
    if !report.gaps.is_empty() {
        text.push('\n');
    }
    let failed = report.failures.len();
    let verdict =
        if failed > 0 || (complete && !report.gaps.is_empty()) { style.red("failed") } else { style.green("ok") };
    text + &format!(
        "{verdict} {}: {} failed, {}\n",
        counted(report.cases, "case"),
        failed,
        counted(report.gaps.len(), "gap")
    )
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    passed: bool,
    cases: usize,
    failures: Vec<Failed<'a>>,
    gaps: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    mutation: Option<Mutated>,
}

#[derive(Debug, Serialize)]
struct Mutated {
    mutants: usize,
    did_not_load: usize,
    survivors: Vec<String>,
    excused: Vec<String>,
    listed_in_vain: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Failed<'a> {
    case: &'a str,
    place: &'a str,
    mismatches: &'a [String],
}

impl<'a> Answer<'a> {
    fn of(report: &'a Report, mutated: Option<&MutationReport>, passed: bool) -> Self {
        let names = |mutations: &[Mutation]| mutations.iter().map(Mutation::to_string).collect();
        Self {
            passed,
            cases: report.cases,
            failures: report
                .failures
                .iter()
                .map(|failure| Failed { case: &failure.case, place: &failure.place, mismatches: &failure.mismatches })
                .collect(),
            gaps: report.gaps.iter().map(Gap::to_string).collect(),
            mutation: mutated.map(|mutated| Mutated {
                mutants: mutated.mutants,
                did_not_load: mutated.refused,
                survivors: names(&mutated.survivors),
                excused: names(&mutated.excused),
                listed_in_vain: mutated.unexcused.clone(),
            }),
        }
    }
}
