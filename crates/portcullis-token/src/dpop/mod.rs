//! DPoP (RFC 9449): whoever sends a token proves that they hold the key that it is bound to.
//!
//! [`ProofVerifier::verify`] is the order of the checks. It needs the token's `cnf.jkt`, so it comes after the token
//! itself was verified.

mod claims;
mod error;
mod nonce;
mod proof;
mod replay;
mod settings;
mod target_uri;
mod thumbprint;
mod verifier;

pub use error::{InvalidProof, ProofError};
pub use nonce::{InvalidNonceLifetime, NonceKey, NonceKeyError, NoncePolicy, Nonces};
pub use replay::{MemoryReplayStore, Recall, ReplayFuture, ReplayStore, ReplayStoreError, UsedProof};
pub use settings::{DpopSettings, DpopSettingsError, ReplayScope};
pub use target_uri::{InvalidOrigin, InvalidUri, Origin, TargetUri};
pub(crate) use thumbprint::sha256;
pub use thumbprint::{InvalidThumbprint, Thumbprint};
pub use verifier::{ProofRequest, ProofVerifier, ProofVerifierError, ProvenKey};
