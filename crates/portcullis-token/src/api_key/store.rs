//! The file of keys, read again from time to time.

use std::fmt;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use portcullis_core::UnixTime;

use super::entry::{self, Entries, InvalidKeyFile};

/// The keys in one file, at most 30 seconds old.
pub(super) struct Store {
    path: PathBuf,
    entries: RwLock<Arc<Entries>>,
    /// When the file was last read, in seconds since the epoch.
    read_at: AtomicI64,
    /// Held while the file is read again.
    turn: tokio::sync::Mutex<()>,
}

impl Store {
    pub(super) fn open(path: &Path) -> Result<Self, KeyFileError> {
        let entries = RwLock::new(Arc::new(read(path)?));
        Ok(Self { path: path.to_owned(), entries, read_at: AtomicI64::new(NEVER), turn: tokio::sync::Mutex::default() })
    }

    /// The keys. They are read again if they may be out of date, whatever the time stamp of the file says: two changes
    /// can have one. A file that cannot be used leaves the keys as they are.
    pub(super) async fn entries(&self, now: UnixTime) -> Arc<Entries> {
        if self.is_due(now) {
            let _turn = self.turn.lock().await;
            if self.is_due(now) {
                self.read_again(now).await;
            }
        }
        Arc::clone(&self.entries.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// A clock that was set back must not keep old keys alive.
    fn is_due(&self, now: UnixTime) -> bool {
        let read_at = UnixTime::from_secs(self.read_at.load(Ordering::Acquire));
        read_at.is_none_or(|read_at| read_at > now || now.since(read_at) >= MAX_AGE)
    }

    async fn read_again(&self, now: UnixTime) {
        let path = self.path.clone();
        // A slow disk must not hold up other requests.
        match tokio::task::spawn_blocking(move || read(&path)).await {
            Ok(Ok(entries)) => *self.entries.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(entries),
            Ok(Err(error)) => tracing::error!(%error, "the API keys cannot be read again; those known before stay"),
            Err(_) => return, // the runtime shuts down
        }
        self.read_at.store(now.as_secs(), Ordering::Release);
    }
}

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Store").field("path", &self.path).finish_non_exhaustive()
    }
}

/// Why a key file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KeyFileError {
    /// Something in it is wrong.
    #[error("the key file `{}` is wrong: {error}", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        error: InvalidKeyFile,
    },
    /// It cannot be read.
    #[error("the key file `{}` cannot be read: {error}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// Why not.
        error: std::io::Error,
    },
}

fn read(path: &Path) -> Result<Entries, KeyFileError> {
    let unreadable = |error| KeyFileError::Unreadable { path: path.to_owned(), error };
    let mut text = Vec::new();
    let file = std::fs::File::open(path).map_err(unreadable)?;
    file.take(MAX_FILE_BYTES.saturating_add(1)).read_to_end(&mut text).map_err(unreadable)?;
    if u64::try_from(text.len()).is_ok_and(|bytes| bytes > MAX_FILE_BYTES) {
        return Err(unreadable(std::io::Error::other("it is larger than 4 MiB")));
    }
    entry::parse(&text).map_err(|error| KeyFileError::Invalid { path: path.to_owned(), error })
}

/// How long a disabled key may still be accepted.
const MAX_AGE: Duration = Duration::from_secs(30);

/// Some ten thousand keys.
const MAX_FILE_BYTES: u64 = 4 * 1024 * 1024;

/// Before every time that there is.
const NEVER: i64 = -1;
