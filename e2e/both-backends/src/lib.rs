//! `jsonwebtoken` has two signature backends. Where a program enables both, as some dependency of an application may
//! do, its process-wide default panics at the first signature. Portcullis must not depend on that default.

#[cfg(test)]
mod tests {
    use jsonwebtoken::DecodingKey;
    use portcullis_core::UnixTime;
    use portcullis_token::{Algorithm, Issuer, KeySet, TokenError, Verifier};

    /// The key of RFC 8037, Appendix A.1.
    const KEY: &str = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";

    /// Signed once with that key; valid from 1767225600 to 1767229200.
    const TOKEN: &str = concat!(
        "eyJhbGciOiJFZERTQSIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImFzLTEifQ.eyJpc3MiOiJodHRwczovL2FzLmV4YW1wbGUuY29tI",
        "iwic3ViIjoidXNlci0xIiwiYXVkIjoiaHR0cHM6Ly9hcGkuZXhhbXBsZS5jb20iLCJjbGllbnRfaWQiOiJjbGllbnQtMSIsImlhd",
        "CI6MTc2NzIyNTYwMCwiZXhwIjoxNzY3MjI5MjAwLCJqdGkiOiJ0LTEiLCJzY29wZSI6Im9yZGVyczpyZWFkIn0.--kTLerDs1dw2",
        "UKfTY-k_YltO0Xl-xCqAaFSxshecU1k3Eqk38aB5ACI_dFkpPAjxouK3fFG2UzN9DrhLBStCw",
    );

    #[test]
    fn the_default_of_the_process_panics() {
        // Otherwise this package would prove nothing.
        let key = DecodingKey::from_ed_components(KEY).unwrap();
        let verified = std::panic::catch_unwind(|| {
            jsonwebtoken::crypto::verify("AA", b"message", &key, jsonwebtoken::Algorithm::EdDSA)
        });
        assert!(verified.is_err(), "only one backend is enabled");
    }

    #[tokio::test]
    async fn tokens_are_verified_all_the_same() {
        let jwks = format!(r#"{{ "keys": [{{ "kty": "OKP", "crv": "Ed25519", "kid": "as-1", "x": "{KEY}" }}] }}"#);
        let keys = KeySet::from_json(jwks.as_bytes()).unwrap();
        let (issuer, audience) = ("https://as.example.com", "https://api.example.com");
        let issuer = Issuer::new("main", issuer, [audience], [Algorithm::EdDsa], keys).unwrap();
        let verifier = Verifier::new([issuer]).unwrap();
        let now = UnixTime::from_secs(1_767_226_000).unwrap();
        assert!(verifier.verify(TOKEN, now).await.is_ok());
        let (signed, signature) = TOKEN.rsplit_once('.').unwrap();
        let forged = format!("{signed}.{}", signature.replacen(|_: char| true, "_", 1));
        assert_eq!(verifier.verify(&forged, now).await, Err(TokenError::BadSignature));
    }
}
