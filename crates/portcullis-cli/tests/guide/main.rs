//! Pages of the guide, with the program that they are about. `PORTCULLIS_RECORD=1` writes down anew what it prints.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod cookbook;
mod tutorial;
mod vendors;

use std::path::Path;

use readme_lines::page::Shell;

/// A shell in `directory` that has the program.
fn shell(directory: &Path) -> Shell {
    Shell::new(directory).with_program("portcullis", env!("CARGO_BIN_EXE_portcullis"))
}
