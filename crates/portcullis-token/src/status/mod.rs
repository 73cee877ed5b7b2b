//! Whether an issuer still stands by a token that has not expired: token status lists (draft-ietf-oauth-status-list).

mod list;
mod remote;
mod settings;

use std::sync::Arc;

use portcullis_core::UnixTime;
use reqwest::Url;
use serde_json::Value;

use crate::error::TokenError;
use crate::issuer::Issuer;
pub use remote::{StatusLists, StatusListsError};
pub(crate) use settings::StatusSettings;

/// What the claim `status` of an issuer's tokens means.
#[derive(Debug, Default)]
#[non_exhaustive]
pub enum StatusCheck {
    /// Nobody decided: a token with the claim is refused, since whether it is still valid is not known.
    #[default]
    Refuse,
    /// The claim is ignored: a token that the issuer revoked is accepted until it expires.
    Ignore,
    /// The list that the claim names is looked up. Only the status 0x00, valid, is accepted.
    Lists(StatusLists),
}

/// Checks the status of a token about which everything else was checked: nothing is fetched for another one (section 8.3).
///
/// `status` is the value of the claim, if there is one.
pub(crate) async fn check(issuer: &Arc<Issuer>, status: Option<&Value>, now: UnixTime) -> Result<(), TokenError> {
    let Some(status) = status else {
        return Ok(());
    };
    let lists = match &issuer.status {
        StatusCheck::Refuse => return Err(TokenError::StatusNotChecked),
        StatusCheck::Ignore => return Ok(()),
        StatusCheck::Lists(lists) => lists,
    };
    let reference = Reference::of(status)?;
    let url = lists.allowed(reference.uri).ok_or_else(|| invalid("a reference to a list at an allowed place"))?;
    let list = Box::pin(lists.list(issuer, url, now)).await.map_err(|unavailable| TokenError::StatusUnavailable {
        issuer: issuer.alias().to_owned(),
        retry_after: unavailable.retry_after,
    })?;
    match list.status(reference.index) {
        Some(VALID) => Ok(()),
        Some(status) => Err(TokenError::StatusNotValid { status }),
        None => Err(invalid("a reference to an entry that the list has")),
    }
}

/// Which entry of which list tells the status of a token (section 6.1).
struct Reference<'a> {
    index: u64,
    uri: &'a str,
}

impl<'a> Reference<'a> {
    fn of(status: &'a Value) -> Result<Self, TokenError> {
        let read = || {
            let reference = status.get("status_list")?;
            let index = reference.get("idx")?.as_u64()?;
            Some(Self { index, uri: reference.get("uri")?.as_str()? })
        };
        read().ok_or_else(|| invalid("an object with a `status_list` of `idx` and `uri`"))
    }
}

fn invalid(expected: &'static str) -> TokenError {
    TokenError::InvalidClaim { claim: "status", expected }
}

/// `text` as a URL, if it is spelled as every program would spell it: else a prefix would say nothing about where it
/// leads.
fn canonical(text: &str) -> Option<Url> {
    Url::parse(text).ok().filter(|url| url.as_str() == text)
}

/// The one status that is accepted (section 7.1). `0x01` is invalid, `0x02` suspended; others belong to applications.
const VALID: u8 = 0x00;
