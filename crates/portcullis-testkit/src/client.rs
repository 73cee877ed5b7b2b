//! A client that holds a key: proofs of possession as it makes them (RFC 9449).

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use crate::issuer::{SigningAlgorithm, SigningKey, must};

/// A client with a fresh DPoP key.
///
/// ```
/// use portcullis_testkit::{SigningAlgorithm, TestClient, TestIssuer};
/// use serde_json::json;
///
/// let (issuer, client) = (TestIssuer::new("https://as.example.com"), TestClient::new(SigningAlgorithm::EdDsa));
/// let token = issuer.sign(&json!({ "iss": issuer.identifier(), "sub": "ann", "cnf": { "jkt": client.thumbprint() } }));
/// // To be sent with `Authorization: DPoP <token>` as the field `DPoP`.
/// let proof = client.proof(&client.claims("GET", "https://api.example.com/orders", &token, 1_767_226_000));
/// assert_eq!(proof.split('.').count(), 3);
/// ```
pub struct TestClient {
    key: SigningKey,
}

impl TestClient {
    /// A client that signs with `algorithm`.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn new(algorithm: SigningAlgorithm) -> Self {
        Self { key: SigningKey::generate(algorithm) }
    }

    /// The thumbprint of the key (RFC 7638): what `cnf.jkt` of a token says that is bound to it.
    #[must_use]
    pub fn thumbprint(&self) -> String {
        // The members that RFC 7638 §3.2 asks for and no others, sorted and without spaces.
        let jwk = self.key.public_members();
        let members: BTreeMap<&String, &Value> = jwk.as_object().into_iter().flatten().collect();
        hash(&json!(members).to_string())
    }

    /// The claims of a proof for a request of `uri` with `token`, made at `now` in seconds since 1970. Each has another
    /// `jti`.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn claims(&self, method: &str, uri: &str, token: &str, now: i64) -> Value {
        let mut jti = [0; 16];
        must(rand::fill(&mut jti));
        let jti = URL_SAFE_NO_PAD.encode(jti);
        json!({ "jti": jti, "htm": method, "htu": uri, "iat": now, "ath": hash(token) })
    }

    /// Signs `claims` as a proof (RFC 9449 §4.2), however wrong they are.
    ///
    /// # Panics
    ///
    /// If the operating system gives no randomness.
    #[must_use]
    pub fn proof(&self, claims: &Value) -> String {
        let header =
            json!({ "typ": "dpop+jwt", "alg": self.key.algorithm().as_str(), "jwk": self.key.public_members() });
        self.key.sign_text(&header.to_string(), &claims.to_string())
    }
}

/// Shows whose key it is, never the private part.
impl fmt::Debug for TestClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TestClient").field("thumbprint", &self.thumbprint()).finish_non_exhaustive()
    }
}

fn hash(text: &str) -> String {
    URL_SAFE_NO_PAD.encode(digest(&SHA256, text.as_bytes()))
}
