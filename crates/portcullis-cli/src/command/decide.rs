use clap::Args;
use portcullis_core::{Decision, Obligation};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{Asked, QuestionArgs};
use crate::output::Shell;

/// Say whether a caller may do something: `allow`, or `deny` and what would help
#[derive(Debug, Args)]
pub(crate) struct Decide {
    #[command(flatten)]
    question: QuestionArgs,
}

impl Decide {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let answer = match self.question.ask(shell)? {
            Asked::Explained(explanation, _) => Answer::of(explanation.decision()),
            Asked::NoCaller(reason) => Answer { reason: Some(reason), ..Answer::new("deny") },
        };
        shell.answer(&answer, |style| {
            let mut text = match &answer.kind {
                None if answer.decision == "allow" => style.green("allow"),
                None => format!("{} (no caller)", style.red("deny")),
                Some(kind) => format!("{} ({kind})", style.red("deny")),
            };
            text += &answer.reason.iter().map(|reason| format!("\n  {reason}")).collect::<String>();
            text += &answer.errors.iter().map(|error| format!("\n  {error}")).collect::<String>();
            text += &answer.remedy.iter().map(|remedy| format!("\n  would help: {remedy}")).collect::<String>();
            text += &answer.obligations.iter().map(|duty| format!("\n  once done: {duty}")).collect::<String>();
            text + "\n"
        })?;
        Ok(Exit::yes_if(answer.decision == "allow"))
    }
}

#[derive(Debug, Default, Serialize)]
struct Answer {
    decision: &'static str,
    /// The kind of a denial.
    kind: Option<&'static str>,
    /// The layers that deny.
    layers: Vec<&'static str>,
    /// Why there is no caller.
    reason: Option<String>,
    errors: Vec<String>,
    remedy: Option<String>,
    obligations: Vec<String>,
}

impl Answer {
    fn new(decision: &'static str) -> Self {
        Self { decision, ..Self::default() }
    }

    fn of(decision: &Decision) -> Self {
        match decision {
            Decision::Allow(grant) => {
                let obligations = grant.obligations().iter().map(Obligation::to_string).collect();
                Self { obligations, ..Self::new("allow") }
            }
            Decision::Deny(denial) => Self {
                kind: Some(denial.kind().as_str()),
                layers: denial.layers().iter().map(|layer| layer.folder()).collect(),
                errors: denial.errors().to_vec(),
                remedy: denial.remedy().map(ToString::to_string),
                ..Self::new("deny")
            },
        }
    }
}
