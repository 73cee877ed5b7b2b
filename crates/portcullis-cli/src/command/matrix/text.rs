//! The matrix for a terminal.

use crate::grid::{Answer, Grid, facts};
use crate::output::Style;
use crate::output::table::{Cell, columns};

pub(super) fn write(style: Style, grid: &Grid) -> String {
    let title = |text: &str| Cell::painted(text, |text| style.bold(text));
    let mut rows = vec![[title("")].into_iter().chain(grid.callers.iter().map(|name| title(name))).collect::<Vec<_>>()];
    let mut before = None;
    for row in &grid.rows {
        if before != Some(&row.action) {
            rows.push(vec![title(&row.action)]);
            before = Some(&row.action);
        }
        let told = row.facts.as_ref().map(|value| format!("  {}", facts(value))).unwrap_or_default();
        let question = format!("  {}{told}", row.resource.as_deref().unwrap_or(""));
        rows.push([Cell::new(question)].into_iter().chain(row.cells.iter().map(|cell| painted(style, cell))).collect());
    }
    let mut text = columns(&rows, 2);
    let legend = "
allow     let through; with *, something must be done first
consent?  denied by this layer, but what is missing can be obtained: --html and --csv say what
roles     denied, and nothing that the caller could obtain gets past this layer; n/a: not for this kind of caller
";
    text += &style.dim(legend);
    text
}

fn painted(style: Style, answer: &Answer) -> Cell {
    Cell::painted(answer.word(), |text| match answer {
        Answer::Allow { .. } => style.green(text),
        Answer::Obtainable { .. } => style.yellow(text),
        Answer::Deny { kind, .. } if kind == "error" => style.red(text),
        Answer::NoCaller { .. } => style.red(text),
        Answer::Deny { .. } | Answer::Unknown | Answer::Open => style.dim(text),
    })
}
