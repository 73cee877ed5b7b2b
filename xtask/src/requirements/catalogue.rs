//! The rules, as `requirements.toml` lists them.

/// All rules, by section.
#[derive(Debug)]
pub(super) struct Catalogue {
    pub(super) sections: Vec<Section>,
}

/// Rules about one thing; their ids begin alike.
#[derive(Debug, Default)]
pub(super) struct Section {
    prefix: String,
    pub(super) title: String,
    /// The standards that they come from.
    pub(super) source: String,
    pub(super) requirements: Vec<Requirement>,
}

/// One rule.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Requirement {
    pub(super) id: String,
    /// `MUST` and its like (RFC 2119), with `†` if the rule goes beyond the standard.
    pub(super) level: String,
    pub(super) title: String,
    pub(super) state: State,
}

/// Why a rule has no test, or not enough.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing is said: there are tests.
    Nothing,
    /// It comes with a feature that is not there yet.
    Later(String),
    /// It does not apply, for this reason.
    Not(String),
    /// There are tests, which leave this out.
    Open(String),
}

impl Catalogue {
    /// Reads a strict subset of TOML: tables, strings without escapes, and inline tables of such strings.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut sections: Vec<Section> = Vec::new();
        for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty() && !line.starts_with('#')) {
            let understood = read(line, &mut sections);
            understood.ok_or_else(|| format!("requirements.toml:{}: `{line}` is not understood", index + 1))?;
        }
        Ok(Self { sections })
    }

    pub(super) fn requirements(&self) -> impl Iterator<Item = &Requirement> {
        self.sections.iter().flat_map(|section| &section.requirements)
    }

    /// Whether ids that begin so are ours.
    pub(super) fn has_prefix(&self, prefix: &str) -> bool {
        self.sections.iter().any(|section| section.prefix == prefix)
    }

    pub(super) fn has(&self, id: &str) -> bool {
        self.requirements().any(|requirement| requirement.id == id)
    }
}

fn read(line: &str, sections: &mut Vec<Section>) -> Option<()> {
    if let Some(prefix) = line.strip_prefix('[') {
        let prefix = prefix.strip_suffix(']')?.to_owned();
        sections.push(Section { prefix, ..Section::default() });
        return Some(());
    }
    let section = sections.last_mut()?;
    match line.split_once(" = ")? {
        ("title", value) => section.title = string(value)?.to_owned(),
        ("source", value) => section.source = string(value)?.to_owned(),
        (id, value) if id.starts_with(&section.prefix) => section.requirements.push(requirement(id, value)?),
        _ => return None,
    }
    Some(())
}

fn requirement(id: &str, value: &str) -> Option<Requirement> {
    let fields = value.strip_prefix("{ ")?.strip_suffix(" }")?;
    let (mut level, mut title, mut state) = (None, None, State::Nothing);
    for field in fields.split_inclusive('"').collect::<Vec<_>>().chunks(2).map(<[&str]>::concat) {
        let (key, value) = field.trim_start_matches(", ").split_once(" = ")?;
        let value = string(value)?.to_owned();
        match key {
            "level" => level = Some(value),
            "title" => title = Some(value),
            "later" => state = State::Later(value),
            "not" => state = State::Not(value),
            "open" => state = State::Open(value),
            _ => return None,
        }
    }
    Some(Requirement { id: id.to_owned(), level: level?, title: title?, state })
}

fn string(value: &str) -> Option<&str> {
    value.strip_prefix('"')?.strip_suffix('"')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_and_rules_are_read() {
        let text = "# x\n[JWK]\ntitle = \"Key sets\"\nsource = \"RFC 7517\"\n\n\
                    JWK-01 = { level = \"MUST †\", title = \"a, b = c\", later = \"d { e }\" }\n";
        let catalogue = Catalogue::parse(text).unwrap();
        let expected = Requirement {
            id: "JWK-01".to_owned(),
            level: "MUST †".to_owned(),
            title: "a, b = c".to_owned(),
            state: State::Later("d { e }".to_owned()),
        };
        assert_eq!(catalogue.requirements().collect::<Vec<_>>(), [&expected]);
        assert!(catalogue.has("JWK-01") && catalogue.has_prefix("JWK") && !catalogue.has_prefix("JW"));
    }

    #[test]
    fn what_is_not_understood_is_named_with_its_line() {
        for line in [
            "JWK-01",
            "title = Key sets",
            "JWT-01 = { level = \"MUST\", title = \"a\" }",
            "JWK-01 = { level = \"MUST\" }",
            "JWK-01 = { level = \"MUST\", title = \"a\", whenever = \"b\" }",
            "JWK-01 = { level = \"MUST\", title = \"a\"",
        ] {
            let message = Catalogue::parse(&format!("[JWK]\n{line}\n")).unwrap_err();
            assert!(message.starts_with("requirements.toml:2: "), "{message}");
        }
    }
}
