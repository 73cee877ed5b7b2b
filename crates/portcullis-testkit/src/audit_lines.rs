//! An audit log in memory, for tests of services.

use std::io;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::Duration;

use portcullis::audit::{AuditLog, AuditSink};
use serde_json::Value;

/// What a gate records, line by line.
///
/// ```
/// use portcullis_testkit::AuditLines;
///
/// // The log is for `GateBuilder::audit`. Here no gate takes it, so there are no lines.
/// let (log, lines) = AuditLines::log();
/// drop(log);
/// assert_eq!(lines.text(), "");
/// ```
#[derive(Debug)]
pub struct AuditLines {
    lines: Receiver<Vec<u8>>,
    /// What was read of the channel and not yet asked for.
    unread: Vec<u8>,
}

impl AuditLines {
    /// A log for a gate, and where its lines can be read.
    pub fn log() -> (AuditLog, Self) {
        let (sender, lines) = channel();
        (AuditLog::new(Channel(sender)), Self { lines, unread: Vec::new() })
    }

    /// All further lines, once the gate is gone.
    ///
    /// # Panics
    ///
    /// If something still holds the gate after ten seconds.
    #[must_use]
    pub fn text(self) -> String {
        match self.rest() {
            (text, RecvTimeoutError::Disconnected) => text,
            (_, RecvTimeoutError::Timeout) => fail("something still holds the gate"),
        }
    }

    /// All further lines, and why there are no more.
    pub(crate) fn rest(mut self) -> (String, RecvTimeoutError) {
        loop {
            match self.lines.recv_timeout(PATIENCE) {
                Ok(more) => self.unread.extend(more),
                Err(end) => return (String::from_utf8_lossy(&self.unread).into_owned(), end),
            }
        }
    }

    /// All further records of requests, once the gate is gone.
    ///
    /// # Panics
    ///
    /// If something still holds the gate after ten seconds.
    #[must_use]
    pub fn requests(self) -> Vec<Value> {
        self.text().lines().filter_map(request).collect()
    }

    /// The next record of a request, while the gate is in use. It is waited for on another thread, as the service may run on
    /// this one.
    ///
    /// # Panics
    ///
    /// If none comes for ten seconds.
    pub async fn next_request(self) -> (Value, Self) {
        let wait = move || {
            let mut this = self;
            loop {
                while let Some(end) = this.unread.iter().position(|octet| *octet == b'\n') {
                    let line: Vec<u8> = this.unread.drain(..=end).collect();
                    if let Some(record) = request(&String::from_utf8_lossy(&line)) {
                        return (record, this);
                    }
                }
                match this.lines.recv_timeout(PATIENCE) {
                    Ok(more) => this.unread.extend(more),
                    Err(_) => fail("no record came"),
                }
            }
        };
        match tokio::task::spawn_blocking(wait).await {
            Ok(found) => found,
            Err(_) => fail("no record came"),
        }
    }
}

/// The record in `line`, if it is one of a request.
fn request(line: &str) -> Option<Value> {
    serde_json::from_str::<Value>(line).ok().filter(|line| line.get("type").is_some_and(|kind| kind == "request"))
}

struct Channel(Sender<Vec<u8>>);

impl AuditSink for Channel {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        self.0.send(lines.to_vec()).map_err(io::Error::other)
    }
}

#[expect(clippy::panic, reason = "a test that cannot go on fails")]
fn fail(why: &str) -> ! {
    panic!("{why}")
}

const PATIENCE: Duration = Duration::from_secs(10);
