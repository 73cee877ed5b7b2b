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
    let path = path.as_ref();
    let mut files: Vec<PathBuf> = rotated(path)?.into_iter().map(|(_, path)| path).collect();
    if path.exists() || files.is_empty() {
        files.push(path.to_owned());
    }
    verify_files(&files, heads)
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
        read(&mut checker, path, BufReader::new(File::open(path)?), index + 1 == files.len())?;
    }
    Ok(checker.finish())
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
