//! One `[[issuer]]` of `portcullis.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::duration::HumanDuration;
use crate::introspection::{IntrospectionError, IntrospectionSettings};
use crate::issuer::{Issuer, IssuerError, TokenType};
use crate::keys::KeySet;
use crate::source::{KeySource, KeySourceError};

/// The part of one `[[issuer]]` table that says how its tokens are verified.
///
/// The table holds more: how claims become a caller. Whoever reads the file splits it by [`IssuerSettings::KEYS`], so
/// that a misspelled key is found by one of the two readers.
///
/// ```toml
/// [[issuer]]
/// alias = "main"                              # may be left out where there is one issuer
/// issuer = "https://as.example.com"
/// preset = "rfc9068"
/// audience = ["https://api.example.com"]      # default: `resource` of the file
/// algorithms = ["ES256"]
/// keys = { url = "https://as.example.com/jwks" }  # or { file = "jwks.json" } or { inline = { keys = […] } }
/// leeway = "30s"
/// max_lifetime = "24h"
/// typ = "at+jwt"                              # or "jwt-or-none", for products that cannot do better
///
/// [issuer.introspection]                      # where tokens are opaque, or may be revoked
/// endpoint = "https://as.example.com/introspect"
/// client_id = "orders-api"                    # this resource server, as the issuer knows it
/// client_secret = { file = "/run/secrets/as" } # or { env = "AS_SECRET" }; or private_key, likewise
/// key_id = "2026-01"                          # the name of the private key, if the issuer asks for it
/// tokens = "opaque"                           # or "jwt", "all", "wrapped": see `IntrospectedTokens`
/// token_prefix = "ory_at_"                    # needed where several issuers have opaque tokens
/// cache = "30s"                               # 0s to 5m: how long a revoked token may still be taken
/// audience_absent = "refuse"                  # or "accept": see `AbsentAudience`
/// signed = false                              # true: only signed answers will do (RFC 9701)
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    alias: Option<String>,
    issuer: String,
    preset: Preset,
    audience: Option<Vec<String>>,
    algorithms: Vec<Algorithm>,
    keys: KeySettings,
    leeway: Option<HumanDuration>,
    max_lifetime: Option<HumanDuration>,
    #[serde(default)]
    typ: TokenType,
    introspection: Option<IntrospectionSettings>,
}

impl IssuerSettings {
    /// The keys of the table that belong to this type.
    pub const KEYS: &[&str] = &[
        "alias",
        "issuer",
        "preset",
        "audience",
        "algorithms",
        "keys",
        "leeway",
        "max_lifetime",
        "typ",
        "introspection",
    ];

    /// The alias of an issuer that does not state one.
    pub const DEFAULT_ALIAS: &str = "main";

    /// The issuer of these settings.
    ///
    /// `resource` are the audiences where the table names none; `directory` is where relative files, of keys and of
    /// secrets, are looked for.
    ///
    /// # Errors
    ///
    /// If the settings would accept tokens that nobody meant to accept, or the keys cannot be had.
    pub fn into_issuer(self, resource: &[String], directory: &Path) -> Result<Issuer, SettingsError> {
        let Preset::Rfc9068 = self.preset;
        let keys = match self.keys {
            KeySettings::Url(url) => KeySource::url(&url)?,
            KeySettings::File(path) => KeySource::file(&directory.join(path))?,
            KeySettings::Inline(set) => KeySource::fixed(KeySet::try_from(&set).map_err(KeySourceError::KeySet)?),
        };
        let alias = self.alias.unwrap_or_else(|| Self::DEFAULT_ALIAS.to_owned());
        let audiences = self.audience.unwrap_or_else(|| resource.to_vec());
        let mut issuer = Issuer::new(alias, self.issuer, audiences, self.algorithms, keys)?.with_token_type(self.typ);
        if let Some(leeway) = self.leeway {
            issuer = issuer.with_leeway(leeway.into())?;
        }
        if let Some(max_lifetime) = self.max_lifetime {
            issuer = issuer.with_max_lifetime(max_lifetime.into());
        }
        if let Some(introspection) = self.introspection {
            issuer = issuer.with_introspection(introspection.into_introspection(directory)?);
        }
        Ok(issuer)
    }
}

/// Why the settings of an issuer are refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The issuer cannot be asked about tokens.
    #[error(transparent)]
    Introspection(#[from] IntrospectionError),
    /// A rule of the issuer is unsafe.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeySourceError),
}

/// What an issuer's tokens look like, by product.
#[derive(Debug, Clone, Copy, Deserialize)]
enum Preset {
    #[serde(rename = "rfc9068")]
    Rfc9068,
}

/// Exactly one place for keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeySettings {
    Url(String),
    File(PathBuf),
    Inline(Value),
}
