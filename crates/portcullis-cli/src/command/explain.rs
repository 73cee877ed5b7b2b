use clap::Args;
use portcullis_core::{Decision, Explanation, Layer, LayerAnswer, LayerExplanation};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{Asked, QuestionArgs};
use crate::output::table::{Cell, columns};
use crate::output::{Shell, Style, obligation};

/// Say what each layer answers, by which policies, and what would help
#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    question: QuestionArgs,
}

impl Explain {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        match self.question.ask(shell)? {
            Asked::Explained(explanation, covering) => {
                shell.answer(&explanation, |style| text(style, &explanation, &covering))?;
                Ok(Exit::yes_if(explanation.decision().is_allow()))
            }
            Asked::NoCaller(reason) => {
                shell.answer(&json!({ "answer": "deny", "reason": reason }), |style| {
                    format!("{}: the token makes no caller\n  {reason}\n", style.red("deny"))
                })?;
                Ok(Exit::No)
            }
        }
    }
}

fn text(style: Style, explanation: &Explanation, covering: &[String]) -> String {
    let rows: Vec<Vec<Cell>> = explanation.layers().iter().map(|layer| row(style, layer, covering)).collect();
    let plain = explanation.to_string();
    let title = plain.lines().next().unwrap_or_default();
    let answer = match explanation.decision() {
        Decision::Allow(_) => "allow",
        Decision::Deny(_) => "deny",
    };
    let rest = title.strip_prefix(answer).unwrap_or(title);
    let title = if answer == "allow" { style.green(answer) } else { style.red(answer) };
    let mut text = format!("{title}{rest}\n\n{}", columns(&rows, 3));
    match explanation.decision() {
        Decision::Allow(grant) => {
            let duties = grant.obligations().iter().map(obligation);
            text += &duties.map(|duty| format!("\n  once done: {duty}\n")).collect::<String>();
        }
        Decision::Deny(denial) => {
            text += &match denial.remedy() {
                Some(remedy) => format!("\n  {} {remedy}\n", style.bold("would help:")),
                None => format!("\n  {}\n", style.dim("nothing that the caller could obtain would help")),
            };
            text += &denial.messages().iter().map(|message| format!("  says: {message}\n")).collect::<String>();
        }
    }
    text
}

fn row(style: Style, layer: &LayerExplanation, covering: &[String]) -> Vec<Cell> {
    let answer = match layer.answer {
        LayerAnswer::Allow => Cell::painted("allows", |text| style.green(text)),
        LayerAnswer::Deny => Cell::painted("denies", |text| style.red(text)),
        LayerAnswer::Error => Cell::painted("broken", |text| style.red(text)),
    };
    let named = |what: &str, names: &[String]| match names {
        [] => None,
        names => Some(format!("{what} {}", names.join(", "))),
    };
    let policies = if layer.policies.len() == 1 { "policy" } else { "policies" };
    // What was granted says nothing of what is missing.
    let uncovered = layer.layer == Layer::Consent && layer.answer == LayerAnswer::Deny;
    let needed = (uncovered && !covering.is_empty()).then(|| format!("the action is in {}", covering.join(", ")));
    let parts =
        [named("scope", &layer.covered_by), needed, named(policies, &layer.policies), named("error", &layer.errors)];
    let why: Vec<String> = parts.into_iter().flatten().collect();
    vec![Cell::new(format!("  {}", layer.layer.folder())), answer, Cell::new(why.join("; "))]
}
