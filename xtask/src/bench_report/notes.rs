//! What is kept by hand in `report.toml`: the budgets, and what the peers leave out.

use super::results::{Figure, Results};

#[derive(Debug, Default)]
pub(super) struct Notes {
    pub(super) budgets: Vec<Budget>,
    pub(super) peers: Vec<Peer>,
}

/// What something may cost.
#[derive(Debug, Default)]
pub(super) struct Budget {
    pub(super) path: String,
    /// The budget in words.
    pub(super) limit: String,
    /// The name of the figure.
    pub(super) figure: String,
    /// The name of what the figure is divided by, if it is a ratio that no bench makes.
    over: String,
    /// How many the figure is for, if the budget is for one.
    each: f64,
    at_most: Option<f64>,
    at_least: Option<f64>,
    /// What else there is to know.
    pub(super) note: String,
    /// Why it is missed, if it is.
    pub(super) missed: String,
}

/// What a service could pick instead.
#[derive(Debug, Default)]
pub(super) struct Peer {
    /// `decision` or `token`.
    pub(super) kind: String,
    /// As the results call it.
    pub(super) name: String,
    pub(super) version: String,
    /// What it does not check that this project does.
    pub(super) less: String,
    /// What was prepared before it was timed, or else to be known of the comparison.
    pub(super) prepared: String,
}

impl Budget {
    /// What was measured.
    pub(super) fn measured(&self, results: &Results) -> Option<Figure> {
        let figure = results.figure(&self.figure)?;
        if self.over.is_empty() {
            let each = if self.each == 0.0 { 1.0 } else { self.each };
            return Some(Figure { value: figure.value / each, ..figure });
        }
        let over = results.figure(&self.over)?;
        Some(Figure { value: figure.value / over.value, unit: super::results::Unit::Ratio })
    }

    /// Whether there is a limit, and the figure is not only to be known.
    pub(super) fn is_limited(&self) -> bool {
        self.at_most.is_some() || self.at_least.is_some()
    }

    /// Whether it is met; `None` if it was not measured.
    pub(super) fn is_met(&self, results: &Results) -> Option<bool> {
        let value = self.measured(results)?.value;
        Some(self.at_most.is_none_or(|most| value <= most) && self.at_least.is_none_or(|least| value >= least))
    }
}

impl Notes {
    /// Reads a strict subset of TOML: arrays of tables of strings without escapes.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut notes = Self::default();
        let mut last = None;
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let understood = match line {
                "[[budget]]" => {
                    notes.budgets.push(Budget::default());
                    last = Some(Table::Budget);
                    Some(())
                }
                "[[peer]]" => {
                    notes.peers.push(Peer::default());
                    last = Some(Table::Peer);
                    Some(())
                }
                line => notes.field(last, line),
            };
            understood.ok_or_else(|| format!("report.toml:{}: `{line}` is not understood", index + 1))?;
        }
        Ok(notes)
    }

    fn field(&mut self, table: Option<Table>, line: &str) -> Option<()> {
        let (key, value) = line.split_once(" = ")?;
        let value = value.strip_prefix('"')?.strip_suffix('"')?;
        match table? {
            Table::Budget => self.budgets.last_mut()?.field(key, value),
            Table::Peer => self.peers.last_mut()?.field(key, value),
        }
    }
}

#[derive(Debug, Clone, Copy)]
enum Table {
    Budget,
    Peer,
}

impl Budget {
    fn field(&mut self, key: &str, value: &str) -> Option<()> {
        match key {
            "path" => self.path = value.to_owned(),
            "limit" => self.limit = value.to_owned(),
            "figure" => self.figure = value.to_owned(),
            "over" => self.over = value.to_owned(),
            "each" => self.each = value.parse().ok()?,
            "at_most" => self.at_most = Some(value.parse().ok()?),
            "at_least" => self.at_least = Some(value.parse().ok()?),
            "note" => self.note = value.to_owned(),
            "missed" => self.missed = value.to_owned(),
            _ => return None,
        }
        Some(())
    }
}

impl Peer {
    fn field(&mut self, key: &str, value: &str) -> Option<()> {
        let field = match key {
            "kind" => &mut self.kind,
            "name" => &mut self.name,
            "version" => &mut self.version,
            "less" => &mut self.less,
            "prepared" => &mut self.prepared,
            _ => return None,
        };
        value.clone_into(field);
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUDGET: &str = "[[budget]]\npath = \"a\"\nlimit = \"≤ 2\"\nfigure = \"f\"\n";

    fn results() -> Results {
        Results::parse("f\t30\tns\ng\t10\tns\n").unwrap()
    }

    #[test]
    fn a_budget_is_met_or_missed_or_not_measured() {
        let met = |rest: &str| Notes::parse(&format!("{BUDGET}{rest}\n")).unwrap().budgets[0].is_met(&results());
        assert_eq!(met("at_most = \"30\""), Some(true));
        assert_eq!(met("at_most = \"29\""), Some(false));
        assert_eq!(met("at_least = \"31\""), Some(false));
        assert_eq!(met("at_most = \"0.3\"\neach = \"100\""), Some(true));
        assert_eq!(met("at_most = \"2.9\"\nover = \"g\""), Some(false));
        assert_eq!(met("at_most = \"3\"\nover = \"h\""), None);
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for line in [
            "path = \"a\"",
            "[budget]",
            "[[budget]]\npath = a",
            "[[budget]]\nat_most = \"a\"",
            "[[peer]]\nlimit = \"a\"",
        ] {
            assert!(Notes::parse(line).unwrap_err().starts_with("report.toml:"), "{line}");
        }
    }
}
