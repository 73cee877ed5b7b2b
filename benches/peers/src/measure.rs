//! How long one call takes, and who is told.

use std::fs::OpenOptions;
use std::hint::black_box;
use std::io::Write as _;
use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

/// The median of samples that each last a millisecond or so, or one call.
pub fn median(mut call: impl FnMut()) -> Duration {
    let mut once = || {
        let start = Instant::now();
        call();
        start.elapsed()
    };
    // The first calls fill caches, and say how many make a sample.
    let warm = (0..3).map(|_| once()).min().unwrap_or_default().max(Duration::from_nanos(1));
    let calls = (SAMPLE.as_nanos() / warm.as_nanos()).clamp(1, 100_000) as u32;
    let begin = Instant::now();
    let mut samples = Vec::new();
    while samples.len() < 5 || (begin.elapsed() < LONG_ENOUGH && samples.len() < 200) {
        let start = Instant::now();
        (0..calls).for_each(|_| call());
        samples.push(start.elapsed() / calls);
    }
    middle(samples)
}

/// The medians of calls that take turns, so that whatever slows the machine down slows all of them.
pub fn in_turns(calls: &[(&str, &dyn Fn() -> bool)]) -> Vec<(Duration, f64)> {
    let mean = |call: &dyn Fn() -> bool| {
        let start = Instant::now();
        (0..CALLS).for_each(|_| assert!(call(), "what is measured is refused"));
        start.elapsed() / CALLS
    };
    let turn = |_| calls.iter().map(|(_, call)| mean(call)).collect();
    let turns: Vec<Vec<Duration>> = (0..TURNS).map(turn).collect();
    let column = |column: usize| {
        let ratio = |turn: &Vec<Duration>| turn[column].as_secs_f64() / turn[0].as_secs_f64();
        let mut ratios: Vec<f64> = turns.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        (middle(turns.iter().map(|turn| turn[column]).collect()), ratios[ratios.len() / 2])
    };
    (0..calls.len()).map(column).collect()
}

fn middle(mut samples: Vec<Duration>) -> Duration {
    samples.sort();
    samples[samples.len() / 2]
}

/// Prints a time, and hands it to the report if one is being made.
pub fn record(name: &str, time: Duration) {
    println!("{name:<60} {time:>12.2?}");
    append(&format!("{name}\t{}\tns", time.as_nanos()));
}

/// The same for how many times something else.
pub fn record_ratio(name: &str, ratio: f64) {
    println!("{name:<60} {ratio:>11.2}x");
    append(&format!("{name}\t{ratio}\tx"));
}

/// The same for what there is no figure of, and why.
pub fn record_absent(name: &str, reason: &str) {
    println!("{name:<60} {reason}");
    append(&format!("{name}\t-\t{}", reason.replace(['\t', '\n'], " ")));
}

/// The same for what is said in a word.
pub fn record_text(name: &str, text: &str) {
    println!("{name:<90} {text}");
    append(&format!("{name}\t=\t{text}"));
}

/// The file that the workspace's benches write to as well.
fn append(line: &str) {
    if let Some(path) = std::env::var_os("PORTCULLIS_BENCH_RESULTS") {
        let file = OpenOptions::new().create(true).append(true).open(path);
        writeln!(file.expect("the file of results can be opened"), "{line}").expect("it can be written");
    }
}

/// The value of a future that waits for nothing.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => black_box(value),
        Poll::Pending => panic!("it waits for something"),
    }
}

const SAMPLE: Duration = Duration::from_millis(1);

const LONG_ENOUGH: Duration = Duration::from_millis(300);

const TURNS: usize = 400;

/// Of one turn.
const CALLS: u32 = 20;
