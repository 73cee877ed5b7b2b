//! DPoP (RFC 9449): whoever sends a token proves that they hold the key that it is bound to.

mod nonce;
mod replay;
mod target_uri;
mod thumbprint;

pub use nonce::{InvalidNonceLifetime, NonceKey, NonceKeyError, NoncePolicy, Nonces};
pub use replay::{MemoryReplayStore, Recall, ReplayFuture, ReplayStore, ReplayStoreError, UsedProof};
pub use target_uri::{InvalidOrigin, InvalidUri, Origin, TargetUri};
pub use thumbprint::{InvalidThumbprint, Thumbprint};
