use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::rand::{SecureRandom as _, SystemRandom};

use crate::dpop::sha256;

/// The secret key with which tickets and approvals are signed.
///
/// All replicas of a service share one. It is this service's own: another service that has it could approve for it.
pub struct ApprovalKey(pub(super) hmac::Key);

impl ApprovalKey {
    /// A key of this secret.
    ///
    /// # Errors
    ///
    /// [`ApprovalKeyError::TooShort`] below 32 octets (RFC 7518 §3.2): who finds the key approves everything.
    pub fn new(secret: &[u8]) -> Result<Self, ApprovalKeyError> {
        if secret.len() < MIN_SECRET_OCTETS {
            return Err(ApprovalKeyError::TooShort { octets: secret.len() });
        }
        // With a label, so that nothing else that is signed with the secret is a ticket or an approval.
        Ok(Self(hmac::Key::new(hmac::HMAC_SHA256, &sha256(&[LABEL, secret].concat()))))
    }

    /// A new random key: for one instance, until it stops.
    ///
    /// # Errors
    ///
    /// [`ApprovalKeyError::NoRandomness`] if the system has no random numbers.
    pub fn random() -> Result<Self, ApprovalKeyError> {
        let key = hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new());
        key.map(Self).map_err(|_| ApprovalKeyError::NoRandomness)
    }
}

/// Does not print the key.
impl fmt::Debug for ApprovalKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ApprovalKey").finish_non_exhaustive()
    }
}

/// Why there is no key for approvals. The operator must change something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ApprovalKeyError {
    /// The system has no random numbers.
    #[error("the system has no random numbers")]
    NoRandomness,
    /// The secret is too short.
    #[error("a key of {octets} octets can be guessed; use {MIN_SECRET_OCTETS} random ones or more")]
    TooShort {
        /// Its length.
        octets: usize,
    },
}

/// 128 random bits: no two tickets share them.
pub(super) fn nonce() -> Result<String, ApprovalKeyError> {
    let mut octets = [0; 16];
    SystemRandom::new().fill(&mut octets).map_err(|_| ApprovalKeyError::NoRandomness)?;
    Ok(crate::base64url::encode(&octets))
}

const LABEL: &[u8] = b"portcullis: tickets and approvals\0";
const MIN_SECRET_OCTETS: usize = 32;
