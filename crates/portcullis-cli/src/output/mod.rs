//! Where answers go: text for people, JSON for programs.

pub(crate) mod caller;
pub(crate) mod excerpt;
pub(crate) mod recorded;
mod style;
pub(crate) mod table;

use std::io::{self, IsTerminal, Write};

use clap::{Args, ValueEnum};
use serde::Serialize;

use crate::failure::Failure;
pub(crate) use style::Style;

/// How answers are written.
#[derive(Debug, Args)]
pub(crate) struct ShellArgs {
    /// Text for people, or JSON for programs
    #[arg(long, global = true, value_enum, default_value_t = Format::Human)]
    format: Format,
    /// Whether to use colours; `auto` means on a terminal, unless NO_COLOR is set
    #[arg(long, global = true, value_enum, default_value_t = Colour::Auto, value_name = "WHEN")]
    color: Colour,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    Human,
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Colour {
    Auto,
    Always,
    Never,
}

/// The terminal, or what stands in its place.
#[derive(Debug)]
pub(crate) struct Shell {
    format: Format,
    answers: Style,
    errors: Style,
    progress: bool,
}

impl Shell {
    pub(crate) fn new(args: &ShellArgs) -> Self {
        let no_color = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let style = |terminal: bool| match args.color {
            Colour::Auto => Style::new(terminal && !no_color),
            Colour::Always => Style::new(true),
            Colour::Never => Style::new(false),
        };
        let terminal = io::stderr().is_terminal();
        Self {
            format: args.format,
            answers: style(io::stdout().is_terminal()),
            errors: style(terminal),
            progress: terminal,
        }
    }

    /// Whether programs read the answer.
    pub(crate) fn is_json(&self) -> bool {
        self.format == Format::Json
    }

    /// The style of what goes to standard error.
    pub(crate) fn errors(&self) -> Style {
        self.errors
    }

    /// Writes the answer: `value` for programs, or `text` for people.
    pub(crate) fn answer<T: Serialize>(&self, value: &T, text: impl FnOnce(Style) -> String) -> Result<(), Failure> {
        if self.is_json() { self.json(value) } else { self.print(&text(self.answers)) }
    }

    /// Writes `value` for programs.
    pub(crate) fn json<T: Serialize>(&self, value: &T) -> Result<(), Failure> {
        let text = serde_json::to_string_pretty(value).map_err(|error| Failure::cannot("the answer", error))?;
        self.print(&(text + "\n"))
    }

    /// Writes `text` to standard output.
    pub(crate) fn print(&self, text: &str) -> Result<(), Failure> {
        match io::stdout().write_all(text.as_bytes()) {
            // Whoever reads has seen enough.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
            result => result.map_err(|error| Failure::cannot("standard output", error)),
        }
    }

    /// Writes `text` to standard error.
    pub(crate) fn say(&self, text: &str) {
        // There is no other place to complain.
        let _ = io::stderr().write_all(text.as_bytes());
    }

    /// Shows how far long work has come, on a terminal only. An empty `text` takes it away.
    pub(crate) fn progress(&self, text: &str) {
        if self.progress {
            self.say(&format!("\r\u{1b}[2K{text}"));
        }
    }
}
