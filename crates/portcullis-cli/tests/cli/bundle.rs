//! Copies of bundles, to be broken.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Ran, portcullis, root};

/// A copy of a bundle of the repository.
pub(crate) struct Copy(PathBuf);

impl Copy {
    /// Of `policies/NAME`, for the test called `test`.
    pub(crate) fn of(name: &str, test: &str) -> Self {
        let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
        let _ = fs::remove_dir_all(&target);
        copy(&root().join("policies").join(name), &target);
        Self(target)
    }

    /// With `to` in place of `from` in a file.
    #[track_caller]
    pub(crate) fn with(self, file: &str, from: &str, to: &str) -> Self {
        let path = self.0.join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} does not hold `{from}`");
        fs::write(path, text.replacen(from, to, 1)).unwrap();
        self
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }

    pub(crate) fn read(&self, file: &str) -> String {
        fs::read_to_string(self.0.join(file)).unwrap()
    }

    /// Runs `command` on the copy.
    pub(crate) fn run(&self, command: &str, arguments: &[&str]) -> Ran {
        let path = self.0.to_str().unwrap();
        portcullis([command, path].iter().chain(arguments))
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
