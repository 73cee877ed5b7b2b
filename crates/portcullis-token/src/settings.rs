//! One `[[issuer]]` of `portcullis.toml`.

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::duration::HumanDuration;
use crate::http::Network;
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
/// keys = { url = "https://as.example.com/jwks" }  # or { file = "jwks.json" } or { inline = { keys = […] } };
///                                             # default: what the issuer's metadata say (RFC 8414)
/// max_stale = "1h"                            # keys are used for so long although the issuer does not answer
/// private_network = true                      # its names may lead to addresses that are not public
/// tls_roots = "ca.pem"                        # trusted beside the roots of the system
/// leeway = "30s"
/// max_lifetime = "24h"
/// typ = "at+jwt"                              # or "jwt-or-none", for products that cannot do better
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    alias: Option<String>,
    issuer: String,
    preset: Preset,
    audience: Option<Vec<String>>,
    algorithms: Vec<Algorithm>,
    keys: Option<KeySettings>,
    max_stale: Option<HumanDuration>,
    #[serde(default)]
    private_network: bool,
    tls_roots: Option<PathBuf>,
    leeway: Option<HumanDuration>,
    max_lifetime: Option<HumanDuration>,
    #[serde(default)]
    typ: TokenType,
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
        "max_stale",
        "private_network",
        "tls_roots",
        "leeway",
        "max_lifetime",
        "typ",
    ];

    /// The alias of an issuer that does not state one.
    pub const DEFAULT_ALIAS: &str = "main";

    /// The issuer of these settings.
    ///
    /// `resource` are the audiences where the table names none; `directory` is where a relative key file is looked for.
    ///
    /// # Errors
    ///
    /// If the settings would accept tokens that nobody meant to accept, or the keys cannot be had.
    pub fn into_issuer(self, resource: &[String], directory: &Path) -> Result<Issuer, SettingsError> {
        let Preset::Rfc9068 = self.preset;
        let keys = self.key_source(directory)?;
        let alias = self.alias.unwrap_or_else(|| Self::DEFAULT_ALIAS.to_owned());
        let audiences = self.audience.unwrap_or_else(|| resource.to_vec());
        let mut issuer = Issuer::new(alias, self.issuer, audiences, self.algorithms, keys)?.with_token_type(self.typ);
        if let Some(leeway) = self.leeway {
            issuer = issuer.with_leeway(leeway.into())?;
        }
        if let Some(max_lifetime) = self.max_lifetime {
            issuer = issuer.with_max_lifetime(max_lifetime.into());
        }
        Ok(issuer)
    }

    fn key_source(&self, directory: &Path) -> Result<KeySource, SettingsError> {
        let keys = match &self.keys {
            None => KeySource::discovered(&self.issuer)?,
            Some(KeySettings::Url(url)) => KeySource::url(url)?,
            Some(KeySettings::File(path)) => KeySource::file(&directory.join(path))?,
            Some(KeySettings::Inline(set)) => KeySource::fixed(KeySet::try_from(set).map_err(KeySourceError::KeySet)?),
        };
        let keys = keys.with_network(&self.network(directory)?)?;
        match self.max_stale {
            Some(max_stale) => Ok(keys.with_max_stale(max_stale.into())?),
            None => Ok(keys),
        }
    }

    /// How the issuer's servers are reached.
    fn network(&self, directory: &Path) -> Result<Network, SettingsError> {
        let mut network = Network::default();
        if self.private_network {
            network = network.with_private_addresses();
        }
        if let Some(path) = self.tls_roots.as_ref().map(|path| directory.join(path)) {
            let unreadable = |error| SettingsError::TlsRoots { path: path.clone(), error };
            let pem = std::fs::read(&path).map_err(unreadable)?;
            network = network.with_tls_roots(&pem).map_err(KeySourceError::Endpoint)?;
        }
        Ok(network)
    }
}

/// Why the settings of an issuer are refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// A rule of the issuer is unsafe.
    #[error(transparent)]
    Issuer(#[from] IssuerError),
    /// The keys cannot be had.
    #[error(transparent)]
    Keys(#[from] KeySourceError),
    /// The root certificates cannot be read.
    #[error("the certificates in `{}` cannot be read", path.display())]
    TlsRoots {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
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
