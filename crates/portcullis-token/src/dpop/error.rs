//! Why a proof was not accepted.

use std::time::Duration;

use portcullis_core::UnixTime;

use super::target_uri::InvalidUri;
use crate::error::TokenError;
use crate::excerpt::Excerpt;
use crate::keys::IgnoredReason;

/// Why possession of the key was not proven. Every one is a denial; the variant decides the answer.
///
/// `Display` is for the log. It quotes only single header parameters, in [`Excerpt`]s, and never the proof, a `jti` or
/// the token. For the caller there is [`ProofError::description`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProofError {
    /// The key of this proof is used so fast that its share of the replay store is full: the answer is 429. Others are
    /// not affected.
    #[error("more proofs were made with one key than are remembered for it")]
    Flood {
        /// After so long there is room for certain, if no proof is sent meanwhile.
        retry_after: Duration,
    },
    /// The proof is at fault: the answer is 401 with `error="invalid_dpop_proof"` (RFC 9449 §7.1).
    #[error(transparent)]
    Invalid(#[from] InvalidProof),
    /// The token is bound to another key than the one that made the proof: the answer is 401 with
    /// `error="invalid_token"` (RFC 9449 §7.1, Figure 16).
    #[error("the proof was made with another key than the token is bound to")]
    KeyMismatch,
    /// The proof was used before: the answer is 401 with `error="invalid_dpop_proof"`.
    #[error("the proof was used before")]
    Replayed,
    /// The replay store cannot be asked, so nobody knows whether the proof is new: the answer is 503.
    #[error("the replay store is not available")]
    Unavailable {
        /// How long to wait before another attempt is made.
        retry_after: Duration,
    },
    /// The proof has no nonce that this server issued lately: the answer is 401 with `error="use_dpop_nonce"` and the
    /// field `DPoP-Nonce` (RFC 9449 §9). All else about the proof was right, so it comes from the holder of the key.
    #[error("the proof has no `nonce` that was issued lately")]
    UseNonce {
        /// The value of `DPoP-Nonce`.
        nonce: String,
    },
}

impl ProofError {
    /// What the caller may learn: a fixed text without quotes or backslashes, fit for `error_description`
    /// (RFC 6750 §3).
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Flood { .. } => "too many requests were made with this DPoP key",
            Self::KeyMismatch => "invalid DPoP key binding",
            Self::Replayed => "the DPoP proof was used before",
            Self::Unavailable { .. } => "the DPoP proof cannot be verified now",
            Self::UseNonce { .. } => "the DPoP proof needs the nonce of this server",
            Self::Invalid(invalid) => match invalid {
                InvalidProof::Missing => "a DPoP proof is required",
                InvalidProof::Several => "more than one DPoP proof was sent",
                InvalidProof::OtherMethod => "the DPoP proof is for another method",
                InvalidProof::OtherUri | InvalidProof::TargetUri(_) | InvalidProof::RequestPath(_) => {
                    "the DPoP proof is for another URI"
                }
                InvalidProof::OtherToken => "the DPoP proof is for another access token",
                InvalidProof::BeforeMemory | InvalidProof::Expired { .. } | InvalidProof::TooOld { .. } => {
                    "the DPoP proof is too old"
                }
                InvalidProof::IssuedInFuture { .. } | InvalidProof::NotYetValid { .. } => {
                    "the DPoP proof is not valid yet"
                }
                InvalidProof::AlgorithmNotAllowed { .. }
                | InvalidProof::Jwt(_)
                | InvalidProof::Key(_)
                | InvalidProof::WrongType { .. } => "the DPoP proof is invalid",
            },
        }
    }

    /// How long a caller should wait, where waiting helps; `None` if the proof itself is at fault.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Flood { retry_after } | Self::Unavailable { retry_after } => Some(*retry_after),
            Self::Invalid(_) | Self::KeyMismatch | Self::Replayed | Self::UseNonce { .. } => None,
        }
    }
}

/// What is wrong with a proof (RFC 9449 §4.3).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum InvalidProof {
    /// The algorithm is not one that proofs may use here.
    #[error("proofs with the algorithm `{alg}` are not allowed")]
    AlgorithmNotAllowed {
        /// The algorithm.
        alg: &'static str,
    },
    /// The proof is older than the memory of the replay store, which might have forgotten it.
    #[error("the proof is older than the memory of the replay store")]
    BeforeMemory,
    /// The proof says itself that it has expired (`exp`).
    #[error("the proof expired at {exp}; it is {now}")]
    Expired {
        /// The first second in which it is no longer valid.
        exp: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// The proof says it was made in the future.
    #[error("the proof is issued at {iat}, too long after now, {now}")]
    IssuedInFuture {
        /// When it says it was made.
        iat: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// It is no signed JWT, lacks a claim, has one of a wrong form, or its signature is wrong.
    #[error("the proof is not a well-formed and signed one: {0}")]
    Jwt(TokenError),
    /// The key in its header cannot have made it, or must not.
    #[error("the key of the proof is not acceptable: {0}")]
    Key(IgnoredReason),
    /// There is no proof.
    #[error("there is no proof")]
    Missing,
    /// The proof says itself that it is not valid yet (`nbf`).
    #[error("the proof is not valid before {nbf}; it is {now}")]
    NotYetValid {
        /// The first second in which it is valid.
        nbf: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// It was made for another method (`htm`).
    #[error("the proof is for another method")]
    OtherMethod,
    /// It was made for another access token (`ath`).
    #[error("the proof is for another access token")]
    OtherToken,
    /// It was made for another URI (`htu`).
    #[error("the proof is for another URI")]
    OtherUri,
    /// The path of the request is one for which no proof can be right.
    #[error("no proof can be for the path of the request: {0}")]
    RequestPath(InvalidUri),
    /// There are several proofs, in several fields or in one.
    #[error("there are several proofs")]
    Several,
    /// `htu` is not a URI of a request.
    #[error("`htu` is not the URI of a request: {0}")]
    TargetUri(InvalidUri),
    /// The proof was made too long ago.
    #[error("the proof is issued at {iat}, too long before now, {now}")]
    TooOld {
        /// When it says it was made.
        iat: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// `typ` is not that of a proof.
    #[error("`typ` is {}, not `dpop+jwt`", typ.as_ref().map_or("absent".to_owned(), |typ| format!("`{typ}`")))]
    WrongType {
        /// What the header says, if anything.
        typ: Option<Excerpt>,
    },
}

impl From<TokenError> for InvalidProof {
    fn from(error: TokenError) -> Self {
        Self::Jwt(error)
    }
}
