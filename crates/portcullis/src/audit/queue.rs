//! What waits to be written: a bounded number of places, of which each request has one before it is let in.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::class::AuditClass;
use super::record::Entry;

/// The places of one log.
pub(super) struct Queue {
    capacity: usize,
    state: Mutex<State>,
    /// Something came in.
    filled: Condvar,
    /// The writer has ended.
    ended: Condvar,
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Entry>,
    /// Places that are promised, waiting, or being written.
    taken: usize,
    /// How long the records are that are waiting, or being written.
    octets: usize,
    lost: BTreeMap<AuditClass, u64>,
    idle: bool,
    failing: bool,
    stage: Stage,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
enum Stage {
    #[default]
    Open,
    /// Nothing more comes in.
    Closed,
    /// Nothing more is written.
    Ended,
}

impl Queue {
    pub(super) fn new(capacity: usize) -> Arc<Self> {
        Arc::new(Self { capacity, state: Mutex::default(), filled: Condvar::new(), ended: Condvar::new() })
    }

    /// Promises a place; `None` if there is none left.
    ///
    /// Half of them are for callers that are known: whoever sends no credentials cannot crowd out the others.
    pub(super) fn reserve(self: &Arc<Self>, class: AuditClass) -> Option<Place> {
        let mut state = self.state();
        let share = if class == AuditClass::Anonymous { 2 } else { 1 };
        let is_full = state.taken >= self.capacity.div_ceil(share) || state.octets >= MOST_OCTETS / share;
        if is_full || state.stage == Stage::Ended {
            return None;
        }
        state.taken += 1;
        Some(Place { queue: Arc::clone(self), used: false })
    }

    /// Whether the writer fails to write.
    pub(super) fn is_failing(&self) -> bool {
        let state = self.state();
        state.failing || state.stage == Stage::Ended
    }

    pub(super) fn set_failing(&self, failing: bool) {
        self.state().failing = failing;
    }

    /// Counts a record that found no place.
    pub(super) fn lose(&self, class: AuditClass) {
        *self.state().lost.entry(class).or_default() += 1;
    }

    /// Waits until `deadline` for something to write.
    pub(super) fn next(&self, deadline: Option<Instant>) -> Batch {
        let mut state = self.state();
        while state.waiting.is_empty() && state.stage == Stage::Open {
            let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
            if left.is_some_and(|left| left.is_zero()) {
                break;
            }
            state.idle = true;
            state = match left {
                Some(left) => self.filled.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0,
                None => self.filled.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
            state.idle = false;
        }
        let count = state.waiting.len().min(BATCH);
        let records: Vec<_> = state.waiting.drain(..count).collect();
        let lost = std::mem::take(&mut state.lost);
        Batch { records, lost, closed: state.stage > Stage::Open && state.waiting.is_empty() }
    }

    /// Waits before something is tried again. Whether to: not if the queue was closed.
    pub(super) fn pause(&self, duration: Duration) -> bool {
        let state = self.state();
        let (state, _) = self
            .filled
            .wait_timeout_while(state, duration, |state| state.stage == Stage::Open)
            .unwrap_or_else(PoisonError::into_inner);
        state.stage == Stage::Open
    }

    /// Frees the places of `records`, which were written.
    pub(super) fn free(&self, records: &[Entry]) {
        let octets = records.iter().map(|record| record.octets).sum();
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(records.len());
        state.octets = state.octets.saturating_sub(octets);
    }

    /// Gives a place back that was not used.
    fn give_back(&self) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(1);
    }

    pub(super) fn end(&self) {
        self.state().stage = Stage::Ended;
        self.ended.notify_all();
    }

    /// Lets the writer write what is there, and waits for it for a bounded time.
    pub(super) fn close(&self, patience: Duration) {
        let mut state = self.state();
        state.stage = state.stage.max(Stage::Closed);
        self.filled.notify_all();
        drop(self.ended.wait_timeout_while(state, patience, |state| state.stage < Stage::Ended));
    }

    /// Every change is whole.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is to be written now.
pub(super) struct Batch {
    pub(super) records: Vec<Entry>,
    /// How many records of each class found no place.
    pub(super) lost: BTreeMap<AuditClass, u64>,
    /// Nothing more comes.
    pub(super) closed: bool,
}

/// A promised place. It is given back if it is not used.
pub(super) struct Place {
    queue: Arc<Queue>,
    used: bool,
}

impl Place {
    pub(super) fn put(mut self, entry: Entry) {
        self.used = true;
        let mut state = self.queue.state();
        state.octets = state.octets.saturating_add(entry.octets);
        state.waiting.push_back(entry);
        if state.idle {
            self.queue.filled.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.used {
            self.queue.give_back();
        }
    }
}

impl fmt::Debug for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Queue").field("capacity", &self.capacity).finish_non_exhaustive()
    }
}

/// Records that are written at once.
const BATCH: usize = 256;

/// The length of all records that wait, beyond which there is no place left: how long one is can be up to the caller, who
/// chooses the facts, and much of the data. In memory they take a few times as much.
const MOST_OCTETS: usize = 32 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn long_records_fill_a_queue_before_its_places_are_taken() {
        let queue = Queue::new(8192);
        let record = json!({
            "id": "d", "time": "t", "bundle": "b", "class": "human", "method": "GET", "outcome": "allow", "latency_us": 1,
        });
        let record = Arc::new(serde_json::from_value(record).unwrap());
        let put = |octets| {
            let place = queue.reserve(AuditClass::Human);
            place.map(|place| place.put(Entry { kind: "request", octets, record: Arc::clone(&record) })).is_some()
        };
        let mut held = 0;
        while put(1024 * 1024) {
            held += 1;
            // Whoever sends no credentials finds no place where others still do.
            assert_eq!(queue.reserve(AuditClass::Anonymous).is_some(), held < 16, "{held}");
        }
        assert_eq!(held, 32);
        // What was written makes room, and a place that was promised takes none.
        let Batch { records, .. } = queue.next(None);
        drop(queue.reserve(AuditClass::Anonymous));
        assert!(!put(1));
        queue.free(&records);
        assert!(put(1) && queue.reserve(AuditClass::Anonymous).is_some());
    }

    #[test]
    fn the_length_of_a_record_is_that_of_its_text() {
        let record = json!({
            "id": "d", "time": "t", "bundle": "b", "class": "agent", "method": "GET", "outcome": "ü", "latency_us": 1,
        });
        let record: super::super::record::Record = serde_json::from_value(record).unwrap();
        assert_eq!(record.octets(), serde_json::to_string(&record).unwrap().len());
    }
}
