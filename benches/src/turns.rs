//! Calls that are compared: they take turns, so that whatever slows the machine down slows all of them.

use std::pin::pin;
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use crate::must;
use crate::record::{Unit, record};

/// What the command line asks of a bench that measures in turns.
#[derive(Debug)]
pub struct Bench {
    wanted: String,
    rounds: Option<usize>,
    columns: &'static [&'static str],
    /// Of each kind in a turn.
    in_a_turn: u32,
}

impl Bench {
    /// Reads the command line. Cargo says `--bench` when times are wanted; otherwise it is enough that everything works.
    /// The first of `columns` is the floor, and the others stand on it.
    #[must_use]
    pub fn from_arguments(columns: &'static [&'static str]) -> Self {
        let arguments: Vec<String> = std::env::args().skip(1).collect();
        let is_measured = arguments.iter().any(|argument| argument == "--bench");
        let wanted = arguments.into_iter().find(|argument| !argument.starts_with('-')).unwrap_or_default();
        let bench = Self { wanted, rounds: is_measured.then_some(ROUNDS), columns, in_a_turn: CALLS };
        if is_measured {
            let names: String = columns.iter().skip(1).map(|name| format!(" {name:>20}")).collect();
            println!("{:<13} {:>10}{names}", "", columns.first().copied().unwrap_or_default());
        }
        bench
    }

    /// Makes so many calls of each kind in a turn, for calls that are shorter than a signature check.
    #[must_use]
    pub fn with_calls(mut self, calls: u32) -> Self {
        self.in_a_turn = calls;
        self
    }

    /// How often each call is made by [`Bench::compare`].
    #[must_use]
    pub fn calls(&self) -> usize {
        self.rounds.unwrap_or(1) * self.in_a_turn as usize
    }

    /// Whether the line called `name` is wanted.
    #[must_use]
    pub fn wants(&self, name: &str) -> bool {
        name.contains(&self.wanted)
    }

    /// The mean time of one call, from as few as keep the clock's own grain out of it.
    fn time(&self, call: &dyn Fn()) -> Duration {
        let start = Instant::now();
        (0..self.in_a_turn).for_each(|_| call());
        start.elapsed() / self.in_a_turn
    }

    /// Makes `calls` in turns, and prints the medians: the time of each, and how many times that of the first, the floor,
    /// it is within a turn.
    pub fn compare(&self, name: &str, calls: &[&dyn Fn()]) {
        let turn = |_| calls.iter().map(|call| self.time(*call).as_secs_f64()).collect();
        let turns: Vec<Vec<f64>> = (0..self.rounds.unwrap_or(1)).map(turn).collect();
        if self.rounds.is_none() {
            println!("{name:<13} works");
            return;
        }
        let at = |turn: &[f64], column| turn.get(column).copied().unwrap_or(f64::NAN);
        let column = |column| {
            let secs = median(turns.iter().map(|turn| at(turn, column)));
            let ratio = median(turns.iter().map(|turn| at(turn, column) / at(turn, 0)));
            let what = self.columns.get(column).copied().unwrap_or_default().replace(' ', "_");
            record(&format!("{name}/{what}"), secs * 1e9, Unit::Nanos);
            record(&format!("{name}/{what}/ratio"), ratio, Unit::Ratio);
            if column == 0 {
                format!("{:>7.1} µs", secs * 1e6)
            } else {
                format!(" {:>9.1} µs {ratio:>5.2} ×", secs * 1e6)
            }
        };
        println!("{name:<13} {}", (0..calls.len()).map(column).collect::<String>());
    }
}

/// The value in the middle.
#[must_use]
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}

const ROUNDS: usize = 500;

/// A millisecond or so: shorter than what the scheduler grants, so most turns run undisturbed.
const CALLS: u32 = 20;

/// What `future` yields, where everything is at hand and it need not wait.
///
/// # Panics
///
/// If it waits.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => must(Err("something is not at hand")),
    }
}
