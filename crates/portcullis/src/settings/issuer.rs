//! `[[issuer]]`: each table says how tokens are verified, and how their claims are read.

use std::path::Path;

use portcullis_core::{Problem, Profile, Source, SourceError, SourceSettings, UnlistedClients};
use portcullis_token::{IntrospectionError, Issuer, IssuerError, IssuerSettings, SettingsError, Verifier};

use super::table::Table;

/// Reads all tables. The verifier is missing if something is wrong; then there are still sources with which problems of the
/// bundle can be found.
pub(super) fn read(
    tables: Vec<Table<'_>>,
    resource: &[String],
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> (Vec<Source>, Option<Verifier>) {
    let (stated, several) = (!tables.is_empty(), tables.len() > 1);
    let known: Vec<&str> = IssuerSettings::KEYS.iter().chain(SourceSettings::KEYS).copied().collect();
    let (mut issuers, mut sources) = (Vec::new(), Vec::new());
    let before = problems.len();
    for table in tables {
        table.refuse_unknown("`[[issuer]]`", &known, problems);
        if several && table.text("alias").is_none() {
            let help = "write a short name, such as `alias = \"northwind\"`: it becomes part of every id";
            problems.push(table.problem("", "an issuer among several has no `alias`").with_help(help));
        }
        issuers.extend(verification(&table, resource, directory, problems));
        sources.extend(reading(&table, problems));
    }
    let sound = stated && problems.len() == before;
    let verifier = sound
        .then(|| Verifier::new(issuers))
        .and_then(|made| made.map_err(|error| problems.push(Problem::new(super::SETTINGS, error.to_string()))).ok());
    match verifier {
        Some(verifier) => (sources, Some(verifier)),
        // Without any table the bundle itself says that nobody could get in.
        None if stated => (stand_in(), None),
        None => (Vec::new(), None),
    }
}

/// The part of the table that is the verifier's.
fn verification(
    table: &Table<'_>,
    resource: &[String],
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> Option<Issuer> {
    let settings: IssuerSettings = table.only(IssuerSettings::KEYS).read(problems)?;
    let issuer = settings.into_issuer(resource, directory);
    issuer
        .map_err(|error| {
            let (key, help) = remedy(&error);
            problems.push(table.problem(key, full_message(&error)).with_help(help));
        })
        .ok()
}

/// The part of the table that is the engine's.
fn reading(table: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Source> {
    let settings: SourceSettings = table.only(SourceSettings::KEYS).read(problems)?;
    // The only preset there is; `preset` itself is checked by the verifier's part.
    let source =
        Source::new(table.text("alias").unwrap_or(IssuerSettings::DEFAULT_ALIAS), settings, Profile::rfc9068());
    match source {
        Ok(source) => Some(source),
        // The verifier's part says so, and is stricter.
        Err(SourceError::BadAlias { .. }) => None,
        Err(error) => {
            let (key, help) = match error {
                SourceError::ClientListedTwice { .. } => ("agent_clients", "decide what the client is"),
                SourceError::AgentsNotConferred { .. } => ("kinds", "add `\"agent\"`, or treat the clients otherwise"),
                _ => ("", "change the table"),
            };
            problems.push(table.problem(key, error.to_string()).with_help(help));
            None
        }
    }
}

/// The key at fault, and what to do about it.
fn remedy(error: &SettingsError) -> (&'static str, &'static str) {
    match error {
        SettingsError::Keys(_) => ("keys", "say where the issuer publishes its keys: `keys = { url = \"https://…\" }`"),
        SettingsError::Introspection(error) => ("introspection", introspection_remedy(error)),
        SettingsError::Issuer(IssuerError::Alias { .. }) => ("alias", "write a short name such as `main`"),
        SettingsError::Issuer(IssuerError::Identifier { .. }) => ("issuer", "copy it from the `iss` claim of a token"),
        SettingsError::Issuer(IssuerError::LeewayTooLong { .. }) => ("leeway", "write at most `leeway = \"60s\"`"),
        SettingsError::Issuer(IssuerError::NoAlgorithm { .. }) => ("algorithms", "write `algorithms = [\"ES256\"]`"),
        SettingsError::Issuer(IssuerError::NoAudience { .. }) => {
            ("audience", "state `audience` in this table, or `resource` at the top of the file")
        }
        _ => ("", "change the table"),
    }
}

fn introspection_remedy(error: &IntrospectionError) -> &'static str {
    match error {
        IntrospectionError::CacheTooLong { .. } => "write at most `cache = \"5m\"`",
        IntrospectionError::Endpoint(_) => "write the issuer's `introspection_endpoint`: `endpoint = \"https://…\"`",
        IntrospectionError::NoCredentials => "add `client_id = \"…\"` and `client_secret = { file = \"…\" }`",
        IntrospectionError::PrivateKey => "point `private_key = { file = \"…\" }` to a file in PEM",
        IntrospectionError::Secret(_) => "put the secret there, or point to where it is",
        IntrospectionError::TokenPrefix { .. } => "write it like `token_prefix = \"ory_at_\"`",
        _ => "change the table",
    }
}

/// The message of `error` with those of its causes.
fn full_message(error: &SettingsError) -> String {
    let mut message = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        message = format!("{message}: {error}");
        cause = error.source();
    }
    message
}

/// A source that no token comes from, so that the rest of the bundle can be checked.
fn stand_in() -> Vec<Source> {
    let mut settings = SourceSettings::default();
    settings.unlisted_clients = Some(UnlistedClients::Deny);
    Source::new(IssuerSettings::DEFAULT_ALIAS, settings, Profile::rfc9068()).into_iter().collect()
}
