//! Used proofs, at several replicas.

use std::num::NonZeroU32;
use std::time::{Duration, Instant};

use portcullis_core::UnixTime;
use portcullis_redis::{RedisFailure, RedisReplayStore};
use portcullis_token::{Recall, ReplayStore, Thumbprint, UsedProof};

use crate::server::{Persistence, RedisServer};
use crate::{SECOND, connect, now};

/// A key of its own for each of 64 `number`s.
pub(crate) fn key(number: u8) -> Thumbprint {
    let last = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".as_bytes()[usize::from(number)];
    format!("{}{}A", "A".repeat(41), char::from(last)).parse().unwrap()
}

pub(crate) fn proof(key_number: u8, jti: &str, issued: UnixTime) -> UsedProof {
    UsedProof::new(key(key_number), jti, issued, issued.plus(60 * SECOND))
}

async fn remember(store: &RedisReplayStore, proof: &UsedProof) -> Recall {
    store.remember(proof, now()).await.unwrap()
}

/// A store that remembers since a second ago, so that proofs of now are accepted.
async fn settled(server: &RedisServer) -> RedisReplayStore {
    let store = RedisReplayStore::new(&connect(server).await);
    tokio::time::sleep(SECOND + SECOND / 10).await;
    store
}

#[tokio::test]
async fn what_was_used_at_one_replica_is_refused_at_all() {
    // DPP-27
    let server = RedisServer::start();
    let (one, other) = (settled(&server).await, RedisReplayStore::new(&connect(&server).await));
    let used = proof(1, "a", now());
    assert_eq!(remember(&one, &used).await, Recall::New);
    for store in [&one, &other] {
        assert_eq!(remember(store, &used).await, Recall::Repeated);
    }
    assert_eq!(remember(&other, &proof(1, "b", now())).await, Recall::New);
    assert_eq!(remember(&other, &proof(2, "a", now())).await, Recall::New, "one `jti` of two keys is two proofs");
}

#[tokio::test]
async fn who_floods_fills_a_share_and_takes_nothing_from_others() {
    // DPP-27
    let server = RedisServer::start();
    let store = settled(&server).await.with_share(NonZeroU32::new(10).unwrap());
    let mut accepted = 0;
    for jti in 0..100 {
        match remember(&store, &proof(1, &jti.to_string(), now())).await {
            Recall::New => accepted += 1,
            recall => assert_eq!(recall, Recall::ShareExhausted),
        }
    }
    assert_eq!(accepted, 10);
    assert_eq!(remember(&store, &proof(1, "0", now())).await, Recall::Repeated, "what is remembered stays so");
    assert_eq!(remember(&store, &proof(2, "0", now())).await, Recall::New);
}

#[tokio::test]
async fn proofs_are_forgotten_when_nobody_would_accept_them() {
    let server = RedisServer::start();
    let store = settled(&server).await;
    let short = |jti: &str| UsedProof::new(key(1), jti, now(), now().plus(SECOND));
    assert_eq!(remember(&store, &short("a")).await, Recall::New);
    let name = format!("portcullis:proofs:{}", key(1));
    let left: i64 = server.ask(&["TTL", &name]);
    assert!((55..=63).contains(&left), "{left}: its second, and a minute for clocks");
    // One that lives longer keeps the others company, one that does not takes nothing from it.
    assert_eq!(remember(&store, &proof(1, "b", now())).await, Recall::New);
    assert_eq!(remember(&store, &short("c")).await, Recall::New);
    let left: i64 = server.ask(&["TTL", &name]);
    assert!((110..=122).contains(&left), "{left}");
    // By its clock Redis may have forgotten it, whatever ours says.
    let over = UsedProof::new(key(1), "d", now().minus(SECOND), now().minus(SECOND));
    assert_eq!(remember(&store, &over).await, Recall::BeforeMemory);
    // What is over for more than a minute makes room.
    let old = now().minus(62 * SECOND).as_secs().to_string();
    server.ask::<i64>(&["ZADD", &name, &old, "old"]);
    assert_eq!(remember(&store, &proof(1, "e", now())).await, Recall::New);
    assert_eq!(server.ask::<Option<String>>(&["ZSCORE", &name, "old"]), None);
    assert_eq!(server.ask::<i64>(&["ZCARD", &name]), 4);
}

#[tokio::test]
async fn proofs_from_before_a_restart_are_refused_and_later_ones_are_not() {
    // DPP-27: whatever was kept, since the last writes may be missing
    for persistence in [Persistence::None, Persistence::All] {
        let mut server = RedisServer::with(persistence, &[]);
        let (store, other) = (settled(&server).await, RedisReplayStore::new(&connect(&server).await));
        let (used, unused) = (proof(1, "used", now()), proof(1, "unused", now()));
        assert_eq!(remember(&store, &used).await, Recall::New);
        server.kill();
        server.start_again();
        for store in [&store, &other] {
            let recall = answer_again(store, &used).await;
            assert_eq!(recall, Recall::BeforeMemory, "{persistence:?}");
            assert_eq!(remember(store, &unused).await, Recall::BeforeMemory, "nobody knows that it was not used");
        }
        tokio::time::sleep(SECOND + SECOND / 10).await;
        let later = proof(1, "later", now());
        assert_eq!(remember(&store, &later).await, Recall::New);
        assert_eq!(remember(&other, &later).await, Recall::Repeated);
    }
}

#[tokio::test]
async fn a_server_that_was_emptied_begins_to_remember_anew() {
    let server = RedisServer::start();
    let store = settled(&server).await;
    let used = proof(1, "a", now());
    assert_eq!(remember(&store, &used).await, Recall::New);
    server.ask::<()>(&["FLUSHALL"]);
    assert_eq!(remember(&store, &used).await, Recall::BeforeMemory);
}

#[tokio::test]
async fn a_server_that_evicts_keys_and_takes_the_place_of_another_is_not_used() {
    let mut server = RedisServer::start();
    let store = settled(&server).await;
    server.kill();
    server.start_again_with(&["--maxmemory-policy", "allkeys-lru"]);
    let mut errors = Vec::new();
    for jti in 0..10 {
        errors.push(store.remember(&proof(1, &jti.to_string(), now()), now()).await.unwrap_err().to_string());
        tokio::time::sleep(SECOND / 10).await;
    }
    assert!(errors[9].contains("allkeys-lru"), "{errors:?}");
}

#[tokio::test]
async fn without_room_for_a_proof_it_is_refused_and_no_other_is_forgotten() {
    let server = RedisServer::start();
    let store = settled(&server).await;
    let memory: String = server.ask(&["INFO", "memory"]);
    let used: u64 = memory.lines().find_map(|line| line.strip_prefix("used_memory:")?.trim().parse().ok()).unwrap();
    server.ask::<()>(&["CONFIG", "SET", "maxmemory", &(used + 300_000).to_string()]);
    let first = proof(0, "first", now());
    assert_eq!(remember(&store, &first).await, Recall::New);
    let filling = async {
        for number in 0..20_000_u32 {
            let next = proof(u8::try_from(number % 60).unwrap(), &number.to_string(), now());
            if store.remember(&next, now()).await.is_err() {
                return number;
            }
        }
        panic!("300 kB are enough for 20,000 proofs")
    };
    assert!(filling.await > 100);
    assert!(store.remember(&proof(1, "next", now()), now()).await.is_err());
    assert_eq!(remember(&store, &first).await, Recall::Repeated);
}

#[tokio::test]
async fn without_redis_everybody_is_refused_soon_and_afterwards_nobody() {
    // DPP-29
    let mut server = RedisServer::start();
    let store = settled(&server).await;
    server.kill();
    let asked = Instant::now();
    for jti in ["a", "b", "c"] {
        let error = store.remember(&proof(1, jti, now()), now()).await.unwrap_err();
        assert!(error.to_string().contains("redis failed"), "{error}");
    }
    assert!(asked.elapsed() < 6 * SECOND, "{:?}", asked.elapsed());
    server.start_again();
    answer_again(&store, &proof(1, "d", now())).await;
    tokio::time::sleep(SECOND + SECOND / 10).await;
    assert_eq!(remember(&store, &proof(1, "d", now())).await, Recall::New);
}

#[tokio::test]
async fn a_server_that_does_not_answer_holds_a_request_up_for_the_time_out_and_no_longer() {
    // DPP-29
    let server = RedisServer::start();
    drop(settled(&server).await);
    let settings = portcullis_redis::RedisSettings::new(&server.url()).unwrap().with_timeout(SECOND / 2);
    let store = RedisReplayStore::new(&settings.connect().await.unwrap());
    remember(&store, &proof(1, "first", now())).await; // so that the server knows the script
    server.pause();
    let used = proof(1, "a", now());
    let asked = Instant::now();
    let error = store.remember(&used, now()).await.unwrap_err();
    assert_eq!(error.to_string(), format!("the replay store failed: {}", RedisFailure::TimedOut { after: SECOND / 2 }));
    assert!((SECOND / 2..4 * SECOND).contains(&asked.elapsed()), "{:?}", asked.elapsed());
    server.go_on();
    // It was in the queue, and so it was used: whoever sent it makes a new one.
    tokio::time::sleep(SECOND / 2).await;
    assert_eq!(answer_again(&store, &used).await, Recall::Repeated);
    assert_eq!(remember(&store, &proof(1, "b", now())).await, Recall::New);
}

/// The first answer after Redis was lost.
async fn answer_again(store: &RedisReplayStore, proof: &UsedProof) -> Recall {
    let end = Instant::now() + 10 * SECOND;
    loop {
        match store.remember(proof, now()).await {
            Ok(recall) => return recall,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
