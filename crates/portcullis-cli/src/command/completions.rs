use clap::{Args, CommandFactory};
use clap_complete::{Shell as Kind, generate};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Shell;

/// Print the completions for a shell: `portcullis completions bash > /etc/bash_completion.d/portcullis`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// The shell
    shell: Kind,
}

impl Completions {
    pub(crate) fn run<Program: CommandFactory>(&self, shell: &Shell) -> Result<Exit, Failure> {
        let mut script = Vec::new();
        generate(self.shell, &mut Program::command(), "portcullis", &mut script);
        shell.print(&String::from_utf8_lossy(&script))?;
        Ok(Exit::Yes)
    }
}
