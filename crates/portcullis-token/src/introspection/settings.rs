//! `[issuer.introspection]` of `portcullis.toml`.

use std::path::Path;

use serde::Deserialize;

use super::{AbsentAudience, ClientCredentials, IntrospectedTokens, Introspection, IntrospectionError};
use crate::duration::HumanDuration;
use crate::http::Network;
use crate::secret::SecretSource;

/// How a product's endpoint is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Style {
    /// As the standard says.
    Rfc7662,
    /// As Google's `tokeninfo`.
    TokenInfo,
}

/// The keys of [`IssuerSettings`](crate::IssuerSettings) below `introspection`, where they are documented.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IntrospectionSettings {
    endpoint: Option<String>,
    client_id: Option<String>,
    client_secret: Option<SecretSource>,
    private_key: Option<SecretSource>,
    key_id: Option<String>,
    #[serde(default)]
    tokens: IntrospectedTokens,
    token_prefix: Option<String>,
    cache: Option<HumanDuration>,
    #[serde(default)]
    audience_absent: AbsentAudience,
    #[serde(default)]
    signed: bool,
}

impl IntrospectionSettings {
    /// Asks the endpoint of the settings, or else `usual`, over `network`. Secrets are read now, once; relative files are
    /// looked for in `directory`.
    pub(crate) fn into_introspection(
        self,
        style: Style,
        usual: Option<&str>,
        network: &Network,
        directory: &Path,
    ) -> Result<Introspection, IntrospectionError> {
        let endpoint = self.endpoint.as_deref().or(usual).ok_or(IntrospectionError::NoEndpoint)?;
        let asks = match style {
            Style::TokenInfo if self.client_id.is_some() || self.names_a_secret() || self.signed => {
                return Err(IntrospectionError::TokenInfo);
            }
            Style::TokenInfo => Introspection::tokeninfo(endpoint)?,
            Style::Rfc7662 => Introspection::new(endpoint, self.credentials(directory)?)?,
        };
        let mut introspection =
            asks.with_network(network)?.with_tokens(self.tokens).with_absent_audience(self.audience_absent);
        if let Some(prefix) = self.token_prefix {
            introspection = introspection.with_token_prefix(prefix)?;
        }
        if let Some(lifetime) = self.cache {
            introspection = introspection.with_cache(lifetime.into())?;
        }
        Ok(if self.signed { introspection.with_signed_answers() } else { introspection })
    }

    fn names_a_secret(&self) -> bool {
        self.client_secret.is_some() || self.private_key.is_some()
    }

    fn credentials(&self, directory: &Path) -> Result<ClientCredentials, IntrospectionError> {
        let client_id = self.client_id.as_deref().ok_or(IntrospectionError::NoCredentials)?;
        match (&self.client_secret, &self.private_key) {
            (None, None) => Err(IntrospectionError::NoCredentials),
            (Some(_), Some(_)) => Err(IntrospectionError::TwoCredentials),
            (Some(secret), None) => ClientCredentials::secret(client_id, secret.read(directory)?.reveal()),
            (None, Some(key)) => {
                let credentials = ClientCredentials::private_key(client_id, key.read(directory)?.reveal())?;
                Ok(match &self.key_id {
                    Some(name) => credentials.with_key_id(name),
                    None => credentials,
                })
            }
        }
    }
}
