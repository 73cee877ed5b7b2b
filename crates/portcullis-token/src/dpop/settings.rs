//! `[dpop]` of `portcullis.toml`.

use std::path::Path;
use std::sync::Arc;

use portcullis_core::UnixTime;
use serde::Deserialize;

use super::nonce::{InvalidNonceLifetime, NonceKey, NonceKeyError, NoncePolicy, Nonces};
use super::replay::MemoryReplayStore;
use super::target_uri::{InvalidOrigin, Origin};
use super::verifier::{ProofVerifier, ProofVerifierError};
use crate::algorithm::Algorithm;
use crate::duration::HumanDuration;
use crate::secret::{SecretError, SecretSource};

/// The table `[dpop]`: the scheme `DPoP` is accepted, and its proofs are verified so (RFC 9449).
///
/// ```toml
/// [dpop]
/// replay = "one-replica"                      # or "each-replica", "shared": see `ReplayScope`; must be stated
/// origin = ["https://api.example.com"]        # where clients see the service; default: the origins of `resource`
/// algorithms = ["ES256", "Ed25519"]           # default: ES256, Ed25519, EdDSA and PS256
/// max_age = "60s"                             # how old a proof may be
/// nonces = "off"                              # "optional" or "required": proofs need a nonce of this service
/// nonce_keys = [{ file = "nonce.key" }]       # or { env = "NONCE_KEY" }; the first one issues. Default: random
/// ```
///
/// Several replicas with nonces need the same `nonce_keys`; with `replay = "shared"` they must be stated.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DpopSettings {
    replay: ReplayScope,
    origin: Option<Vec<String>>,
    algorithms: Option<Vec<Algorithm>>,
    max_age: Option<HumanDuration>,
    #[serde(default)]
    nonces: NonceUse,
    #[serde(default)]
    nonce_keys: Vec<SecretSource>,
}

/// Who remembers which proofs were used. Nothing is shared between replicas by a store in memory, so the operator must say
/// how many there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum ReplayScope {
    /// One process serves all requests: a proof is accepted once.
    OneReplica,
    /// Each of several replicas remembers for itself: a stolen proof could be used once at each, within a minute.
    EachReplica,
    /// All replicas remember together, in a store that the service gives its gate: a proof is accepted once. Without such a
    /// store, the gate does not start.
    Shared,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
enum NonceUse {
    #[default]
    Off,
    Optional,
    Required,
}

impl DpopSettings {
    /// The keys of the table.
    pub const KEYS: &[&str] = &["replay", "origin", "algorithms", "max_age", "nonces", "nonce_keys"];

    /// Who remembers used proofs.
    #[must_use]
    pub fn replay(&self) -> ReplayScope {
        self.replay
    }

    /// The verifier of these settings, for a service with the identifiers `resource`. It remembers proofs in memory, and
    /// refuses those from before `started`. Relative files are looked for in `directory`.
    ///
    /// # Errors
    ///
    /// If the settings would accept proofs that nobody meant to accept, or a key cannot be had.
    pub fn into_verifier(
        self,
        resource: &[String],
        directory: &Path,
        started: UnixTime,
    ) -> Result<ProofVerifier, DpopSettingsError> {
        let origins = match &self.origin {
            Some(stated) => stated.iter().map(|text| Origin::new(text)).collect::<Result<Vec<_>, _>>()?,
            None => resource.iter().filter_map(|identifier| Origin::of_url(identifier)).collect(),
        };
        let mut verifier = ProofVerifier::new(origins, Arc::new(MemoryReplayStore::new(started)))?;
        if let Some(algorithms) = &self.algorithms {
            verifier = verifier.with_algorithms(algorithms.iter().copied())?;
        }
        if let Some(max_age) = self.max_age {
            verifier = verifier.with_max_age(max_age.into())?;
        }
        Ok(verifier.with_nonces(self.nonce_policy(directory)?))
    }

    fn nonce_policy(&self, directory: &Path) -> Result<NoncePolicy, DpopSettingsError> {
        if self.nonces == NonceUse::Off {
            return if self.nonce_keys.is_empty() { Ok(NoncePolicy::Off) } else { Err(DpopSettingsError::UnusedKeys) };
        }
        let read = |source: &SecretSource| Ok(NonceKey::new(source.read(directory)?.reveal().as_bytes())?);
        if self.replay == ReplayScope::Shared && self.nonce_keys.is_empty() {
            return Err(DpopSettingsError::OwnKeys);
        }
        let mut keys = self.nonce_keys.iter().map(read).collect::<Result<Vec<_>, DpopSettingsError>>()?.into_iter();
        let current = match keys.next() {
            Some(key) => key,
            None => NonceKey::random()?,
        };
        let nonces = Nonces::new(current, keys);
        Ok(if self.nonces == NonceUse::Required {
            NoncePolicy::Required(nonces)
        } else {
            NoncePolicy::Optional(nonces)
        })
    }
}

/// Why `[dpop]` is refused. The operator must change a setting.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DpopSettingsError {
    /// Nonces cannot live so long.
    #[error(transparent)]
    NonceLifetime(#[from] InvalidNonceLifetime),
    /// A key for nonces is too short, or cannot be made.
    #[error(transparent)]
    NonceKey(#[from] NonceKeyError),
    /// Several replicas issue nonces, and have no keys in common.
    #[error(
        "`replay = \"shared\"` says that there are several replicas; without `nonce_keys` each would refuse the nonces of the others"
    )]
    OwnKeys,
    /// An origin is none.
    #[error(transparent)]
    Origin(#[from] InvalidOrigin),
    /// A key cannot be had.
    #[error(transparent)]
    Secret(#[from] SecretError),
    /// There are keys for nonces, and none is ever issued.
    #[error("`nonce_keys` are stated, and `nonces` is \"off\"")]
    UnusedKeys,
    /// A rule is unsafe.
    #[error(transparent)]
    Verifier(#[from] ProofVerifierError),
}
