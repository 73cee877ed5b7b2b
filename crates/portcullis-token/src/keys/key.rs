//! One public key, and the only place where signatures are verified.

use std::fmt;

use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::signature::ParsedPublicKey;

use crate::algorithm::{Algorithm, KeyType};

/// A public key that was parsed and found fit to verify signatures.
pub(crate) struct Key {
    pub(crate) kid: Option<String>,
    key_type: KeyType,
    /// The algorithm that the issuer says this key is for (`alg`).
    algorithm: Option<Algorithm>,
    /// The octets of the public key, to tell keys apart.
    octets: Vec<u8>,
    /// The key for each algorithm that it could serve, parsed once.
    parsed: Vec<(Algorithm, ParsedPublicKey)>,
}

impl Key {
    /// Parses `octets`, the public key in the form of the signature library: a point, or the DER of an RSA key.
    pub(crate) fn new(
        kid: Option<String>,
        key_type: KeyType,
        algorithm: Option<Algorithm>,
        octets: Vec<u8>,
    ) -> Result<Self, KeyRejected> {
        let could_serve =
            |other: &Algorithm| other.key_type() == key_type && algorithm.is_none_or(|own| serves(own, *other));
        let parse = |other: Algorithm| ParsedPublicKey::new(other.verification(), &octets).map(|key| (other, key));
        let parsed = Algorithm::ALL.into_iter().filter(could_serve).map(parse).collect::<Result<_, _>>()?;
        Ok(Self { kid, key_type, algorithm, octets, parsed })
    }

    /// Whether this key may verify a token that names `algorithm`, for an issuer that may use `allowed`.
    ///
    /// A key serves exactly one algorithm (draft-ietf-oauth-rfc8725bis §3.1): the one of its `alg`, else the first of
    /// `allowed` that its type can do. So one RSA key never verifies RS256 and PS256.
    pub(crate) fn verifies(&self, algorithm: Algorithm, allowed: &[Algorithm]) -> bool {
        match self.algorithm {
            Some(own) => serves(own, algorithm),
            None => {
                let first = allowed.iter().copied().find(|other| other.key_type() == self.key_type);
                first.is_some_and(|own| serves(own, algorithm) || serves(algorithm, own))
            }
        }
    }

    /// Whether `signature` is this key's signature over `message`.
    ///
    /// The caller has asked [`Key::verifies`]. A key that cannot do `algorithm` has signed nothing with it.
    pub(crate) fn is_signature(&self, algorithm: Algorithm, message: &[u8], signature: &[u8]) -> bool {
        let parsed = self.parsed.iter().find(|(own, _)| *own == algorithm);
        parsed.is_some_and(|(_, key)| key.verify_sig(message, signature).is_ok())
    }
}

/// Whether a key for `own` verifies tokens of `algorithm`. `EdDSA` and `Ed25519` are two names of one algorithm
/// (RFC 9864 §2.2); a key that its issuer calls by the new name keeps to it.
fn serves(own: Algorithm, algorithm: Algorithm) -> bool {
    own == algorithm || (own, algorithm) == (Algorithm::EdDsa, Algorithm::Ed25519)
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

    #[test]
    fn a_key_has_signed_nothing_with_an_algorithm_that_it_cannot_do() {
        // ALG-02
        let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
        for alg in ["EdDSA", "Ed25519"] {
            let key = jwk::parse(&json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "alg": alg })).unwrap();
            for algorithm in Algorithm::ALL {
                assert!(!key.is_signature(algorithm, b"", &[0; 64]), "{alg} {algorithm}");
            }
        }
    }

    fn verifies(jwk: &Value, algorithm: Algorithm, token: &str) -> bool {
        let (message, signature) = token.rsplit_once('.').unwrap();
        let key = jwk::parse(jwk).unwrap();
        key.is_signature(algorithm, message.as_bytes(), &base64url::decode(signature).unwrap())
    }
}
