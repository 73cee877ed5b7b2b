//! The checks of a proof, in their order.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::constant_time::verify_slices_are_equal;
use portcullis_core::UnixTime;

use super::claims::ProofClaims;
use super::error::{InvalidProof, ProofError};
use super::nonce::NoncePolicy;
use super::proof::Proof;
use super::replay::{Recall, ReplayStore, UsedProof};
use super::target_uri::Origin;
use super::thumbprint::{Thumbprint, sha256};
use crate::algorithm::Algorithm;
use crate::base64url;

/// Verifies DPoP proofs at a resource server (RFC 9449 §4.3 and §7).
///
/// The way through a proof is fixed: one field, its syntax, its type, its algorithm, its key, whether the token is
/// bound to that key, the signature, method, URI, times, access token, nonce, and last whether it is new. The first
/// failure is the answer.
///
/// The binding comes before the signature, so that only proofs with the key of a valid token cost a signature check.
/// No claim is looked at before the signature is checked, and only the holder of the key ever gets a nonce.
///
/// # Defaults
///
/// - Algorithms are ES256, Ed25519 (also by its older name EdDSA) and PS256: those of FAPI 2.0 §5.4.
/// - A proof may be 60 seconds old, and 10 seconds ahead for clients whose clock is.
/// - No nonces.
///
/// ```
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// use std::sync::Arc;
///
/// use portcullis_core::UnixTime;
/// use portcullis_token::{InvalidProof, MemoryReplayStore, Origin, ProofError, ProofRequest, ProofVerifier};
///
/// let now = UnixTime::from_secs(1_767_226_000).unwrap();
/// let origin = Origin::new("https://api.example.com")?;
/// let verifier = ProofVerifier::new([origin], Arc::new(MemoryReplayStore::new(now)))?;
///
/// let bound_to = "FtIu-VbGrfe_KB6CH7GNwODB72MNxj_ml11dEvO-7kk".parse()?; // the token's `cnf.jkt`
/// let request = ProofRequest::new("GET", "/orders", "the token as it was sent", bound_to);
/// let result = verifier.verify(&[], &request, now).await;
/// assert_eq!(result, Err(ProofError::Invalid(InvalidProof::Missing)));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// # })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ProofVerifier {
    origins: Vec<Origin>,
    replay: Arc<dyn ReplayStore>,
    algorithms: Vec<Algorithm>,
    max_age: Duration,
    max_ahead: Duration,
    nonces: NoncePolicy,
}

impl ProofVerifier {
    /// Verifies proofs for a service that is reached at `origins`, and remembers them in `replay`.
    ///
    /// # Errors
    ///
    /// [`ProofVerifierError::NoOrigin`] without any: then no proof could be right.
    pub fn new(
        origins: impl IntoIterator<Item = Origin>,
        replay: Arc<dyn ReplayStore>,
    ) -> Result<Self, ProofVerifierError> {
        let origins: Vec<Origin> = origins.into_iter().collect();
        if origins.is_empty() {
            return Err(ProofVerifierError::NoOrigin);
        }
        Ok(Self {
            origins,
            replay,
            algorithms: DEFAULT_ALGORITHMS.to_vec(),
            max_age: DEFAULT_MAX_AGE,
            max_ahead: DEFAULT_MAX_AHEAD,
            nonces: NoncePolicy::Off,
        })
    }

    /// Accepts proofs with these algorithms and no others.
    ///
    /// # Errors
    ///
    /// [`ProofVerifierError::NoAlgorithm`] without any.
    pub fn with_algorithms(
        mut self,
        algorithms: impl IntoIterator<Item = Algorithm>,
    ) -> Result<Self, ProofVerifierError> {
        self.algorithms = algorithms.into_iter().collect();
        if self.algorithms.is_empty() {
            return Err(ProofVerifierError::NoAlgorithm);
        }
        Ok(self)
    }

    /// Accepts proofs whose `iat` is up to `max_age` ago and up to `max_ahead` in the future.
    ///
    /// # Errors
    ///
    /// If `max_age` is more than 5 minutes, or `max_ahead` more than 60 seconds (FAPI 2.0 §5.3.2.1): a proof that is
    /// good for long is worth stealing.
    pub fn with_window(mut self, max_age: Duration, max_ahead: Duration) -> Result<Self, ProofVerifierError> {
        for (value, limit) in [(max_age, LARGEST_MAX_AGE), (max_ahead, LARGEST_MAX_AHEAD)] {
            if value > limit {
                return Err(ProofVerifierError::WindowTooLong { value, limit });
            }
        }
        (self.max_age, self.max_ahead) = (max_age, max_ahead);
        Ok(self)
    }

    /// Accepts proofs that are up to `max_age` old.
    ///
    /// # Errors
    ///
    /// As [`ProofVerifier::with_window`].
    pub fn with_max_age(self, max_age: Duration) -> Result<Self, ProofVerifierError> {
        let max_ahead = self.max_ahead;
        self.with_window(max_age, max_ahead)
    }

    /// Remembers used proofs in `replay`.
    #[must_use]
    pub fn with_replay(mut self, replay: Arc<dyn ReplayStore>) -> Self {
        self.replay = replay;
        self
    }

    /// Says whether proofs need a nonce of this server.
    #[must_use]
    pub fn with_nonces(mut self, nonces: NoncePolicy) -> Self {
        self.nonces = nonces;
        self
    }

    /// The names of the algorithms, separated by spaces: the value of `algs` in a challenge (RFC 9449 §7.1).
    #[must_use]
    pub fn algs(&self) -> String {
        let names: Vec<&str> = self.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        names.join(" ")
    }

    /// Verifies the values of all `DPoP` fields of a request, at `now`.
    ///
    /// The access token must have been verified before: its `cnf.jkt` is believed.
    ///
    /// # Errors
    ///
    /// [`ProofError`], whose variant decides the answer. A future that is dropped may leave the proof used.
    pub async fn verify(
        &self,
        fields: &[&[u8]],
        request: &ProofRequest<'_>,
        now: UnixTime,
    ) -> Result<ProvenKey, ProofError> {
        let proof = Proof::parse(fields, &self.algorithms)?;
        if *proof.thumbprint() != request.bound_to {
            return Err(ProofError::KeyMismatch);
        }
        let claims = proof.signed_claims()?;
        self.check_request(&claims, request)?;
        self.check_times(&claims, now)?;
        check_access_token(&claims, request)?;
        let next_nonce = self.check_nonce(&claims, now)?;
        self.check_replay(&claims, proof.thumbprint(), now).await?;
        Ok(ProvenKey { thumbprint: *proof.thumbprint(), jti: claims.jti.to_owned(), next_nonce })
    }

    /// RFC 9449 §4.3, checks 8 and 9.
    fn check_request(&self, claims: &ProofClaims<'_>, request: &ProofRequest<'_>) -> Result<(), InvalidProof> {
        // Methods are case-sensitive (RFC 9110 §9.1).
        if claims.htm != request.method {
            return Err(InvalidProof::OtherMethod);
        }
        for origin in &self.origins {
            if origin.target(request.path).map_err(InvalidProof::RequestPath)? == claims.htu {
                return Ok(());
            }
        }
        Err(InvalidProof::OtherUri)
    }

    /// RFC 9449 §4.3, check 11.
    fn check_times(&self, claims: &ProofClaims<'_>, now: UnixTime) -> Result<(), InvalidProof> {
        let horizon = now.plus(self.max_ahead);
        let (made, iat) = (claims.iat.floor(), claims.iat.ceil());
        if iat > horizon {
            return Err(InvalidProof::IssuedInFuture { iat, now });
        }
        if now > made.plus(self.max_age) {
            return Err(InvalidProof::TooOld { iat: made, now });
        }
        // Proofs need neither of these; a client that sets one means it.
        match (claims.exp, claims.nbf) {
            (Some(exp), _) if now >= exp => Err(InvalidProof::Expired { exp, now }),
            (_, Some(nbf)) if nbf > horizon => Err(InvalidProof::NotYetValid { nbf, now }),
            _ => Ok(()),
        }
    }

    /// RFC 9449 §4.3, check 10; the next nonce for the client, if it is time for one.
    fn check_nonce(&self, claims: &ProofClaims<'_>, now: UnixTime) -> Result<Option<String>, ProofError> {
        let (nonces, is_required) = match &self.nonces {
            NoncePolicy::Off => return Ok(None),
            NoncePolicy::Optional(nonces) => (nonces, false),
            NoncePolicy::Required(nonces) => (nonces, true),
        };
        match claims.nonce.map(|nonce| nonces.issued(nonce, now)) {
            Some(Some(issued)) => Ok(nonces.is_due(issued, now).then(|| nonces.issue(now))),
            None if !is_required => Ok(Some(nonces.issue(now))),
            Some(None) | None => Err(ProofError::UseNonce { nonce: nonces.issue(now) }),
        }
    }

    /// RFC 9449 §11.1: accepts a proof once. After everything else, so that bad proofs are never remembered.
    async fn check_replay(&self, claims: &ProofClaims<'_>, key: &Thumbprint, now: UnixTime) -> Result<(), ProofError> {
        let issued = claims.iat.floor();
        let proof = UsedProof::new(*key, claims.jti, issued, issued.plus(self.max_age));
        match self.replay.remember(&proof, now).await {
            Ok(Recall::New) => Ok(()),
            Ok(Recall::Repeated) => Err(ProofError::Replayed),
            Ok(Recall::ShareExhausted) => Err(ProofError::Flood { retry_after: self.max_age + self.max_ahead }),
            Ok(Recall::BeforeMemory) => Err(InvalidProof::BeforeMemory.into()),
            Err(error) => {
                tracing::error!(%error, "proofs cannot be told from replayed ones; all are refused");
                Err(ProofError::Unavailable { retry_after: RETRY_STORE_AFTER })
            }
        }
    }
}

/// The request that a proof must be for.
#[derive(Clone, Copy)]
pub struct ProofRequest<'a> {
    method: &'a str,
    path: &'a str,
    access_token: &'a str,
    bound_to: Thumbprint,
}

impl<'a> ProofRequest<'a> {
    /// A request with `method` for `path`, with `access_token`, which is bound to the key `bound_to` (`cnf.jkt`).
    ///
    /// `path` is the path as it was received from outside: percent-encoded, and with what a router has stripped. A
    /// query may follow. `access_token` is the text of the credentials without the scheme.
    #[must_use]
    pub fn new(method: &'a str, path: &'a str, access_token: &'a str, bound_to: Thumbprint) -> Self {
        Self { method, path, access_token, bound_to }
    }
}

/// Does not print the access token.
impl fmt::Debug for ProofRequest<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ProofRequest")
            .field("method", &self.method)
            .field("bound_to", &self.bound_to)
            .finish_non_exhaustive()
    }
}

/// A key whose possession was proven for one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProvenKey {
    thumbprint: Thumbprint,
    jti: String,
    next_nonce: Option<String>,
}

impl ProvenKey {
    /// The thumbprint of the key, which is the one that the token is bound to.
    #[must_use]
    pub fn thumbprint(&self) -> &Thumbprint {
        &self.thumbprint
    }

    /// The id of the proof: for the audit record. The client chose it; it has at most 256 bytes.
    #[must_use]
    pub fn jti(&self) -> &str {
        &self.jti
    }

    /// The one value of `DPoP-Nonce` for the answer, if the client should use a new nonce from now on. Such an answer
    /// must not be cached (RFC 9449 §8.2).
    #[must_use]
    pub fn next_nonce(&self) -> Option<&str> {
        self.next_nonce.as_deref()
    }
}

/// Why proofs cannot be verified under these rules. The operator must change a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofVerifierError {
    /// No algorithm is allowed.
    #[error("no algorithm is allowed for DPoP proofs; list some, such as ES256")]
    NoAlgorithm,
    /// No origin is named.
    #[error(
        "no public origin of the service is named; DPoP proofs are compared with it, such as https://api.example.com"
    )]
    NoOrigin,
    /// Proofs would be accepted for too long.
    #[error("a window of {value:?} for DPoP proofs is longer than {limit:?}; set the clocks by NTP and use less")]
    WindowTooLong {
        /// The duration.
        value: Duration,
        /// The longest duration allowed.
        limit: Duration,
    },
}

/// RFC 9449 §4.3, check 12: the hash of the token as it was sent.
fn check_access_token(claims: &ProofClaims<'_>, request: &ProofRequest<'_>) -> Result<(), InvalidProof> {
    let expected = base64url::encode(&sha256(request.access_token.as_bytes()));
    verify_slices_are_equal(expected.as_bytes(), claims.ath.as_bytes()).map_err(|_| InvalidProof::OtherToken)
}

/// The best first: some clients take the first that they can.
const DEFAULT_ALGORITHMS: [Algorithm; 4] = [Algorithm::Es256, Algorithm::Ed25519, Algorithm::EdDsa, Algorithm::Ps256];

const DEFAULT_MAX_AGE: Duration = Duration::from_secs(60);
const DEFAULT_MAX_AHEAD: Duration = Duration::from_secs(10);
const LARGEST_MAX_AGE: Duration = Duration::from_secs(300);
const LARGEST_MAX_AHEAD: Duration = Duration::from_secs(60);

/// Long enough for a store to come back, short enough for a client to wait.
const RETRY_STORE_AFTER: Duration = Duration::from_secs(2);
