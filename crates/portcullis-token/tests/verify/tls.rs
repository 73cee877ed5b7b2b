//! Issuers behind TLS.

use portcullis_core::VerifiedClaims;
use portcullis_token::{Algorithm, Issuer, KeySource, Network, TokenError, Verifier};
use serde_json::json;

use crate::mint::*;
use crate::server::{Answer, Certificate, Server};

#[tokio::test]
async fn keys_come_from_servers_that_prove_their_name() {
    // O21-06, GEN-01
    let private = || Network::default().with_private_addresses();
    let with_root = || private().with_tls_roots(include_bytes!("../data/tls/ca.pem")).unwrap();
    for (certificate, network, accepted) in [
        (Certificate::Localhost, private(), false), // signed by nobody whom the system knows
        (Certificate::Other, with_root(), false),   // another host's certificate
        (Certificate::Localhost, with_root(), true),
    ] {
        let server = Server::start_tls(certificate);
        server.serve("/jwks", Answer::json(&key_set()));
        let keys = KeySource::url(&server.url("/jwks")).unwrap().with_network(&network).unwrap();
        assert_answer(&verify(ISSUER, keys).await, accepted);
        assert_eq!(server.requests(), usize::from(accepted));
    }
}

#[tokio::test]
async fn a_name_that_leads_to_this_machine_is_not_asked_unless_that_is_said() {
    // ASM-10
    let roots = || Network::default().with_tls_roots(include_bytes!("../data/tls/ca.pem")).unwrap();
    for (network, accepted) in [(roots(), false), (roots().with_private_addresses(), true)] {
        let server = Server::start_tls(Certificate::Localhost);
        let metadata = json!({ "issuer": server.origin(), "jwks_uri": server.url("/jwks") });
        server.serve("/.well-known/oauth-authorization-server", Answer::json(&metadata));
        server.serve("/jwks", Answer::json(&key_set()));
        let discovered = KeySource::discovered(server.origin()).unwrap().with_network(&network).unwrap();
        assert_answer(&verify(server.origin(), discovered).await, accepted);
        let stated = KeySource::url(&server.url("/jwks")).unwrap().with_network(&network).unwrap();
        assert_answer(&verify(server.origin(), stated).await, accepted);
        assert_eq!(server.requests() > 0, accepted);
    }
}

async fn verify(issuer: &str, keys: KeySource) -> Result<VerifiedClaims, TokenError> {
    let verifier = Verifier::new([Issuer::new("main", issuer, [AUDIENCE], [Algorithm::EdDsa], keys).unwrap()]).unwrap();
    verifier.verify(&sign(&header(), &claims_with(json!({ "iss": issuer }))), time(NOW)).await
}

#[track_caller]
fn assert_answer(result: &Result<VerifiedClaims, TokenError>, accepted: bool) {
    match result {
        Ok(_) => assert!(accepted),
        Err(error) => assert!(!accepted && matches!(error, TokenError::Unavailable { .. }), "{error}"),
    }
}
