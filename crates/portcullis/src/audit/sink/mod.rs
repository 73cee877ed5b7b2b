//! Where lines go.

mod file;
mod stdout;
mod tracing;

use std::io;

pub use self::tracing::TracingSink;
pub use file::FileSink;
pub(super) use file::rotated;
pub use stdout::StdoutSink;

/// Takes the lines of one log, or the heads of its chain. Called from a thread of its own, which may block.
///
/// ```
/// use std::io;
/// use std::sync::mpsc::Sender;
///
/// use portcullis::audit::AuditSink;
///
/// struct Channel(Sender<Vec<u8>>);
///
/// impl AuditSink for Channel {
///     fn write(&mut self, lines: &[u8]) -> io::Result<()> {
///         self.0.send(lines.to_vec()).map_err(io::Error::other)
///     }
/// }
/// ```
pub trait AuditSink: Send {
    /// Makes ready, and says how the lines end that are there: the chain goes on from there. By default nothing is there, and
    /// a chain begins.
    ///
    /// # Errors
    ///
    /// If it cannot be written to. Then the gate does not start.
    fn open(&mut self) -> io::Result<Option<Tail>> {
        Ok(None)
    }

    /// Takes `lines`, each of which ends with a line break: all of them, or none if it fails. They are tried again after a
    /// failure.
    ///
    /// # Errors
    ///
    /// If they were not taken.
    fn write(&mut self, lines: &[u8]) -> io::Result<()>;

    /// Makes what was taken outlive a crash. By default it does already.
    ///
    /// # Errors
    ///
    /// If it might not.
    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    /// Whether the next lines should go elsewhere. By default never.
    fn is_full(&self) -> bool {
        false
    }

    /// Begins the next file, or whatever else.
    ///
    /// # Errors
    ///
    /// If there is none. It is tried again.
    fn rotate(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<S: AuditSink + ?Sized> AuditSink for Box<S> {
    fn open(&mut self) -> io::Result<Option<Tail>> {
        S::open(self)
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        S::write(self, lines)
    }

    fn sync(&mut self) -> io::Result<()> {
        S::sync(self)
    }

    fn is_full(&self) -> bool {
        S::is_full(self)
    }

    fn rotate(&mut self) -> io::Result<()> {
        S::rotate(self)
    }
}

/// How the lines end that a sink holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(clippy::exhaustive_structs, reason = "sinks of applications make it")]
pub struct Tail {
    /// The last whole line, without its line break; empty if there is none.
    pub line: Vec<u8>,
    /// The octets of an incomplete line behind it, which goes away with the first line that is written.
    pub torn: u64,
}
