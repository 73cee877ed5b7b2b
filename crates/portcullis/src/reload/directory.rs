//! The directory from which a gate takes its next bundle.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use portcullis_core::{BundleFiles, BundleHash, LoadError, Problem};

use super::ReloadError;
use crate::gate::Gate;
use crate::settings;

impl Gate {
    /// What watches the directory `dir` for the next bundle of this gate.
    ///
    /// ```no_run
    /// # async fn start() -> Result<(), Box<dyn std::error::Error>> {
    /// use portcullis::Gate;
    ///
    /// let gate = Gate::from_dir("policies/projects")?.build()?;
    /// let watch = tokio::spawn(gate.reloader("policies/projects").watch());
    /// # drop(watch); Ok(()) }
    /// ```
    #[must_use]
    pub fn reloader(&self, dir: impl Into<PathBuf>) -> Reloader {
        Reloader { gate: self.clone(), dir: dir.into(), settled: None, incomplete: None }
    }
}

/// Takes bundles from a directory, while the gate is at work. Made by [`Gate::reloader`].
///
/// Only a whole bundle is taken. Its `MANIFEST` lists all files with their hashes ([`BundleFiles::manifest`]), so neither a
/// directory that is being copied, in whatever order, nor one whose copy was broken off is ever loaded. It is the `MANIFEST`
/// that is watched: files that change without it are no new bundle.
///
/// A bundle that is refused is logged as an error with all of its problems, once, and the gate keeps the one that it has.
///
/// Of `portcullis.toml`, the tables `[layers]` and `[directory]` may change. Everything else is about what is not replaced
/// (issuers and their keys, proofs, proxies, metadata), so a bundle with other such settings is refused. So is every bundle
/// for a gate that was made without a settings file; [`Gate::reload`] is for these.
#[derive(Debug)]
pub struct Reloader {
    gate: Gate,
    dir: PathBuf,
    /// The `MANIFEST` of the bundle that was taken or refused last.
    settled: Option<String>,
    /// The `MANIFEST` that did not fit its files, and was logged.
    incomplete: Option<String>,
}

/// What a look into the directory led to.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::exhaustive_enums, reason = "nothing else can happen")]
pub enum Looked {
    /// It holds what it held before.
    Unchanged,
    /// It does not hold a whole bundle now. Why not is in the problems.
    Incomplete(LoadError),
    /// The next request is decided by the bundle with this hash.
    Replaced(BundleHash),
    /// It holds a bundle that cannot be used, and the gate keeps the one that it has.
    Refused(ReloadError),
}

impl Reloader {
    /// Looks every second, until the future is dropped. It needs a tokio runtime with its timer enabled, and looks on a thread
    /// for blocking work.
    pub async fn watch(mut self) {
        loop {
            tokio::time::sleep(INTERVAL).await;
            let look = tokio::task::spawn_blocking(move || {
                self.look();
                self
            });
            match look.await {
                Ok(reloader) => self = reloader,
                Err(error) => {
                    tracing::error!(target: "portcullis", %error, "bundles are not reloaded any more");
                    return;
                }
            }
        }
    }

    /// Looks once, for services that know when there is something new. It reads files and validates policies, which can take
    /// seconds, so it is not for a thread that serves requests.
    pub fn look(&mut self) -> Looked {
        let manifest = fs::read_to_string(self.dir.join(MANIFEST)).ok();
        if manifest.is_some() && manifest == self.settled {
            return Looked::Unchanged;
        }
        let files = match self.whole() {
            Ok(files) => files,
            Err(error) => return self.not_whole(manifest, error),
        };
        // As it was read with the others: it may have been replaced since.
        self.settled = files.get(MANIFEST).map(str::to_owned);
        self.incomplete = None;
        let hash = files.hash();
        if hash == self.gate.bundle().hash() {
            self.gate.parts().reloads.settle();
            return Looked::Unchanged;
        }
        match self.take(&files) {
            Ok(()) => Looked::Replaced(hash),
            Err(error) => {
                tracing::error!(
                    target: "portcullis", bundle = %hash, reason = %error, "a bundle is refused, and the one before it stays"
                );
                self.gate.parts().reloads.refuse(&error);
                Looked::Refused(error)
            }
        }
    }

    /// The files, if they are all there and none is another one.
    fn whole(&self) -> Result<BundleFiles, LoadError> {
        let files = BundleFiles::from_dir(&self.dir)?;
        files.require_manifest()?;
        Ok(files)
    }

    /// A copy may be under way, so it is not an error yet.
    fn not_whole(&mut self, manifest: Option<String>, error: LoadError) -> Looked {
        let manifest = manifest.unwrap_or_default();
        if self.incomplete.as_ref() != Some(&manifest) {
            tracing::warn!(target: "portcullis", reason = %error, "no whole bundle to load, and the one before it stays");
            self.incomplete = Some(manifest);
        }
        Looked::Incomplete(error)
    }

    fn take(&self, files: &BundleFiles) -> Result<(), ReloadError> {
        let Some(fixed) = &self.gate.parts().fixed_settings else {
            let problem = Problem::new("portcullis.toml", "is not what this service was made from");
            let help = "make the gate with `Gate::from_dir`, or give it bundles by `Gate::reload`";
            return Err(LoadError::new(vec![problem.with_help(help)]).into());
        };
        let bundle = settings::load_next(files, &self.dir, &self.gate.bundle(), fixed)?;
        self.gate.replace(bundle)
    }
}

const MANIFEST: &str = "MANIFEST";

/// Soon enough for people who wait for it, and one small file to read.
const INTERVAL: Duration = Duration::from_secs(1);
