use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io;
use std::num::{NonZeroU64, NonZeroUsize};
use std::sync::Arc;
use std::time::Duration;

use super::class::{AuditClass, OnFailure};
use super::mask::{MaskError, Masks};
use super::queue::{Place, Queue};
use super::sink::AuditSink;
use super::writer::{Heads, Mark, Writer};
use crate::measure;

/// A log of audit records: where they go, which, and what happens if they cannot be written.
///
/// ```
/// use std::time::Duration;
///
/// use portcullis::audit::{AuditClass, AuditLog, FileSink, OnFailure};
///
/// let log = AuditLog::new(FileSink::new("/var/log/projects/audit.jsonl").rotate_at(100_000_000))
///     .heads(FileSink::new("/mnt/heads/projects.jsonl"), 1_000.try_into().unwrap(), Duration::from_secs(10))
///     .on_failure(AuditClass::Human, OnFailure::Deny)
///     .mask("caller.ip")?;
/// # Ok::<(), portcullis::audit::MaskError>(())
/// ```
///
/// # Defaults
///
/// - Records of all classes.
/// - Heads go nowhere: a tail that was cut off is not noticed.
/// - Without a record, services and agents are refused; people and those whom nobody knows are not.
/// - 8192 places in the queue.
/// - Synced after a second at the latest.
/// - Nothing is masked.
#[must_use = "a log that no gate has records nothing"]
pub struct AuditLog {
    sink: Box<dyn AuditSink>,
    heads: Option<Heads>,
    classes: BTreeSet<AuditClass>,
    masks: Masks,
    on_failure: BTreeMap<AuditClass, OnFailure>,
    places: usize,
    sync_every: Duration,
}

impl AuditLog {
    /// Writes to `sink`.
    pub fn new(sink: impl AuditSink + 'static) -> Self {
        Self {
            sink: Box::new(sink),
            heads: None,
            classes: AuditClass::ALL.into(),
            masks: Masks::default(),
            on_failure: BTreeMap::new(),
            places: PLACES,
            sync_every: SYNC_EVERY,
        }
    }

    /// Tells `sink` the head of the chain, after `every` lines and after the time `after` at the latest. It should be out of
    /// reach for whoever can alter the log.
    pub fn heads(mut self, sink: impl AuditSink + 'static, every: NonZeroU64, after: Duration) -> Self {
        self.heads =
            Some(Heads { sink: Box::new(sink), every: every.get(), after, written: Mark::new(), failing: false });
        self
    }

    /// Records requests of `classes` only, and every request with an actor.
    pub fn only(mut self, classes: impl IntoIterator<Item = AuditClass>) -> Self {
        self.classes = classes.into_iter().collect();
        self
    }

    /// Leaves out what stands at `path` of a record, such as `caller.subject.id` or `decisions.question.facts.amount`; `*` is
    /// any member. Such a record cannot be replayed, and the texts of errors are left out of it too, as they may repeat values.
    ///
    /// # Errors
    ///
    /// If the path does not lead into a record, or to what must not be left out.
    pub fn mask(mut self, path: &str) -> Result<Self, MaskError> {
        self.masks.add(path)?;
        Ok(self)
    }

    /// Says what becomes of a request of `class` whose record cannot be written.
    pub fn on_failure(mut self, class: AuditClass, what: OnFailure) -> Self {
        self.on_failure.insert(class, what);
        self
    }

    /// Lets at most `places` records wait, those of requests included whose handlers still run.
    pub fn places(mut self, places: NonZeroUsize) -> Self {
        self.places = places.get();
        self
    }

    /// Syncs after `time` at the latest: what a crash of the machine loses. Zero syncs after each write.
    pub fn sync_every(mut self, time: Duration) -> Self {
        self.sync_every = time;
        self
    }

    /// Opens the sinks, and starts to write.
    pub(super) fn start(self) -> io::Result<OpenLog> {
        let queue = Queue::new(self.places);
        let writer = Writer::open(Arc::clone(&queue), self.sink, self.heads, self.masks, self.sync_every)?;
        let end = End(Arc::clone(&queue));
        std::thread::Builder::new().name("portcullis-audit".to_owned()).spawn(move || {
            let _end = end;
            writer.run();
        })?;
        Ok(OpenLog { queue, classes: self.classes, on_failure: self.on_failure })
    }
}

/// Says that nothing more is written, also where a sink panicked: then nobody is let in who must leave a record.
struct End(Arc<Queue>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.end();
    }
}

/// A log that is being written.
#[derive(Debug)]
pub(super) struct OpenLog {
    queue: Arc<Queue>,
    classes: BTreeSet<AuditClass>,
    on_failure: BTreeMap<AuditClass, OnFailure>,
}

impl OpenLog {
    pub(super) fn keeps(&self, class: AuditClass, delegated: bool) -> bool {
        delegated || self.classes.contains(&class)
    }

    /// A place for the record of a request of `class` that is to be let in.
    ///
    /// # Errors
    ///
    /// If the request must be refused.
    pub(super) fn admit(&self, class: AuditClass) -> Result<Option<Place>, NoPlace> {
        let default = || OnFailure::default_for(class);
        let deny = self.on_failure.get(&class).copied().unwrap_or_else(default) == OnFailure::Deny;
        if deny && self.queue.is_failing() {
            return Err(NoPlace::Failing);
        }
        match self.queue.reserve(class) {
            None if deny => Err(NoPlace::Full),
            place => Ok(place),
        }
    }

    /// A place for the record of a request that is not let in. If there is none, the record is counted as lost.
    pub(super) fn place(&self, class: AuditClass) -> Option<Place> {
        let place = self.queue.reserve(class);
        if place.is_none() {
            self.lose(class);
        }
        place
    }

    fn lose(&self, class: AuditClass) {
        measure::lost_record(class.as_str());
        self.queue.lose(class);
    }

    pub(super) fn is_failing(&self) -> bool {
        self.queue.is_failing()
    }
}

/// What is there is written, if that can be done in a bounded time.
impl Drop for OpenLog {
    fn drop(&mut self) {
        self.queue.close(PATIENCE);
    }
}

/// Why a request is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NoPlace {
    #[error("audit records cannot be written")]
    Failing,
    #[error("too many audit records wait to be written")]
    Full,
}

impl fmt::Debug for AuditLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuditLog").field("classes", &self.classes).field("masks", &self.masks).finish_non_exhaustive()
    }
}

/// Some megabytes of memory at most, and a tenth of a second of a busy service.
const PLACES: usize = 8192;

/// The loss that a crash of the machine may cause.
const SYNC_EVERY: Duration = Duration::from_secs(1);

/// How long the end of a gate waits for what is still to be written.
const PATIENCE: Duration = Duration::from_secs(5);
