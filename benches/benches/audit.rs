//! What does an audit record cost: how many are written in a second, and what does a request pay for its own?
//!
//! Requests go through the gate alone, without sockets: with no log, with one that throws its lines away, and with a file. They
//! take turns, so that what else the machine does hits all of them.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex};
use std::time::{Duration, Instant};

use benches::{Asker, Person, Unit, claims, must, record, served};
use http::StatusCode;
use portcullis::GateBuilder;
use portcullis::audit::{AuditLog, AuditSink, FileSink, Tail};
use portcullis_testkit::SigningAlgorithm;

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let (rounds, records) = if is_measured { (ROUNDS, RECORDS) } else { (1, 10) };
    let runtime = must(tokio::runtime::Builder::new_current_thread().enable_all().build());
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("audit-bench");
    let _ = std::fs::remove_dir_all(&folder);
    must(std::fs::create_dir_all(&folder));
    runtime.block_on(written(records, &folder));
    runtime.block_on(added(rounds, &folder));
    must(std::fs::remove_dir_all(&folder));
}

/// How many records a second the writer writes, if they are there.
async fn written(records: usize, folder: &Path) {
    for (name, sink) in sinks(folder) {
        let held = Held(sink, Arc::default());
        let release = Arc::clone(&held.1);
        let log = AuditLog::new(held).places(must((2 * records).try_into()));
        let served = asker(|gate| gate.audit(log));
        for _ in 0..records {
            request(&served).await;
        }
        let start = Instant::now();
        *release.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = true;
        release.1.notify_all();
        // Waits until all is written.
        drop(served);
        let rate = records as f64 / start.elapsed().as_secs_f64();
        record(&format!("audit/written/{}", name.replace(' ', "_")), rate, Unit::PerSecond);
        println!("audit/written {name:<10} {rate:>10.0} records/s");
    }
}

/// What requests take, each in turn.
async fn added(rounds: usize, folder: &Path) {
    let mut served = vec![("no log", asker(|gate| gate))];
    for (name, sink) in sinks(folder) {
        served.push((name, asker(|gate| gate.audit(AuditLog::new(sink)))));
    }
    let mut took: Vec<Vec<Duration>> = vec![Vec::new(); served.len()];
    for _ in 0..rounds {
        for ((_, served), took) in served.iter().zip(&mut took) {
            for _ in 0..TURN {
                let start = Instant::now();
                request(served).await;
                took.push(start.elapsed());
            }
        }
    }
    for ((name, _), mut took) in served.into_iter().zip(took) {
        took.sort();
        let at = |part: usize| took.get(took.len() * part / 1000).map_or(0.0, |took| took.as_secs_f64() * 1e6);
        for (part, of_all) in [("median", 500), ("p99", 990)] {
            record(&format!("audit/request/{}/{part}", name.replace(' ', "_")), at(of_all) * 1e3, Unit::Nanos);
        }
        println!("audit/request {name:<10} median {:>7.1} µs   p99 {:>7.1} µs", at(500), at(990));
    }
}

/// Who asks a gate with this log.
fn asker(options: impl FnOnce(GateBuilder) -> GateBuilder) -> Asker {
    let (issuer, verifier) = benches::trusted(SigningAlgorithm::Es256);
    Asker::new(&served::gate_with(verifier, options), &issuer.sign(&claims(Person::Consented)))
}

/// One request, allowed before its handler.
async fn request(asker: &Asker) {
    assert!(asker.open().await.conclude(StatusCode::OK).is_none());
}

fn sinks(folder: &Path) -> [(&'static str, Box<dyn AuditSink>); 2] {
    let path: PathBuf = folder.join(format!("{}.jsonl", std::fs::read_dir(folder).map_or(0, Iterator::count)));
    [("thrown away", Box::new(Nowhere)), ("a file", Box::new(FileSink::new(path)))]
}

/// Writes nothing.
struct Nowhere;

impl AuditSink for Nowhere {
    fn write(&mut self, _: &[u8]) -> io::Result<()> {
        Ok(())
    }
}

/// Lets all records wait until it is told to begin.
struct Held(Box<dyn AuditSink>, Arc<(Mutex<bool>, Condvar)>);

impl AuditSink for Held {
    fn open(&mut self) -> io::Result<Option<Tail>> {
        self.0.open()
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        // The first line is written when the gate is made.
        if !lines.windows(START.len()).any(|part| part == START) {
            let begun = self.1.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            drop(self.1.1.wait_while(begun, |begun| !*begun));
        }
        self.0.write(lines)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.0.sync()
    }
}

const START: &[u8] = b"\"type\":\"start\"";

const RECORDS: usize = 50_000;

const ROUNDS: usize = 20;

/// Requests of one turn.
const TURN: usize = 1_000;
