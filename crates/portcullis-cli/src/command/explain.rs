use clap::{Args, ValueEnum};
use portcullis_core::{Decision, Explanation, Layer, LayerAnswer, LayerExplanation, PolicyExplanation};
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::{Asked, QuestionArgs};
use crate::output::table::{Cell, columns};
use crate::output::{Shell, Style};

/// Say what each layer answers, by which policies and why, and what would help
#[derive(Debug, Args)]
pub(crate) struct Explain {
    #[command(flatten)]
    question: QuestionArgs,
    /// For whom: who runs the service, the person who asks, or the program that asks for them. Only the first may see all of it
    #[arg(long = "for", value_enum, default_value_t = Reader::Operator, value_name = "WHOM")]
    reader: Reader,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Reader {
    Operator,
    User,
    Agent,
}

impl Explain {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        match self.question.ask(shell)? {
            Asked::Explained(explanation, covering) => {
                match self.reader {
                    Reader::Operator => shell.answer(&explanation, |style| text(style, &explanation, &covering))?,
                    Reader::User => {
                        let told = explanation.for_user();
                        shell.answer(&told, |_| format!("{told}\n"))?;
                    }
                    Reader::Agent => {
                        let told = explanation.for_agent();
                        shell.answer(&told, |_| format!("{told}\n"))?;
                    }
                }
                Ok(Exit::yes_if(explanation.decision().is_allow()))
            }
            Asked::NoCaller(reason) => {
                // Why is for operators: a token that is not accepted has no say.
                let reason = Some(reason).filter(|_| self.reader == Reader::Operator);
                shell.answer(&json!({ "answer": "deny", "reason": reason }), |style| {
                    let reason = reason.iter().map(|reason| format!("  {reason}\n")).collect::<String>();
                    format!("{}: the token makes no caller\n{reason}", style.red("deny"))
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
    let mut text = format!("{title}{rest}\n\n");
    for (line, layer) in columns(&rows, 3).lines().zip(explanation.layers()) {
        let why = layer.why.iter().flat_map(PolicyExplanation::lines).map(|line| format!("    {line}\n"));
        text += &format!("{line}\n{}", why.collect::<String>());
    }
    match explanation.decision() {
        Decision::Allow(grant) => {
            let duties = grant.obligations().iter();
            text += &duties.map(|duty| format!("\n  once done: {duty}\n")).collect::<String>();
        }
        Decision::Deny(denial) => {
            text += &match denial.remedy() {
                Some(remedy) => format!("\n  {} {remedy}\n", style.bold("would help:")),
                None => format!("\n  {}\n", style.dim("nothing that the caller could obtain would help")),
            };
            text += &explanation
                .messages()
                .iter()
                .map(|message| format!("  tells the caller: {message}\n"))
                .collect::<String>();
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
