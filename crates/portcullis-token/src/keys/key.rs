//! One public key, and the only place where signatures are verified.

use std::fmt;

use jsonwebtoken::DecodingKey;
use jsonwebtoken::crypto::aws_lc::DEFAULT_PROVIDER;

use crate::algorithm::{Algorithm, KeyType};

/// A public key that was parsed and found fit to verify signatures.
pub(crate) struct Key {
    pub(crate) kid: Option<String>,
    key_type: KeyType,
    /// The algorithm that the issuer says this key is for (`alg`).
    algorithm: Option<Algorithm>,
    /// The octets of the public key, to tell keys apart.
    octets: Vec<u8>,
    decoding: DecodingKey,
}

impl Key {
    pub(crate) fn new(
        kid: Option<String>,
        key_type: KeyType,
        algorithm: Option<Algorithm>,
        octets: Vec<u8>,
        decoding: DecodingKey,
    ) -> Self {
        Self { kid, key_type, algorithm, octets, decoding }
    }

    /// Whether this key may verify a token that names `algorithm`, for an issuer that may use `allowed`.
    ///
    /// A key serves exactly one algorithm (draft-ietf-oauth-rfc8725bis §3.1): the one of its `alg`, else the first of
    /// `allowed` that its type can do. So one RSA key never verifies RS256 and PS256.
    pub(crate) fn verifies(&self, algorithm: Algorithm, allowed: &[Algorithm]) -> bool {
        let own = self.algorithm.or_else(|| allowed.iter().copied().find(|other| other.key_type() == self.key_type));
        match (own, algorithm) {
            // Two names of one algorithm (RFC 9864 §2.2). A key that its issuer calls by the new name keeps to it.
            (Some(Algorithm::EdDsa), Algorithm::Ed25519) => true,
            (Some(Algorithm::Ed25519), Algorithm::EdDsa) => self.algorithm.is_none(),
            (own, algorithm) => own == Some(algorithm),
        }
    }

    /// Whether `signature` is this key's signature over `message`.
    ///
    /// The caller has asked [`Key::verifies`]. An error of the backend counts as a wrong signature.
    pub(crate) fn is_signature(&self, algorithm: Algorithm, message: &[u8], signature: &Vec<u8>) -> bool {
        // By name, not through `jsonwebtoken::crypto::verify`: the process default behind that function panics when
        // any other crate in the program enables the second backend of `jsonwebtoken`.
        match (DEFAULT_PROVIDER.verifier_factory)(&algorithm.backend(), &self.decoding) {
            Ok(verifier) => verifier.verify(message, signature).is_ok(),
            Err(_) => false,
        }
    }
}

impl PartialEq for Key {
    fn eq(&self, other: &Self) -> bool {
        (&self.kid, self.key_type, self.algorithm, &self.octets)
            == (&other.kid, other.key_type, other.algorithm, &other.octets)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key")
            .field("kid", &self.kid)
            .field("key_type", &self.key_type)
            .field("algorithm", &self.algorithm)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base64url;
    use crate::keys::jwk;

    #[test]
    fn published_signatures_verify() {
        // RFC 8037 Appendix A.4, RFC 7515 Appendix A.3
        for (jwk, algorithm, token) in [
            (
                json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
                Algorithm::EdDsa,
                "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc.hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg",
            ),
            (
                json!({
                    "kty": "EC", "crv": "P-256",
                    "x": "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU",
                    "y": "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0",
                }),
                Algorithm::Es256,
                "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q",
            ),
        ] {
            assert!(verifies(&jwk, algorithm, token), "{algorithm}");
            assert!(!verifies(&jwk, algorithm, &token.replacen("eyJ", "eyK", 1)), "{algorithm}");
        }
    }

    fn verifies(jwk: &Value, algorithm: Algorithm, token: &str) -> bool {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = jwk::parse(jwk).unwrap();
        key.is_signature(algorithm, message.as_bytes(), &base64url::decode(signature).unwrap())
    }
}
