//! How long does it take to load a bundle, and to load the next one? Do requests notice?
//!
//! Each load is made once and takes seconds, so there are no statistics: read the orders of magnitude. Requests are timed
//! one by one, first alone, and then while another thread loads bundles and hands them to the gate, one after the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use benches::{
    Asker, Person, ROLES_FILE, SCHEMA_FILE, Unit, claims, extended, files, must, record, served, settings, trusted,
};
use portcullis::Gate;
use portcullis_core::{Bundle, BundleFiles, LoadError};
use portcullis_testkit::SigningAlgorithm;

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (sizes, time): (&[usize], _) = if is_measured { (&[1_000, 10_000], TRAFFIC) } else { (&[10], Duration::ZERO) };
    for policies in sizes {
        measure(*policies);
    }
    beside_traffic(if is_measured { 1_000 } else { 10 }, time);
}

fn measure(policies: usize) {
    let old = files(policies);
    let one_policy = extended(old.clone(), ROLES_FILE, ONE_MORE);
    let schema = extended(old.clone(), SCHEMA_FILE, "entity Other;");
    let bundle = timed(policies, "first load", 0, || Bundle::load(&old, settings()));
    let next = |files: &BundleFiles| bundle.load_next(files, settings());
    timed(policies, "nothing changed", 0, || next(&old));
    timed(policies, "one policy more", 1, || next(&one_policy));
    timed(policies, "another schema", 0, || next(&schema));
}

/// Prints how long `load` takes, whose bundle has `more` policies than asked for.
fn timed(
    policies: usize,
    name: &str,
    more: usize,
    load: impl FnOnce() -> Result<Arc<Bundle>, LoadError>,
) -> Arc<Bundle> {
    let start = Instant::now();
    let bundle = must(load());
    let took = start.elapsed();
    record(&format!("load/{}/{policies}", name.replace(' ', "_")), took.as_secs_f64() * 1e9, Unit::Nanos);
    println!("load/{policies:<6} {name:<16} {:>8.2} s", took.as_secs_f64());
    assert_eq!(bundle.policy_ids().count(), policies + more);
    bundle
}

/// Requests alone, and beside reloads.
fn beside_traffic(policies: usize, time: Duration) {
    let (old, more) = (files(policies), extended(files(policies), ROLES_FILE, ONE_MORE));
    let bundle = must(Bundle::load(&old, settings()));
    let (issuer, verifier) = trusted(SigningAlgorithm::Es256);
    let gate = served::gate_of(bundle, verifier, |gate| gate);
    let asker = Asker::new(&gate, &issuer.sign(&claims(Person::Consented)));
    report("alone", requests(&asker, time));
    let over = AtomicBool::new(false);
    let took = std::thread::scope(|threads| {
        let reloads = threads.spawn(|| reload(&gate, &[more, old], &over));
        let took = requests(&asker, time);
        over.store(true, Ordering::Relaxed);
        let reloads = must(reloads.join().map_err(|_| "the reloads ended early"));
        println!("load/traffic {reloads} reloads of {policies} policies");
        took
    });
    report("beside_reloads", took);
}

/// What each request takes, one after the other.
fn requests(asker: &Asker, time: Duration) -> Vec<Duration> {
    let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
    let begin = Instant::now();
    let mut took = Vec::new();
    runtime.block_on(async {
        while took.is_empty() || begin.elapsed() < time {
            let start = Instant::now();
            drop(asker.open().await);
            took.push(start.elapsed());
        }
    });
    took
}

/// Loads the bundles in turn and hands them to the gate, until it is over; how often.
fn reload(gate: &Gate, bundles: &[BundleFiles], over: &AtomicBool) -> usize {
    let mut reloads = 0;
    for files in bundles.iter().cycle() {
        must(gate.reload(must(gate.bundle().load_next(files, settings()))));
        reloads += 1;
        if over.load(Ordering::Relaxed) {
            break;
        }
    }
    reloads
}

fn report(name: &str, mut took: Vec<Duration>) {
    took.sort();
    let at = |part: usize| took.get(took.len() * part / 1000).map_or(0.0, |took| took.as_secs_f64() * 1e9);
    for (part, of_all) in [("median", 500), ("p99", 990), ("p999", 999)] {
        record(&format!("load/traffic/{name}/{part}"), at(of_all), Unit::Nanos);
    }
    println!(
        "load/traffic {name:<16} median {:>8.0} ns   p99 {:>8.0} ns   p99.9 {:>8.0} ns",
        at(500),
        at(990),
        at(999)
    );
}

const ONE_MORE: &str =
    r#"@id("one-more") permit (principal in Role::"late", action == Action::"GetProject", resource);"#;

const TRAFFIC: Duration = Duration::from_secs(3);
