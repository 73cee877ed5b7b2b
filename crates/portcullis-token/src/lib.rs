//! Access tokens to verified claims.
//!
//! [`Verifier`] turns the text of an access token into [`VerifiedClaims`], or says why not: a JWT (RFC 9068), or an opaque
//! token that its issuer is asked about (RFC 7662). It trusts the [`Issuer`]s that it is given, each with its own keys,
//! algorithms and audiences, and believes nothing that a token says about itself. A [`Preset`] says what the tokens of a
//! product look like that does not follow the standard. [`ApiKeys`] does the same for clients that cannot do OAuth yet, and
//! [`Revocations`] say what is no longer accepted. Time is an argument; there is no global state.
//!
//! [`VerifiedClaims`]: portcullis_core::VerifiedClaims

mod algorithm;
mod api_key;
mod approval;
mod base64url;
mod claims;
mod confirmation;
mod dpop;
mod duration;
mod error;
mod excerpt;
mod http;
mod introspection;
mod issuer;
mod json;
mod jws;
mod keys;
mod known;
mod limits;
mod mtls;
mod presented;
mod preset;
mod revocation;
mod secret;
mod settings;
mod signature;
mod source;
mod status;
mod verifier;
mod verifier_error;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use api_key::{
    ApiKeyEntry, ApiKeyError, ApiKeySettings, ApiKeyStatus, ApiKeyText, ApiKeys, ApiKeysError, InvalidKeyFile,
    KeyFileError, KeyPlace, NewApiKey,
};
pub use approval::{
    ApprovalKey, ApprovalKeyError, ApprovalSettings, ApprovalSettingsError, Approvals, ApprovalsError, Intent,
    IntentError, InvalidTicket, NotApproved, SignedApproval, Ticket, UnfitApproval, VerifiedApproval,
};
pub use confirmation::BindingRule;
pub use dpop::{
    DpopSettings, DpopSettingsError, InvalidNonceLifetime, InvalidOrigin, InvalidProof, InvalidThumbprint, InvalidUri,
    MemoryReplayStore, NonceKey, NonceKeyError, NoncePolicy, Nonces, Origin, ProofError, ProofRequest, ProofVerifier,
    ProofVerifierError, ProvenKey, Recall, ReplayFuture, ReplayScope, ReplayStore, ReplayStoreError, TargetUri,
    Thumbprint, UsedProof,
};
pub use duration::{HumanDuration, InvalidDuration};
pub use error::{Malformed, Segment, TokenError};
pub use excerpt::Excerpt;
pub use http::{EndpointError, Network};
pub use introspection::{AbsentAudience, ClientCredentials, IntrospectedTokens, Introspection, IntrospectionError};
pub use issuer::{ForeignAudiences, Issuer, IssuerError, TokenType};
pub use json::InvalidJson;
pub use keys::{IgnoredKey, IgnoredReason, KeySet, KeySetError};
pub use known::{KnownToken, TokenHash};
pub use limits::Limits;
pub use mtls::{CertificateField, CertificateFieldError, CertificateThumbprint};
pub use presented::PresentedToken;
pub use preset::Preset;
pub use revocation::{
    Presented, Revocation, RevocationList, RevocationListFull, Revocations, RevocationsUnavailable, Target,
};
pub use secret::SecretError;
pub use settings::{IssuerSettings, SettingsError, TenantsError};
pub use source::{KeySource, KeySourceError};
pub use status::{StatusCheck, StatusLists, StatusListsError};
pub use verifier::{Recheck, Verified, Verifier};
pub use verifier_error::VerifierError;
