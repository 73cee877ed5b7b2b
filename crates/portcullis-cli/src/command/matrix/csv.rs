//! The matrix as RFC 4180 has it: a line for each question, a column for each caller.

use crate::grid::{Answer, Grid, Row, facts};

pub(super) fn write(grid: &Grid) -> String {
    let titles = ["action", "resource", "facts"].into_iter().chain(grid.callers.iter().map(String::as_str));
    let mut text = line(titles.map(str::to_owned));
    for row in &grid.rows {
        text += &line(fields(row));
    }
    text
}

fn fields(row: &Row) -> impl Iterator<Item = String> {
    let told = row.facts.as_ref().map(facts).unwrap_or_default();
    [row.action.clone(), row.resource.clone().unwrap_or_default(), told].into_iter().chain(row.cells.iter().map(cell))
}

fn cell(answer: &Answer) -> String {
    match answer {
        Answer::Allow { obligations } if obligations.is_empty() => "allow".to_owned(),
        Answer::Allow { obligations } => format!("allow, once done: {}", obligations.join(", ")),
        Answer::Obtainable { layers, remedy } => format!("obtainable ({}): {remedy}", layers.join(", ")),
        Answer::Deny { kind, errors, .. } if kind == "error" => format!("error: {}", errors.join("; ")),
        Answer::Deny { layers, .. } => format!("deny ({})", layers.join(", ")),
        Answer::NoCaller { reason } => format!("no caller: {reason}"),
        Answer::Unknown | Answer::Open => String::new(),
    }
}

fn line(fields: impl Iterator<Item = String>) -> String {
    fields.map(|field| quoted(&field)).collect::<Vec<_>>().join(",") + "\r\n"
}

/// Quoted where it must be. What a spreadsheet would take for a formula gets an apostrophe.
fn quoted(field: &str) -> String {
    let field =
        if field.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{field}") } else { field.to_owned() };
    if field.contains([',', '"', '\n', '\r']) { format!("\"{}\"", field.replace('"', "\"\"")) } else { field }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_quoted_where_they_must_be() {
        for (field, expected) in [
            ("allow", "allow"),
            ("a, b", "\"a, b\""),
            ("User::\"ann\"", "\"User::\"\"ann\"\"\""),
            ("=1+1", "'=1+1"),
            ("a\nb", "\"a\nb\""),
        ] {
            assert_eq!(quoted(field), expected);
        }
    }
}
