//! Tokens that were accepted before: what need not be checked again.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use serde_json::Value;

use crate::claims::Times;
use crate::confirmation::Confirmation;
use crate::issuer::Issuer;
use crate::keys::KeySet;

/// The SHA-256 hash of the text of a token, by which it is known again. The text itself is a secret and is not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenHash([u8; 32]);

impl TokenHash {
    /// The hash of `token`.
    #[must_use]
    pub fn of(token: &str) -> Self {
        let mut hash = [0; 32];
        // The lengths are equal, as SHA-256 is what was asked for.
        for (to, from) in hash.iter_mut().zip(digest(&SHA256, token.as_bytes()).as_ref()) {
            *to = *from;
        }
        Self(hash)
    }
}

/// A signed token that was accepted, for [`Verifier::verify_known`](crate::Verifier::verify_known).
///
/// Its text and its issuer's rules do not change. So that a key signed it stays true as long as the issuer's keys stay the same,
/// and kind, audience and form of its claims need not be looked at again. What time, the issuer and the sender can change is
/// kept here, to be checked with each request.
pub struct KnownToken {
    pub(crate) hash: TokenHash,
    pub(crate) issuer: Arc<Issuer>,
    /// The keys of the issuer when the signature was checked.
    pub(crate) keys: Arc<KeySet>,
    pub(crate) times: Times,
    pub(crate) confirmation: Confirmation,
    /// The claim `status`.
    pub(crate) status: Option<Box<Value>>,
}

/// What it is bound to names its holder.
impl fmt::Debug for KnownToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownToken").field("issuer", &self.issuer.alias()).finish_non_exhaustive()
    }
}
