//! How fetched keys age: the clock is an argument, so days pass in no time.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use aws_lc_rs::rand;
use portcullis_token::{Algorithm, Issuer, KeySource, TokenError, Verifier};
use serde_json::{Value, json};
use tokio::runtime::Handle;

use crate::mint::*;
use crate::server::{Answer, Server};

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// How long keys live where the issuer says nothing.
const LIFETIME: i64 = 5 * MINUTE;
/// By how much a lifetime may be cut, so that replicas do not ask together.
const JITTER: i64 = LIFETIME / 10;

#[tokio::test]
async fn ten_thousand_unknown_keys_cause_one_fetch_per_cool_down() {
    // JWK-09
    let issuer = TestIssuer::start(&[Signer::Ed25519]);
    let verifier = issuer.verifier();
    assert!(verifier.verify(&issuer.token(Signer::Ed25519), time(NOW)).await.is_ok());
    for n in 0..10_000 {
        let mut kid = [0; 16];
        rand::fill(&mut kid).unwrap();
        let token = sign(&header_with(json!({ "kid": encode(kid) })), &claims());
        // Over two minutes, which is four cool-downs.
        assert_eq!(verifier.verify(&token, time(NOW + n * 120 / 10_000)).await, Err(TokenError::UnknownKey));
    }
    println!("10000 tokens with unknown keys within 120 s: {} fetches", issuer.fetches());
    assert!(issuer.fetches() <= 1 + 4, "{}", issuer.fetches());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rotation_under_load_fails_no_request() {
    // JWK-10, JWK-11
    let signers = [Signer::Ed25519, Signer::StrangeEd25519, Signer::Es256];
    let issuer = Arc::new(TestIssuer::start(&signers[..1]));
    let verifier = Arc::new(issuer.verifier());
    let current = Arc::new(Mutex::new((NOW, issuer.token(signers[0]))));
    let (stop, served, failed) = (Arc::new(AtomicBool::new(false)), counter(), counter());
    let tasks: Vec<_> = (0..2)
        .map(|_| {
            let (verifier, current, stop) = (Arc::clone(&verifier), Arc::clone(&current), Arc::clone(&stop));
            let (served, failed) = (Arc::clone(&served), Arc::clone(&failed));
            tokio::spawn(async move {
                while !stop.load(Ordering::SeqCst) {
                    let (now, token) = current.lock().unwrap().clone();
                    if verifier.verify(&token, time(now)).await.is_err() {
                        failed.fetch_add(1, Ordering::SeqCst);
                    }
                    served.fetch_add(1, Ordering::SeqCst);
                    tokio::task::yield_now().await;
                }
            })
        })
        .collect();
    let rotations = 30;
    for rotation in 0..rotations {
        // The issuer publishes the next key beside the present one, signs with it at once, and drops the one before.
        let (present, next) = (signers[rotation % 3], signers[(rotation + 1) % 3]);
        issuer.publish(&[present, next]);
        let now = NOW + i64::try_from(rotation + 1).unwrap() * 100;
        *current.lock().unwrap() = (now, issuer.token(next));
        let target = served.load(Ordering::SeqCst) + 100;
        while served.load(Ordering::SeqCst) < target {
            tokio::task::yield_now().await;
        }
    }
    stop.store(true, Ordering::SeqCst);
    for task in tasks {
        task.await.unwrap();
    }
    let (served, failed) = (served.load(Ordering::SeqCst), failed.load(Ordering::SeqCst));
    println!("{rotations} rotations: {served} requests, {failed} failed, {} fetches", issuer.fetches());
    assert_eq!(failed, 0);
    assert!(issuer.fetches() <= 1 + 2 * rotations);
}

#[tokio::test]
async fn an_outage_is_bridged_for_an_hour_and_no_longer() {
    // JWK-10, GEN-01
    let issuer = TestIssuer::start(&[Signer::Ed25519]);
    let verifier = issuer.verifier();
    let token = issuer.token_for_days();
    let (mut served, mut refused) = (0, 0);
    let outage = LIFETIME - JITTER..3 * HOUR;
    for now in (0..4 * HOUR).step_by(10) {
        if now == 0 || now >= outage.end {
            issuer.publish(&[Signer::Ed25519]);
        } else if now >= outage.start {
            issuer.fail();
        }
        let result = verifier.verify(&token, time(NOW + now)).await;
        settled().await;
        match result {
            Ok(_) => served += 1,
            Err(TokenError::Unavailable { retry_after, .. }) => {
                assert!((Duration::from_secs(1)..=Duration::from_secs(60)).contains(&retry_after), "{retry_after:?}");
                refused += 1;
            }
            Err(error) => panic!("{error}"),
        }
        let is_known_to_be_recent = now < LIFETIME + HOUR;
        if is_known_to_be_recent {
            assert_eq!(refused, 0, "{now}");
        } else if outage.contains(&now) {
            assert_eq!(served, (LIFETIME + HOUR) / 10, "{now}");
        } else if now >= outage.end + MINUTE {
            assert_eq!(result_of(&verifier, &token, now).await, Ok(()), "{now}");
        }
    }
    println!("3 h outage, a request every 10 s: {served} served, {refused} refused, {} fetches", issuer.fetches());
    // One per minute once the pauses have grown, and one per lifetime outside of the outage.
    assert!(issuer.fetches() <= 180 + 10 + 20, "{}", issuer.fetches());
}

#[tokio::test]
async fn how_long_an_outage_is_bridged_can_be_said() {
    // JWK-10
    for (max_stale, last_served) in [(0, LIFETIME), (2 * HOUR, LIFETIME + 2 * HOUR)] {
        let issuer = TestIssuer::start(&[Signer::Ed25519]);
        let keys = issuer.keys().with_max_stale(Duration::from_secs(max_stale.unsigned_abs())).unwrap();
        let verifier = verifier_of(keys);
        let token = issuer.token_for_days();
        assert_eq!(result_of(&verifier, &token, 0).await, Ok(()));
        issuer.fail();
        assert_eq!(result_of(&verifier, &token, last_served - 1).await, Ok(()), "{max_stale}");
        let error = result_of(&verifier, &token, last_served + MINUTE).await.unwrap_err();
        assert!(matches!(error, TokenError::Unavailable { .. }), "{max_stale}: {error}");
    }
}

#[tokio::test]
async fn the_issuer_says_how_long_keys_live_within_bounds() {
    // JWK-10
    for (cache_control, lifetime) in [("max-age=0", LIFETIME), ("max-age=7200", 2 * HOUR), ("max-age=31536000", DAY)] {
        let issuer = TestIssuer::start(&[Signer::Ed25519]);
        issuer.publish_with(&[Signer::Ed25519], cache_control);
        let verifier = issuer.verifier();
        let token = issuer.token_for_days();
        for (now, fetches) in [(0, 1), (1, 1), (lifetime - lifetime / 10 - 1, 1), (lifetime, 2), (lifetime + 1, 2)] {
            assert_eq!(result_of(&verifier, &token, now).await, Ok(()));
            settled().await;
            assert_eq!(issuer.fetches(), fetches, "{cache_control} after {now}");
        }
    }
}

#[tokio::test]
async fn a_key_that_was_removed_stops_with_the_next_refresh() {
    // JWK-11
    let issuer = TestIssuer::start(&[Signer::Ed25519, Signer::Es256]);
    let verifier = issuer.verifier();
    let token = issuer.token(Signer::Es256);
    assert_eq!(result_of(&verifier, &token, 0).await, Ok(()));
    issuer.publish(&[Signer::Ed25519]);
    // Nobody asks for an unknown key; age alone has the keys fetched again, behind this request.
    assert_eq!(result_of(&verifier, &token, LIFETIME).await, Ok(()));
    settled().await;
    assert_eq!(result_of(&verifier, &token, LIFETIME).await, Err(TokenError::UnknownKey));
    assert_eq!(result_of(&verifier, &issuer.token(Signer::Ed25519), LIFETIME).await, Ok(()));
}

#[tokio::test]
async fn a_request_does_not_wait_while_keys_are_refreshed() {
    // JWK-10: the answer never comes.
    let issuer = TestIssuer::start(&[Signer::Ed25519]);
    let verifier = issuer.verifier();
    let token = issuer.token_for_days();
    assert_eq!(result_of(&verifier, &token, 0).await, Ok(()));
    issuer.server.serve("/jwks", Answer::hanging());
    for _ in 0..1000 {
        assert_eq!(result_of(&verifier, &token, LIFETIME).await, Ok(()));
    }
    issuer.server.is_hanging().await;
    assert_eq!(result_of(&verifier, &token, LIFETIME + 59 * MINUTE).await, Ok(()));
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn keys_that_are_too_old_are_fetched_before_they_are_used() {
    // JWK-11: after a quiet night the first request must not be served by the keys of the evening.
    let issuer = TestIssuer::start(&[Signer::Ed25519, Signer::Es256]);
    let verifier = issuer.verifier();
    let token = issuer.token_for_days();
    assert_eq!(result_of(&verifier, &token, 0).await, Ok(()));
    issuer.publish(&[Signer::Es256]);
    assert_eq!(result_of(&verifier, &token, 8 * HOUR).await, Err(TokenError::UnknownKey));
    assert_eq!(issuer.fetches(), 2);
}

#[tokio::test]
async fn a_bad_set_replaces_no_good_one() {
    // JWK-12
    let good = json!({ "keys": [Signer::Ed25519.jwk_with(json!({ "kid": "Ed25519" }))] });
    for bad in [
        Answer::json(&json!({ "keys": [] })),
        Answer::json(&json!([])),
        Answer::json(&json!({ "keys": [{ "kty": "oct", "k": "AAAA", "kid": "Ed25519" }] })),
        Answer::text("text/html", "<html>"),
        Answer::text("application/json", &good.to_string().replacen('{', "{\"keys\":[],", 1)),
    ] {
        let issuer = TestIssuer::start(&[Signer::Ed25519]);
        let verifier = issuer.verifier();
        let (token, strange) = (issuer.token_for_days(), issuer.token(Signer::StrangeEd25519));
        assert_eq!(result_of(&verifier, &token, 0).await, Ok(()));
        issuer.server.serve("/jwks", bad.clone());
        assert_eq!(result_of(&verifier, &token, LIFETIME).await, Ok(()));
        settled().await;
        assert_eq!(result_of(&verifier, &token, LIFETIME).await, Ok(()), "{bad:?}");
        // And it never means that nothing need be verified.
        let error = result_of(&verifier, &strange, LIFETIME + MINUTE).await.unwrap_err();
        assert!(matches!(error, TokenError::Unavailable { .. }), "{bad:?}: {error}");
        assert_eq!(issuer.fetches(), 3);
    }
}

#[tokio::test]
async fn one_bad_key_does_not_spoil_the_set() {
    // JWK-04, JWK-06
    let issuer = TestIssuer::start(&[]);
    issuer.server.serve(
        "/jwks",
        Answer::json(&json!({ "keys": [
            { "kty": "AKP", "alg": "ML-DSA-65", "pub": "AA", "kid": "1" },
            { "kty": "RSA", "n": "AQAB", "e": "AQAB", "kid": "2" },
            { "kty": "oct", "k": "AAAA", "kid": "3" },
            Signer::Es256.jwk_with(json!({ "kid": "Es256" })),
        ] })),
    );
    assert_eq!(result_of(&issuer.verifier(), &issuer.token(Signer::Es256), 0).await, Ok(()));
}

#[tokio::test]
async fn pauses_between_failed_fetches_grow() {
    // JWK-10
    let issuer = TestIssuer::start(&[Signer::Ed25519]);
    issuer.fail();
    let verifier = issuer.verifier();
    let token = issuer.token_for_days();
    let mut attempts = Vec::new();
    for now in 0..300 {
        let before = issuer.fetches();
        assert!(result_of(&verifier, &token, now).await.is_err());
        if issuer.fetches() > before {
            attempts.push(now);
        }
    }
    assert_eq!(attempts, [0, 5, 15, 35, 75, 135, 195, 255]);
    issuer.publish(&[Signer::Ed25519]);
    assert!(result_of(&verifier, &token, 314).await.is_err());
    assert_eq!(result_of(&verifier, &token, 315).await, Ok(()));
}

#[tokio::test]
async fn keys_outlive_a_clock_that_is_set_back_only_if_they_can_be_fetched_again() {
    let issuer = TestIssuer::start(&[Signer::Ed25519]);
    let verifier = issuer.verifier();
    let token = issuer.token_for_days();
    assert_eq!(result_of(&verifier, &token, DAY).await, Ok(()));
    issuer.fail();
    let error = result_of(&verifier, &token, 0).await.unwrap_err();
    assert!(matches!(error, TokenError::Unavailable { .. }), "{error}");
    issuer.publish(&[Signer::Ed25519]);
    assert_eq!(result_of(&verifier, &token, 5).await, Ok(()));
}

#[test]
fn a_runtime_that_ends_during_a_fetch_does_not_end_all_fetches() {
    let issuer = TestIssuer::start(&[Signer::Ed25519]);
    issuer.server.serve("/jwks", Answer::hanging());
    let verifier = Arc::new(issuer.verifier());
    let token = issuer.token_for_days();
    let runtime = || tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let first = runtime();
    first.block_on(async {
        let (verifier, token) = (Arc::clone(&verifier), token.clone());
        tokio::spawn(async move { verifier.verify(&token, time(NOW)).await });
        issuer.server.is_hanging().await;
    });
    drop(first);
    issuer.publish(&[Signer::Ed25519]);
    assert_eq!(runtime().block_on(result_of(&verifier, &token, 5)), Ok(()));
}

/// An issuer whose keys are named after their signers.
struct TestIssuer {
    server: Server,
}

impl TestIssuer {
    fn start(signers: &[Signer]) -> Self {
        let issuer = Self { server: Server::start() };
        issuer.publish(signers);
        issuer
    }

    fn publish(&self, signers: &[Signer]) {
        self.publish_with(signers, "public");
    }

    fn publish_with(&self, signers: &[Signer], cache_control: &str) {
        let keys: Vec<Value> =
            signers.iter().map(|signer| signer.jwk_with(json!({ "kid": format!("{signer:?}") }))).collect();
        self.server.serve("/jwks", Answer::json(&json!({ "keys": keys })).with_header("cache-control", cache_control));
    }

    fn fail(&self) {
        self.server.serve("/jwks", Answer::status(500));
    }

    fn fetches(&self) -> usize {
        self.server.requests()
    }

    fn keys(&self) -> KeySource {
        KeySource::url(&self.server.url("/jwks")).unwrap()
    }

    fn verifier(&self) -> Verifier {
        verifier_of(self.keys())
    }

    /// A token that is valid throughout each test.
    fn token(&self, signer: Signer) -> String {
        let alg = if matches!(signer, Signer::Es256) { "ES256" } else { "EdDSA" };
        let header = header_with(json!({ "alg": alg, "kid": format!("{signer:?}") }));
        sign_as(signer, &header, &claims_with(json!({ "exp": NOW + 10 * DAY })))
    }

    fn token_for_days(&self) -> String {
        self.token(Signer::Ed25519)
    }
}

fn verifier_of(keys: KeySource) -> Verifier {
    let algorithms = [Algorithm::EdDsa, Algorithm::Es256];
    Verifier::new([Issuer::new("main", ISSUER, [AUDIENCE], algorithms, keys).unwrap()]).unwrap()
}

/// What becomes of `token` so many seconds after the tests' beginning.
async fn result_of(verifier: &Verifier, token: &str, after: i64) -> Result<(), TokenError> {
    verifier.verify(token, time(NOW + after)).await.map(drop)
}

/// Waits until no fetch is under way in the background.
async fn settled() {
    let metrics = Handle::current().metrics();
    let all_tasks_ended = async {
        while metrics.num_alive_tasks() > 0 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(20), all_tasks_ended).await.unwrap();
}

fn counter() -> Arc<AtomicUsize> {
    Arc::new(AtomicUsize::new(0))
}
