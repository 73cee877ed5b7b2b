//! Google's `tokeninfo`, which answers about access tokens in a form of its own: without credentials of the client, by
//! status instead of `active`, and with numbers as text.

use serde_json::{Map, Number, Value};

use super::form;
use super::request::RequestError;
use crate::http::Reply;

/// The form that asks about `token`.
pub(super) fn question(token: &str) -> String {
    format!("access_token={}", form::encode(token))
}

/// The answer in the form of RFC 7662.
pub(super) fn members(reply: &Reply) -> Result<Map<String, Value>, RequestError> {
    match reply.status {
        200 => {}
        // Unknown, expired or revoked.
        400 => return Ok(Map::from_iter([("active".to_owned(), false.into())])),
        status => return Err(RequestError::Status(status)),
    }
    let mut members = super::request::plain(reply)?;
    for name in ["exp", "iat"] {
        if let Some(Value::String(text)) = members.get(name)
            && let Ok(seconds) = text.parse::<u64>()
        {
            members.insert(name.to_owned(), Value::Number(Number::from(seconds)));
        }
    }
    members.insert("active".to_owned(), true.into());
    Ok(members)
}
