//! What a request shows to be let in.

use std::fmt;

use crate::mtls::CertificateThumbprint;

/// An access token as a request presents it, with the proofs of possession beside it.
///
/// ```
/// use portcullis_token::PresentedToken;
///
/// let bearer = PresentedToken::bearer("the token");
/// let fields = [b"the value of the field `DPoP`".as_slice()];
/// let proven = PresentedToken::dpop("the token", &fields, "GET", "/orders");
/// # let _ = (bearer, proven);
/// ```
#[derive(Clone, Copy)]
pub struct PresentedToken<'a> {
    pub(crate) token: &'a str,
    pub(crate) proof: Option<PresentedProof<'a>>,
    pub(crate) certificate: Option<CertificateThumbprint>,
}

/// What the scheme `DPoP` adds to a token.
#[derive(Clone, Copy)]
pub(crate) struct PresentedProof<'a> {
    pub(crate) fields: &'a [&'a [u8]],
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
}

impl<'a> PresentedToken<'a> {
    /// `token`, presented under the scheme `Bearer` (RFC 6750 §2.1). A field `DPoP` beside it means nothing.
    #[must_use]
    pub fn bearer(token: &'a str) -> Self {
        Self { token, proof: None, certificate: None }
    }

    /// `token`, presented under the scheme `DPoP` (RFC 9449 §7.1) in a request with `method` for `path`.
    ///
    /// `fields` are the values of all fields called `DPoP`. `path` is the path as it was received from outside,
    /// percent-encoded, and before a router has cut it.
    #[must_use]
    pub fn dpop(token: &'a str, fields: &'a [&'a [u8]], method: &'a str, path: &'a str) -> Self {
        Self { proof: Some(PresentedProof { fields, method, path }), ..Self::bearer(token) }
    }

    /// The text of the token.
    #[must_use]
    pub fn token(&self) -> &'a str {
        self.token
    }

    /// The client has proved in the TLS handshake that it holds the key of this certificate.
    #[must_use]
    pub fn with_certificate(mut self, certificate: Option<CertificateThumbprint>) -> Self {
        self.certificate = certificate;
        self
    }
}

/// The token is a secret.
impl fmt::Debug for PresentedToken<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = if self.proof.is_some() { "DPoP" } else { "Bearer" };
        f.debug_struct("PresentedToken")
            .field("scheme", &scheme)
            .field("certificate", &self.certificate)
            .finish_non_exhaustive()
    }
}
