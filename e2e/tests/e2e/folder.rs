//! Where a test keeps its files.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// `target/tmp/e2e/<test>`: the bundle of the service, the keys of the server, and the logs of both.
pub(crate) struct Folder(PathBuf);

impl Folder {
    /// A new, empty folder, named after the test that runs in this thread; a second one of the same test ends in `-2`.
    pub(crate) fn of_this_test() -> Self {
        static TAKEN: Mutex<BTreeMap<String, u32>> = Mutex::new(BTreeMap::new());
        let mut name = std::thread::current().name().unwrap_or("main").replace("::", "-");
        let mut taken = TAKEN.lock().unwrap();
        let times = taken.entry(name.clone()).and_modify(|times| *times += 1).or_insert(1);
        if *times > 1 {
            name = format!("{name}-{times}");
        }
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("e2e").join(name);
        if path.exists() {
            std::fs::remove_dir_all(&path).unwrap();
        }
        std::fs::create_dir_all(&path).unwrap();
        Self(path)
    }

    pub(crate) fn join(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}
