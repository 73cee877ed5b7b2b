//! What was measured, and on what: lines of a name, a value and a unit.

use std::collections::BTreeMap;
use std::fmt;

/// The results of one run, by name.
#[derive(Debug, Default)]
pub(super) struct Results(BTreeMap<String, Entry>);

/// One line.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Entry {
    Figure(Figure),
    /// There is no figure, for this reason.
    Absent(String),
    /// About the run itself.
    Text(String),
}

/// A value with its unit.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Figure {
    pub(super) value: f64,
    pub(super) unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unit {
    Nanos,
    Ratio,
    PerSecond,
    Bytes,
}

impl Results {
    /// Reads what [`fmt::Display`] writes, in any order.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut results = Self::default();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let (name, entry) = entry(line).ok_or_else(|| format!("line {}: `{line}` is not understood", index + 1))?;
            results.insert(name, entry);
        }
        Ok(results)
    }

    pub(super) fn insert(&mut self, name: impl Into<String>, entry: Entry) {
        self.0.insert(name.into(), entry);
    }

    pub(super) fn get(&self, name: &str) -> Option<&Entry> {
        self.0.get(name)
    }

    /// The figure called `name`.
    pub(super) fn figure(&self, name: &str) -> Option<Figure> {
        match self.get(name) {
            Some(Entry::Figure(figure)) => Some(*figure),
            _ => None,
        }
    }

    /// The text called `name`, empty if there is none.
    pub(super) fn text(&self, name: &str) -> &str {
        match self.get(name) {
            Some(Entry::Text(text)) => text,
            _ => "",
        }
    }

    pub(super) fn all(&self) -> impl Iterator<Item = (&String, &Entry)> {
        self.0.iter()
    }

    /// What is called `prefix` and something else, in the order of the names; each without the prefix.
    pub(super) fn below<'a>(&'a self, prefix: &'a str) -> impl Iterator<Item = (&'a str, &'a Entry)> {
        self.0.iter().filter_map(move |(name, entry)| Some((name.strip_prefix(prefix)?.strip_prefix('/')?, entry)))
    }
}

impl Unit {
    const ALL: [(Self, &str); 4] =
        [(Self::Nanos, "ns"), (Self::Ratio, "x"), (Self::PerSecond, "/s"), (Self::Bytes, "B")];
}

fn entry(line: &str) -> Option<(&str, Entry)> {
    let mut fields = line.splitn(3, '\t');
    let (name, value, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let entry = match value {
        "-" => Entry::Absent(rest.to_owned()),
        "=" => Entry::Text(rest.to_owned()),
        value => {
            let (unit, _) = Unit::ALL.into_iter().find(|(_, text)| *text == rest)?;
            Entry::Figure(Figure { value: value.parse().ok().filter(|value: &f64| value.is_finite())?, unit })
        }
    };
    Some((name, entry))
}

impl fmt::Display for Results {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(HEAD)?;
        self.0.iter().try_for_each(|(name, entry)| match entry {
            Entry::Absent(reason) => writeln!(f, "{name}\t-\t{reason}"),
            Entry::Text(text) => writeln!(f, "{name}\t=\t{text}"),
            Entry::Figure(Figure { value, unit }) => {
                let text = Unit::ALL.into_iter().find(|(known, _)| known == unit).map_or("", |(_, text)| text);
                // More digits than the measurement has would only make differences harder to read.
                writeln!(f, "{name}\t{}\t{text}", (value * 1000.0).round() / 1000.0)
            }
        })
    }
}

const HEAD: &str =
    "# Written by `cargo xtask bench-report`: what was measured in one run. `docs/benchmarks.md` is made from it.\n";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_again() {
        let text = format!("{HEAD}a/1\t12.5\tns\na/2\t-\ttakes too long\nmachine/cpu\t=\tA CPU\n");
        let results = Results::parse(&text).unwrap();
        assert_eq!(results.to_string(), text);
        assert_eq!(results.figure("a/1"), Some(Figure { value: 12.5, unit: Unit::Nanos }));
        assert_eq!((results.figure("a/2"), results.text("machine/cpu")), (None, "A CPU"));
        assert_eq!(results.below("a").map(|(name, _)| name).collect::<Vec<_>>(), ["1", "2"]);
    }

    #[test]
    fn what_is_no_figure_is_refused() {
        for line in ["a", "a\t1", "a\t1\tparsecs", "a\tx\tns", "a\tNaN\tns"] {
            assert!(Results::parse(line).is_err(), "{line}");
        }
    }
}
