//! Why a command has no answer.

use std::path::{Path, PathBuf};

use portcullis_core::{Action, Bundle, LoadError, Problem};
use portcullis_testkit::cases::{Cases, CasesError};

use crate::exit::Exit;
use crate::output::Shell;
use crate::output::excerpt;

/// Why a command has no answer.
#[derive(Debug)]
pub(crate) enum Failure {
    /// What stands on the command line means nothing. The `file` of the problem is the argument.
    Usage(Problem),
    /// The files below a directory are not what they have to be.
    Files { directory: PathBuf, problems: Vec<Problem> },
    /// Something else is in the way.
    Cannot(Problem),
}

impl Failure {
    /// The argument `argument` means nothing.
    pub(crate) fn usage(argument: &str, message: impl Into<String>) -> Self {
        Self::Usage(Problem::new(argument, message))
    }

    /// There is no action `name`.
    pub(crate) fn no_action(name: &str, bundle: &Bundle) -> Self {
        let names: Vec<&str> = bundle.actions().map(Action::name).collect();
        let problem = Problem::new("--action", format!("there is no action `{name}`"));
        let all = format!("there are {}", names.join(", "));
        Self::Usage(problem.with_suggestion(name, names, all))
    }

    /// There is no fixture of claims called `name`.
    pub(crate) fn no_persona(name: &str, cases: &Cases) -> Self {
        let names: Vec<&str> = cases.personas().map(|(name, _)| name).collect();
        let problem = Problem::new("--as", format!("there is no `[claims.{name}]` in the cases"));
        let all = format!("there are {}", names.join(", "));
        Self::Usage(problem.with_suggestion(name, names, all))
    }

    /// `thing` cannot be used, because of `error`.
    pub(crate) fn cannot(thing: impl Into<String>, error: impl std::fmt::Display) -> Self {
        Self::Cannot(Problem::new(thing, error.to_string()))
    }

    /// The bundle in `directory` does not load.
    pub(crate) fn load(directory: &Path, error: LoadError) -> Self {
        Self::Files { directory: directory.to_owned(), problems: error.into_problems() }
    }

    /// The cases of the bundle in `directory` cannot be read.
    pub(crate) fn cases(directory: &Path, error: CasesError) -> Self {
        match error {
            CasesError::Bundle(error) => Self::load(directory, error),
            CasesError::Cases { mut problems } => {
                // What is about all files names their folder.
                problems.iter_mut().filter(|problem| problem.file == "cases/").for_each(|problem| problem.file.clear());
                Self::Files { directory: directory.join("cases"), problems }
            }
            CasesError::Failing(report) => {
                let message =
                    format!("{} of {} fail as they are", report.failures.len(), counted(report.cases, "case"));
                let problem = Problem::new(directory.display().to_string(), message);
                Self::Cannot(problem.with_help("mutants prove something only if all cases pass: run `portcullis test`"))
            }
            other => Self::cannot(directory.display().to_string(), other),
        }
    }

    /// Says it on standard error.
    pub(crate) fn report(self, shell: &Shell) -> Exit {
        let style = shell.errors();
        let exit = if matches!(self, Self::Usage(_)) { Exit::Usage } else { Exit::Failed };
        let text = match self {
            Self::Usage(problem) | Self::Cannot(problem) => {
                let help = problem.help.iter().map(|help| format!("\n  {} {help}", style.blue("help:")));
                format!("{} {}: {}{}\n", style.red("error:"), problem.file, problem.message, help.collect::<String>())
            }
            Self::Files { directory, problems } => {
                let mut text = String::new();
                for problem in &problems {
                    text += &excerpt::problem(style, excerpt::Severity::Error, &directory, problem);
                    text.push('\n');
                }
                text + &format!("{} {}\n", style.red("error:"), counted(problems.len(), "problem"))
            }
        };
        shell.say(&text);
        exit
    }
}

/// `1 problem`, `2 problems`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    format!("{count} {thing}{}", if count == 1 { "" } else { "s" })
}
