//! The authorization server changes its keys while the service works.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval};

use crate::tokens::assert_invalid;
use crate::{API, World, eventually};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_fails_while_keys_are_rotated() {
    // JWK-09, JWK-10
    let World { server, service } = World::start();
    let service = Arc::new(service);
    let old = server.log_in("ada", "read:projects", API).await;
    let (tokens, traffic) = Traffic::start(&service, vec![old.clone()]);
    traffic.pass(UNTIL_KEYS_MAY_BE_FETCHED_AGAIN).await;

    server.rotate_and_keep().await;
    let new = server.log_in("ada", "read:projects", API).await;
    assert_ne!(key_id(&old), key_id(&new));
    tokens.send(vec![old, new]).unwrap();
    traffic.pass(AFTER_ROTATION).await;

    let (requests, failed) = traffic.stop().await;
    let fetches = server.requests("/jwks").await;
    println!("key rotation: {requests} requests, {failed} failed, {fetches} fetches of the key set");
    assert_eq!(failed, 0);
    assert_eq!(fetches, 2, "one to begin with, one for the new key");
}

#[tokio::test]
async fn a_key_that_is_no_longer_published_stops_to_verify() {
    // JWK-11
    let World { server, service } = World::start();
    let old = server.log_in("ada", "read:projects", API).await;
    assert_eq!(service.get("/projects/apollo", &old).await.status, 200);
    server.rotate_and_drop().await;
    let new = server.log_in("ada", "read:projects", API).await;
    let (service, new) = (&service, &new);
    eventually(AFTER_COOL_DOWN, &200, || async move { service.get("/projects/apollo", new).await.status }).await;
    assert_invalid(&service.get("/projects/apollo", &old).await);
}

/// Requests at a steady rate, with each of some tokens in turn.
struct Traffic {
    task: JoinHandle<()>,
    counts: Arc<Counts>,
}

#[derive(Default)]
struct Counts {
    requests: AtomicU32,
    failed: AtomicU32,
}

impl Traffic {
    fn start(service: &Arc<crate::Service>, tokens: Vec<String>) -> (watch::Sender<Vec<String>>, Self) {
        let (sender, receiver) = watch::channel(tokens);
        let counts = Arc::new(Counts::default());
        let task = tokio::spawn(send(Arc::clone(service), receiver, Arc::clone(&counts)));
        (sender, Self { task, counts })
    }

    /// Waits until so many more requests have been answered.
    async fn pass(&self, requests: u32) {
        let goal = self.requests() + requests;
        eventually(Duration::from_secs(120), &true, || async move { self.requests() >= goal }).await;
    }

    fn requests(&self) -> u32 {
        self.counts.requests.load(Ordering::SeqCst)
    }

    /// How many requests there were, and how many of them failed.
    async fn stop(self) -> (u32, u32) {
        self.task.abort();
        assert!(self.task.await.unwrap_err().is_cancelled());
        (self.counts.requests.load(Ordering::SeqCst), self.counts.failed.load(Ordering::SeqCst))
    }
}

async fn send(service: Arc<crate::Service>, tokens: watch::Receiver<Vec<String>>, counts: Arc<Counts>) {
    let mut rate = interval(BETWEEN_REQUESTS);
    rate.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for turn in 0.. {
        rate.tick().await;
        let token = {
            let tokens = tokens.borrow();
            tokens[turn % tokens.len()].clone()
        };
        let answer = service.get("/projects/apollo", &token).await;
        if answer.status != 200 {
            println!("request {turn}: {answer:?}");
            counts.failed.fetch_add(1, Ordering::SeqCst);
        }
        counts.requests.fetch_add(1, Ordering::SeqCst);
    }
}

fn key_id(token: &str) -> &str {
    token.split('.').next().unwrap()
}

const BETWEEN_REQUESTS: Duration = Duration::from_millis(20);

/// Requests for a little more than the 5 seconds in which a key set counts as just fetched.
const UNTIL_KEYS_MAY_BE_FETCHED_AGAIN: u32 = 350;

const AFTER_ROTATION: u32 = 400;

/// Longer than the pause between two fetches for the sake of unknown keys.
const AFTER_COOL_DOWN: Duration = Duration::from_secs(45);
