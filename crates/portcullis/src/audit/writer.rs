//! The thread that writes one log.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde::Serialize;
use serde_json::{Value, json};
use uuid::Uuid;

use super::chain::{Before, Chain, Head, Link, Missing, kind};
use super::class::AuditClass;
use super::mask::Masks;
use super::queue::{Batch, Queue};
use super::record::Entry;
use super::sink::{AuditSink, Tail};
use crate::clock::{Clock, SystemClock};

/// Writes what waits in a queue, until that is closed.
pub(super) struct Writer {
    queue: Arc<Queue>,
    sink: Box<dyn AuditSink>,
    chain: Chain,
    masks: Masks,
    sync_every: Duration,
    heads: Option<Heads>,
    synced: Mark,
}

/// Where the heads of a chain go.
pub(super) struct Heads {
    pub(super) sink: Box<dyn AuditSink>,
    /// After so many lines at the latest,
    pub(super) every: u64,
    /// and after this time.
    pub(super) after: Duration,
    pub(super) written: Mark,
    pub(super) failing: bool,
}

/// What waits is not written any more.
struct GivenUp;

/// How far something was done.
pub(super) struct Mark {
    pub(super) seq: Option<u64>,
    pub(super) at: Instant,
}

impl Mark {
    pub(super) fn new() -> Self {
        Self { seq: None, at: Instant::now() }
    }

    /// When it is due again; `None` if nothing came after it.
    fn due(&self, head: Option<u64>, after: Duration) -> Option<Instant> {
        if self.seq == head { None } else { self.at.checked_add(after) }
    }
}

impl Writer {
    /// Opens `sink`, and begins or continues its chain.
    pub(super) fn open(
        queue: Arc<Queue>,
        mut sink: Box<dyn AuditSink>,
        mut heads: Option<Heads>,
        masks: Masks,
        sync_every: Duration,
    ) -> io::Result<Self> {
        let tail = sink.open()?;
        let seen = heads.as_mut().map(|heads| heads.sink.open()).transpose()?.flatten();
        let (chain, start) = resume(tail, seen)?;
        let mut writer = Self { queue, sink, chain, masks, sync_every, heads, synced: Mark::new() };
        let line = writer.chain.seal(kind::START, &text(&start));
        writer.sink.write(line.as_bytes())?;
        writer.sink.sync()?;
        writer.synced = Mark { seq: writer.seq(), at: Instant::now() };
        writer.write_head()?;
        Ok(writer)
    }

    /// Writes until the queue is closed. What is given up then leaves no line behind it, so that the chain has no hole.
    pub(super) fn run(mut self) {
        if self.write_all().is_err() {
            tracing::error!(target: "portcullis", "audit records are given up, as the gate is closed");
        }
    }

    fn write_all(&mut self) -> Result<(), GivenUp> {
        // A process that ends soon may write all it has with its last breath: what it finds full is full for it, too.
        self.keep_up()?;
        loop {
            let Batch { records, lost, closed } = self.queue.next(self.deadline());
            let lines = self.lines(&records, &lost);
            self.insist(|writer| if lines.is_empty() { Ok(()) } else { writer.sink.write(lines.as_bytes()) })?;
            self.queue.free(&records);
            if closed {
                break;
            }
            self.keep_up()?;
        }
        let line = self.chain.seal(kind::END, &text(&json!({ "time": now(), "reason": "closed" })));
        self.insist(|writer| writer.sink.write(line.as_bytes()))?;
        self.insist(|writer| writer.sink.sync())?;
        self.tell_head();
        Ok(())
    }

    fn lines(&mut self, entries: &[Entry], lost: &BTreeMap<AuditClass, u64>) -> String {
        let mut lines = String::new();
        for entry in entries {
            let body = self.masks.apply(&entry.record);
            lines.push_str(&self.chain.seal(entry.kind, &body));
        }
        if !lost.is_empty() {
            let count: u64 = lost.values().sum();
            lines.push_str(
                &self.chain.seal(kind::LOST, &text(&json!({ "time": now(), "count": count, "classes": lost }))),
            );
        }
        lines
    }

    /// Syncs, tells the head and begins another file, as far as each is due.
    fn keep_up(&mut self) -> Result<(), GivenUp> {
        let now = Instant::now();
        let head_due = self.heads.as_ref().is_some_and(|heads| {
            let news = self.seq().unwrap_or_default().saturating_sub(heads.written.seq.unwrap_or_default());
            news >= heads.every || heads.written.due(self.seq(), heads.after).is_some_and(|due| due <= now)
        });
        if head_due || self.synced.due(self.seq(), self.sync_every).is_some_and(|due| due <= now) {
            self.insist(|writer| writer.sink.sync())?;
            self.synced = Mark { seq: self.seq(), at: now };
        }
        // A head is told once its line outlives a crash: a head without its line means that somebody removed it.
        if head_due {
            self.tell_head();
        }
        if self.sink.is_full() {
            let line = self.chain.seal(kind::END, &text(&json!({ "time": self::now(), "reason": "rotated" })));
            self.insist(|writer| writer.sink.write(line.as_bytes()))?;
            self.insist(|writer| writer.sink.sync())?;
            self.insist(|writer| writer.sink.rotate())?;
            let line = self.chain.seal(kind::START, &text(&json!({ "time": self::now(), "after": Before::Rotation })));
            self.insist(|writer| writer.sink.write(line.as_bytes()))?;
        }
        Ok(())
    }

    /// Tries until it is done, or the queue is closed. Meanwhile the queue fills up, and whoever must leave a record is
    /// refused.
    fn insist(&mut self, mut step: impl FnMut(&mut Self) -> io::Result<()>) -> Result<(), GivenUp> {
        let mut warned = false;
        while let Err(error) = step(self) {
            self.queue.set_failing(true);
            if !std::mem::replace(&mut warned, true) {
                tracing::error!(target: "portcullis", reason = %error, "audit records cannot be written");
            }
            if !self.queue.pause(RETRY) {
                return Err(GivenUp);
            }
        }
        if warned {
            self.queue.set_failing(false);
            tracing::warn!(target: "portcullis", "audit records are written again");
        }
        Ok(())
    }

    /// Tells the head. That it cannot be told keeps no record from being written, and is tried again when it is due.
    fn tell_head(&mut self) {
        let told = self.write_head();
        let Some(heads) = &mut self.heads else { return };
        heads.written.at = Instant::now();
        let was_failing = std::mem::replace(&mut heads.failing, told.is_err());
        if let Err(error) = told
            && !was_failing
        {
            tracing::error!(target: "portcullis", reason = %error, "the heads of an audit log cannot be written");
        }
    }

    fn write_head(&mut self) -> io::Result<()> {
        let Some(head) = self.chain.head() else { return Ok(()) };
        let Some(heads) = &mut self.heads else { return Ok(()) };
        let line = text(
            &json!({ "v": super::chain::VERSION, "time": now(), "writer": head.writer, "seq": head.seq, "hash": head.hash }),
        );
        heads.sink.write(format!("{line}\n").as_bytes())?;
        heads.sink.sync()?;
        heads.written = Mark { seq: Some(head.seq), at: Instant::now() };
        Ok(())
    }

    /// Until when there is nothing to do but for new records.
    fn deadline(&self) -> Option<Instant> {
        let sync = self.synced.due(self.seq(), self.sync_every);
        let head = self.heads.as_ref().and_then(|heads| heads.written.due(self.seq(), heads.after));
        sync.into_iter().chain(head).min()
    }

    /// The number of the last line.
    fn seq(&self) -> Option<u64> {
        self.chain.head().map(|head| head.seq)
    }
}

/// What a chain starts with, after `tail`, of which the last head is `seen`.
fn resume(tail: Option<Tail>, seen: Option<Tail>) -> io::Result<(Chain, Value)> {
    let seen: Option<Head> = seen.and_then(|tail| serde_json::from_slice(&tail.line).ok());
    let Some(tail) = tail else {
        let mut start = json!({ "time": now(), "after": Before::Nothing });
        // Whoever removed all of a chain is told of.
        if let (Some(seen), Some(start)) = (seen, start.as_object_mut()) {
            start.insert("replaces".to_owned(), json!(seen));
        }
        return Ok((Chain::new(Uuid::now_v7().to_string()), start));
    };
    if tail.line.is_empty() {
        return Err(io::Error::other("it holds something, and no whole line of an audit log; remove it"));
    }
    let unreadable =
        || io::Error::other("its last line is none of an audit log, or was altered; keep the file elsewhere");
    let last = Link::read(&tail.line).ok_or_else(unreadable)?;
    let after = if last.kind == kind::END { Before::End } else { Before::Crash };
    let mut start = json!({ "time": now(), "after": after });
    let mut next = last.seq + 1;
    if let Some(start) = start.as_object_mut() {
        if tail.torn > 0 {
            start.insert("torn".to_owned(), json!(tail.torn));
        }
        // The file may have been cut. What the heads know is not to be numbered again.
        if let Some(seen) = seen.filter(|seen| seen.writer == last.writer && seen.seq > last.seq) {
            start.insert("missing".to_owned(), json!(Missing { from: next, to: seen.seq }));
            next = seen.seq + 1;
        }
    }
    Ok((Chain::after(last.head(), next), start))
}

fn now() -> String {
    SystemClock.now().to_string()
}

/// JSON on one line.
fn text(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

/// How long after a failure something is tried again.
const RETRY: Duration = Duration::from_millis(200);
