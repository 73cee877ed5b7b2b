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
    /// Makes the copy, or brings one up to date that is there.
    pub(super) fn create() -> Result<Self, String> {
        let folder = root()?.join(FOLDER);
        let scratch = Self { sources: folder.join("sources"), build: folder.join("build") };
        scratch.restore()?;
        Ok(scratch)
    }

    /// Makes the copy what the sources are. A file that is the same keeps its time, so that nothing is built again for it.
    pub(super) fn restore(&self) -> Result<(), String> {
        let root = root()?;
        let ours: BTreeSet<PathBuf> = files::paths(&root)?.into_iter().collect();
        if self.sources.is_dir() {
            for stale in files::paths(&self.sources)?.into_iter().filter(|path| !ours.contains(path)) {
                fs::remove_file(self.sources.join(&stale)).map_err(|error| cannot("remove", &stale, &error))?;
            }
        }
        for path in ours {
            let text = fs::read(root.join(&path)).map_err(|error| cannot("read", &path, &error))?;
            let copy = self.sources.join(&path);
            if fs::read(&copy).is_ok_and(|copied| copied == text) {
                continue;
            }
            let folder = copy.parent().unwrap_or(&self.sources);
            fs::create_dir_all(folder).map_err(|error| cannot("create", folder, &error))?;
            fs::write(&copy, text).map_err(|error| cannot("write", &copy, &error))?;
        }
        Ok(())
    }

    /// Plants `bug`.
    pub(super) fn apply(&self, bug: &Bug) -> Result<(), String> {
        // Git must not take the copy for a part of the checkout around it.
        let ceiling = self.sources.parent().unwrap_or(&self.sources).to_string_lossy().into_owned();
        let apply = program("git", ["apply", "--whitespace=nowarn", &bug.patch.to_string_lossy()]);
        let apply = apply.with_env("GIT_CEILING_DIRECTORIES", &ceiling);
        let (applied, output) = self.inside(apply).attempt()?;
        if applied { Ok(()) } else { Err(format!("{} does not apply: {}", bug.name, output.trim())) }
    }

    /// `program`, to be run in the copy.
    pub(super) fn inside(&self, program: Program) -> Program {
        let build = self.build.to_string_lossy();
        program.in_folder(self.sources.clone()).with_env("CARGO_TARGET_DIR", &build)
    }
}

fn cannot(what: &str, path: &Path, error: &std::io::Error) -> String {
    format!("cannot {what} {}: {error}", path.display())
}

/// Below the build folder of the product: it is out of the way, and `cargo clean` removes it.
const FOLDER: &str = "target/planted";
