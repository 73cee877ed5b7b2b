//! Access tokens to verified claims.
//!
//! [`Verifier`] turns the text of an access token into [`VerifiedClaims`], or says why not: a JWT (RFC 9068), or an opaque
//! token that its issuer is asked about (RFC 7662). It trusts the [`Issuer`]s that it is given, each with its own keys, algorithms and audiences, and believes nothing that a
//! token says about itself. Time is an argument; there is no global state.
//!
//! [`VerifiedClaims`]: portcullis_core::VerifiedClaims

mod algorithm;
mod base64url;
mod claims;
mod duration;
mod error;
mod excerpt;
mod http;
mod introspection;
mod issuer;
mod json;
mod jws;
mod keys;
mod limits;
mod secret;
mod settings;
mod signature;
mod source;
mod verifier;

pub use algorithm::{Algorithm, UnknownAlgorithm};
pub use duration::{HumanDuration, InvalidDuration};
pub use error::{Malformed, Segment, TokenError};
pub use excerpt::Excerpt;
pub use http::EndpointError;
pub use introspection::{AbsentAudience, ClientCredentials, IntrospectedTokens, Introspection, IntrospectionError};
pub use issuer::{Issuer, IssuerError, TokenType};
pub use json::InvalidJson;
pub use keys::{IgnoredKey, IgnoredReason, KeySet, KeySetError};
pub use limits::Limits;
pub use secret::SecretError;
pub use settings::{IssuerSettings, SettingsError};
pub use source::{KeySource, KeySourceError};
pub use verifier::{Verifier, VerifierError};
