//! DPoP (RFC 9449): whoever sends a token proves that they hold the key that it is bound to.

mod target_uri;

pub use target_uri::{InvalidOrigin, InvalidUri, Origin, TargetUri};
