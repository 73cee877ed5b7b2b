//! The command line tool of Portcullis.
//!
//! One file for each subcommand in `command/`. What they are told is read in `input/`, what they answer is written in
//! `output/`, and [`Exit`] is what scripts rely on.

mod command;
mod exit;
mod failure;
mod grid;
mod input;
mod output;

use clap::Parser;
use clap::error::ErrorKind;

use command::Command;
use exit::Exit;
use output::{Shell, ShellArgs};

/// Checks, tests and explains the policies of Portcullis.
#[derive(Debug, Parser)]
#[command(name = "portcullis", version, about, after_help = exit::HELP)]
struct Arguments {
    #[command(flatten)]
    shell: ShellArgs,
    #[command(subcommand)]
    command: Command,
}

fn main() -> Exit {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let exit = match error.kind() {
                ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Yes,
                _ => Exit::Usage,
            };
            // Nothing can be said if even this cannot be written.
            let _ = error.print();
            return exit;
        }
    };
    let shell = Shell::new(&arguments.shell);
    arguments.command.run(&shell).unwrap_or_else(|failure| failure.report(&shell))
}
