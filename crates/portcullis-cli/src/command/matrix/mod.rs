mod csv;
mod html;
mod text;

use clap::Args;
use portcullis_core::{Action, Bundle, UnixTime};
use portcullis_testkit::cases::Cases;
use serde_json::{Map, Value};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::grid::{Grid, Persona};
use crate::input::{BundleArgs, claim, parse_time};
use crate::output::Shell;

/// Show who may do what: the personas of the cases against what the cases ask for
#[derive(Debug, Args)]
pub(crate) struct Matrix {
    #[command(flatten)]
    bundle: BundleArgs,
    /// As comma-separated values, for a spreadsheet
    #[arg(long, group = "form")]
    csv: bool,
    /// As one HTML page that needs nothing else
    #[arg(long, group = "form")]
    html: bool,
    /// Only this fixture `[claims.NAME]`
    #[arg(long = "as", value_name = "NAME")]
    personas: Vec<String>,
    /// Only this action
    #[arg(long, value_name = "NAME")]
    action: Vec<String>,
    /// As if every token had all scopes: what is left is what roles, ceilings and guardrails say
    #[arg(long)]
    all_scopes: bool,
    /// Adds a claim to every token, or puts it in place of another
    #[arg(long, value_name = "NAME=VALUE", value_parser = claim)]
    with: Vec<(String, Value)>,
    /// When: seconds since 1970 or `2026-01-01T12:00:00Z` [default: noon of 2026-01-01, as in cases]
    #[arg(long, value_name = "TIME", value_parser = parse_time)]
    now: Option<UnixTime>,
}

impl Matrix {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let opened = self.bundle.open(shell)?;
        let bundle = &*opened.loaded.bundle;
        let cases = opened.cases()?;
        self.check_names(bundle, &cases)?;
        let mut personas = Persona::all(bundle, &cases, |claims| self.change(bundle, claims));
        personas.retain(|persona| self.personas.is_empty() || self.personas.contains(&persona.name));
        let now = self.now.unwrap_or_else(Cases::now);
        let wanted = |action: &Action| self.action.is_empty() || self.action.iter().any(|name| name == action.name());
        let grid = Grid::of(&opened.engine(), &cases, &personas, now, wanted);
        let name = opened.directory.canonicalize().ok();
        let name = name.as_ref().and_then(|path| path.file_name()).unwrap_or_default().to_string_lossy();
        match (self.csv, self.html) {
            (true, _) => shell.print(&csv::write(&grid))?,
            (_, true) => shell.print(&html::page(&name, bundle, &grid))?,
            _ => shell.answer(&grid, |style| text::write(style, &grid))?,
        }
        Ok(Exit::Yes)
    }

    fn check_names(&self, bundle: &Bundle, cases: &Cases) -> Result<(), Failure> {
        if let Some(name) = self.personas.iter().find(|name| cases.persona(name).is_none()) {
            return Err(Failure::no_persona(name, cases));
        }
        if let Some(name) = self.action.iter().find(|name| bundle.action(name).is_none()) {
            return Err(Failure::no_action(name, bundle));
        }
        Ok(())
    }

    fn change(&self, bundle: &Bundle, claims: &mut Map<String, Value>) {
        if self.all_scopes {
            let names: Vec<String> = bundle.scopes().iter().map(|scope| scope.wire_name().to_string()).collect();
            claims.insert("scope".to_owned(), names.join(" ").into());
        }
        claims.extend(self.with.iter().cloned());
    }
}
