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
        let limit = if class == AuditClass::Anonymous { self.capacity.div_ceil(2) } else { self.capacity };
        if state.taken >= limit || state.stage == Stage::Ended {
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

    /// Frees the places of `count` records that were written, or given up.
    pub(super) fn free(&self, count: usize) {
        let mut state = self.state();
        state.taken = state.taken.saturating_sub(count);
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
        state.waiting.push_back(entry);
        if state.idle {
            self.queue.filled.notify_one();
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if !self.used {
            self.queue.free(1);
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
