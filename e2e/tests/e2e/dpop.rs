//! Tokens that are bound to a key, called with by clients that nobody changed for us (RFC 9449).

use crate::authorization_server::{Exchange, NativeApp};
use crate::tokens::assert_invalid;
use crate::{API, World, introspection};

#[tokio::test]
async fn clients_learn_the_nonce_of_the_service_and_keep_it() {
    // DPP-01, DPP-31, DPP-34, DPP-37
    let world = world();
    for through in ["openid-client", "oauth4webapi"] {
        let NativeApp { exchanges, .. } = world.call(through, None).await;
        let [first, second, third] = &exchanges[..] else { panic!("{through}: {exchanges:?}") };
        assert_eq!(first.status, 401, "{through}: {first:?}");
        assert!(
            first.challenge.contains("error=\"use_dpop_nonce\"") && first.challenge.contains("algs=\""),
            "{first:?}"
        );
        assert_ne!(first.nonce, "", "{through}: {first:?}");
        // The nonce of the refusal is good, and each answer has the next one: a second call needs no second attempt.
        assert_eq!((second.status, third.status), (200, 200), "{through}: {exchanges:?}");
    }
}

#[tokio::test]
async fn a_proof_that_was_seen_on_the_wire_is_worth_nothing() {
    // DPP-15, DPP-27
    let world = world();
    let NativeApp { token, exchanges } = world.call("openid-client", None).await;
    let Exchange { proof, .. } = exchanges.last().unwrap();
    let replayed = world.service.get_with_proof("/projects/apollo", &token, proof).await;
    assert_eq!(replayed.status, 401, "{replayed:?}");
    assert!(replayed.challenge.contains("error=\"invalid_dpop_proof\""), "{replayed:?}");
    let elsewhere = world.service.get_with_proof("/me", &token, proof).await;
    assert!(elsewhere.challenge.contains("error=\"invalid_dpop_proof\""), "{elsewhere:?}");
    assert_eq!((elsewhere.status, elsewhere.body["id"].as_str()), (401, None), "{elsewhere:?}");
}

#[tokio::test]
async fn a_stolen_token_is_worth_nothing_without_its_key() {
    // DPP-03, DPP-19
    let world = world();
    let NativeApp { token, .. } = world.call("openid-client", None).await;
    assert_invalid(&world.service.get("/projects/apollo", &token).await);
    for through in ["openid-client", "oauth4webapi"] {
        let thief = world.call(through, Some(&token)).await;
        assert!(!thief.exchanges.is_empty());
        for Exchange { status, challenge, nonce, .. } in thief.exchanges {
            assert_eq!(status, 401, "{through}: {challenge}");
            assert!(challenge.contains("error=\"invalid_token\""), "{through}: {challenge}");
            assert_eq!(nonce, "", "{through}: who lacks the key is not told what else is missing");
        }
    }
}

#[tokio::test]
async fn an_opaque_token_is_bound_as_well() {
    // DPP-01, DPP-03, INT-08, INT-09
    let world = introspection::world_with(introspection::SECRET, |settings| settings.at_top(DPOP));
    let resource = format!("{API}/as-opaque");
    let NativeApp { token, exchanges } = world.server.call(world.service.url(), &resource, "openid-client", &[]).await;
    assert!(!token.contains('.'));
    let statuses: Vec<u16> = exchanges.iter().map(|exchange| exchange.status).collect();
    assert_eq!(statuses, [401, 200, 200], "{exchanges:?}");
    assert_invalid(&world.service.get("/projects/apollo", &token).await);
    let thief = world.call("openid-client", Some(&token)).await;
    assert!(thief.exchanges.iter().all(|exchange| exchange.status == 401), "{thief:?}");
}

#[tokio::test]
async fn neither_a_proof_nor_its_token_reaches_the_log() {
    // GEN-04
    let world = world();
    let NativeApp { token, exchanges } = world.call("openid-client", None).await;
    let log = world.service.log();
    assert!(log.contains("status=200"), "{log}");
    let proofs = exchanges.into_iter().map(|exchange| exchange.proof);
    for text in proofs.chain([token]) {
        for part in text.split('.').skip(1) {
            assert!(!log.contains(part), "part of a proof or token stands in the log");
        }
    }
}

/// A service that wants proofs with a nonce of its own.
fn world() -> World {
    World::with(|settings| settings.at_top(DPOP))
}

impl World {
    /// The app calls the service twice, with a token for `ada` and its key, or with a token that it `found`.
    async fn call(&self, through: &str, found: Option<&str>) -> NativeApp {
        // In one word, as an opaque token may begin like an option.
        let found = found.map(|token| format!("--token={token}"));
        let more: Vec<&str> = found.iter().map(String::as_str).collect();
        self.server.call(self.service.url(), API, through, &more).await
    }
}

const DPOP: &str = "dpop = { replay = 'one-replica', nonces = 'required' }";
