//! Session ids that are worth nothing to anybody else.

use std::fmt;

use aws_lc_rs::hmac::{HMAC_SHA256, Key, sign, verify};
use aws_lc_rs::rand::SystemRandom;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderMap, HeaderName, HeaderValue};
use portcullis::Caller;

use super::error::ProtocolError;

/// Binds the session ids of the library to the verified user and the client.
///
/// The protocol lets a client send back an id, and must not take it for a proof of who it is. So what the client gets is the
/// library's id with a MAC over it and the caller. Nothing is remembered, and the token is checked for every request besides.
#[derive(Clone)]
pub struct Sessions {
    key: Key,
}

impl Sessions {
    /// Sessions of this process: its key is random, and ends with it.
    ///
    /// # Errors
    ///
    /// If the operating system gives no randomness.
    pub fn new() -> Result<Self, aws_lc_rs::error::Unspecified> {
        Ok(Self { key: Key::generate(HMAC_SHA256, &SystemRandom::new())? })
    }

    /// What `caller` is told that the session `id` is called.
    #[must_use]
    pub fn seal(&self, id: &str, caller: &Caller) -> String {
        format!("{id}.{}", URL_SAFE_NO_PAD.encode(sign(&self.key, &bound(id, caller))))
    }

    /// The id of the library, if `sealed` was given to `caller`.
    #[must_use]
    pub fn open<'a>(&self, sealed: &'a str, caller: &Caller) -> Option<&'a str> {
        let (id, mac) = sealed.rsplit_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        verify(&self.key, &bound(id, caller), &mac).ok().map(|()| id)
    }

    /// Puts the library's id in place of that of `caller` in the header of a request.
    ///
    /// # Errors
    ///
    /// If the session is not the caller's, or the field stands there twice.
    pub fn open_request(&self, headers: &mut HeaderMap, caller: &Caller) -> Result<(), ProtocolError> {
        let mut sealed = headers.get_all(SESSION_ID).iter();
        let id = match (sealed.next(), sealed.next()) {
            (None, _) => return Ok(()),
            (Some(sealed), None) => sealed.to_str().ok().and_then(|sealed| self.open(sealed, caller)),
            (Some(_), Some(_)) => None,
        };
        let id = id.and_then(|id| HeaderValue::from_str(id).ok()).ok_or(ProtocolError::FOREIGN_SESSION)?;
        headers.insert(SESSION_ID, id);
        Ok(())
    }

    /// Puts the id for `caller` in place of the library's in the header of an answer.
    pub fn seal_response(&self, headers: &mut HeaderMap, caller: &Caller) {
        let Some(id) = headers.remove(SESSION_ID) else { return };
        let sealed = id.to_str().ok().and_then(|id| HeaderValue::from_str(&self.seal(id, caller)).ok());
        headers.extend(sealed.map(|sealed| (SESSION_ID, sealed)));
    }
}

impl fmt::Debug for Sessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sessions").finish_non_exhaustive()
    }
}

/// What the MAC is over: each part with its length, so that no two callers look alike. The token is not in it: it changes
/// when the client asks for more scopes, and the session goes on.
fn bound(id: &str, caller: &Caller) -> Vec<u8> {
    let subject = caller.subject();
    let parts = [id, caller.issuer(), subject.kind.as_str(), &subject.id, caller.client().unwrap_or_default()];
    let actor = caller.actor().map(|actor| actor.id.as_str());
    let mut bound = Vec::new();
    for part in parts.into_iter().chain(actor) {
        bound.extend(u64::try_from(part.len()).unwrap_or(u64::MAX).to_be_bytes());
        bound.extend(part.as_bytes());
    }
    bound
}

/// The field in which a session id travels.
pub const SESSION_ID: HeaderName = HeaderName::from_static("mcp-session-id");
