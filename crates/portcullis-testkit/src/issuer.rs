//! An authorization server for tests: a fresh key, its key set, and tokens signed with it.

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED_SIGNING, EcdsaKeyPair, Ed25519KeyPair, KeyPair,
    RSA_PKCS1_SHA256, RSA_PSS_SHA256, RsaEncoding,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

/// An issuer of access tokens with one signing key of its own.
///
/// Every value has a fresh key: tokens of one test never pass in another. Nothing is added to the claims, so a test
/// also decides what is missing.
///
/// ```
/// use portcullis_testkit::TestIssuer;
/// use serde_json::json;
///
/// let issuer = TestIssuer::new("https://as.example.com");
/// let token = issuer.sign(&json!({ "iss": issuer.identifier(), "sub": "ann" }));
/// assert_eq!(token.split('.').count(), 3);
/// assert_eq!(issuer.jwks()["keys"][0]["alg"], "ES256");
/// ```
pub struct TestIssuer {
    identifier: String,
    kid: String,
    key: SigningKey,
}

impl TestIssuer {
    /// An issuer that signs with ES256, under the key ID `test-1`.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn new(identifier: impl Into<String>) -> Self {
        Self::with_algorithm(identifier, SigningAlgorithm::Es256)
    }

    /// An issuer that signs with `algorithm`. RSA keys take some tenths of a second to make.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn with_algorithm(identifier: impl Into<String>, algorithm: SigningAlgorithm) -> Self {
        Self { identifier: identifier.into(), kid: "test-1".to_owned(), key: SigningKey::generate(algorithm) }
    }

    /// Publishes the key under another key ID.
    #[must_use]
    pub fn with_kid(mut self, kid: impl Into<String>) -> Self {
        self.kid = kid.into();
        self
    }

    /// The issuer identifier: what `iss` says.
    #[must_use]
    pub fn identifier(&self) -> &str {
        &self.identifier
    }

    /// The key ID.
    #[must_use]
    pub fn kid(&self) -> &str {
        &self.kid
    }

    /// The algorithm that this issuer signs with.
    #[must_use]
    pub fn algorithm(&self) -> SigningAlgorithm {
        self.key.algorithm()
    }

    /// The key set (RFC 7517 §5) with the public key.
    #[must_use]
    pub fn jwks(&self) -> Value {
        json!({ "keys": [self.jwk()] })
    }

    /// The public key, to be put into a key set beside others.
    #[must_use]
    pub fn jwk(&self) -> Value {
        let mut jwk = self.key.public_members();
        if let Some(members) = jwk.as_object_mut() {
            members.insert("kid".to_owned(), self.kid.as_str().into());
            members.insert("use".to_owned(), "sig".into());
            members.insert("alg".to_owned(), self.algorithm().as_str().into());
        }
        jwk
    }

    /// Signs `claims` as an access token of RFC 9068: `typ` is `at+jwt`, `alg` and `kid` are the issuer's.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn sign(&self, claims: &Value) -> String {
        self.sign_with(&json!({ "alg": self.algorithm().as_str(), "typ": "at+jwt", "kid": self.kid }), claims)
    }

    /// Signs `claims` under a header of the caller's choice, however wrong.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn sign_with(&self, header: &Value, claims: &Value) -> String {
        self.sign_text(&header.to_string(), &claims.to_string())
    }

    /// Signs two texts that need not even be JSON.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn sign_text(&self, header: &str, payload: &str) -> String {
        self.key.sign_text(header, payload)
    }
}

/// Shows who the issuer is, never its private key.
impl fmt::Debug for TestIssuer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestIssuer")
            .field("identifier", &self.identifier)
            .field("kid", &self.kid)
            .field("algorithm", &self.algorithm())
            .finish_non_exhaustive()
    }
}

/// What a [`TestIssuer`] can sign with: what authorization servers use.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SigningAlgorithm {
    /// ECDSA with P-256 and SHA-256.
    Es256,
    /// ECDSA with P-384 and SHA-384.
    Es384,
    /// RSASSA-PKCS1-v1_5 with SHA-256 and a key of 2048 bits.
    Rs256,
    /// RSASSA-PSS with SHA-256 and a key of 2048 bits.
    Ps256,
    /// Ed25519, under its older name `EdDSA` (RFC 8037).
    EdDsa,
}

impl SigningAlgorithm {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Es256, Self::Es384, Self::Rs256, Self::Ps256, Self::EdDsa];

    /// The name in the `alg` header parameter.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Ps256 => "PS256",
            Self::EdDsa => "EdDSA",
        }
    }
}

/// A private key and, where the key alone does not say it, what it signs with.
pub(crate) enum SigningKey {
    Elliptic(EcdsaKeyPair, SigningAlgorithm),
    Rsa(Box<rsa::KeyPair>, SigningAlgorithm),
    EdDsa(Ed25519KeyPair),
}

impl SigningKey {
    pub(crate) fn generate(algorithm: SigningAlgorithm) -> Self {
        match algorithm {
            SigningAlgorithm::Es256 => {
                Self::Elliptic(must(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING)), algorithm)
            }
            SigningAlgorithm::Es384 => {
                Self::Elliptic(must(EcdsaKeyPair::generate(&ECDSA_P384_SHA384_FIXED_SIGNING)), algorithm)
            }
            SigningAlgorithm::Rs256 | SigningAlgorithm::Ps256 => {
                Self::Rsa(Box::new(must(rsa::KeyPair::generate(rsa::KeySize::Rsa2048))), algorithm)
            }
            SigningAlgorithm::EdDsa => Self::EdDsa(must(Ed25519KeyPair::generate())),
        }
    }

    pub(crate) fn algorithm(&self) -> SigningAlgorithm {
        match self {
            Self::Elliptic(_, algorithm) | Self::Rsa(_, algorithm) => *algorithm,
            Self::EdDsa(_) => SigningAlgorithm::EdDsa,
        }
    }

    pub(crate) fn public_members(&self) -> Value {
        match self {
            Self::Elliptic(key, algorithm) => {
                // SEC 1 §2.3.3: one octet for "uncompressed", then the coordinates.
                let point = key.public_key().as_ref();
                let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
                let crv = if *algorithm == SigningAlgorithm::Es384 { "P-384" } else { "P-256" };
                json!({ "kty": "EC", "crv": crv, "x": URL_SAFE_NO_PAD.encode(x), "y": URL_SAFE_NO_PAD.encode(y) })
            }
            Self::Rsa(key, _) => {
                let (n, e) = (key.public_key().modulus(), key.public_key().exponent());
                json!({
                    "kty": "RSA",
                    "n": URL_SAFE_NO_PAD.encode(n.big_endian_without_leading_zero()),
                    "e": URL_SAFE_NO_PAD.encode(e.big_endian_without_leading_zero()),
                })
            }
            Self::EdDsa(key) => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(key.public_key().as_ref()) })
            }
        }
    }

    pub(crate) fn sign_text(&self, header: &str, payload: &str) -> String {
        let signing_input = format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(payload));
        let signature = self.sign(signing_input.as_bytes());
        format!("{signing_input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let random = SystemRandom::new();
        match self {
            Self::Elliptic(key, _) => must(key.sign(&random, message)).as_ref().to_vec(),
            Self::Rsa(key, algorithm) => {
                let padding: &'static dyn RsaEncoding =
                    if *algorithm == SigningAlgorithm::Ps256 { &RSA_PSS_SHA256 } else { &RSA_PKCS1_SHA256 };
                let mut signature = vec![0; key.public_modulus_len()];
                must(key.sign(padding, &random, message, &mut signature));
                signature
            }
            Self::EdDsa(key) => key.sign(message).as_ref().to_vec(),
        }
    }
}

#[track_caller]
#[expect(clippy::expect_used, reason = "a test kit has nobody to report to but the test")]
pub(crate) fn must<T>(result: Result<T, aws_lc_rs::error::Unspecified>) -> T {
    result.expect("a source of randomness")
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{
        ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, RSA_PKCS1_2048_8192_SHA256,
        RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, UnparsedPublicKey, VerificationAlgorithm,
    };

    use super::*;

    #[test]
    fn a_published_key_verifies_what_its_issuer_signed_and_nothing_else() {
        for algorithm in SigningAlgorithm::ALL {
            let issuer = TestIssuer::with_algorithm("https://as.example.com", algorithm);
            let token = issuer.sign(&json!({ "sub": "ann" }));
            assert!(verifies(&issuer.jwk(), algorithm, &token), "{algorithm:?}");
            let stranger = TestIssuer::with_algorithm("https://as.example.com", algorithm);
            assert!(!verifies(&stranger.jwk(), algorithm, &token), "{algorithm:?}");
        }
    }

    #[test]
    fn the_private_key_does_not_print() {
        let shown = format!("{:?}", TestIssuer::new("https://as.example.com").with_kid("k"));
        assert_eq!(shown, r#"TestIssuer { identifier: "https://as.example.com", kid: "k", algorithm: Es256, .. }"#);
    }

    fn verifies(jwk: &Value, algorithm: SigningAlgorithm, token: &str) -> bool {
        let member = |name: &str| URL_SAFE_NO_PAD.decode(jwk[name].as_str().unwrap()).unwrap();
        let (message, signature) = token.rsplit_once('.').unwrap();
        let (message, signature) = (message.as_bytes(), URL_SAFE_NO_PAD.decode(signature).unwrap());
        let elliptic = |algorithm: &'static dyn VerificationAlgorithm| {
            let point = [&[4][..], &member("x"), &member("y")].concat();
            UnparsedPublicKey::new(algorithm, point).verify(message, &signature)
        };
        let rsa =
            |padding| RsaPublicKeyComponents { n: member("n"), e: member("e") }.verify(padding, message, &signature);
        let result = match algorithm {
            SigningAlgorithm::Es256 => elliptic(&ECDSA_P256_SHA256_FIXED),
            SigningAlgorithm::Es384 => elliptic(&ECDSA_P384_SHA384_FIXED),
            SigningAlgorithm::Rs256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
            SigningAlgorithm::Ps256 => rsa(&RSA_PSS_2048_8192_SHA256),
            SigningAlgorithm::EdDsa => UnparsedPublicKey::new(&ED25519, member("x")).verify(message, &signature),
        };
        result.is_ok()
    }
}
