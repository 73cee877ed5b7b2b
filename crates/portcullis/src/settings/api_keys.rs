//! `[api_keys]`: how keys are verified, and what they may confer.

use std::path::Path;

use portcullis_core::{Confers, Kind, Problem, Profile, Source, SourceSettings};
use portcullis_token::{ApiKeySettings, ApiKeys, ApiKeysError};

use super::table::Table;

/// Reads the table. What is missing in the answer is told by `problems`.
pub(super) fn read(
    table: &Table<'_>,
    resource: &[String],
    directory: &Path,
    problems: &mut Vec<Problem>,
) -> (Option<Source>, Option<ApiKeys>) {
    let known: Vec<&str> = ApiKeySettings::KEYS.iter().chain(SOURCE_KEYS).copied().collect();
    table.refuse_unknown("`[api_keys]`", &known, problems);
    let settings: Option<ApiKeySettings> = table.only(ApiKeySettings::KEYS).read(problems);
    let keys = settings.and_then(|settings| {
        let keys = settings.into_api_keys(resource, directory);
        keys.map_err(|error| {
            let (key, help) = remedy(&error);
            problems.push(table.problem(key, error.to_string()).with_help(help));
        })
        .ok()
    });
    (source(table, problems), keys)
}

/// Keys confer scopes and nothing else, so there is nothing else to state.
fn source(table: &Table<'_>, problems: &mut Vec<Problem>) -> Option<Source> {
    let mut settings: SourceSettings = table.only(SOURCE_KEYS).read(problems)?;
    settings.kinds = Some(Confers::Only([Kind::Service].into()));
    settings.roles = Some(Confers::Only([].into()));
    // A wrong alias is told by the part that verifies.
    Source::new(table.text("alias").unwrap_or(ApiKeySettings::DEFAULT_ALIAS), settings, Profile::api_key()).ok()
}

/// The key at fault, and what to do about it.
fn remedy(error: &ApiKeysError) -> (&'static str, &'static str) {
    match error {
        ApiKeysError::Alias { .. } => ("alias", "write a short name such as `keys`"),
        ApiKeysError::Field { .. } => ("header", "write `header = \"api-key\"`"),
        ApiKeysError::File(_) => ("file", "name the JSON file of the keys, relative to this one"),
        ApiKeysError::NoAudience => {
            ("audience", "state `audience` in this table, or `resource` at the top of the file")
        }
        ApiKeysError::Place => ("header", "write `header = \"api-key\"`, or `scheme = \"ApiKey\"`"),
        _ => ("", "change the table"),
    }
}

/// The keys of [`SourceSettings`] that mean something for API keys.
const SOURCE_KEYS: &[&str] = &["scopes", "scope_names"];
