use std::path::Path;

use clap::Args;
use portcullis_testkit::cases::{Gap, Report};
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
}

impl Test {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let opened = self.bundle.open()?;
        let report = opened.cases()?.run(&opened.engine());
        let passed = report.is_success() && (report.is_complete() || !self.complete);
        shell.answer(&Answer::of(&report, passed), |style| text(style, &opened.directory, &report, self.complete))?;
        Ok(Exit::yes_if(passed))
    }
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
}

#[derive(Debug, Serialize)]
struct Failed<'a> {
    case: &'a str,
    place: &'a str,
    mismatches: &'a [String],
}

impl<'a> Answer<'a> {
    fn of(report: &'a Report, passed: bool) -> Self {
        Self {
            passed,
            cases: report.cases,
            failures: report
                .failures
                .iter()
                .map(|failure| Failed { case: &failure.case, place: &failure.place, mismatches: &failure.mismatches })
                .collect(),
            gaps: report.gaps.iter().map(Gap::to_string).collect(),
        }
    }
}
