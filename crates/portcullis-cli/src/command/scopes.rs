use clap::Args;
use portcullis_core::{Bundle, Scope};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::BundleArgs;
use crate::output::{Shell, Style};

/// Show the scopes as a tree, with what they mean and the actions that they cover
#[derive(Debug, Args)]
pub(crate) struct ScopesCommand {
    #[command(flatten)]
    bundle: BundleArgs,
}

impl ScopesCommand {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let opened = self.bundle.open(shell)?;
        let bundle = &*opened.loaded.bundle;
        let roots: Vec<Branch> = roots(bundle).map(|scope| Branch::of(bundle, scope)).collect();
        let without: Vec<Uncovered> = bundle
            .actions()
            .filter(|action| bundle.scopes_covering(action).next().is_none())
            .map(|action| Uncovered { action: action.name().to_owned(), public: action.is_public() })
            .collect();
        shell.answer(&Answer { scopes: &roots, without_scope: &without }, |style| {
            let mut text = String::new();
            for root in &roots {
                root.write(style, &mut text, "", "");
            }
            if !without.is_empty() {
                text += &format!("{}\n", style.dim("no scope is needed for"));
                for Uncovered { action, public } in &without {
                    text += &format!("  {action}{}\n", style.dim(if *public { "  (public)" } else { "" }));
                }
            }
            text
        })?;
        Ok(Exit::Yes)
    }
}

/// The scopes that no other includes.
fn roots(bundle: &Bundle) -> impl Iterator<Item = &Scope> {
    bundle.scopes().iter().filter(|scope| !bundle.scopes().iter().any(|other| includes(bundle, other, scope)))
}

/// Whether `above` grants `below`, which is another.
fn includes(bundle: &Bundle, above: &Scope, below: &Scope) -> bool {
    above.name() != below.name() && bundle.scopes().names(above.grants()).any(|name| name == below.name())
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    scopes: &'a [Branch],
    without_scope: &'a [Uncovered],
}

#[derive(Debug, Serialize)]
struct Uncovered {
    action: String,
    public: bool,
}

/// A scope with what is below it.
#[derive(Debug, Serialize)]
struct Branch {
    name: String,
    wire_name: String,
    doc: Option<String>,
    conditional: bool,
    hidden: bool,
    /// What it covers itself.
    actions: Vec<String>,
    /// What needs it besides.
    required_by: Vec<String>,
    scopes: Vec<Branch>,
}

impl Branch {
    fn of(bundle: &Bundle, scope: &Scope) -> Self {
        let below: Vec<&Scope> = bundle.scopes().iter().filter(|other| includes(bundle, scope, other)).collect();
        let nearest = |other: &&Scope| !below.iter().any(|between| includes(bundle, between, other));
        let named =
            |mut scopes: Box<dyn Iterator<Item = &Scope> + '_>| scopes.any(|found| found.name() == scope.name());
        let covered = bundle.actions().filter(|action| named(Box::new(bundle.scopes_covering(action))));
        let required = bundle.actions().filter(|action| named(Box::new(bundle.scopes_required(action))));
        Self {
            name: scope.name().to_string(),
            wire_name: scope.wire_name().to_string(),
            doc: scope.doc().map(str::to_owned),
            conditional: scope.is_conditional(),
            hidden: scope.is_hidden(),
            actions: covered.map(|action| action.name().to_owned()).collect(),
            required_by: required.map(|action| action.name().to_owned()).collect(),
            scopes: below.iter().filter(|other| nearest(other)).map(|other| Self::of(bundle, other)).collect(),
        }
    }

    /// Writes the scope behind `first`, and what belongs to it behind `rest`.
    fn write(&self, style: Style, text: &mut String, first: &str, rest: &str) {
        let mut marks = Vec::new();
        if self.wire_name != self.name {
            marks.push(format!("in tokens {}", self.wire_name));
        }
        marks.extend(self.conditional.then(|| "under its condition".to_owned()));
        marks.extend(self.hidden.then(|| "never offered".to_owned()));
        let marks = if marks.is_empty() { String::new() } else { format!("  ({})", marks.join(", ")) };
        *text += &format!("{}{}{}\n", style.dim(first), style.bold(&self.name), style.dim(&marks));
        let bar = if self.scopes.is_empty() { "   " } else { "│  " };
        let line = |content: &str| format!("{}{content}\n", style.dim(&format!("{rest}{bar}")));
        *text += &self.doc.iter().map(|doc| line(doc)).collect::<String>();
        if !self.actions.is_empty() {
            *text += &line(&style.blue(&self.actions.join(", ")));
        }
        if !self.required_by.is_empty() {
            *text += &line(&format!("also needed for {}", style.blue(&self.required_by.join(", "))));
        }
        for (index, below) in self.scopes.iter().enumerate() {
            let last = index + 1 == self.scopes.len();
            let (branch, more) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            below.write(style, text, &format!("{rest}{branch}"), &format!("{rest}{more}"));
        }
    }
}
