//! One `[[issuer]]` of `portcullis.toml`.

mod tenants;

use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use crate::algorithm::Algorithm;
use crate::confirmation::BindingRule;
use crate::duration::HumanDuration;
use crate::http::Network;
use crate::introspection::{IntrospectionError, IntrospectionSettings, Style};
use crate::issuer::{ForeignAudiences, Issuer, IssuerError, TokenType, check_identifier};
use crate::keys::KeySet;
use crate::preset::{Identifier, Preset};
use crate::source::{KeySource, KeySourceError};
use crate::status::{StatusListsError, StatusSettings};
use tenants::Expansion;
pub use tenants::TenantsError;

/// The part of one `[[issuer]]` table that says how its tokens are verified.
///
/// The table holds more: how claims become a caller. Whoever reads the file splits it by [`IssuerSettings::KEYS`], so
/// that a misspelled key is found by one of the two readers.
///
/// ```toml
/// [[issuer]]
/// alias = "main"                              # may be left out where there is one issuer
/// issuer = "https://as.example.com"
/// preset = "rfc9068"                          # or the name of a product
/// audience = ["https://api.example.com"]      # default: `resource` of the file
/// algorithms = ["ES256"]                      # default: the product's
/// keys = { url = "https://as.example.com/jwks" }  # or { file = "jwks.json" } or { inline = { keys = […] } }; default: the product's,
///                                             # or what the issuer's metadata say (RFC 8414)
/// max_stale = "1h"                            # keys are used for so long although the issuer does not answer
/// private_network = true                      # its names may lead to addresses that are not public
/// tls_roots = "ca.pem"                        # trusted beside the roots of the system
/// binding = "none"                            # "dpop", "mtls" or "any-bound": what this issuer's tokens must be
/// leeway = "30s"
/// status_list = "ignore"                      # or the table below; without it, a token with a `status` is refused
/// typ = "at+jwt"                              # "jwt", "none" or "jwt-or-none", for products that cannot do better; default: the product's
/// foreign_audiences = "accepted"              # or "refused": tokens that name others in `aud` as well
///
/// [issuer.introspection]                      # where tokens are opaque, or may be revoked
/// endpoint = "https://as.example.com/introspect"  # default: the product's
/// client_id = "orders-api"                    # this resource server, as the issuer knows it
/// client_secret = { file = "/run/secrets/as" } # or { env = "AS_SECRET" }; or private_key, likewise
/// key_id = "2026-01"                          # the name of the private key, if the issuer asks for it
/// tokens = "opaque"                           # or "jwt", "all", "wrapped": see `IntrospectedTokens`
/// token_prefix = "ory_at_"                    # needed where several issuers have opaque tokens
/// cache = "30s"                               # 0s to 5m: how long a revoked token may still be taken
/// audience_absent = "refuse"                  # or "accept": see `AbsentAudience`
/// signed = false                              # true: only signed answers will do (RFC 9701)
///
/// [issuer.status_list]
/// uri = ["https://as.example.com/statuslists/"]   # whose lists are looked at: exactly these, and below those with `/`
/// min_age = "30s"                             # a list is not fetched again earlier, whatever its `ttl`
/// max_age = "1h"                              # and not used when it is older
/// ```
///
/// # Tenants
///
/// `issuer` may hold one placeholder, which stands for each of `tenants` in turn. Each is an issuer of its own, which shares
/// nothing with the others; if there are several, its alias is `alias.tenant`. The placeholder may stand in the URL of
/// `keys` too.
///
/// ```toml
/// issuer = "https://login.microsoftonline.com/{tenantid}/v2.0"
/// tenants = ["6c1f8a72-4b0d-4e39-9a57-d2e8f0b3c614", "0d9b4e61-83f7-42ac-b5d0-7e1c6a2f9835"]
/// ```
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IssuerSettings {
    alias: Option<String>,
    issuer: String,
    tenants: Option<Vec<String>>,
    preset: Preset,
    audience: Option<Vec<String>>,
    algorithms: Option<Vec<Algorithm>>,
    keys: Option<KeySettings>,
    max_stale: Option<HumanDuration>,
    #[serde(default)]
    private_network: bool,
    tls_roots: Option<PathBuf>,
    #[serde(default)]
    binding: BindingRule,
    leeway: Option<HumanDuration>,
    introspection: Option<IntrospectionSettings>,
    status_list: Option<StatusSettings>,
    typ: Option<TokenType>,
    foreign_audiences: Option<ForeignAudiences>,
}

impl IssuerSettings {
    /// The keys of the table that belong to this type.
    pub const KEYS: &[&str] = &[
        "alias",
        "issuer",
        "tenants",
        "preset",
        "audience",
        "algorithms",
        "keys",
        "max_stale",
        "private_network",
        "tls_roots",
        "binding",
        "leeway",
        "introspection",
        "status_list",
        "typ",
        "foreign_audiences",
    ];

    /// The alias of an issuer that does not state one.
    pub const DEFAULT_ALIAS: &str = "main";

    /// The issuers of these settings: one, or one for each tenant.
    ///
    /// `resource` are the audiences where the table names none; `directory` is where relative files, of keys
    /// and of secrets, are looked for.
    ///
    /// # Errors
    ///
    /// If the settings would accept tokens that nobody meant to accept, or the keys cannot be had.
    pub fn into_issuers(self, resource: &[String], directory: &Path) -> Result<Vec<Issuer>, SettingsError> {
        let expanded = tenants::expand(&self.issuer, self.tenants.as_deref())?;
        let several = expanded.len() > 1;
        let issuers = expanded.into_iter().map(|expansion| {
            let issuer = self.issuer(&expansion, resource, directory)?;
            Ok(match expansion.tenant() {
                Some(tenant) if several => issuer.with_tenant(tenant),
                _ => issuer,
            })
        });
        issuers.collect()
    }

    /// What the claims of these issuers mean, unless the table says otherwise.
    #[must_use]
    pub fn preset(&self) -> Preset {
        self.preset
    }

    fn issuer(
        &self,
        expansion: &Expansion<'_>,
        resource: &[String],
        directory: &Path,
    ) -> Result<Issuer, SettingsError> {
        let alias = self.alias.as_deref().unwrap_or(Self::DEFAULT_ALIAS);
        let audiences = self.audience.as_deref().unwrap_or(resource);
        let algorithms = match &self.algorithms {
            // Stated, and so not the preset's.
            Some(stated) if stated.is_empty() => {
                return Err(IssuerError::NoAlgorithm { issuer: expansion.issuer().to_owned() }.into());
            }
            stated => stated.clone().unwrap_or_default(),
        };
        let keys = self.keys(expansion, directory)?;
        let mut issuer = Issuer::of(self.preset, alias, expansion.issuer(), audiences, algorithms, keys)?
            .with_foreign_audiences(self.foreign_audiences.unwrap_or_default())
            .with_binding(self.binding);
        if let Some(typ) = self.typ {
            issuer = issuer.with_token_type(typ);
        }
        if let Some(leeway) = self.leeway {
            issuer = issuer.with_leeway(leeway.into())?;
        }
        if let Some(introspection) = &self.introspection {
            let endpoint = self.preset.introspection_endpoint(expansion.issuer());
            let style = if self.preset == Preset::Google { Style::TokenInfo } else { Style::Rfc7662 };
            let network = self.network(directory)?;
            let made = introspection.clone().into_introspection(style, endpoint.as_deref(), &network, directory)?;
            issuer = issuer.with_introspection(made);
        }
        if let Some(status_list) = &self.status_list {
            issuer = issuer.with_status(status_list.clone().into_check(self.network(directory)?)?);
        }
        Ok(issuer)
    }

    fn keys(&self, expansion: &Expansion<'_>, directory: &Path) -> Result<KeySource, SettingsError> {
        let keys = match &self.keys {
            Some(KeySettings::Url(url)) => KeySource::url(&expansion.fill(url))?,
            Some(KeySettings::File(path)) => KeySource::file(&directory.join(path))?,
            Some(KeySettings::Inline(set)) => KeySource::fixed(KeySet::try_from(set).map_err(KeySourceError::KeySet)?),
            None => self.published_keys(expansion.issuer())?,
        };
        let keys = keys.with_network(&self.network(directory)?)?;
        match self.max_stale {
            Some(max_stale) => Ok(keys.with_max_stale(max_stale.into())?),
            None => Ok(keys),
        }
    }

    /// Where the product publishes keys, or what the issuer's own metadata say.
    fn published_keys(&self, issuer: &str) -> Result<KeySource, SettingsError> {
        if let Some(url) = self.preset.jwks_uri(issuer) {
            return Ok(KeySource::url(&url)?);
        }
        // A wrong issuer is the better explanation.
        check_identifier(self.preset, issuer.to_owned())?;
        let is_opaque = self.typ.unwrap_or(self.preset.rules().typ) == TokenType::Opaque;
        if is_opaque && self.introspection.is_some() {
            return Ok(KeySource::none());
        }
        if is_opaque || self.preset.identify(issuer) == Ok(Identifier::Name) {
            return Err(SettingsError::NoKeys { issuer: issuer.to_owned(), preset: self.preset.name() });
        }
        Ok(KeySource::discovered(issuer)?)
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
    /// Nothing says where the keys are.
    #[error("preset `{preset}` does not know where the keys of `{issuer}` are")]
    NoKeys {
        /// The issuer.
        issuer: String,
        /// The name of the preset.
        preset: &'static str,
    },
    /// The issuer cannot be asked about tokens.
    #[error(transparent)]
    Introspection(#[from] IntrospectionError),
    /// Status lists cannot be had from where the settings say.
    #[error(transparent)]
    StatusList(#[from] StatusListsError),
    /// `issuer` and `tenants` do not fit together.
    #[error(transparent)]
    Tenants(#[from] TenantsError),
}

/// Exactly one place for keys.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "lowercase")]
enum KeySettings {
    Url(String),
    File(PathBuf),
    Inline(Value),
}
