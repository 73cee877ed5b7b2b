//! The matrix as one page: no script, nothing fetched.

use portcullis_core::Bundle;

use crate::grid::{Answer, Grid, Row, facts};

/// The page for the bundle called `name`.
pub(super) fn page(name: &str, bundle: &Bundle, grid: &Grid) -> String {
    let name = escaped(name);
    let callers: String =
        grid.callers.iter().map(|caller| format!("<th scope=\"col\">{}</th>", escaped(caller))).collect();
    let span = grid.callers.len() + 1;
    let groups: String =
        grid.rows.chunk_by(|one, other| one.action == other.action).map(|rows| group(rows, span)).collect();
    let hash = bundle.hash();
    format!(
        "<!doctype html>
<html lang=\"en\">
<head>
<meta charset=\"utf-8\">
<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">
<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">
<title>Who may do what: {name}</title>
<style>
{STYLE}</style>
</head>
<body>
<header>
<h1>Who may do what: {name}</h1>
<p>Each row is a question that the cases of the bundle ask, each column somebody who asks it. A cell with an arrow opens.</p>
<ul class=\"legend\">
<li><span class=\"chip allow\">allow</span> the policies let it through</li>
<li><span class=\"chip obtainable\">consent?</span> denied, but what is missing can be obtained: open the cell</li>
<li><span class=\"chip deny\">roles</span> denied by this layer, and nothing that the caller could obtain helps; <em>n/a</em>: not for this kind of caller</li>
</ul>
</header>
<div class=\"scroll\" role=\"region\" aria-label=\"Matrix\" tabindex=\"0\">
<table>
<caption>{} callers, {} questions</caption>
<thead><tr><th scope=\"col\">question</th>{callers}</tr></thead>
{groups}</table>
</div>
<footer>bundle <code>{hash}</code></footer>
</body>
</html>
",
        grid.callers.len(),
        grid.rows.len(),
    )
}

/// The questions about one action.
fn group(rows: &[Row], span: usize) -> String {
    let Some(first) = rows.first() else { return String::new() };
    let doc = first.doc.iter().map(|doc| format!(" <small>{}</small>", escaped(doc))).collect::<String>();
    let title = format!("<th scope=\"rowgroup\" colspan=\"{span}\"><span>{}{doc}</span></th>", escaped(&first.action));
    let rows: String = rows.iter().map(row).collect();
    format!("<tbody>\n<tr class=\"action\">{title}</tr>\n{rows}</tbody>\n")
}

fn row(row: &Row) -> String {
    let resource = escaped(row.resource.as_deref().unwrap_or("nothing in particular"));
    let told = row.facts.iter().map(|value| format!(" <code>{}</code>", escaped(&facts(value)))).collect::<String>();
    let cells: String = row.cells.iter().map(cell).collect();
    format!("<tr><th scope=\"row\">{resource}{told}</th>{cells}</tr>\n")
}

fn cell(answer: &Answer) -> String {
    let class = match answer {
        Answer::Allow { .. } => "allow",
        Answer::Obtainable { .. } => "obtainable",
        Answer::Deny { kind, .. } if kind == "error" => "broken",
        Answer::NoCaller { .. } => "broken",
        Answer::Deny { .. } => "deny",
        Answer::Unknown | Answer::Open => "unknown",
    };
    let word = escaped(&answer.word());
    match answer.detail() {
        Some(detail) => format!(
            "<td class=\"{class}\"><details><summary>{word}</summary><p>{}</p></details></td>",
            escaped(&detail)
        ),
        None => format!("<td class=\"{class}\">{word}</td>"),
    }
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

const STYLE: &str = include_str!("page.css");
