use std::io;

use super::AuditSink;

/// Emits each line as an event of `tracing` under the target `portcullis::audit`, as its field `line`. A chain begins with each
/// start.
#[derive(Debug, Clone, Copy, Default)]
#[expect(clippy::exhaustive_structs, reason = "it has no settings")]
pub struct TracingSink;

impl AuditSink for TracingSink {
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        for line in String::from_utf8_lossy(lines).lines() {
            ::tracing::info!(target: "portcullis::audit", line);
        }
        Ok(())
    }
}
