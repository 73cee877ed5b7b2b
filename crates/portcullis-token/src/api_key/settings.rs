//! `[api_keys]` of `portcullis.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::{ApiKeys, ApiKeysError, KeyPlace};
use crate::duration::HumanDuration;

/// The part of `[api_keys]` that says how keys are verified.
///
/// The table holds more: which scopes keys may confer. Whoever reads the file splits it by [`ApiKeySettings::KEYS`].
///
/// ```toml
/// [api_keys]
/// alias = "keys"                              # names the source; this is the default
/// file = "keys.json"
/// header = "api-key"                          # or scheme = "ApiKey", which is sent in `Authorization`
/// max_age = "90d"                             # older keys are refused, whatever they say
/// audience = ["https://api.example.com"]      # default: `resource` of the file
/// scopes = ["read:invoices"]                  # all that keys can ever be good for
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ApiKeySettings {
    alias: Option<String>,
    file: PathBuf,
    header: Option<String>,
    scheme: Option<Scheme>,
    max_age: HumanDuration,
    audience: Option<Vec<String>>,
}

#[derive(Debug, Clone, Copy, Deserialize)]
enum Scheme {
    ApiKey,
}

impl ApiKeySettings {
    /// The keys of the table that belong to this type.
    pub const KEYS: &[&str] = &["alias", "file", "header", "scheme", "max_age", "audience"];

    /// The alias of the source, unless one is stated.
    pub const DEFAULT_ALIAS: &str = "keys";

    /// The keys of these settings.
    ///
    /// `resource` are the audiences where the table names none; `directory` is where a relative file is looked for.
    ///
    /// # Errors
    ///
    /// If the settings would accept keys that nobody meant to accept, or the file cannot be used.
    pub fn into_api_keys(self, resource: &[String], directory: &Path) -> Result<ApiKeys, ApiKeysError> {
        let place = match (self.header, self.scheme) {
            (Some(name), None) => KeyPlace::Field(name),
            (None, Some(Scheme::ApiKey)) => KeyPlace::Scheme,
            (None, None) | (Some(_), Some(_)) => return Err(ApiKeysError::Place),
        };
        let alias = self.alias.unwrap_or_else(|| Self::DEFAULT_ALIAS.to_owned());
        let audience = self.audience.unwrap_or_else(|| resource.to_vec());
        ApiKeys::file(alias, &directory.join(self.file), audience, self.max_age.into(), place)
    }
}
