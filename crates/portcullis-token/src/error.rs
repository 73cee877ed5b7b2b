//! Why a token was not accepted.

use std::time::Duration;

use portcullis_core::UnixTime;

use crate::confirmation::BindingRule;
use crate::dpop::ProofError;
use crate::excerpt::Excerpt;
use crate::json::InvalidJson;

/// Why a token was not turned into claims.
///
/// [`TokenError::Unavailable`] and [`TokenError::StatusUnavailable`] are nobody's fault who sent the request: the answer is
/// 503. [`TokenError::CredentialsRefused`] is a defect of this service: the answer is 500. All others are faults of the
/// token: the answer is 401 with `error="invalid_token"` (RFC 6750 §3.1, RFC 9068 §4).
///
/// `Display` and the fields are for the log. They quote the token in [`Excerpt`]s of single header parameters and
/// never hold the token, a part of its signature, or a claim about a person. For the caller there is
/// [`TokenError::description`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TokenError {
    /// The algorithm is not one that this issuer may use, whether or not it exists. `none` ends here.
    #[error("algorithm `{alg}` is not allowed")]
    AlgorithmNotAllowed {
        /// What the header says.
        alg: Excerpt,
    },
    /// The issuer says something else about the token than the token itself.
    #[error("the token and the issuer's answer about it disagree on `{claim}`")]
    AnswerDisagrees {
        /// The claim.
        claim: &'static str,
    },
    /// Several keys of the issuer fit, so the token does not say which one signed it.
    #[error("{candidates} keys of the issuer fit the token; the issuer must publish and name them by `kid`")]
    AmbiguousKey {
        /// How many fit.
        candidates: usize,
    },
    /// The signature was not made by the key over this text.
    #[error("the signature is wrong")]
    BadSignature,
    /// The issuer's tokens must be bound to their holder, and this one is not, or not so.
    #[error("the token is not bound to its holder as this issuer's tokens must be")]
    BindingRequired {
        /// What they must be.
        rule: BindingRule,
    },
    /// The token is bound to a key (`cnf`) in no way that is verified here. Such a token is never treated as a bearer
    /// token.
    #[error("the token is bound to a key by `cnf` in a way that is not supported here")]
    BindingUnsupported,
    /// The token is bound to a key, and was presented as a bearer token (RFC 9449 §7.2).
    #[error("the token is bound to a key by `cnf.jkt`, and was presented under the scheme `Bearer`")]
    BoundTokenAsBearer,
    /// The token is bound to a certificate, and its sender showed none, or another one (RFC 8705 §3).
    #[error("the token is bound to a certificate by `cnf`, and the client did not show it")]
    CertificateMismatch,
    /// The issuer must be asked about the token, and refuses the credentials of this resource server.
    #[error("issuer `{issuer}` refuses our client credentials, so it cannot be asked about tokens")]
    CredentialsRefused {
        /// The alias of the issuer.
        issuer: String,
    },
    /// The token has expired.
    #[error("the token expired at {exp}; it is {now}")]
    Expired {
        /// The first second in which the token is no longer valid, before leeway.
        exp: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// The issuer says that the token is not active: it is unknown, expired, revoked, or not for us (RFC 7662 §2.2).
    #[error("the issuer says that the token is not active")]
    Inactive,
    /// A claim has the wrong type or form.
    #[error("claim `{claim}` is not {expected}")]
    InvalidClaim {
        /// The claim.
        claim: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// The token says it was issued in the future.
    #[error("the token is issued at {iat}, more than a minute after now, {now}")]
    IssuedInFuture {
        /// When the token says it was issued.
        iat: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// Keys of this name exist, but none may be used with this algorithm.
    #[error("the key that the token names may not be used with `{alg}`")]
    KeyMismatch {
        /// The algorithm of the token.
        alg: &'static str,
    },
    /// The text is not a JWT at all.
    #[error("malformed token: {0}")]
    Malformed(Malformed),
    /// A claim that every access token has is missing.
    #[error("claim `{claim}` is missing")]
    MissingClaim {
        /// The claim.
        claim: &'static str,
    },
    /// The token is another kind of token of the same issuer, such as an ID token.
    #[error("claim `{claim}` shows that this is not an access token")]
    NotAnAccessToken {
        /// The claim that gives it away.
        claim: &'static str,
    },
    /// The token was presented under the scheme `DPoP` and is bound to no key, so a proof proves nothing.
    #[error("the token was presented under the scheme `DPoP`, and has no `cnf.jkt`")]
    NotBound,
    /// The sender did not prove that it holds the key of the token. The answer depends on [`ProofError`].
    #[error("the proof of possession is not accepted: {0}")]
    Proof(Box<ProofError>),
    /// The token is not valid yet.
    #[error("the token is not valid before {nbf}; it is {now}")]
    NotYetValid {
        /// The first second in which the token is valid, before leeway.
        nbf: UnixTime,
        /// The time of the check.
        now: UnixTime,
    },
    /// The token was revoked here, before it expired.
    #[error("the token was revoked")]
    Revoked,
    /// The issuer is needed, for its keys or for what it says about the token, and does not answer.
    #[error("issuer `{issuer}` is not available")]
    Unavailable {
        /// The alias of the issuer.
        issuer: String,
        /// How long to wait before another attempt is made; at least a second.
        retry_after: Duration,
    },
    /// The token has a status, and nobody said where its issuer may publish it, or that it may be ignored.
    #[error("the token has a `status`, and the settings of its issuer have no `status_list`")]
    StatusNotChecked,
    /// The issuer no longer stands by the token: it is revoked, suspended, or has a status that means nothing here.
    #[error("the status of the token is 0x{status:02x}, not valid")]
    StatusNotValid {
        /// The status in the list of its issuer.
        status: u8,
    },
    /// The issuer's status list is needed and cannot be had.
    #[error("the status list of issuer `{issuer}` is not available")]
    StatusUnavailable {
        /// The alias of the issuer.
        issuer: String,
        /// How long to wait before another attempt is made; at least a second.
        retry_after: Duration,
    },
    /// The token names an issuer that is not trusted here, or none.
    #[error("no trusted issuer has this `iss`")]
    UnknownIssuer,
    /// The issuer has no key of this name.
    #[error("the issuer has no key that the token could name")]
    UnknownKey,
    /// The token is for somebody else.
    #[error("the token is not meant for this resource server: no audience of ours is in `aud`")]
    WrongAudience,
    /// `typ` is not that of an access token.
    #[error("`typ` is {}, not that of an access token", typ.as_ref().map_or("absent".to_owned(), |typ| format!("`{typ}`")))]
    WrongType {
        /// What the header says, if anything.
        typ: Option<Excerpt>,
    },
}

impl TokenError {
    /// What the caller may learn: a fixed text without quotes or backslashes, fit for `error_description`
    /// (RFC 6750 §3).
    #[must_use]
    pub const fn description(&self) -> &'static str {
        match self {
            Self::Expired { .. } => "the access token expired",
            Self::NotYetValid { .. } | Self::IssuedInFuture { .. } => "the access token is not valid yet",
            Self::WrongAudience => "the access token is for another audience",
            Self::WrongType { .. } | Self::NotAnAccessToken { .. } => "the token is not an access token",
            Self::BindingUnsupported => "the access token is bound to a key and no proof of possession is accepted",
            Self::BindingRequired { .. } => "the access token must be bound to a key",
            Self::BoundTokenAsBearer => "the access token is bound to a key and needs a DPoP proof",
            Self::CertificateMismatch => "the access token is bound to another client certificate",
            Self::NotBound => "the access token is not bound to a DPoP key",
            Self::Proof(error) => error.description(),
            Self::Malformed(_) => "the access token is malformed",
            Self::Inactive => "the access token is not active",
            Self::Revoked => "the access token was revoked",
            Self::StatusNotValid { .. } => "the access token was revoked or suspended",
            Self::CredentialsRefused { .. } | Self::Unavailable { .. } | Self::StatusUnavailable { .. } => {
                "the access token cannot be verified now"
            }
            Self::AlgorithmNotAllowed { .. }
            | Self::AnswerDisagrees { .. }
            | Self::AmbiguousKey { .. }
            | Self::BadSignature
            | Self::InvalidClaim { .. }
            | Self::KeyMismatch { .. }
            | Self::MissingClaim { .. }
            | Self::StatusNotChecked
            | Self::UnknownIssuer
            | Self::UnknownKey => "the access token is invalid",
        }
    }

    /// How long a caller should wait, where waiting helps; `None` if the token itself is at fault.
    #[must_use]
    pub const fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Unavailable { retry_after, .. } | Self::StatusUnavailable { retry_after, .. } => Some(*retry_after),
            _ => None,
        }
    }
}

impl From<ProofError> for TokenError {
    fn from(error: ProofError) -> Self {
        Self::Proof(Box::new(error))
    }
}

impl From<Malformed> for TokenError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Why a text is not a signed JWT in compact serialization (RFC 7515 §7.1).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Malformed {
    /// The text holds what no token may hold (`token68`, RFC 6750 §2.1).
    #[error("it holds characters that no token has")]
    Characters,
    /// The text has five segments: an encrypted token (RFC 7516), and none is decrypted here.
    #[error("it is encrypted")]
    Encrypted,
    /// A segment is not canonical base64url.
    #[error("the {segment} is not canonical base64url without padding")]
    Encoding {
        /// The segment.
        segment: Segment,
    },
    /// A header parameter is missing, has the wrong type, or asks for something that is not done here.
    #[error("header parameter `{parameter}` is not {expected}")]
    Header {
        /// The parameter.
        parameter: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A segment is not an acceptable JSON object.
    #[error("the {segment} is not acceptable JSON: {reason}")]
    Json {
        /// The segment.
        segment: Segment,
        /// Why not.
        reason: InvalidJson,
    },
    /// There are not exactly three segments, or one is empty.
    #[error("it does not consist of three segments")]
    Segments,
    /// The token or its header is too large.
    #[error("it is larger than {limit} bytes in its {segment}")]
    TooLarge {
        /// The segment, or all of it.
        segment: Segment,
        /// The limit that it exceeds.
        limit: usize,
    },
}

/// A part of a token.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Segment {
    /// The protected header.
    Header,
    /// The claims.
    Payload,
    /// The signature.
    Signature,
    /// All three with their dots.
    Whole,
}

impl std::fmt::Display for Segment {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Header => "header",
            Self::Payload => "payload",
            Self::Signature => "signature",
            Self::Whole => "whole",
        })
    }
}
