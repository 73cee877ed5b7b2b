//! Limits, counted for several replicas.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use portcullis::{Charge, LimitStore, Quota};
use portcullis_redis::RedisLimitStore;

use crate::server::RedisServer;
use crate::{SECOND, connect};

pub(crate) fn charge(bucket: u8, interval: Duration, burst: u32, cost: u32) -> Charge {
    Charge { bucket: [bucket; 32], quota: Quota { interval, burst: NonZeroU32::new(burst).unwrap() }, cost }
}

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_a_hundred_requests_at_once_as_many_pass_as_there_are_tokens() {
    // RLM-12
    let server = RedisServer::start();
    let replicas = [connect(&server).await, connect(&server).await];
    let stores: Vec<_> = replicas.iter().map(|redis| Arc::new(RedisLimitStore::new(redis))).collect();
    let tasks: Vec<_> = (0..100)
        .map(|number: usize| {
            let store = Arc::clone(&stores[number % 2]);
            tokio::spawn(async move { store.charge(&[charge(1, MINUTE, 10, 1)]).await.unwrap().admitted })
        })
        .collect();
    let mut passed = 0;
    for task in tasks {
        passed += usize::from(task.await.unwrap());
    }
    assert_eq!(passed, 10);
}

#[tokio::test]
async fn all_charges_are_made_or_none_is() {
    let server = RedisServer::start();
    let store = RedisLimitStore::new(&connect(&server).await);
    let (wide, narrow) = (charge(1, MINUTE, 10, 3), charge(2, MINUTE, 4, 3));
    let first = store.charge(&[wide.clone(), narrow.clone()]).await.unwrap();
    assert!(first.admitted);
    assert_eq!(first.levels.iter().map(|level| level.left).collect::<Vec<_>>(), [7, 1]);
    let second = store.charge(&[wide.clone(), narrow.clone()]).await.unwrap();
    assert!(!second.admitted);
    assert_eq!(second.levels.iter().map(|level| level.left).collect::<Vec<_>>(), [7, 1], "nothing was taken");
    let [first, second] = second.levels[..] else { panic!("two charges") };
    assert_eq!(first.enough_in, Duration::ZERO);
    assert!(second.enough_in > MINUTE && second.enough_in <= 2 * MINUTE, "{second:?}");
    // One bucket twice is charged for both.
    let twice = store.charge(&[wide.clone(), charge(1, MINUTE, 10, 5)]).await.unwrap();
    assert!(!twice.admitted);
    assert!(store.charge(&[wide, charge(1, MINUTE, 10, 4)]).await.unwrap().admitted);
}

#[tokio::test]
async fn a_bucket_is_kept_until_it_is_full() {
    let server = RedisServer::start();
    let store = RedisLimitStore::new(&connect(&server).await);
    let took = store.charge(&[charge(1, SECOND, 4, 2)]).await.unwrap();
    assert!(took.levels[0].full_in == 2 * SECOND, "{took:?}");
    assert_eq!(server.ask::<i64>(&["DBSIZE"]), 2, "it, and since when the server remembers");
    tokio::time::sleep(2 * SECOND + SECOND / 5).await;
    assert_eq!(server.ask::<i64>(&["DBSIZE"]), 1);
    // And not for less.
    let took = store.charge(&[charge(2, MINUTE, 4, 2)]).await.unwrap();
    let key = [b"portcullis:limit:".as_slice(), &[2; 32]].concat();
    let kept: u64 = server.ask(&["PTTL", std::str::from_utf8(&key).unwrap()]);
    assert!(Duration::from_millis(kept) > took.levels[0].full_in - 10 * SECOND, "{kept} {took:?}");
    server.ask::<()>(&["DEL", std::str::from_utf8(&key).unwrap()]);
    // Who only looks takes nothing, and leaves nothing.
    assert_eq!(store.charge(&[charge(1, SECOND, 4, 0)]).await.unwrap().levels[0].left, 4);
    assert_eq!(server.ask::<i64>(&["DBSIZE"]), 1);
}

#[tokio::test]
async fn the_largest_numbers_are_counted_exactly_or_refused() {
    // GEN-10
    let server = RedisServer::start();
    let store = RedisLimitStore::new(&connect(&server).await);
    let year = Duration::from_secs(365 * 86_400);
    let most = store.charge(&[charge(1, year, 100, 99)]).await.unwrap();
    assert_eq!((most.admitted, most.levels[0].left), (true, 1));
    let fast = store.charge(&[charge(2, Duration::from_nanos(1), u32::MAX, u32::MAX)]).await.unwrap();
    assert!(fast.admitted, "{fast:?}");
    for refused in [
        charge(3, year, 101, 1),
        charge(3, Duration::MAX, 1, 1),
        charge(3, Duration::MAX, u32::MAX, u32::MAX),
        charge(3, SECOND, 4, 5), // more than the bucket ever holds
    ] {
        assert!(store.charge(&[charge(4, SECOND, 5, 1), refused]).await.is_err());
    }
    assert_eq!(store.charge(&[charge(4, SECOND, 5, 0)]).await.unwrap().levels[0].left, 5);
}

#[tokio::test]
async fn who_cannot_count_says_so() {
    let mut server = RedisServer::start();
    let store = RedisLimitStore::new(&connect(&server).await);
    assert!(store.charge(&[charge(1, MINUTE, 5, 5)]).await.unwrap().admitted);
    let key = [b"portcullis:limit:".as_slice(), &[1; 32]].concat();
    server.ask::<()>(&["SET", std::str::from_utf8(&key).unwrap(), "much"]);
    assert!(store.charge(&[charge(1, MINUTE, 5, 1)]).await.is_err(), "what is not understood is not a full bucket");
    server.kill();
    assert!(store.charge(&[charge(2, MINUTE, 5, 1)]).await.is_err());
}
