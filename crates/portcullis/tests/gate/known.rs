//! Tokens that come again: what is remembered of them shows in nothing but the time it takes.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicUsize, Ordering};
use std::time::Duration;

use http::Method;
use portcullis::{BoxFuture, Caller, Clock, Directory, DirectoryError, PrincipalFacts, UnixTime};
use serde_json::json;

use crate::service::{NOW, Service};

#[derive(Debug, Clone)]
struct Watch(Arc<AtomicI64>);

impl Watch {
    fn new() -> Self {
        Self(Arc::new(AtomicI64::new(NOW)))
    }

    fn set(&self, now: i64) {
        self.0.store(now, Ordering::SeqCst);
    }
}

impl Clock for Watch {
    fn now(&self) -> UnixTime {
        UnixTime::from_secs(self.0.load(Ordering::SeqCst)).unwrap()
    }
}

/// Counts how often it is asked, and takes a role away after the first time.
struct Fickle {
    asked: Arc<AtomicUsize>,
    lifetime: Duration,
}

impl Directory for Fickle {
    fn principal<'a>(&'a self, _: &'a Caller) -> BoxFuture<'a, Result<PrincipalFacts, DirectoryError>> {
        let first = self.asked.fetch_add(1, Ordering::SeqCst) == 0;
        let facts = PrincipalFacts::new().with_complete("Role");
        Box::pin(async move { Ok(if first { facts.with_membership("Role", "reader") } else { facts }) })
    }

    fn principal_lifetime(&self) -> Duration {
        self.lifetime
    }
}

#[tokio::test]
async fn a_token_that_comes_again_is_refused_once_it_has_expired() {
    let watch = Watch::new();
    let service = Service::new(|gate| gate.clock(watch.clone()));
    let token = format!("Bearer {}", service.token(&json!({})));
    for (now, allowed) in [(NOW, true), (NOW + 1, true), (NOW + 599, true), (NOW + 3_600, false), (NOW + 1, true)] {
        watch.set(now);
        assert_eq!(service.open_as(&Method::GET, &token).await.is_ok(), allowed, "{now}");
    }
}

#[tokio::test]
async fn tokens_are_not_taken_for_each_other() {
    let service = Service::new(|gate| gate);
    let people = ["ann", "bob", "col", "dan", "eve"];
    let tokens = people.map(|sub| format!("Bearer {}", service.token(&json!({ "sub": sub, "jti": sub }))));
    for _ in 0..3 {
        for (sub, token) in people.iter().zip(&tokens) {
            let admitted = service.open_as(&Method::GET, token).await.unwrap();
            assert_eq!(admitted.caller().unwrap().subject().id, *sub);
        }
    }
    // One character of the signature, and nothing that was remembered counts.
    let (text, last) = tokens[0].split_at(tokens[0].len() - 10);
    let forged = format!("{text}{}", last.chars().rev().collect::<String>());
    assert_eq!(service.open_as(&Method::GET, &forged).await.unwrap_err().status(), 401);
}

#[tokio::test]
async fn a_directory_is_asked_with_each_request_unless_it_says_for_how_long_it_is_right() {
    for (lifetime, statuses) in [(0, [200, 403, 403, 403]), (2, [200, 200, 403, 403]), (4, [200, 200, 200, 403])] {
        let (watch, asked) = (Watch::new(), Arc::new(AtomicUsize::new(0)));
        let directory = Fickle { asked: Arc::clone(&asked), lifetime: Duration::from_secs(lifetime) };
        let service = Service::new(|gate| gate.clock(watch.clone()).directory(directory));
        let token = format!("Bearer {}", service.token(&json!({ "roles": null })));
        for (later, status) in [0, 1, 3, 5].into_iter().zip(statuses) {
            watch.set(NOW + later);
            let answered = service.open_as(&Method::GET, &token).await;
            assert_eq!(answered.map_or_else(|answer| answer.status().as_u16(), |_| 200), status, "{lifetime} {later}");
        }
    }
}
