//! Audit logs: whether they are as they were written, and whether the decisions in them come out as they did.

mod replay;
mod verify;

use clap::{Args, Subcommand};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Shell;

/// Check an audit log, or decide again what it records
#[derive(Debug, Args)]
pub(crate) struct Audit {
    #[command(subcommand)]
    command: AuditCommand,
}

#[derive(Debug, Subcommand)]
enum AuditCommand {
    Verify(verify::Verify),
    Replay(replay::Replay),
}

impl Audit {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        match &self.command {
            AuditCommand::Verify(command) => command.run(shell),
            AuditCommand::Replay(command) => command.run(shell),
        }
    }
}
