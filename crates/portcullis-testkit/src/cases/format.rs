//! Files of cases.

use std::collections::{BTreeMap, BTreeSet};

use portcullis_core::{Problem, ResourceData};
use serde::Deserialize;
use serde_json::{Map, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error, ValueDeserializer};

use super::fixtures::Fixtures;
use super::run::Case;
use super::spec::CaseSpec;
use super::table::TableSpec;

/// All cases of a folder.
#[derive(Debug)]
pub(super) struct Suite {
    pub(super) cases: Vec<Case>,
    /// Policies that no case can fail, with the reason.
    pub(super) unfailing: BTreeMap<String, String>,
    /// Changes that no case can notice, with the reason.
    pub(super) surviving: BTreeMap<String, String>,
    /// The claims of the fixtures, with those of every token.
    pub(super) personas: BTreeMap<String, Map<String, Value>>,
    pub(super) resources: BTreeMap<String, ResourceData>,
}

impl Suite {
    pub(super) fn parse<'a>(files: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, Vec<Problem>> {
        let (mut fixtures, mut drafts, mut problems) = (Fixtures::default(), Vec::new(), Vec::new());
        for (file, text) in files {
            read_file(Place { file, text }, &mut fixtures, &mut drafts, &mut problems);
        }
        if drafts.is_empty() && problems.is_empty() {
            problems
                .push(Problem::new("cases/", "holds no case").with_help("write `[[case]]` into a file `*.toml` there"));
        }
        let mut names = BTreeSet::new();
        let mut cases = Vec::new();
        for Draft { place, offset, spec } in drafts {
            let name = spec.name.clone();
            if !names.insert(name.clone()) {
                problems.push(place.problem(offset, format!("two cases are called `{name}`")));
            }
            let line = place.problem(offset, "").place.map_or(0, |(line, _)| line);
            match spec.resolve(&fixtures, format!("{}:{line}", place.file)) {
                Ok(case) => cases.push(case),
                Err(message) => problems.push(place.problem(offset, format!("case `{name}`: {message}"))),
            }
        }
        let mut resources = BTreeMap::new();
        for (name, spec) in &fixtures.resources {
            match spec.resolve() {
                Ok(resource) => drop(resources.insert(name.clone(), resource)),
                Err(message) => problems.push(Problem::new("cases/", format!("`[resources.{name}]`: {message}"))),
            }
        }
        let personas = fixtures.claims.iter().map(|(name, claims)| (name.clone(), fixtures.token(claims))).collect();
        if problems.is_empty() {
            let Fixtures { unfailing, surviving, .. } = fixtures;
            Ok(Self { cases, unfailing, surviving, personas, resources })
        } else {
            Err(problems)
        }
    }
}

/// A file, for messages.
#[derive(Clone, Copy)]
struct Place<'a> {
    file: &'a str,
    text: &'a str,
}

impl Place<'_> {
    fn problem(self, offset: usize, message: impl Into<String>) -> Problem {
        Problem::new(self.file, message).at(self.text, offset)
    }

    fn refusal(self, prefix: &str, error: &Error) -> Problem {
        self.problem(error.span().map_or(0, |span| span.start), format!("{prefix}{}", error.message()))
    }
}

/// A case before its fixtures are put in.
struct Draft<'a> {
    place: Place<'a>,
    offset: usize,
    spec: CaseSpec,
}

fn read_file<'a>(place: Place<'a>, fixtures: &mut Fixtures, drafts: &mut Vec<Draft<'a>>, problems: &mut Vec<Problem>) {
    let mut file = match DeTable::parse(place.text) {
        Ok(file) => file,
        Err(error) => return problems.push(place.refusal("is not TOML: ", &error)),
    };
    for (key, read) in [("case", read_case as Read<'a>), ("table", read_table)] {
        match file.get_mut().remove(key).map(|list| (list.span().start, list.into_inner())) {
            Some((_, DeValue::Array(list))) => list.into_iter().for_each(|item| read(place, item, drafts, problems)),
            Some((offset, _)) => {
                problems.push(place.problem(offset, format!("`{key}` is not a list: write `[[{key}]]`")));
            }
            None => {}
        }
    }
    match Fixtures::deserialize(Deserializer::from(file)) {
        Ok(more) => fixtures.add(more, place.file, problems),
        Err(error) => problems.push(place.refusal("", &error)),
    }
}

/// Reads one item of a list.
type Read<'a> = fn(Place<'a>, Spanned<DeValue<'a>>, &mut Vec<Draft<'a>>, &mut Vec<Problem>);

/// Reads one table, which is a case for each of its cells. Each has the place of its line.
fn read_table<'a>(
    place: Place<'a>,
    table: Spanned<DeValue<'a>>,
    drafts: &mut Vec<Draft<'a>>,
    problems: &mut Vec<Problem>,
) {
    let offset = table.span().start;
    let name =
        table.get_ref().get("name").and_then(|name| name.get_ref().as_str()).unwrap_or("without name").to_owned();
    let table = match TableSpec::deserialize(ValueDeserializer::from(table)) {
        Ok(table) => table,
        Err(error) => return problems.push(place.refusal(&format!("table `{name}`: "), &error)),
    };
    let line = |text: &str| {
        let below = place.text.get(offset..).unwrap_or_default();
        below.find(text).map_or(offset, |found| offset + found)
    };
    match table.cases() {
        Ok(cases) => {
            drafts.extend(cases.into_iter().map(|(spec, text)| Draft { place, offset: line(text), spec }));
        }
        Err(message) => problems.push(place.problem(offset, format!("table `{name}`: {message}"))),
    }
}

/// Reads one case by itself, so that every one is reported, and by its name.
fn read_case<'a>(
    place: Place<'a>,
    case: Spanned<DeValue<'a>>,
    drafts: &mut Vec<Draft<'a>>,
    problems: &mut Vec<Problem>,
) {
    let offset = case.span().start;
    let name = case.get_ref().get("name").and_then(|name| name.get_ref().as_str()).unwrap_or("without name").to_owned();
    match CaseSpec::deserialize(ValueDeserializer::from(case)) {
        Ok(spec) => drafts.push(Draft { place, offset, spec }),
        Err(error) => problems.push(place.refusal(&format!("case `{name}`: "), &error)),
    }
}
