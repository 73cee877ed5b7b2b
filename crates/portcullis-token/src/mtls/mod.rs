//! Client certificates, as far as tokens are bound to them (RFC 8705).

mod field;
mod thumbprint;

pub use field::{CertificateField, CertificateFieldError};
pub use thumbprint::CertificateThumbprint;
