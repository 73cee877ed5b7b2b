//! An approval is used once, by whoever comes first, at whatever replica; and by nobody who is refused.

use std::num::NonZeroUsize;
use std::sync::Arc;
use std::time::Duration;

use portcullis::{
    BoxFuture, Charge, Charged, Kind, LimitStore, LimitStoreError, MemoryReplayStore, Permit, RevocationList, Target,
    UnixTime,
};
use portcullis_token::{ReplayFuture, ReplayStore, ReplayStoreError, UsedProof};
use serde_json::json;

use super::{Draft, NOW, Post, claire_for_ann, confirmation, to_bob};

fn memory() -> Arc<MemoryReplayStore> {
    Arc::new(MemoryReplayStore::new(UnixTime::from_secs(NOW).unwrap()))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn of_64_uses_at_once_at_two_replicas_one_wins() {
    let store = memory();
    let one = Post::with(|files| files, |gate| gate.replay_store(store.clone()));
    let other = one.sibling(|files| files, |gate| gate.replay_store(store.clone()));
    let approval = one.approved(&Draft::new(), &to_bob()).await;
    let posts = [Arc::new(one), Arc::new(other)];
    let uses: Vec<_> = (0..64)
        .map(|number| {
            let (post, approval) = (Arc::clone(&posts[number % 2]), approval.clone());
            tokio::spawn(
                async move { post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.map(drop) },
            )
        })
        .collect();
    let mut won = 0;
    for used in uses {
        match used.await.unwrap() {
            Ok(()) => won += 1,
            Err(answer) => assert_eq!(confirmation(&answer)["rejected"], "used", "{}", answer.body()),
        }
    }
    assert_eq!(won, 1);
}

#[tokio::test]
async fn whoever_restarts_lets_nothing_pass_that_may_have_been_used() {
    let before = Post::new();
    let ticket = before.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
    before.wait(1);
    // In memory nothing outlives the process: what was asked for before it is refused, also if it is approved later.
    let after = before.sibling(|files| files, |gate| gate);
    let approval = after.approve(&super::ann(), &ticket).await.unwrap();
    let answer = after.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[approval.text()]).await.unwrap_err();
    assert_eq!(confirmation(&answer)["rejected"], "used");
}

#[tokio::test]
async fn a_second_approval_of_a_used_ticket_is_worth_nothing_until_the_ticket_ends() {
    let post = Post::new();
    let ticket = post.ticket(&claire_for_ann(), &Draft::new(), &to_bob()).await;
    let early = post.approve(&super::ann(), &ticket).await.unwrap();
    post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[early.text()]).await.unwrap();
    // When the first approval has long expired, and something else has made the store forget what it may.
    post.wait(600);
    let later = super::but(super::ann(), &json!({ "auth_time": NOW + 590 }));
    let late = post.approve(&later, &ticket).await.unwrap();
    let other = post.approved(&Draft { id: "other", ..Draft::new() }, &to_bob()).await;
    post.send(&claire_for_ann(), &Draft { id: "other", ..Draft::new() }, &to_bob(), &[&other]).await.unwrap();
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[late.text()]).await.unwrap_err();
    assert_eq!(confirmation(&answer)["rejected"], "used");
}

#[derive(Debug)]
struct OutOfReach;

impl ReplayStore for OutOfReach {
    fn remember<'a>(&'a self, _: &'a UsedProof, _: UnixTime) -> ReplayFuture<'a> {
        Box::pin(async { Err(ReplayStoreError::new("out of reach")) })
    }
}

#[tokio::test]
async fn a_store_out_of_reach_lets_nothing_pass() {
    let post = Post::with(|files| files, |gate| gate.replay_store(Arc::new(OutOfReach)));
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let answer = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!(answer.status(), 503, "{}", answer.body());
    assert!(answer.headers().contains_key("retry-after"));
    // Whoever needs no approval is not concerned.
    let free = super::but(claire_for_ann(), &json!({ "scope": "send:email" }));
    post.send(&free, &Draft::new(), &to_bob(), &[]).await.unwrap();
}

/// Lets the first `0` requests pass.
#[derive(Debug)]
struct Few(std::sync::atomic::AtomicI64);

impl LimitStore for Few {
    fn charge<'a>(&'a self, charges: &'a [Charge]) -> BoxFuture<'a, Result<Charged, LimitStoreError>> {
        let admitted = self.0.fetch_sub(1, std::sync::atomic::Ordering::SeqCst) > 0;
        let levels = charges.iter().map(|_| portcullis::Level {
            left: u32::from(admitted),
            full_in: Duration::from_secs(60),
            enough_in: Duration::from_secs(if admitted { 0 } else { 60 }),
        });
        let charged = Charged { admitted, levels: levels.collect() };
        Box::pin(async move { Ok(charged) })
    }
}

#[tokio::test]
async fn a_429_uses_no_approval_up() {
    let store = memory();
    let post = Post::with(|files| files, |gate| gate.replay_store(store.clone()));
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let held = store.len();
    let limited = post.limited(Few(0.into()), store.clone());
    let answer = limited.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap_err();
    assert_eq!(answer.status(), 429, "{}", answer.body());
    assert_eq!(store.len(), held);
    let permit: Permit = post.send(&claire_for_ann(), &Draft::new(), &to_bob(), &[&approval]).await.unwrap();
    assert_eq!(permit.action(), "SendEmail");
    assert_eq!(store.len(), held + 1);
}

#[tokio::test]
async fn an_agent_that_is_stopped_before_it_asks_sends_nothing_with_its_approval() {
    // SEC-03
    let stopped = Arc::new(RevocationList::new(NonZeroUsize::MIN));
    let post = Post::with(|files| files, |gate| gate.revocations(Arc::clone(&stopped)));
    let approval = post.approved(&Draft::new(), &to_bob()).await;
    let admitted = post.open(&claire_for_ann(), &[&approval]).await.unwrap();
    let now = UnixTime::from_secs(NOW).unwrap();
    let claire = Target::Actor { kind: Kind::Agent, id: "claire".into() };
    stopped.revoke(claire, now.plus(Duration::from_secs(3_600)), now).unwrap();
    assert_eq!(admitted.check_with(&Draft::new(), &to_bob()).await.unwrap_err().status(), 401);
}
