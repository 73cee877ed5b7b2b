//! Makes tokens, good and bad.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, ECDSA_P384_SHA384_FIXED, ECDSA_P384_SHA384_FIXED_SIGNING,
    ED25519, EcdsaKeyPair, Ed25519KeyPair, KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_2048_8192_SHA384,
    RSA_PKCS1_2048_8192_SHA512, RSA_PKCS1_SHA256, RSA_PKCS1_SHA384, RSA_PKCS1_SHA512, RSA_PSS_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA384, RSA_PSS_2048_8192_SHA512, RSA_PSS_SHA256, RSA_PSS_SHA384, RSA_PSS_SHA512, RsaEncoding,
    UnparsedPublicKey, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use portcullis_core::UnixTime;
use portcullis_token::{Algorithm, Issuer, KeySet, Verifier};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const ISSUER: &str = "https://as.example.com";
pub(crate) const AUDIENCE: &str = "https://api.example.com";
pub(crate) const IAT: i64 = 1_767_225_600;
pub(crate) const NOW: i64 = 1_767_226_000;
pub(crate) const EXP: i64 = 1_767_229_200;

/// A private key of the tests, and the algorithm that it signs with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub(crate) enum Signer {
    /// RFC 8037 Appendix A.1.
    Ed25519,
    /// RFC 8032 §7.1, test 2: nobody's key here.
    #[serde(rename = "stranger")]
    StrangeEd25519,
    #[serde(rename = "ES256")]
    Es256,
    #[serde(rename = "ES384")]
    Es384,
    #[serde(rename = "RS256")]
    Rs256,
    Rs384,
    Rs512,
    #[serde(rename = "PS256")]
    Ps256,
    Ps384,
    Ps512,
}

impl Signer {
    /// One for each algorithm.
    pub(crate) const ALL: [Self; 9] = [
        Self::Ed25519,
        Self::Es256,
        Self::Es384,
        Self::Rs256,
        Self::Rs384,
        Self::Rs512,
        Self::Ps256,
        Self::Ps384,
        Self::Ps512,
    ];

    /// The name in `alg`.
    pub(crate) fn alg(self) -> &'static str {
        match self {
            Self::Ed25519 | Self::StrangeEd25519 => "EdDSA",
            Self::Es256 => "ES256",
            Self::Es384 => "ES384",
            Self::Rs256 => "RS256",
            Self::Rs384 => "RS384",
            Self::Rs512 => "RS512",
            Self::Ps256 => "PS256",
            Self::Ps384 => "PS384",
            Self::Ps512 => "PS512",
        }
    }

    /// The header of an acceptable token by this signer; the stranger says that it is the test issuer.
    pub(crate) fn header(self) -> Value {
        let kid = match self {
            Self::Ed25519 | Self::StrangeEd25519 => "as-1",
            Self::Es256 => "ec",
            Self::Es384 => "ec-384",
            Self::Rs256 => "rsa",
            Self::Ps256 => "rsa-pss",
            Self::Rs384 | Self::Rs512 | Self::Ps384 | Self::Ps512 => "not published",
        };
        json!({ "alg": self.alg(), "typ": "at+jwt", "kid": kid })
    }

    pub(crate) fn sign(self, message: &str) -> Vec<u8> {
        let (random, message) = (SystemRandom::new(), message.as_bytes());
        match self {
            Self::Ed25519 | Self::StrangeEd25519 => self.ed25519().sign(message).as_ref().to_vec(),
            Self::Es256 | Self::Es384 => self.elliptic().sign(&random, message).unwrap().as_ref().to_vec(),
            Self::Rs256 => rsa_sign(&RSA_PKCS1_SHA256, message),
            Self::Rs384 => rsa_sign(&RSA_PKCS1_SHA384, message),
            Self::Rs512 => rsa_sign(&RSA_PKCS1_SHA512, message),
            Self::Ps256 => rsa_sign(&RSA_PSS_SHA256, message),
            Self::Ps384 => rsa_sign(&RSA_PSS_SHA384, message),
            Self::Ps512 => rsa_sign(&RSA_PSS_SHA512, message),
        }
    }

    /// Whether `signature` is valid, asked of the signature library and of nobody else.
    pub(crate) fn verifies(self, message: &str, signature: &[u8]) -> bool {
        let algorithm: &'static dyn VerificationAlgorithm = match self {
            Self::Ed25519 | Self::StrangeEd25519 => &ED25519,
            Self::Es256 => &ECDSA_P256_SHA256_FIXED,
            Self::Es384 => &ECDSA_P384_SHA384_FIXED,
            Self::Rs256 => &RSA_PKCS1_2048_8192_SHA256,
            Self::Rs384 => &RSA_PKCS1_2048_8192_SHA384,
            Self::Rs512 => &RSA_PKCS1_2048_8192_SHA512,
            Self::Ps256 => &RSA_PSS_2048_8192_SHA256,
            Self::Ps384 => &RSA_PSS_2048_8192_SHA384,
            Self::Ps512 => &RSA_PSS_2048_8192_SHA512,
        };
        let key = UnparsedPublicKey::new(algorithm, self.public_octets());
        key.verify(message.as_bytes(), signature).is_ok()
    }

    /// The public key in the form of the signature library: a point, or an `RSAPublicKey` (RFC 8017 §A.1.1).
    pub(crate) fn public_octets(self) -> Vec<u8> {
        match self {
            Self::Ed25519 | Self::StrangeEd25519 => self.ed25519().public_key().as_ref().to_vec(),
            Self::Es256 | Self::Es384 => self.elliptic().public_key().as_ref().to_vec(),
            _ => rsa_pair().public_key().as_ref().to_vec(),
        }
    }

    /// The public key, without `kid`, `use` and `alg`.
    pub(crate) fn jwk(self) -> Value {
        match self {
            Self::Ed25519 | Self::StrangeEd25519 => {
                json!({ "kty": "OKP", "crv": "Ed25519", "x": encode(self.ed25519().public_key()) })
            }
            Self::Es256 | Self::Es384 => {
                let pair = self.elliptic();
                let point = &pair.public_key().as_ref()[1..];
                let (x, y) = point.split_at(point.len() / 2);
                let crv = if x.len() == 32 { "P-256" } else { "P-384" };
                json!({ "kty": "EC", "crv": crv, "x": encode(x), "y": encode(y) })
            }
            _ => {
                let pair = rsa_pair();
                let (n, e) = (pair.public_key().modulus(), pair.public_key().exponent());
                json!({
                    "kty": "RSA",
                    "n": encode(n.big_endian_without_leading_zero()),
                    "e": encode(e.big_endian_without_leading_zero()),
                })
            }
        }
    }

    /// The public key with further members.
    pub(crate) fn jwk_with(self, members: Value) -> Value {
        merged(self.jwk(), members)
    }

    fn ed25519(self) -> Ed25519KeyPair {
        let seed = match self {
            Self::Ed25519 => "nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A",
            _ => "TM0Imyj_ltqdtsNG7BFOD1uKMZ81q6Yk2oz27U-4pvs",
        };
        Ed25519KeyPair::from_seed_unchecked(&decode(seed)).unwrap()
    }

    fn elliptic(self) -> EcdsaKeyPair {
        let (algorithm, pem) = match self {
            Self::Es384 => (&ECDSA_P384_SHA384_FIXED_SIGNING, include_str!("../data/p384.pem")),
            _ => (&ECDSA_P256_SHA256_FIXED_SIGNING, include_str!("../data/p256.pem")),
        };
        EcdsaKeyPair::from_pkcs8(algorithm, &der(pem)).unwrap()
    }
}

/// The key set of the test issuer.
pub(crate) fn key_set() -> Value {
    json!({ "keys": [
        Signer::Ed25519.jwk_with(json!({ "kid": "as-1", "use": "sig" })),
        Signer::Es256.jwk_with(json!({ "kid": "ec", "alg": "ES256" })),
        Signer::Es384.jwk_with(json!({ "kid": "ec-384", "alg": "ES384" })),
        Signer::Rs256.jwk_with(json!({ "kid": "rsa", "alg": "RS256" })),
        Signer::Ps256.jwk_with(json!({ "kid": "rsa-pss", "alg": "PS256" })),
        Signer::Rs256.jwk_with(json!({ "kid": "rsa-bare" })),
        Signer::Es256.jwk_with(json!({ "kid": "enc", "use": "enc" })),
        Signer::Es256.jwk_with(json!({ "kid": "ops", "key_ops": ["sign"] })),
        // One name for two keys (JWK-07).
        Signer::Es256.jwk_with(json!({ "kid": "shared", "alg": "ES256" })),
        Signer::Rs256.jwk_with(json!({ "kid": "shared", "alg": "RS256" })),
    ] })
}

/// The test issuer: no leeway, so that times are exact. ES384 is published but not allowed.
pub(crate) fn issuer() -> Issuer {
    let algorithms = [Algorithm::EdDsa, Algorithm::Ed25519, Algorithm::Es256, Algorithm::Rs256, Algorithm::Ps256];
    issuer_with(&key_set(), &algorithms)
}

pub(crate) fn issuer_with(keys: &Value, algorithms: &[Algorithm]) -> Issuer {
    let keys = KeySet::from_json(keys.to_string().as_bytes()).unwrap();
    let issuer = Issuer::new("main", ISSUER, [AUDIENCE], algorithms.iter().copied(), keys).unwrap();
    issuer.with_leeway(std::time::Duration::ZERO).unwrap()
}

pub(crate) fn verifier() -> Verifier {
    Verifier::new([issuer()]).unwrap()
}

pub(crate) fn time(secs: i64) -> UnixTime {
    UnixTime::from_secs(secs).unwrap()
}

/// The claims of an acceptable token.
pub(crate) fn claims() -> Value {
    json!({
        "iss": ISSUER, "sub": "user-1", "aud": AUDIENCE, "client_id": "client-1",
        "iat": IAT, "exp": EXP, "jti": "t-1", "scope": "orders:read",
    })
}

/// The claims of an acceptable token, some of them replaced.
pub(crate) fn claims_with(changes: Value) -> Value {
    merged(claims(), changes)
}

/// The header of an acceptable token.
pub(crate) fn header() -> Value {
    json!({ "alg": "EdDSA", "typ": "at+jwt", "kid": "as-1" })
}

/// The header of an acceptable token, some of it replaced.
pub(crate) fn header_with(changes: Value) -> Value {
    merged(header(), changes)
}

pub(crate) fn header_without(parameter: &str) -> Value {
    let mut header = header();
    header.as_object_mut().unwrap().remove(parameter).unwrap();
    header
}

/// A token signed by the test issuer.
pub(crate) fn sign(header: &Value, claims: &Value) -> String {
    sign_as(Signer::Ed25519, header, claims)
}

pub(crate) fn sign_as(signer: Signer, header: &Value, claims: &Value) -> String {
    sign_text(signer, header.to_string(), claims.to_string())
}

/// A validly signed token of two texts that need not be JSON.
pub(crate) fn sign_text(signer: Signer, header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    let signing_input = signing_input(header, payload);
    let signature = signer.sign(&signing_input);
    with_signature(&signing_input, &signature)
}

pub(crate) fn signing_input(header: impl AsRef<[u8]>, payload: impl AsRef<[u8]>) -> String {
    format!("{}.{}", encode(header), encode(payload))
}

pub(crate) fn with_signature(signing_input: &str, signature: &[u8]) -> String {
    format!("{signing_input}.{}", encode(signature))
}

pub(crate) fn encode(octets: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(octets)
}

pub(crate) fn decode(text: &str) -> Vec<u8> {
    URL_SAFE_NO_PAD.decode(text).unwrap()
}

pub(crate) fn merged(mut value: Value, changes: Value) -> Value {
    let Value::Object(changes) = changes else { panic!("changes are an object") };
    value.as_object_mut().unwrap().extend(changes);
    value
}

fn rsa_pair() -> rsa::KeyPair {
    rsa::KeyPair::from_der(&der(include_str!("../data/rsa2048.pem"))).unwrap()
}

fn rsa_sign(padding: &'static dyn RsaEncoding, message: &[u8]) -> Vec<u8> {
    let pair = rsa_pair();
    let mut signature = vec![0; pair.public_modulus_len()];
    pair.sign(padding, &SystemRandom::new(), message, &mut signature).unwrap();
    signature
}

fn der(pem: &str) -> Vec<u8> {
    STANDARD.decode(pem.lines().filter(|line| !line.starts_with('-')).collect::<String>()).unwrap()
}
