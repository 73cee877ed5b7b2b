//! Whether a log is as it was written.

mod checker;
mod report;
#[cfg(test)]
mod tests;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

use checker::Checker;
pub use report::{Ending, Fault, FaultKind, Place, Verification};

use super::chain::Head;
use super::sink::rotated;

/// Checks the log of a [`FileSink`](super::FileSink) at `path`, with its full files.
///
/// Without `heads`, a tail that was cut off is not noticed, nor that somebody has written everything anew from some line on.
///
/// ```
/// use portcullis::audit::{read_heads, verify};
///
/// # fn check() -> std::io::Result<()> {
/// let heads = read_heads("/mnt/heads/projects.jsonl")?;
/// let found = verify("/var/log/projects/audit.jsonl", &heads)?;
/// if let Some(fault) = &found.fault {
///     eprintln!("{fault}");
/// }
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// If a file cannot be read, or there is none.
pub fn verify(path: impl AsRef<Path>, heads: &[Head]) -> io::Result<Verification> {
    verify_files(&log_files(path)?, heads)
}

/// The files of the log of a [`FileSink`](super::FileSink) at `path`, oldest first: the full ones, and the one at `path`.
///
/// # Errors
///
/// If the directory cannot be read.
pub fn log_files(path: impl AsRef<Path>) -> io::Result<Vec<PathBuf>> {
    let path = path.as_ref();
    let named = |error| about(path, &error);
    let mut files: Vec<PathBuf> = rotated(path).map_err(named)?.into_iter().map(|(_, path)| path).collect();
    if path.exists() || files.is_empty() {
        files.push(path.to_owned());
    }
    Ok(files)
}

/// `error`, with the name of the file.
fn about(path: &Path, error: &io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("{}: {error}", path.display()))
}

/// As [`verify()`], for the parts of one log in `files`, oldest first. Older parts may be left out: [`Verification::first`] says
/// where the chain begins.
///
/// # Errors
///
/// If a file cannot be read.
pub fn verify_files(files: &[impl AsRef<Path>], heads: &[Head]) -> io::Result<Verification> {
    let mut checker = Checker::new(heads);
    for (index, path) in files.iter().enumerate() {
        let path = path.as_ref();
        let is_last = index + 1 == files.len();
        let read = File::open(path).and_then(|file| read(&mut checker, path, BufReader::new(file), is_last));
        read.map_err(|error| about(path, &error))?;
    }
    Ok(checker.finish(files.last().map_or(Path::new(""), AsRef::as_ref)))
}

/// Hands the lines of one file to `checker`. Only the last file may end within a line.
fn read(checker: &mut Checker<'_>, file: &Path, mut reader: impl BufRead, is_last: bool) -> io::Result<()> {
    for number in 1.. {
        let mut line = Vec::new();
        if (&mut reader).take(LONGEST).read_until(b'\n', &mut line)? == 0 {
            break;
        }
        let place = Place { file: file.to_owned(), line: number };
        match line.strip_suffix(b"\n") {
            Some(line) => checker.line(place, line),
            None if is_last && reader.fill_buf()?.is_empty() => checker.torn(line.len() as u64),
            None => checker.line(place, &[]),
        }
    }
    Ok(())
}

/// The heads in the file at `path`.
///
/// # Errors
///
/// If it cannot be read, or a whole line of it is no head.
pub fn read_heads(path: impl AsRef<Path>) -> io::Result<Vec<Head>> {
    let text = std::fs::read_to_string(path)?;
    // What is behind the last line break was being written.
    let whole = text.rfind('\n').and_then(|end| text.get(..end)).unwrap_or_default();
    let head = |(index, line): (usize, &str)| {
        let wrong = |error| io::Error::new(io::ErrorKind::InvalidData, format!("line {}: {error}", index + 1));
        serde_json::from_str(line).map_err(wrong)
    };
    whole.lines().enumerate().map(head).collect()
}

/// Octets of the longest line that is read.
const LONGEST: u64 = 16 * 1024 * 1024;
