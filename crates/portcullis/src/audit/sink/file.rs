use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{AuditSink, Tail};

/// Writes to a file, which only this process may write to.
///
/// A chain that is there goes on. A full file is renamed: `audit.jsonl` becomes `audit.jsonl.000001`, the next one
/// `audit.jsonl.000002`. Nothing is ever deleted. New files are readable by their owner only.
#[derive(Debug)]
pub struct FileSink {
    path: PathBuf,
    rotate_at: Option<u64>,
    rotate_every: Option<Duration>,
    open: Option<Open>,
}

#[derive(Debug)]
struct Open {
    file: File,
    /// The octets of whole lines.
    len: u64,
    since: Instant,
    /// Whether something of a line that failed stands behind them.
    dirty: bool,
    /// A device or a pipe cannot be cut, synced or locked.
    regular: bool,
    /// Held while the file is written to.
    _lock: Option<File>,
}

impl FileSink {
    /// Writes to the file at `path`.
    #[must_use]
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into(), rotate_at: None, rotate_every: None, open: None }
    }

    /// Begins another file when this one has `bytes` octets.
    #[must_use]
    pub fn rotate_at(mut self, bytes: u64) -> Self {
        self.rotate_at = Some(bytes);
        self
    }

    /// Begins another file when this process has written to this one for `age`.
    #[must_use]
    pub fn rotate_every(mut self, age: Duration) -> Self {
        self.rotate_every = Some(age);
        self
    }

    fn opened(&mut self) -> io::Result<&mut Open> {
        self.open.as_mut().ok_or_else(|| io::Error::other("the file is not open"))
    }
}

impl AuditSink for FileSink {
    fn open(&mut self) -> io::Result<Option<Tail>> {
        let regular = std::fs::metadata(&self.path).map_or(true, |found| found.is_file());
        let lock = regular.then(|| lock(&self.path)).transpose()?;
        let mut file = create(&self.path)?;
        let mut open =
            Open { len: 0, since: Instant::now(), dirty: false, regular, _lock: lock, file: file.try_clone()? };
        let mut tail = None;
        if regular {
            let size = file.metadata()?.len();
            let (line, len) = last_line(&mut file, size)?;
            open.len = len;
            let torn = size - len;
            // It is removed when something is written: not before it is known that this is a log.
            open.dirty = torn > 0;
            tail = (size > 0).then(|| Tail { line: line.unwrap_or_default(), torn });
            // A crash between two files leaves an empty one, or none.
            let mut full = rotated(&self.path)?;
            while tail.is_none()
                && let Some((_, newest)) = full.pop()
            {
                let mut newest = File::open(newest)?;
                let size = newest.metadata()?.len();
                tail = last_line(&mut newest, size)?.0.map(|line| Tail { line, torn });
            }
            sync_directory(&self.path)?;
        }
        self.open = Some(open);
        Ok(tail)
    }

    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let open = self.opened()?;
        open.clean()?;
        let written = open.file.write_all(lines);
        if written.is_err() {
            open.dirty = open.regular;
            // A line that is half there would be found to be altered.
            let _ = open.clean();
        }
        written?;
        open.len += lines.len() as u64;
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        let open = self.opened()?;
        if open.regular { open.file.sync_data() } else { Ok(()) }
    }

    fn is_full(&self) -> bool {
        let Some(open) = self.open.as_ref().filter(|open| open.regular) else { return false };
        self.rotate_at.is_some_and(|most| open.len >= most)
            || self.rotate_every.is_some_and(|age| open.since.elapsed() >= age)
    }

    fn rotate(&mut self) -> io::Result<()> {
        if self.path.exists() {
            let number = rotated(&self.path)?.last().map_or(0, |(number, _)| *number) + 1;
            std::fs::rename(&self.path, beside(&self.path, &format!(".{number:0DIGITS$}")))?;
        }
        let file = create(&self.path)?;
        sync_directory(&self.path)?;
        let open = self.opened()?;
        (open.file, open.len, open.since, open.dirty) = (file, 0, Instant::now(), false);
        Ok(())
    }
}

impl Open {
    /// Removes what is behind the last whole line.
    fn clean(&mut self) -> io::Result<()> {
        if self.dirty {
            self.file.set_len(self.len)?;
            self.dirty = false;
        }
        Ok(())
    }
}

fn create(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).append(true).create(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        // A pipe or a device may be for writing only.
        Err(error) if error.kind() == io::ErrorKind::PermissionDenied => OpenOptions::new().append(true).open(path),
        opened => opened,
    }
}

/// The full files of the log at `path` with their numbers, oldest first.
pub(in crate::audit) fn rotated(path: &Path) -> io::Result<Vec<(u32, PathBuf)>> {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(io::Error::other("the path does not end with the name of a file"));
    };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(directory(path))? {
        let entry = entry?;
        let entry_name = entry.file_name();
        let number = entry_name.to_str().and_then(|entry| entry.strip_prefix(name)?.strip_prefix('.'));
        let number = number.filter(|number| number.len() == DIGITS && number.bytes().all(|byte| byte.is_ascii_digit()));
        files.extend(number.and_then(|number| Some((number.parse().ok()?, entry.path()))));
    }
    files.sort();
    Ok(files)
}

/// Two writers would tear a chain apart.
fn lock(path: &Path) -> io::Result<File> {
    let lock = create(&beside(path, ".lock"))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => Err(io::Error::other("another process writes to it")),
        Err(TryLockError::Error(error)) => Err(error),
    }
}

/// The last line that has a line break, without it, and the length of all such lines.
fn last_line(file: &mut File, size: u64) -> io::Result<(Option<Vec<u8>>, u64)> {
    // From the end, in growing parts: a line is short, and a file can be long.
    let mut part = PART;
    loop {
        let start = size.saturating_sub(part);
        file.seek(SeekFrom::Start(start))?;
        let mut bytes = Vec::new();
        file.take(size - start).read_to_end(&mut bytes)?;
        let end = bytes.iter().rposition(|byte| *byte == b'\n');
        let whole = end.map_or(&[][..], |end| bytes.get(..end).unwrap_or_default());
        let begin = whole.iter().rposition(|byte| *byte == b'\n').map(|begin| begin + 1);
        match (end, begin) {
            (Some(end), Some(begin)) => {
                let line = whole.get(begin..).unwrap_or_default().to_vec();
                return Ok((Some(line), start + end as u64 + 1));
            }
            (Some(end), None) if start == 0 => return Ok((Some(whole.to_vec()), end as u64 + 1)),
            (None, _) if start == 0 => return Ok((None, 0)),
            _ => part = part.saturating_mul(8),
        }
    }
}

/// A file that was made or renamed is there after a crash only once its directory is synced.
fn sync_directory(path: &Path) -> io::Result<()> {
    if cfg!(unix) { File::open(directory(path))?.sync_all() } else { Ok(()) }
}

fn directory(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(ending);
    name.into()
}

const DIGITS: usize = 6;

/// Longer than most lines.
const PART: u64 = 64 * 1024;
