//! The signature check alone, which nobody can avoid.

use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P384_SHA384_FIXED, ED25519, ParsedPublicKey, RSA_PKCS1_2048_8192_SHA256,
    RSA_PSS_2048_8192_SHA256, RsaPublicKeyComponents, VerificationAlgorithm,
};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use portcullis_testkit::{SigningAlgorithm, TestIssuer};
use serde_json::Value;

use crate::must;

/// One signature and the key to check it with: the floor that everything else stands on.
#[derive(Debug)]
pub struct SignatureAlone {
    key: ParsedPublicKey,
    message: String,
    signature: Vec<u8>,
}

impl SignatureAlone {
    /// The signature of `jwt`, which `signer` made.
    ///
    /// # Panics
    ///
    /// If it is not a JWT.
    #[must_use]
    pub fn of(signer: &TestIssuer, jwt: &str) -> Self {
        let (message, signature) = must(jwt.rsplit_once('.').ok_or("not a JWT"));
        Self {
            key: public_key(signer),
            message: message.to_owned(),
            signature: must(URL_SAFE_NO_PAD.decode(signature)),
        }
    }

    /// Checks the signature.
    ///
    /// # Panics
    ///
    /// If it is wrong.
    pub fn check(&self) {
        must(self.key.verify_sig(std::hint::black_box(&self.message).as_bytes(), &self.signature));
    }
}

/// The key in the form in which checking is fastest: everything that can be done once, is.
fn public_key(signer: &TestIssuer) -> ParsedPublicKey {
    let jwk = signer.jwk();
    let member = |name: &str| {
        let text = must(jwk.get(name).and_then(Value::as_str).ok_or(name));
        must(URL_SAFE_NO_PAD.decode(text))
    };
    let elliptic = |algorithm: &'static dyn VerificationAlgorithm| {
        // SEC 1 §2.3.3: an uncompressed point.
        ParsedPublicKey::new(algorithm, [vec![4], member("x"), member("y")].concat())
    };
    let rsa = |padding| RsaPublicKeyComponents { n: member("n"), e: member("e") }.to_parsed_public_key(padding);
    must(match signer.algorithm() {
        SigningAlgorithm::Es256 => elliptic(&ECDSA_P256_SHA256_FIXED),
        SigningAlgorithm::Es384 => elliptic(&ECDSA_P384_SHA384_FIXED),
        SigningAlgorithm::Rs256 => rsa(&RSA_PKCS1_2048_8192_SHA256),
        SigningAlgorithm::Ps256 => rsa(&RSA_PSS_2048_8192_SHA256),
        _ => ParsedPublicKey::new(&ED25519, member("x")),
    })
}
