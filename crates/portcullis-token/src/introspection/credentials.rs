//! How we prove to the issuer who asks.

use std::fmt;

use aws_lc_rs::rand::{self, SystemRandom};
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, RSA_PKCS1_SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use portcullis_core::UnixTime;
use reqwest::header::HeaderValue;
use serde_json::json;

use super::{IntrospectionError, form};
use crate::algorithm::Algorithm;
use crate::base64url;

/// The client that this resource server is at the issuer, and its proof (RFC 7662 §2.1).
///
/// ```
/// use portcullis_token::ClientCredentials;
///
/// let credentials = ClientCredentials::secret("orders-api", "correct horse")?;
/// assert!(!format!("{credentials:?}").contains("horse"));
/// # Ok::<(), portcullis_token::IntrospectionError>(())
/// ```
pub struct ClientCredentials {
    client_id: String,
    method: Method,
}

enum Method {
    /// Nothing, where nobody asks.
    None,
    /// `client_secret_basic`: the whole field `Authorization`, which never changes.
    Basic(HeaderValue),
    /// `private_key_jwt` (RFC 7523 §2.2).
    PrivateKey { key: PrivateKey, key_id: Option<String> },
}

/// What a request carries to show who sends it.
pub(super) enum Proof {
    None,
    Field(HeaderValue),
    /// Further members of the form.
    Members(String),
}

impl ClientCredentials {
    /// The client `client_id` with the secret `secret`, sent as Basic credentials (RFC 6749 §2.3.1).
    ///
    /// # Errors
    ///
    /// If either is empty.
    pub fn secret(client_id: impl Into<String>, secret: &str) -> Result<Self, IntrospectionError> {
        let client_id = check_id(client_id.into())?;
        if secret.is_empty() {
            return Err(IntrospectionError::NoCredentials);
        }
        let pair = format!("{}:{}", form::encode(&client_id), form::encode(secret));
        // Base64 has no character that a field could not hold.
        let field = HeaderValue::from_str(&format!("Basic {}", STANDARD.encode(pair)));
        let mut field = field.map_err(|_| IntrospectionError::NoCredentials)?;
        field.set_sensitive(true);
        Ok(Self { client_id, method: Method::Basic(field) })
    }

    /// The client `client_id` with a private key, which signs an assertion for each request (RFC 7523 §2.2).
    ///
    /// `pem` holds an unencrypted key in PKCS #8. The key decides the algorithm: EdDSA for Ed25519, ES256 for P-256,
    /// RS256 for RSA. The assertion is for the issuer itself, identified by its issuer identifier
    /// (draft-ietf-oauth-rfc7523bis §4), and is valid for a minute.
    ///
    /// # Errors
    ///
    /// If `client_id` is empty, or `pem` holds no such key.
    pub fn private_key(client_id: impl Into<String>, pem: &str) -> Result<Self, IntrospectionError> {
        let key = PrivateKey::from_pem(pem).ok_or(IntrospectionError::PrivateKey)?;
        Ok(Self { client_id: check_id(client_id.into())?, method: Method::PrivateKey { key, key_id: None } })
    }

    /// Names the private key in assertions (`kid`), for clients with several. Nothing changes for a client with a
    /// secret.
    #[must_use]
    pub fn with_key_id(mut self, name: impl Into<String>) -> Self {
        if let Method::PrivateKey { key_id, .. } = &mut self.method {
            *key_id = Some(name.into());
        }
        self
    }

    /// Nobody, for an endpoint that answers everybody.
    pub(super) fn none() -> Self {
        Self { client_id: String::new(), method: Method::None }
    }

    pub(super) fn client_id(&self) -> &str {
        &self.client_id
    }

    /// The proof for one request to the issuer `audience` at `now`; `None` if there is no randomness, or the key does
    /// not sign.
    pub(super) fn prove(&self, audience: &str, now: UnixTime) -> Option<Proof> {
        match &self.method {
            Method::None => Some(Proof::None),
            Method::Basic(field) => Some(Proof::Field(field.clone())),
            Method::PrivateKey { key, key_id } => {
                let assertion = self.assertion(key, key_id.as_deref(), audience, now)?;
                Some(Proof::Members(format!(
                    "&client_assertion_type={}&client_assertion={}",
                    form::encode(ASSERTION_TYPE),
                    form::encode(&assertion),
                )))
            }
        }
    }

    /// RFC 7523 §3.
    fn assertion(&self, key: &PrivateKey, key_id: Option<&str>, audience: &str, now: UnixTime) -> Option<String> {
        let mut header = json!({ "alg": key.algorithm().as_str(), "typ": "JWT" });
        if let (Some(header), Some(key_id)) = (header.as_object_mut(), key_id) {
            header.insert("kid".to_owned(), key_id.into());
        }
        let mut random = [0; 16];
        rand::fill(&mut random).ok()?;
        let claims = json!({
            "iss": self.client_id, "sub": self.client_id, "aud": audience, "jti": base64url::encode(&random),
            "iat": now.as_secs(), "exp": now.plus(ASSERTION_LIFETIME).as_secs(),
        });
        let parts = [header, claims].map(|part| base64url::encode(part.to_string().as_bytes()));
        let message = parts.join(".");
        let signature = key.sign(message.as_bytes())?;
        Some(format!("{message}.{}", base64url::encode(&signature)))
    }
}

/// The credentials are secret.
impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let method = match &self.method {
            Method::None => "none",
            Method::Basic(_) => "client_secret_basic",
            Method::PrivateKey { .. } => "private_key_jwt",
        };
        let mut shown = f.debug_struct("ClientCredentials");
        shown.field("client_id", &self.client_id).field("method", &method).finish_non_exhaustive()
    }
}

/// A key that signs in our name.
enum PrivateKey {
    Ed25519(Ed25519KeyPair),
    P256(Box<EcdsaKeyPair>),
    Rsa(Box<rsa::KeyPair>),
}

impl PrivateKey {
    fn from_pem(pem: &str) -> Option<Self> {
        let body = pem.split_once(BEGIN)?.1.split_once(END)?.0;
        let octets: Vec<u8> = body.bytes().filter(|octet| !octet.is_ascii_whitespace()).collect();
        let der = STANDARD.decode(octets).ok()?;
        // PKCS #8 names its algorithm, so at most one of the three reads it.
        let ed25519 = || Ed25519KeyPair::from_pkcs8(&der).ok().map(Self::Ed25519);
        let p256 = || EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &der).ok();
        let rsa = || rsa::KeyPair::from_pkcs8(&der).ok();
        ed25519().or_else(|| Some(Self::P256(Box::new(p256()?)))).or_else(|| Some(Self::Rsa(Box::new(rsa()?))))
    }

    fn algorithm(&self) -> Algorithm {
        match self {
            Self::Ed25519(_) => Algorithm::EdDsa, // the name that every server knows
            Self::P256(_) => Algorithm::Es256,
            Self::Rsa(_) => Algorithm::Rs256,
        }
    }

    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Ed25519(key) => Some(key.sign(message).as_ref().to_vec()),
            Self::P256(key) => key.sign(&random, message).ok().map(|signature| signature.as_ref().to_vec()),
            Self::Rsa(key) => {
                let mut signature = vec![0; key.public_modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}

fn check_id(client_id: String) -> Result<String, IntrospectionError> {
    if client_id.is_empty() { Err(IntrospectionError::NoCredentials) } else { Ok(client_id) }
}

const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// Long enough for the way to the issuer.
const ASSERTION_LIFETIME: std::time::Duration = std::time::Duration::from_secs(60);

const BEGIN: &str = "-----BEGIN PRIVATE KEY-----";
const END: &str = "-----END PRIVATE KEY-----";
