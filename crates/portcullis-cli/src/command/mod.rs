//! The subcommands, one file for each.

mod audit;
mod check;
mod completions;
mod decide;
mod diff;
mod explain;
mod matrix;
mod new;
mod pack;
mod schema;
mod scopes;
mod test;
pub(crate) mod token;

use clap::Subcommand;

use crate::Arguments;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Shell;

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    New(new::New),
    Check(check::Check),
    Test(test::Test),
    Decide(decide::Decide),
    Explain(explain::Explain),
    Token(token::Token),
    Scopes(scopes::ScopesCommand),
    Matrix(matrix::Matrix),
    Schema(schema::SchemaCommand),
    Diff(diff::Diff),
    Audit(audit::Audit),
    Pack(pack::Pack),
    Completions(completions::Completions),
}

impl Command {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        match self {
            Self::New(command) => command.run(shell),
            Self::Token(command) => command.run(shell),
            Self::Check(command) => command.run(shell),
            Self::Test(command) => command.run(shell),
            Self::Decide(command) => command.run(shell),
            Self::Explain(command) => command.run(shell),
            Self::Scopes(command) => command.run(shell),
            Self::Matrix(command) => command.run(shell),
            Self::Schema(command) => command.run(shell),
            Self::Pack(command) => command.run(shell),
            Self::Diff(command) => command.run(shell),
            Self::Audit(command) => command.run(shell),
            Self::Completions(command) => command.run::<Arguments>(shell),
        }
    }
}
