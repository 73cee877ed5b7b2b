//! `[[issuer]]`: each table says how tokens are verified, and how their claims are read.

use std::path::Path;

use portcullis_core::{Problem, Profile, Source, SourceError, SourceSettings, UnlistedClients};
use portcullis_token::{
    EndpointError, IntrospectionError, Issuer, IssuerError, IssuerSettings, KeySourceError, Preset, SettingsError,
    TenantsError, Verifier,
};

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
        let made = verification(&table, resource, directory, problems);
        sources.extend(reading(&table, &made, problems));
        issuers.extend(made.issuers);
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

/// What the verifier's part of a table makes.
struct Verification {
    preset: Preset,
    /// One, or one for each tenant; none if something is wrong.
    issuers: Vec<Issuer>,
}

/// The part of the table that is the verifier's.
fn verification(table: &Table<'_>, resource: &[String], directory: &Path, problems: &mut Vec<Problem>) -> Verification {
    let Some(settings) = table.only(IssuerSettings::KEYS).read::<IssuerSettings>(problems) else {
        return Verification { preset: Preset::Rfc9068, issuers: Vec::new() };
    };
    let preset = settings.preset();
    let issuers = settings.into_issuers(resource, directory).unwrap_or_else(|error| {
        let (key, help) = remedy(&error);
        problems.push(table.problem(key, full_message(&error)).with_help(help));
        Vec::new()
    });
    Verification { preset, issuers }
}

/// The part of the table that is the engine's: a source for each issuer.
fn reading(table: &Table<'_>, verification: &Verification, problems: &mut Vec<Problem>) -> Vec<Source> {
    let Some(settings) = table.only(SourceSettings::KEYS).read::<SourceSettings>(problems) else {
        return Vec::new();
    };
    let stated = table.text("alias").unwrap_or(IssuerSettings::DEFAULT_ALIAS);
    let mut aliases: Vec<&str> = verification.issuers.iter().map(Issuer::alias).collect();
    if aliases.is_empty() {
        aliases.push(stated);
    }
    let sources = aliases.iter().map(|alias| Source::new(*alias, settings.clone(), verification.preset.profile()));
    match sources.collect() {
        Ok(sources) => sources,
        // The verifier's part says so, and is stricter.
        Err(SourceError::BadAlias { .. }) => Vec::new(),
        Err(error) => {
            let (key, help) = match error {
                SourceError::ActorProfileNotRead { .. } => (
                    "actor_profile_required",
                    "add a rule to `claims.actor` that reads `act`, with `issuer = { hop = \"iss\" }`",
                ),
                SourceError::ClientListedTwice { .. } => ("agent_clients", "decide what the client is"),
                SourceError::AgentsNotConferred { .. } => ("kinds", "add `\"agent\"`, or treat the clients otherwise"),
                _ => ("", "change the table"),
            };
            problems.push(table.problem(key, error.to_string()).with_help(help));
            Vec::new()
        }
    }
}

/// The key at fault, and what to do about it.
fn remedy(error: &SettingsError) -> (&'static str, &'static str) {
    match error {
        SettingsError::Keys(KeySourceError::MaxStaleTooLong { .. }) => {
            ("max_stale", "write at most `max_stale = \"24h\"`")
        }
        SettingsError::Keys(KeySourceError::NotFetched) => ("max_stale", "remove it"),
        SettingsError::Keys(KeySourceError::Endpoint(EndpointError::Roots)) | SettingsError::TlsRoots { .. } => {
            ("tls_roots", "name a file with certificates in PEM form, beside the settings")
        }
        SettingsError::Keys(_) | SettingsError::NoKeys { .. } => {
            ("keys", "say where the issuer publishes its keys: `keys = { url = \"https://…\" }`")
        }
        SettingsError::Introspection(error) => ("introspection", introspection_remedy(error)),
        SettingsError::Issuer(IssuerError::Alias { .. }) => ("alias", "write a short name such as `main`"),
        SettingsError::Issuer(IssuerError::Identifier { .. } | IssuerError::Form { .. }) => {
            ("issuer", "copy it from the `iss` claim of a token")
        }
        SettingsError::Tenants(TenantsError::NoPlaceholder { .. } | TenantsError::Placeholder { .. }) => (
            "issuer",
            "write one placeholder where the tenant stands, as in `https://login.microsoftonline.com/{tenantid}/v2.0`",
        ),
        SettingsError::Tenants(TenantsError::NoTenants { .. }) => {
            ("issuer", "list those that you trust: `tenants = [\"6c1f8a72-4b0d-4e39-9a57-d2e8f0b3c614\"]`")
        }
        SettingsError::Tenants(_) => ("tenants", "list each tenant once, as it stands in the `iss` claim"),
        SettingsError::Issuer(IssuerError::LeewayTooLong { .. }) => ("leeway", "write at most `leeway = \"60s\"`"),
        SettingsError::Issuer(IssuerError::NoAlgorithm { .. }) => ("algorithms", "write `algorithms = [\"ES256\"]`"),
        SettingsError::Issuer(IssuerError::NoAudience { .. }) => {
            ("audience", "state `audience` in this table, or `resource` at the top of the file")
        }
        SettingsError::StatusList(_) => {
            ("status_list", "name the addresses of the issuer's lists: `status_list = { uri = [\"https://…/\"] }`")
        }
        _ => ("", "change the table"),
    }
}

fn introspection_remedy(error: &IntrospectionError) -> &'static str {
    match error {
        IntrospectionError::CacheTooLong { .. } => "write at most `cache = \"5m\"`",
        IntrospectionError::Endpoint(_) => "write the issuer's `introspection_endpoint`: `endpoint = \"https://…\"`",
        IntrospectionError::NoEndpoint => "write the issuer's `introspection_endpoint`: `endpoint = \"https://…\"`",
        IntrospectionError::NoCredentials => "add `client_id = \"…\"` and `client_secret = { file = \"…\" }`",
        IntrospectionError::PrivateKey => "point `private_key = { file = \"…\" }` to a file in PEM",
        IntrospectionError::Secret(_) => "put the secret there, or point to where it is",
        IntrospectionError::TokenInfo => "leave out `client_id`, `client_secret`, `private_key` and `signed`",
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
