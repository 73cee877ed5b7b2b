//! How the tokens of one product are verified, beyond what holds for all.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::claim_name::ClaimName;
use crate::issuer::TokenType;

/// The rules by which one issuer's tokens are verified.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TokenRules {
    /// The header parameter `typ`.
    pub(crate) typ: TokenType,
    /// What must be there besides `iss`, `exp`, `iat` and an audience.
    pub(crate) required: Vec<ClaimName>,
    /// Claims by which the product says what a token is for, and the values that mean "access".
    #[serde(default)]
    pub(crate) purposes: BTreeMap<ClaimName, Vec<String>>,
    /// Claims that only other tokens of the product have.
    #[serde(default)]
    pub(crate) foreign: Vec<ClaimName>,
    /// The claim that is compared with the audiences where there is no `aud`. Without it, such tokens are refused.
    pub(crate) audience_if_absent: Option<ClaimName>,
    #[serde(default)]
    pub(crate) client_as_audience: ClientAsAudience,
    #[serde(default)]
    pub(crate) scope: ScopeForm,
    #[serde(default)]
    pub(crate) subject: SubjectForm,
}

/// What it means, where `typ` says nothing, that `aud` names the client itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ClientAsAudience {
    /// The product addresses access tokens to their client as well, so other marks must keep ID tokens out.
    Accepted,
    /// The token is an ID token (OpenID Connect Core §2).
    #[default]
    Refused,
}

/// The JSON type of `scope`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum ScopeForm {
    /// A string, as RFC 8693 §4.2 says.
    #[default]
    Text,
    /// A string, or an array of strings.
    TextOrArray,
}

/// Whether `sub` says something wherever it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SubjectForm {
    /// An empty string stands for "nobody".
    MayBeEmpty,
    /// It does.
    #[default]
    NotEmpty,
}
