//! Two processes that behave as one: this one starts itself once more.

use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use portcullis::LimitStore;
use portcullis_core::UnixTime;
use portcullis_redis::{RedisLimitStore, RedisReplayStore};
use portcullis_token::{Recall, ReplayStore};

use crate::limits::charge;
use crate::replay::proof;
use crate::server::RedisServer;
use crate::{SECOND, connect, connect_to, now};

#[test]
fn one_proof_used_a_thousand_times_at_two_processes_is_accepted_once() {
    // DPP-27
    let server = RedisServer::start();
    // Made a little ahead, so that it is not from before the start.
    let issued = now().plus(5 * SECOND).as_secs().to_string();
    let accepted: u64 = in_two_processes("replay", &server, &issued).into_iter().sum();
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn under_load_from_two_processes_no_limit_is_exceeded_and_no_token_lost() {
    // RLM-12
    let server = RedisServer::start();
    let store = RedisLimitStore::new(&connect(&server).await);
    // Empty at the start, so that nothing runs over before the processes are there.
    let began_before = Instant::now();
    assert!(store.charge(&[charge(1, INTERVAL, BURST, BURST)]).await.unwrap().admitted);
    let began_after = Instant::now();
    let admitted: u64 = in_two_processes("limit", &server, "").into_iter().sum();
    let looked_before = Instant::now();
    let left = u64::from(store.charge(&[charge(1, INTERVAL, BURST, 0)]).await.unwrap().levels[0].left);
    let refilled = |from: Instant, to: Instant| {
        let tokens = (to - from).as_nanos() / INTERVAL.as_nanos();
        u64::try_from(tokens).unwrap()
    };
    let expected = refilled(began_after, looked_before)..=refilled(began_before, Instant::now()) + 1;
    assert!(expected.contains(&(admitted + left)), "{admitted} admitted, {left} left, {expected:?} expected");
    assert!(admitted > 100, "{admitted}: there was no load");
}

/// Not a test of its own: what the second process does.
#[test]
fn as_another_process() {
    let Ok(task) = std::env::var(TASK) else { return };
    let (url, argument) = (std::env::var(URL).unwrap(), std::env::var(ARGUMENT).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    let count = match task.as_str() {
        "replay" => runtime.block_on(use_a_proof(url, argument.parse().unwrap())),
        _ => runtime.block_on(use_up_a_limit(url)),
    };
    println!("\n{COUNTED}{count}");
}

/// How often the proof was accepted.
async fn use_a_proof(url: String, issued: i64) -> u64 {
    let store = Arc::new(RedisReplayStore::new(&connect_to(&url).await));
    let task = |_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let (used, mut accepted) = (proof(1, "stolen", UnixTime::from_secs(issued).unwrap()), 0);
            for _ in 0..125 {
                match store.remember(&used, now()).await.unwrap() {
                    Recall::New => accepted += 1,
                    recall => assert_eq!(recall, Recall::Repeated),
                }
            }
            accepted
        })
    };
    sum((0..8).map(task).collect()).await
}

/// How many charges were admitted.
async fn use_up_a_limit(url: String) -> u64 {
    let store = Arc::new(RedisLimitStore::new(&connect_to(&url).await));
    let end = Instant::now() + 2 * SECOND;
    let task = |_| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            let mut admitted = 0;
            while Instant::now() < end {
                admitted += u64::from(store.charge(&[charge(1, INTERVAL, BURST, 1)]).await.unwrap().admitted);
            }
            admitted
        })
    };
    sum((0..4).map(task).collect()).await
}

async fn sum(tasks: Vec<tokio::task::JoinHandle<u64>>) -> u64 {
    let mut all = 0;
    for task in tasks {
        all += task.await.unwrap();
    }
    all
}

/// What two processes counted, both at work at the same time.
fn in_two_processes(task: &str, server: &RedisServer, argument: &str) -> Vec<u64> {
    let start = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["processes::as_another_process", "--exact", "--nocapture"]);
        command.env(TASK, task).env(URL, server.url()).env(ARGUMENT, argument);
        command.stdout(Stdio::piped()).spawn().unwrap()
    };
    let both = [start(), start()];
    let counted = |process: std::process::Child| {
        let output = process.wait_with_output().unwrap();
        assert!(output.status.success());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().find_map(|line| line.strip_prefix(COUNTED)?.parse().ok()).unwrap()
    };
    both.map(counted).to_vec()
}

/// Full after ten seconds, which is longer than the processes take.
const INTERVAL: Duration = Duration::from_millis(10);
const BURST: u32 = 1_000;

const TASK: &str = "PORTCULLIS_TASK";
const URL: &str = "PORTCULLIS_REDIS";
const ARGUMENT: &str = "PORTCULLIS_ARGUMENT";
const COUNTED: &str = "counted: ";
