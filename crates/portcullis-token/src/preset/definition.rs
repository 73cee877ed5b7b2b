//! The file of one preset.

use portcullis_core::Profile;
use serde::Deserialize;

use super::issuer_form::IssuerForm;
use super::rules::TokenRules;
use crate::algorithm::Algorithm;

/// One file of `data/`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Definition {
    /// What is signed with by default.
    #[serde(default)]
    pub(super) algorithms: Vec<Algorithm>,
    /// The forms of issuer identifiers, the most special first.
    issuer: Vec<IssuerForm>,
    pub(super) token: TokenRules,
    /// The profile, if it is not that of RFC 9068.
    pub(super) profile: Option<Profile>,
}

impl Definition {
    /// The first form that `issuer` has.
    pub(super) fn form_of(&self, issuer: &str) -> Option<&IssuerForm> {
        self.issuer.iter().find(|form| form.fits(issuer))
    }

    /// All forms, for people.
    pub(super) fn forms(&self) -> String {
        self.issuer.iter().map(|form| format!("`{form}`")).collect::<Vec<_>>().join(" or ")
    }

    #[cfg(test)]
    pub(super) fn check(&self) {
        assert!(!self.issuer.is_empty());
        self.issuer.iter().for_each(IssuerForm::check);
    }
}
