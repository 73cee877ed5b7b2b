//! A copy of the sources in which bugs are planted, so that the sources themselves are never touched.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::bug::Bug;
use crate::files;
use crate::process::{Program, program, root};

/// The copy, with a build folder of its own.
pub(super) struct Scratch {
    sources: PathBuf,
    build: PathBuf,
}

impl Scratch {
    /// Makes the copy, or brings one up to date that is there. A file that is the same keeps its time, so that nothing is built
    /// again for it.
    pub(super) fn create() -> Result<Self, String> {
        let root = root()?;
        let folder = root.join(FOLDER);
        let scratch = Self { sources: folder.join("sources"), build: folder.join("build") };
        let ours: BTreeSet<PathBuf> = files::paths(&root)?.into_iter().collect();
        fs::create_dir_all(&scratch.sources).map_err(|error| cannot("create", &scratch.sources, &error))?;
        for stale in files::paths(&scratch.sources)?.into_iter().filter(|path| !ours.contains(path)) {
            fs::remove_file(scratch.sources.join(&stale)).map_err(|error| cannot("remove", &stale, &error))?;
        }
        for path in ours {
            let text = fs::read(root.join(&path)).map_err(|error| cannot("read", &path, &error))?;
            let copy = scratch.sources.join(&path);
            if fs::read(&copy).is_ok_and(|copied| copied == text) {
                continue;
            }
            let folder = copy.parent().unwrap_or(&scratch.sources);
            fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
            fs::write(&copy, text).map_err(|error| cannot("write", &copy, &error))?;
        }
        Ok(scratch)
    }

    /// Plants `bug`.
    pub(super) fn plant(&self, bug: &Bug) -> Result<(), String> {
        self.apply(bug, &[])
    }

    /// Takes `bug` out again.
    pub(super) fn weed(&self, bug: &Bug) -> Result<(), String> {
        self.apply(bug, &["--reverse"])
    }

    /// The patch of the copy counts: the sources may change meanwhile.
    fn apply(&self, bug: &Bug, how: &[&str]) -> Result<(), String> {
        // Git must not take the copy for a part of the checkout around it.
        let ceiling = self.sources.parent().unwrap_or(&self.sources).to_string_lossy().into_owned();
        let arguments = ["apply", "--whitespace=nowarn", &bug.path];
        let apply = program("git", arguments.iter().chain(how).copied()).with_env("GIT_CEILING_DIRECTORIES", ceiling);
        let (applied, output) = self.inside(apply).attempt()?;
        if applied { Ok(()) } else { Err(format!("{} does not apply: {}", bug.name, output.trim())) }
    }

    /// `program`, to be run in the copy.
    pub(super) fn inside(&self, program: Program) -> Program {
        let build = self.build.to_string_lossy();
        program.in_folder(self.sources.clone()).with_env("CARGO_TARGET_DIR", build)
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

/// Below the build folder of the product: it is out of the way, and `cargo clean` removes it.
const FOLDER: &str = "target/planted";
