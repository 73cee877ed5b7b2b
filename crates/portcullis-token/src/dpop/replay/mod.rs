//! Which proofs were used (RFC 9449 §11.1).

mod memory;

use std::error::Error;
use std::fmt;
use std::pin::Pin;

use portcullis_core::UnixTime;

use super::thumbprint::{Thumbprint, sha256};

pub use memory::MemoryReplayStore;

/// Remembers which proofs were used.
///
/// It is asked last, when everything else about a proof was found right: what a stranger sends never gets here.
///
/// Implementations keep four promises:
///
/// - Looking and inserting are one step. Of two requests with one proof, at whatever instances, one gets
///   [`Recall::New`].
/// - Nothing is forgotten before its [`UsedProof::expires`] has passed, not for lack of room either.
/// - One key that floods the store takes nothing from others.
/// - Whoever does not know says so with an error. Then the request is refused.
pub trait ReplayStore: fmt::Debug + Send + Sync {
    /// Remembers `proof`, and says whether it was there already. `now` is the time of the request.
    fn remember<'a>(&'a self, proof: &'a UsedProof, now: UnixTime) -> ReplayFuture<'a>;
}

/// What [`ReplayStore::remember`] returns: a boxed future, so that the store can be chosen at run time.
pub type ReplayFuture<'a> = Pin<Box<dyn Future<Output = Result<Recall, ReplayStoreError>> + Send + 'a>>;

/// What a store knows of a proof.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Recall {
    /// The proof was never used, and is remembered now.
    New,
    /// The proof was used before.
    Repeated,
    /// So many proofs of this key are remembered that there is no room for another one. This one is not remembered.
    ShareExhausted,
    /// The proof is so old that the store cannot know it: from before its start, or from a time that it has forgotten.
    BeforeMemory,
}

/// A proof that passed all other checks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsedProof {
    id: [u8; 32],
    key: Thumbprint,
    issued: UnixTime,
    expires: UnixTime,
}

impl UsedProof {
    /// The proof `jti` of the key `key`, made at `issued` and acceptable up to and including the second `expires`.
    #[must_use]
    pub fn new(key: Thumbprint, jti: &str, issued: UnixTime, expires: UnixTime) -> Self {
        // Thumbprints have one length, so that the two parts cannot be cut differently.
        let id = sha256(&[key.as_bytes(), jti.as_bytes()].concat());
        Self { id, key, issued, expires }
    }

    /// The approval of the ticket `nonce` by the subject `subject`: no proof of a key, but used once all the same. Each subject
    /// counts as a key of its own, which no key in the world has.
    pub(crate) fn of_approval(subject: &str, nonce: &str, issued: UnixTime, expires: UnixTime) -> Self {
        Self::new(Thumbprint::of_approver(subject), nonce, issued, expires)
    }

    /// SHA-256 of the key's thumbprint and the `jti`: of one size whatever the client chose, and nobody can find
    /// another proof with the same.
    #[must_use]
    pub fn id(&self) -> &[u8; 32] {
        &self.id
    }

    /// The key that made the proof.
    #[must_use]
    pub fn key(&self) -> &Thumbprint {
        &self.key
    }

    /// When it says it was made (`iat`).
    #[must_use]
    pub fn issued(&self) -> UnixTime {
        self.issued
    }

    /// The last second in which it would be accepted, leeway included: so long it must be remembered.
    #[must_use]
    pub fn expires(&self) -> UnixTime {
        self.expires
    }
}

/// A replay store could not answer. For the log, never for the caller.
#[derive(Debug)]
pub struct ReplayStoreError(Box<dyn Error + Send + Sync>);

impl ReplayStoreError {
    /// The store could not answer because of `cause`.
    #[must_use]
    pub fn new(cause: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self(cause.into())
    }
}

impl fmt::Display for ReplayStoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the replay store failed: {}", self.0)
    }
}

impl Error for ReplayStoreError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(&*self.0)
    }
}
