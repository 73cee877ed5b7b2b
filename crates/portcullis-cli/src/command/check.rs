use clap::Args;
use portcullis_core::{Bundle, LoadError, Problem};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::input::BundleArgs;
use crate::output::excerpt::{self, Severity};
use crate::output::{Shell, Style};

/// Say everything that is wrong with a bundle, and where
#[derive(Debug, Args)]
pub(crate) struct Check {
    #[command(flatten)]
    bundle: BundleArgs,
    /// Also what guards what: every action with its routes, scopes and the policies that can judge it
    #[arg(long)]
    report: bool,
    /// Warnings are errors
    #[arg(long)]
    deny_warnings: bool,
}

impl Check {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let directory = self.bundle.directory()?;
        let loaded = portcullis::load_dir(directory);
        let bundle = loaded.as_ref().ok().map(|loaded| &*loaded.bundle);
        let errors = loaded.as_ref().err().map(LoadError::problems).unwrap_or_default();
        let warnings = bundle.map(Bundle::warnings).unwrap_or_default();
        let valid = errors.is_empty() && (warnings.is_empty() || !self.deny_warnings);
        let report = bundle.filter(|_| self.report).map(|bundle| bundle.report().to_string());
        let answer = Answer {
            valid,
            bundle: bundle.map(|bundle| bundle.hash().to_string()),
            errors: errors.iter().map(Finding::of).collect(),
            warnings: warnings.iter().map(Finding::of).collect(),
            report: report.as_deref(),
        };
        shell.answer(&answer, |style| {
            let mut text = String::new();
            for (severity, problems) in [(Severity::Warning, warnings), (Severity::Error, errors)] {
                for problem in problems {
                    text += &excerpt::problem(style, severity, directory, problem);
                    text.push('\n');
                }
            }
            text += report.as_deref().unwrap_or_default();
            match bundle {
                Some(bundle) => text + &summary(style, &directory.display().to_string(), bundle, warnings.len()),
                None => text + &format!("{} {}\n", style.red("error:"), counted(errors.len(), "problem")),
            }
        })?;
        Ok(Exit::yes_if(valid))
    }
}

fn summary(style: Style, directory: &str, bundle: &Bundle, warnings: usize) -> String {
    let counts = [
        counted(bundle.actions().count(), "action"),
        counted(bundle.scopes().iter().count(), "scope"),
        match bundle.policy_ids().count() {
            1 => "1 policy".to_owned(),
            count => format!("{count} policies"),
        },
        counted(warnings, "warning"),
    ];
    let hash = bundle.hash().to_string();
    format!("{} {directory}: {}\n   {}\n", style.green("ok"), counts.join(", "), style.dim(&format!("bundle {hash}")))
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    valid: bool,
    bundle: Option<String>,
    errors: Vec<Finding<'a>>,
    warnings: Vec<Finding<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    report: Option<&'a str>,
}

#[derive(Debug, Serialize)]
struct Finding<'a> {
    file: &'a str,
    line: Option<usize>,
    column: Option<usize>,
    message: &'a str,
    help: Option<&'a str>,
}

impl<'a> Finding<'a> {
    fn of(problem: &'a Problem) -> Self {
        Self {
            file: &problem.file,
            line: problem.place.map(|place| place.0),
            column: problem.place.map(|place| place.1),
            message: &problem.message,
            help: problem.help.as_deref(),
        }
    }
}
