//! Tables of the settings file, read key by key: every mistake is reported with its place, not only the first.

use std::ops::Range;

use portcullis_core::Problem;
use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue, Deserializer, Error, ValueDeserializer};

use super::SETTINGS;

/// A table and where it stands.
#[derive(Debug, Clone)]
pub(super) struct Table<'a> {
    /// The text of the whole file.
    text: &'a str,
    entries: DeTable<'a>,
    span: Range<usize>,
}

impl<'a> Table<'a> {
    /// The whole file.
    pub(super) fn parse(text: &'a str) -> Result<Self, Problem> {
        match DeTable::parse(text) {
            Ok(entries) => Ok(Self { text, span: entries.span(), entries: entries.into_inner() }),
            Err(error) => {
                let offset = error.span().map_or(0, |span| span.start);
                Err(Problem::new(SETTINGS, format!("is not TOML: {}", error.message())).at(text, offset))
            }
        }
    }

    /// Reports every key that is not among `known`. `owner` names this table.
    pub(super) fn refuse_unknown(&self, owner: &str, known: &[&str], problems: &mut Vec<Problem>) {
        for (key, _) in self.entries.iter().filter(|(key, _)| !known.contains(&key.get_ref().as_ref())) {
            let problem = Problem::new(SETTINGS, format!("unknown key `{}`", key.get_ref()));
            let otherwise = format!("{owner} may hold {}", list(known));
            problems.push(
                problem
                    .with_suggestion(key.get_ref(), known.iter().copied(), otherwise)
                    .at(self.text, key.span().start),
            );
        }
    }

    /// Takes the value of `key` out of the table, if it is there and of the type `T`.
    pub(super) fn take<T: DeserializeOwned>(&mut self, key: &str, problems: &mut Vec<Problem>) -> Option<T> {
        let value = self.entries.remove(key)?;
        let span = value.span();
        T::deserialize(ValueDeserializer::from(value))
            .map_err(|error| problems.push(self.refusal(key, &error, span.start)))
            .ok()
    }

    /// Takes the table `[key]` out of this one.
    pub(super) fn take_table(&mut self, key: &str, problems: &mut Vec<Problem>) -> Option<Self> {
        let value = self.entries.remove(key)?;
        self.table(key, value).map_err(|problem| problems.push(problem)).ok()
    }

    /// Takes the tables `[[key]]` out of this one.
    pub(super) fn take_tables(&mut self, key: &str, problems: &mut Vec<Problem>) -> Vec<Self> {
        let Some(value) = self.entries.remove(key) else {
            return Vec::new();
        };
        let offset = value.span().start;
        let DeValue::Array(values) = value.into_inner() else {
            problems.push(self.not_a_table(key, &format!("write `[[{key}]]`"), offset));
            return Vec::new();
        };
        let tables = values
            .into_iter()
            .filter_map(|value| self.table(key, value).map_err(|problem| problems.push(problem)).ok());
        tables.collect()
    }

    /// The entries of this table whose keys are among `keys`.
    pub(super) fn only(&self, keys: &[&str]) -> Self {
        let mut entries = DeTable::new();
        for (key, value) in self.entries.iter().filter(|(key, _)| keys.contains(&key.get_ref().as_ref())) {
            entries.insert(key.clone(), value.clone());
        }
        Self { entries, ..self.clone() }
    }

    /// The value of `key`, if it is text.
    pub(super) fn text(&self, key: &str) -> Option<&str> {
        self.entries.get(key)?.get_ref().as_str()
    }

    /// All of this table as a `T`.
    pub(super) fn read<T: DeserializeOwned>(self, problems: &mut Vec<Problem>) -> Option<T> {
        let whole = Spanned::new(self.span.clone(), self.entries.clone());
        let read = T::deserialize(Deserializer::from(whole));
        let refusal = |error: &Error| {
            let offset = error.span().map_or(self.span.start, |span| span.start);
            let key = self.entries.iter().find(|(key, value)| key.span().contains(&offset) || covers(value, offset));
            match key {
                Some((key, _)) => self.refusal(key.get_ref(), error, offset),
                None => self.lacking(error.message()),
            }
        };
        read.map_err(|error| problems.push(refusal(&error))).ok()
    }

    /// A problem with the value of `key`; with the table itself if it has no such key.
    pub(super) fn problem(&self, key: &str, message: impl Into<String>) -> Problem {
        self.problem_at(self.entries.get(key).map_or(self.span.start, |value| value.span().start), message)
    }

    /// A problem with what stands at `offset` in the file.
    pub(super) fn problem_at(&self, offset: usize, message: impl Into<String>) -> Problem {
        Problem::new(SETTINGS, message).at(self.text, offset)
    }

    /// The keys, for a table in which they are open.
    pub(super) fn keys(&self) -> Vec<String> {
        self.entries.keys().map(|key| key.get_ref().clone().into_owned()).collect()
    }

    /// A problem with the table as a whole, which is as good as always a missing key.
    fn lacking(&self, message: &str) -> Problem {
        let problem = self.problem("", message);
        match message.split('`').nth(1).and_then(form) {
            Some(form) => problem.with_help(form),
            None => problem,
        }
    }

    fn table(&self, key: &str, value: Spanned<DeValue<'a>>) -> Result<Self, Problem> {
        let span = value.span();
        match value.into_inner() {
            DeValue::Table(entries) => Ok(Self { text: self.text, entries, span }),
            _ => Err(self.not_a_table(key, &format!("write `[{key}]`, and its keys below"), span.start)),
        }
    }

    fn not_a_table(&self, key: &str, help: &str, offset: usize) -> Problem {
        Problem::new(SETTINGS, format!("`{key}` is not a table")).with_help(help).at(self.text, offset)
    }

    /// Says that the value of `key` cannot be read.
    fn refusal(&self, key: &str, error: &Error, otherwise: usize) -> Problem {
        let offset = error.span().map_or(otherwise, |span| span.start);
        let problem = Problem::new(SETTINGS, format!("`{key}`: {}", error.message())).at(self.text, offset);
        let form = form(key);
        // What was found comes first in such a message, then all that was expected. Nothing else tells them apart.
        let mut quoted = error.message().split('`').skip(1).step_by(2);
        match (error.message().starts_with("unknown "), quoted.next(), form) {
            (true, Some(found), form) => problem.with_suggestion(found, quoted, form.unwrap_or_default()),
            (_, _, Some(form)) => problem.with_help(form),
            (_, _, None) => problem,
        }
    }
}

/// Whether `offset` lies in `value`. The span of a table with a header of its own is that of the header.
fn covers(value: &Spanned<DeValue<'_>>, offset: usize) -> bool {
    let within = match value.get_ref() {
        DeValue::Table(entries) => {
            entries.iter().any(|(key, value)| key.span().contains(&offset) || covers(value, offset))
        }
        DeValue::Array(values) => values.iter().any(|value| covers(value, offset)),
        _ => false,
    };
    within || value.span().contains(&offset)
}

/// How to write the value of `key`.
pub(super) fn form(key: &str) -> Option<String> {
    FORMS.iter().find(|(known, _)| *known == key).map(|(_, form)| format!("write it like `{key} = {form}`"))
}

fn list(keys: &[&str]) -> String {
    keys.iter().map(|key| format!("`{key}`")).collect::<Vec<_>>().join(", ")
}

/// How the value of each key looks.
const FORMS: &[(&str, &str)] = &[
    ("after", r#""10s""#),
    ("absent_lists", r#""empty""#),
    ("agent_clients", r#"["calendar-agent"]"#),
    ("algorithms", r#"["ES256"]"#),
    ("alias", r#""main""#),
    ("application_permissions", r#"{ claim = "permissions", as = "array" }"#),
    ("approval_lifetime", r#""5m""#),
    ("audience", r#"["https://api.example.com"]"#),
    ("burst", "20"),
    ("ceilings", r#"["agents.cedar"]"#),
    ("classes", r#"["service", "agent"]"#),
    ("claims", r#"{ roles = { claim = "https://example.com/roles", as = "array" } }"#),
    ("class", r#""agent""#),
    ("clients", r#"["web"]"#),
    ("consent", r#""none""#),
    ("costs", "{ ExportReport = 10 }"),
    ("counts", r#""denials""#),
    ("entities", r#""none""#),
    ("every", "1000"),
    ("foreign_audiences", r#""refused""#),
    ("guardrails", r#"["tenancy.cedar"]"#),
    ("heads", r#"{ sink = "file", path = "/mnt/heads/projects.jsonl" }"#),
    (
        "introspection",
        r#"{ endpoint = "https://issuer.example.com/introspect", client_id = "api", client_secret = { file = "…" } }"#,
    ),
    ("issuer", r#""https://issuer.example.com""#),
    ("file", r#""keys.json""#),
    ("header", r#""api-key""#),
    ("key", r#"{ file = "approval.key" }"#),
    ("keys", r#"{ url = "https://issuer.example.com/jwks" }"#),
    ("kinds", r#"["user", "service"]"#),
    ("leeway", r#""30s""#),
    ("mask", r#"["caller.ip"]"#),
    ("max_age", r#""90d""#),
    ("max_lifetime", r#"{ user = "24h", service = "1h" }"#),
    ("name", r#""agents""#),
    ("on_failure", r#"{ human = "deny" }"#),
    ("on_store_failure", r#""deny""#),
    ("path", r#""/var/log/projects/audit.jsonl""#),
    ("per", r#"["actor", "subject"]"#),
    ("person_clients", r#"["web"]"#),
    ("preset", r#""rfc9068""#),
    ("query_token", r#""refuse""#),
    ("queue", "8192"),
    ("rate", r#""60/m""#),
    ("replay", r#""one-replica""#),
    ("resource", r#"["https://api.example.com"]"#),
    ("resource_documentation", r#""https://example.com/docs""#),
    ("resource_name", r#""Projects""#),
    ("resource_policy_uri", r#""https://example.com/policy""#),
    ("resource_tos_uri", r#""https://example.com/terms""#),
    ("roles", r#"["people.cedar"]"#),
    ("rotate_at", r#""100MB""#),
    ("rotate_every", r#""24h""#),
    ("scheme_field", r#""x-forwarded-proto""#),
    ("scope", r#""approve:actions""#),
    ("scope_names", r#"{ "https://api.example.com/read" = "read:projects" }"#),
    ("scheme", r#""ApiKey""#),
    ("scopes", r#"["read:projects"]"#),
    ("sink", r#""file""#),
    ("status_list", r#"{ uri = ["https://issuer.example.com/statuslists/"] }"#),
    ("supplies", r#"["Project"]"#),
    ("sync_every", r#""1s""#),
    ("tenants", r#"["6c1f8a72-4b0d-4e39-9a57-d2e8f0b3c614"]"#),
    ("ticket_lifetime", r#""15m""#),
    ("typ", r#""at+jwt""#),
    ("unlisted_clients", r#""agent""#),
];
