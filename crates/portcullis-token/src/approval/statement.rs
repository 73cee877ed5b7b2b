//! Statements of this service: compact JWS (RFC 7515 §7.1) with HS256.
//!
//! There is one issuer, one algorithm and one key, so the header is no input: it is compared with the one that we write. What
//! one kind of statement says is never taken for another kind, and no token is taken for either.

use aws_lc_rs::hmac;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::key::ApprovalKey;
use super::signed::SignedApproval;
use crate::base64url;

/// The kinds of statements.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum StatementType {
    Ticket,
    Approval,
}

impl StatementType {
    /// The first segment, with the dot that ends it.
    fn header(self) -> String {
        let typ = match self {
            Self::Ticket => "portcullis-ticket+jwt",
            Self::Approval => "portcullis-approval+jwt",
        };
        base64url::encode(format!(r#"{{"alg":"HS256","typ":"{typ}"}}"#).as_bytes()) + "."
    }

    /// An approval holds a ticket, and must fit a header field beside others.
    const fn max_chars(self) -> usize {
        match self {
            Self::Ticket => 3072,
            Self::Approval => SignedApproval::MAX_CHARS,
        }
    }
}

/// Signs `claims`. `None` if the text would be too long.
pub(super) fn sign(key: &ApprovalKey, typ: StatementType, claims: &impl Serialize) -> Option<String> {
    let payload = serde_json::to_vec(claims).ok()?;
    let mut text = typ.header() + &base64url::encode(&payload);
    let tag = hmac::sign(&key.0, text.as_bytes());
    text.push('.');
    text.push_str(&base64url::encode(tag.as_ref()));
    (text.len() <= typ.max_chars()).then_some(text)
}

/// What `text` says, if it is a statement of the kind `typ` that this key has signed.
pub(super) fn open<T: DeserializeOwned>(key: &ApprovalKey, typ: StatementType, text: &str) -> Option<T> {
    if text.len() > typ.max_chars() {
        return None;
    }
    let (input, tag) = text.rsplit_once('.')?;
    let header = typ.header();
    let payload = input.strip_prefix(&header)?;
    // Compares in constant time. Before it, nothing of the payload is looked at.
    hmac::verify(&key.0, input.as_bytes(), &base64url::decode(tag)?).ok()?;
    serde_json::from_slice(&base64url::decode(payload)?).ok()
}
