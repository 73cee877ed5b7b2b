//! Names of claims that rules may speak of.

use serde::de::{Deserialize, Deserializer, Error};

/// The name of a claim. The list is closed, so that errors can hold the name itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ClaimName(&'static str);

impl ClaimName {
    pub(crate) const fn as_str(self) -> &'static str {
        self.0
    }
}

impl<'de> Deserialize<'de> for ClaimName {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        let known = KNOWN.iter().find(|known| **known == name);
        known.map(|known| Self(known)).ok_or_else(|| Error::unknown_variant(&name, KNOWN))
    }
}

const KNOWN: &[&str] = &[
    "azp",
    "client_id",
    "drn",
    "iss",
    "jti",
    "oid",
    "purpose",
    "scope",
    "sub",
    "tid",
    "token_use",
    "tokenName",
    "typ",
    "type",
];
