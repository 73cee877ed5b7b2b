//! The audit log that a command is about.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use clap::Args;
use portcullis::audit::{ReadRecord, RecordError, log_files};

use crate::failure::Failure;

/// Which log.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    /// The file of the log, to which its full files (`LOG.000001` and so on) belong; or the files of one log, oldest first
    #[arg(required = true, value_name = "LOG")]
    files: Vec<PathBuf>,
}

impl LogArgs {
    /// The files of the log, oldest first.
    pub(crate) fn files(&self) -> Result<Vec<PathBuf>, Failure> {
        match self.files.as_slice() {
            [one] => files_of(one),
            several => Ok(several.to_vec()),
        }
    }
}

/// The files of the log at `path`, oldest first.
pub(crate) fn files_of(path: &Path) -> Result<Vec<PathBuf>, Failure> {
    log_files(path).map_err(|error| Failure::cannot("the log", error))
}

/// Hands each line of `files` to `take`, with its place. What is not ended yet is still being written.
pub(crate) fn each_record(
    files: &[PathBuf],
    mut take: impl FnMut(&str, Result<ReadRecord, RecordError>),
) -> Result<(), Failure> {
    for path in files {
        let cannot = |error| Failure::cannot(path.display().to_string(), error);
        let mut reader = BufReader::new(File::open(path).map_err(cannot)?);
        for number in 1_u64.. {
            let mut line = Vec::new();
            (&mut reader).take(LONGEST).read_until(b'\n', &mut line).map_err(cannot)?;
            let ended = line.ends_with(b"\n");
            if line.is_empty() || (!ended && reader.fill_buf().map_err(cannot)?.is_empty()) {
                break;
            }
            let text = std::str::from_utf8(&line).map_err(|error| RecordError::Unreadable(error.to_string()));
            take(&format!("{}:{number}", path.display()), text.and_then(ReadRecord::read));
        }
    }
    Ok(())
}

/// Octets of the longest line that is read.
const LONGEST: u64 = 16 * 1024 * 1024;
