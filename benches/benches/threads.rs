//! Two threads at once: do they get twice as much done as one?
//!
//! Whoever shares something that is counted or locked gets less. So two threads ask with different tokens, and with the same
//! one, in turns with one thread alone. `open` is a whole request through the gate, and its time for one thread is what a
//! known token costs from the header field to the decision; `decide` is a decision with a condition.

use std::hint::black_box;
use std::sync::Barrier;
use std::time::Instant;

use benches::{Asker, Person, Unit, claims, engine, median, must, now, project, record, served, session};
use portcullis_core::{Request, Session};
use portcullis_testkit::SigningAlgorithm;
use serde_json::Value;

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, calls) = if is_measured { (ROUNDS, CALLS) } else { (1, 10) };
    let (issuer, verifier) = benches::trusted(SigningAlgorithm::Es256);
    let gate = served::gate(verifier);
    let [ann, bob] = ["ann", "bob"].map(|subject| Asker::new(&gate, &issuer.sign(&token(subject))));
    compare("open", rounds, calls, &|asker: &Asker, calls| open(asker, calls), [&ann, &bob]);

    let engine = engine(1_000);
    // Both own what they change, so both may change it.
    let [one, other] = ["t-1", "t-2"].map(|_| session(&engine, &claims(Person::Consented)));
    compare("decide", rounds, calls, &|session: &Session, calls| decide(session, calls), [&one, &other]);
}

/// Requests through the gate.
fn open(asker: &Asker, calls: usize) {
    let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
    runtime.block_on(async {
        for _ in 0..calls {
            drop(black_box(asker.open().await));
        }
    });
}

/// Decisions with a condition and three guardrails.
fn decide(session: &Session, calls: usize) {
    let loaded = project();
    for _ in 0..calls {
        // One that nobody has asked about.
        let project = loaded.clone();
        assert!(session.decide(black_box(&Request::new("UpdateProject", &project, now()))).is_allow());
    }
}

/// Lets one thread, two with different callers and two with the same one take turns.
fn compare<T: Sync>(name: &str, rounds: usize, calls: usize, work: &(dyn Fn(&T, usize) + Sync), [one, other]: [&T; 2]) {
    let turn = || [&[one][..], &[one, other], &[one, one]].map(|callers| rate(callers, calls, work));
    // The first turn warms up.
    let turns: Vec<[f64; 3]> = (0..=rounds).map(|_| turn()).skip(1).collect();
    let alone = median(turns.iter().map(|[alone, ..]| 1e9 / alone));
    let different = median(turns.iter().map(|[alone, different, _]| different / alone));
    let same = median(turns.iter().map(|[alone, _, same]| same / alone));
    record(&format!("threads/{name}/one"), alone, Unit::Nanos);
    record(&format!("threads/{name}/two_different"), different, Unit::Ratio);
    record(&format!("threads/{name}/two_same"), same, Unit::Ratio);
    println!(
        "threads/{name:<8} one {alone:>7.0} ns   two, different tokens {different:.2} x   two, the same {same:.2} x"
    );
}

/// How many calls a second all threads together make, one thread for each of `callers`.
fn rate<T: Sync>(callers: &[&T], calls: usize, work: &(dyn Fn(&T, usize) + Sync)) -> f64 {
    let start = Barrier::new(callers.len());
    let rates = std::thread::scope(|threads| {
        let run = |caller| {
            let start = &start;
            threads.spawn(move || {
                work(caller, calls / 10);
                start.wait();
                let begin = Instant::now();
                work(caller, calls);
                calls as f64 / begin.elapsed().as_secs_f64()
            })
        };
        let threads: Vec<_> = callers.iter().map(|caller| run(*caller)).collect();
        threads.into_iter().map(|thread| must(thread.join().map_err(|_| "a thread ended early"))).collect::<Vec<f64>>()
    });
    rates.iter().sum()
}

fn token(subject: &str) -> Value {
    let mut claims = claims(Person::Consented);
    if let Some(claims) = claims.as_object_mut() {
        claims.insert("sub".to_owned(), subject.into());
        claims.insert("jti".to_owned(), format!("t-{subject}").into());
    }
    claims
}

const ROUNDS: usize = 30;

/// A turn: some tens of milliseconds.
const CALLS: usize = 10_000;
