//! Tokens that were accepted before: what need not be checked again.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, digest};
use portcullis_core::VerifiedClaims;

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
/// That a key signed its text stays true as long as the issuer's keys stay the same. Everything else is checked again.
pub struct KnownToken {
    pub(crate) hash: TokenHash,
    pub(crate) issuer: Arc<Issuer>,
    /// The keys of the issuer when the signature was checked.
    pub(crate) keys: Arc<KeySet>,
    pub(crate) typ: Option<String>,
    pub(crate) claims: Arc<VerifiedClaims>,
}

impl KnownToken {
    /// The claims, with what was proven about the sender.
    #[must_use]
    pub fn claims(&self) -> &Arc<VerifiedClaims> {
        &self.claims
    }
}

/// Claims are personal data.
impl fmt::Debug for KnownToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KnownToken").field("issuer", &self.issuer.alias()).finish_non_exhaustive()
    }
}
