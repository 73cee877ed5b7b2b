//! Tables for Markdown, from figures whose names say where they belong.

use std::collections::BTreeSet;

use super::format;
use super::results::{Entry, Results};

/// A table of every figure below `prefix`: one line for each.
pub(super) fn list(results: &Results, prefix: &str, [what, cost]: [&str; 2]) -> String {
    let mut text = format!("| {what} | {cost} |\n|---|---:|\n");
    for (name, entry) in results.below(prefix).filter(|(name, _)| !name.ends_with("/ratio")) {
        text += &format!("| {} | {} |\n", label(name), format::entry(Some(entry)));
    }
    text
}

/// A table of figures that are called `prefix/LINE/COLUMN`.
pub(super) fn grid(results: &Results, prefix: &str, corner: &str) -> String {
    let cells: Vec<(&str, &str, &Entry)> = results
        .below(prefix)
        .filter_map(|(name, entry)| name.split_once('/').map(|(line, column)| (line, column, entry)))
        .collect();
    let columns = ordered(cells.iter().map(|(_, column, _)| *column));
    let lines: BTreeSet<&str> = cells.iter().map(|(line, ..)| *line).collect();
    let mut text = format!(
        "| {corner} |{}\n|---|{}\n",
        row(columns.iter().map(|column| label(column))),
        "---:|".repeat(columns.len())
    );
    for line in lines {
        let cell = |column: &&str| cells.iter().find(|cell| cell.0 == line && cell.1 == *column).map(|cell| cell.2);
        text += &format!("| {} |{}\n", label(line), row(columns.iter().map(|column| format::entry(cell(column)))));
    }
    text
}

/// The engines side by side: a line for each number of policies, and behind each time how many times the first engine's it is.
pub(super) fn engines(results: &Results, prefix: &str, engines: &[&str]) -> String {
    let sizes = ordered(results.below(prefix).filter_map(|(name, _)| name.rsplit_once('/').map(|(_, size)| size)));
    let engines: Vec<&str> = engines
        .iter()
        .copied()
        .filter(|engine| results.below(&format!("{prefix}/{engine}")).next().is_some())
        .collect();
    let mut text = format!(
        "| policies |{}\n|---:|{}\n",
        row(engines.iter().map(|engine| format!("`{engine}`"))),
        "---:|".repeat(engines.len())
    );
    for size in sizes {
        let value = |engine: &str| results.figure(&format!("{prefix}/{engine}/{size}"));
        let base = engines.first().and_then(|first| value(first));
        let cell = |engine: &&str| match (value(engine), base) {
            (Some(figure), Some(base)) if engines.first() != Some(engine) => {
                format!("{} ({})", format::figure(figure), format::ratio(figure.value / base.value))
            }
            (Some(figure), _) => format::figure(figure),
            (None, _) => "–".to_owned(),
        };
        text += &format!("| {} |{}\n", format::count(size), row(engines.iter().map(cell)));
    }
    text
}

/// Why figures below `prefix` are missing: a sentence for each reason.
pub(super) fn reasons(results: &Results, prefix: &str) -> String {
    let mut reasons: Vec<(&str, &str, &str)> = Vec::new();
    for (name, entry) in results.below(prefix) {
        let Some((engine, size)) = name.rsplit_once('/') else { continue };
        if let Entry::Absent(reason) = entry {
            match reasons.iter_mut().find(|known| known.0 == engine && known.1 == reason) {
                Some(known) if size.len() >= known.2.len() => {}
                Some(known) => known.2 = size,
                None => reasons.push((engine, reason, size)),
            }
        }
    }
    let sentence = |(engine, reason, size): &(&str, &str, &str)| {
        format!("`{engine}` from {} policies: {reason}", format::count(size))
    };
    let sentences: Vec<String> = reasons.iter().map(sentence).collect();
    if sentences.is_empty() { String::new() } else { format!("\nNot measured: {}.\n", sentences.join("; ")) }
}

/// Numbers by value before words by name.
fn ordered<'a>(names: impl Iterator<Item = &'a str>) -> Vec<&'a str> {
    let mut names: Vec<&str> = names.collect::<BTreeSet<_>>().into_iter().collect();
    names.sort_by_key(|name| name.parse::<u64>().unwrap_or(u64::MAX));
    names
}

fn row(cells: impl Iterator<Item = String>) -> String {
    cells.map(|cell| format!(" {cell} |")).collect()
}

/// The name of a figure in words.
fn label(name: &str) -> String {
    let words: Vec<String> = name.split('/').map(|part| format::count(&part.replace('_', " "))).collect();
    words.join(", ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn results() -> Results {
        let text = "d/heads_alone/10\t200\tns\nd/heads_alone/1000\t220\tns\nd/denied/10\t4000\tns\n\
                    p/us/1\t100\tns\np/us/10\t100\tns\np/them/1\t250\tns\np/them/10\t-\ttoo slow\np/them/100\t-\ttoo slow\n";
        Results::parse(text).unwrap()
    }

    #[test]
    fn figures_stand_where_their_names_say() {
        let grid = grid(&results(), "d", "question");
        assert_eq!(
            grid,
            "| question | 10 | 1,000 |\n|---|---:|---:|\n| denied | 4.00 µs | – |\n| heads alone | 200 ns | 220 ns |\n"
        );
        assert!(list(&results(), "d", ["a", "b"]).contains("| heads alone, 1,000 | 220 ns |\n"));
    }

    #[test]
    fn engines_are_compared_with_the_first_and_gaps_have_reasons() {
        let table = engines(&results(), "p", &["us", "them", "nobody"]);
        assert!(table.starts_with("| policies | `us` | `them` |\n"), "{table}");
        assert!(table.contains("| 1 | 100 ns | 250 ns (2.50 ×) |\n| 10 | 100 ns | – |\n"), "{table}");
        assert_eq!(reasons(&results(), "p"), "\nNot measured: `them` from 10 policies: too slow.\n");
    }
}
