use std::path::PathBuf;

use clap::Args;
use portcullis::audit::{Ending, Fault, FaultKind, Head, Missing, Verification, read_heads, verify_files};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::LogArgs;
use crate::output::recorded::printable;
use crate::output::{Shell, Style};

/// Say whether an audit log is as it was written, and if not, which line is the first that is not, and why
#[derive(Debug, Args)]
pub(crate) struct Verify {
    #[command(flatten)]
    log: LogArgs,
    /// The file with the heads of the log: without them, a tail that was cut off is not noticed
    #[arg(long, value_name = "FILE")]
    heads: Option<PathBuf>,
}

impl Verify {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let files = self.log.files()?;
        let read =
            |path: &PathBuf| read_heads(path).map_err(|error| Failure::cannot(path.display().to_string(), error));
        let heads = self.heads.as_ref().map(read).transpose()?.unwrap_or_default();
        let found = verify_files(&files, &heads).map_err(|error| Failure::cannot("the log", error))?;
        shell.answer(&Answer::of(&found), |style| text(style, &found, heads.is_empty()))?;
        Ok(Exit::yes_if(found.is_intact()))
    }
}

fn text(style: Style, found: &Verification, headless: bool) -> String {
    let title = if found.is_intact() { style.green("ok") } else { style.red("failed") };
    let lines: Vec<String> = found.to_string().lines().map(printable).collect();
    let mut text = format!("{title} {}\n", lines.join("\n   "));
    if headless {
        text += &format!("   {}\n", style.yellow("without heads, nobody can say whether the tail was cut off"));
    }
    text
}

#[derive(Debug, Serialize)]
struct Answer<'a> {
    intact: bool,
    fault: Option<Found>,
    /// The number of the first line.
    first: Option<u64>,
    /// The last line up to which all is good.
    last: Option<&'a Head>,
    lines: u64,
    records: u64,
    /// How many heads the log confirms.
    heads: u64,
    /// Records that found no place, as the log says.
    lost: u64,
    crashes: u64,
    /// Octets of incomplete lines that were removed after crashes.
    torn: u64,
    missing: &'a [Missing],
    replaces: Option<&'a Head>,
    ending: &'static str,
}

impl<'a> Answer<'a> {
    fn of(found: &'a Verification) -> Self {
        Self {
            intact: found.is_intact(),
            fault: found.fault.as_ref().map(Found::of),
            first: found.first,
            last: found.last.as_ref(),
            lines: found.lines,
            records: found.records,
            heads: found.heads,
            lost: found.lost,
            crashes: found.crashes,
            torn: found.torn,
            missing: &found.missing,
            replaces: found.replaces.as_ref(),
            ending: match found.ending {
                Ending::Closed => "closed",
                Ending::Elsewhere => "elsewhere",
                Ending::Torn(_) => "torn",
                _ => "open",
            },
        }
    }
}

#[derive(Debug, Serialize)]
struct Found {
    file: String,
    line: u64,
    kind: &'static str,
    message: String,
}

impl Found {
    fn of(fault: &Fault) -> Self {
        let kind = match fault.kind {
            FaultKind::Altered => "altered",
            FaultKind::Replaced => "replaced",
            FaultKind::Lost(_) => "lost",
            FaultKind::Moved { .. } => "moved",
            FaultKind::Inserted => "inserted",
            FaultKind::Foreign => "foreign",
            FaultKind::Rewritten { .. } => "rewritten",
            FaultKind::Cut(_) => "cut",
            FaultKind::UnknownWriter => "unknown_writer",
            _ => "other",
        };
        let message = fault.kind.to_string();
        Self { file: fault.place.file.display().to_string(), line: fault.place.line, kind, message }
    }
}
