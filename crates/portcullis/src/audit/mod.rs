//! Audit records: who asked for what, what was decided and why, so that it can be shown later, and decided again.
//!
//! A gate with an [`AuditLog`] writes exactly one record for each request, whatever becomes of it. Records are lines of JSON in
//! a chain: each names the hash of the one before it, so that [`verify`](crate::audit::verify()) finds what was altered, removed,
//! inserted or moved. `docs/audit.md` says what stands in a record, and what is guaranteed.

mod chain;
mod class;
mod log;
mod mask;
mod queue;
mod record;
mod replay;
mod sink;
mod trace;
mod trail;
mod verify;
mod writer;

use std::io;

use log::OpenLog;

pub use chain::{Head, Missing};
pub use class::{AuditClass, OnFailure};
pub use log::AuditLog;
pub(crate) use log::NoPlace;
pub use mask::MaskError;
pub(crate) use record::ListCounts;
pub use replay::{ReadRecord, RecordError, Replayed, replay};
pub use sink::{AuditSink, FileSink, StdoutSink, Tail, TracingSink};
pub(crate) use trail::Trail;
pub use verify::{Ending, Fault, FaultKind, Place, Verification, log_files, read_heads, verify, verify_files};

/// The logs of one gate.
#[derive(Debug)]
pub(crate) struct Audit {
    logs: Vec<OpenLog>,
}

impl Audit {
    /// Starts `logs`; `None` if there are none.
    pub(crate) fn start(logs: Vec<AuditLog>) -> io::Result<Option<Self>> {
        let logs = logs.into_iter().map(AuditLog::start).collect::<Result<Vec<_>, _>>()?;
        Ok((!logs.is_empty()).then_some(Self { logs }))
    }

    /// Whether one of the logs cannot be written now.
    pub(crate) fn is_failing(&self) -> bool {
        self.logs.iter().any(OpenLog::is_failing)
    }
}
