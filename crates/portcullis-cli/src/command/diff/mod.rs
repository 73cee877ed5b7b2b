//! What two bundles answer to the same questions.

mod recorded;

use std::collections::BTreeMap;
use std::path::PathBuf;

use clap::Args;
use portcullis_core::Engine;
use portcullis_testkit::cases::Cases;
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::grid::{self, Answer, Grid, Persona};
use crate::input::Opened;
use crate::output::table::{Cell, columns};
use crate::output::{Shell, Style};

/// Show who gains and who loses when one bundle replaces another: over personas and cases of both, or over an audit log
#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// The directory of the bundle that is replaced
    #[arg(value_name = "OLD")]
    old: PathBuf,
    /// The directory of the bundle that replaces it
    #[arg(value_name = "NEW")]
    new: PathBuf,
    /// Ask what this audit log records of one of the two bundles, in place of the cases
    #[arg(long, value_name = "LOG")]
    audit: Option<PathBuf>,
}

impl Diff {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let (old, new) = (Opened::at(&self.old, shell)?, Opened::at(&self.new, shell)?);
        let engines = Pair { old: old.engine(), new: new.engine() };
        if let Some(log) = &self.audit {
            return recorded::run(log, &engines, shell);
        }
        // What both know under one name is asked as the new cases mean it.
        let mut questions = Questions::default();
        for opened in [&new, &old] {
            if opened.directory.join("cases").is_dir() {
                questions.add(&opened.cases()?, &engines);
            }
        }
        if questions.0.is_empty() {
            return Err(Failure::cannot(
                self.new.display().to_string(),
                "neither bundle has cases, which say whom to ask for",
            ));
        }
        let asked = questions.0.len();
        let changes: Vec<Change> =
            questions.0.into_iter().filter_map(|(who, answers)| Change::of(who, answers)).collect();
        shell.answer(&Written { asked, changes: &changes }, |style| text(style, asked, &changes, true))?;
        Ok(Exit::yes_if(changes.is_empty()))
    }
}

struct Pair<T> {
    old: T,
    new: T,
}

/// Who asks for what.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(tag = "of", rename_all = "snake_case")]
enum Who {
    Persona { caller: String, action: String, resource: Option<String>, facts: Option<String> },
    Case { name: String, place: String },
    Recorded { caller: String, action: String, resource: Option<String> },
}

/// Every question, with the answers of both bundles; `None` where the bundle has no such action.
#[derive(Default)]
struct Questions(BTreeMap<Who, Pair<Option<Answer>>>);

impl Questions {
    fn add(&mut self, cases: &Cases, engines: &Pair<Engine>) {
        for (who, answer) in personas(cases, &engines.old) {
            self.0.entry(who).or_insert(Pair { old: None, new: None }).old.get_or_insert(answer);
        }
        for (who, answer) in personas(cases, &engines.new) {
            self.0.entry(who).or_insert(Pair { old: None, new: None }).new.get_or_insert(answer);
        }
        for case in cases.iter() {
            let known = |who: &Who| matches!(who, Who::Case { name, .. } if name == case.name());
            if self.0.keys().any(known) {
                continue;
            }
            let ask = |engine: &Engine| {
                engine.bundle().action(case.action()).map(|_| match case.ask(engine) {
                    Ok(explanation) => Answer::of(&explanation),
                    Err(error) => Answer::NoCaller { reason: error.to_string() },
                })
            };
            let who = Who::Case { name: case.name().to_owned(), place: case.place().to_owned() };
            self.0.insert(who, Pair { old: ask(&engines.old), new: ask(&engines.new) });
        }
    }
}

fn personas(cases: &Cases, engine: &Engine) -> Vec<(Who, Answer)> {
    let personas = Persona::all(engine.bundle(), cases, |_| ());
    let grid = Grid::of(engine, cases, &personas, Cases::now(), |_| true);
    let callers = &grid.callers;
    let cells = grid.rows.iter().flat_map(|row| {
        callers.iter().zip(&row.cells).map(|(caller, answer)| {
            let who = Who::Persona {
                caller: caller.clone(),
                action: row.action.clone(),
                resource: row.resource.clone(),
                facts: row.facts.as_ref().map(grid::facts),
            };
            (who, answer.clone())
        })
    });
    cells.collect()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
enum Direction {
    Gains,
    Loses,
    /// Denied or allowed as before, but otherwise.
    Differs,
}

#[derive(Debug, Serialize)]
struct Change {
    direction: Direction,
    #[serde(flatten)]
    who: Who,
    old: Option<Answer>,
    new: Option<Answer>,
    /// How often it was asked, if a log says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<u64>,
}

impl Change {
    fn of(who: Who, answers: Pair<Option<Answer>>) -> Option<Self> {
        let Pair { old, new } = answers;
        let direction = match rank(old.as_ref()).cmp(&rank(new.as_ref())) {
            _ if old == new => return None,
            std::cmp::Ordering::Less => Direction::Gains,
            std::cmp::Ordering::Greater => Direction::Loses,
            std::cmp::Ordering::Equal => Direction::Differs,
        };
        Some(Self { direction, who, old, new, times: None })
    }
}

/// How much an answer is worth to whoever asks.
fn rank(answer: Option<&Answer>) -> u8 {
    match answer {
        Some(Answer::Allow { .. }) => 2,
        Some(Answer::Obtainable { .. } | Answer::Open) => 1,
        Some(Answer::Deny { .. } | Answer::NoCaller { .. } | Answer::Unknown) | None => 0,
    }
}

#[derive(Debug, Serialize)]
struct Written<'a> {
    asked: usize,
    changes: &'a [Change],
}

/// `whole`: every question was asked.
fn text(style: Style, asked: usize, changes: &[Change], whole: bool) -> String {
    let mut text = String::new();
    let titles = [
        (Direction::Gains, style.green("gains")),
        (Direction::Loses, style.red("loses")),
        (Direction::Differs, style.yellow("differs")),
    ];
    for (direction, title) in titles {
        let rows = |cases: bool| -> Vec<Vec<Cell>> {
            let of =
                |change: &&Change| change.direction == direction && matches!(change.who, Who::Case { .. }) == cases;
            changes.iter().filter(of).map(|change| row(style, change)).collect()
        };
        // Their columns mean other things.
        let (personas, cases) = (rows(false), rows(true));
        if !personas.is_empty() || !cases.is_empty() {
            text += &format!("{title}\n{}{}\n", columns(&personas, 2), columns(&cases, 2));
        }
    }
    let count = |direction| changes.iter().filter(|change| change.direction == direction).count();
    if changes.is_empty() {
        let title = if whole { style.green("ok") } else { style.yellow("not all") };
        return format!("{title} {}, and the same answers\n", counted(asked, "question"));
    }
    let (gains, losses) = (count(Direction::Gains), count(Direction::Loses));
    let differing = count(Direction::Differs);
    text + &format!("{}: {gains} gain, {losses} lose, {differing} differ\n", counted(asked, "question"))
}

fn row(style: Style, change: &Change) -> Vec<Cell> {
    let word = |answer: Option<&Answer>| answer.map_or_else(|| "no such action".to_owned(), Answer::word);
    let (before, after) = (word(change.old.as_ref()), word(change.new.as_ref()));
    let detail =
        if before == after { change.new.as_ref().and_then(Answer::detail).unwrap_or_default() } else { String::new() };
    let detail = [change.times.map(|times| format!("{times}×")).unwrap_or_default(), detail].join(" ");
    let detail = Cell::new(detail.trim_start());
    let answers = [Cell::new(before), Cell::painted("→", |text| style.dim(text)), Cell::new(after), detail];
    let who = match &change.who {
        Who::Persona { caller, action, resource, facts } => {
            let facts = facts.iter().map(|facts| format!(" {facts}")).collect::<String>();
            let resource = format!("{}{facts}", resource.as_deref().unwrap_or_default());
            vec![Cell::painted(format!("  {caller}"), |text| style.bold(text)), Cell::new(action), Cell::new(resource)]
        }
        Who::Recorded { caller, action, resource } => {
            let resource = Cell::new(resource.as_deref().unwrap_or_default());
            vec![Cell::painted(format!("  {caller}"), |text| style.bold(text)), Cell::new(action), resource]
        }
        Who::Case { name, place } => {
            let place = format!("cases/{place}");
            vec![Cell::new(format!("  \"{name}\"")), Cell::painted(place, |text| style.dim(text))]
        }
    };
    who.into_iter().chain(answers).collect()
}
