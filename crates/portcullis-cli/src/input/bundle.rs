//! The bundle that a command is about.

use std::path::{Path, PathBuf};

use clap::Args;
use portcullis::Loaded;
use portcullis_core::{BundleFiles, Engine};
use portcullis_testkit::cases::Cases;

use crate::failure::Failure;
use crate::output::Shell;

/// Which bundle.
#[derive(Debug, Args)]
pub(crate) struct BundleArgs {
    /// The directory of the bundle
    #[arg(default_value = ".", value_name = "BUNDLE")]
    directory: PathBuf,
}

/// A bundle that loaded.
#[derive(Debug)]
pub(crate) struct Opened {
    pub(crate) directory: PathBuf,
    pub(crate) loaded: Loaded,
}

impl BundleArgs {
    /// The directory, which exists.
    pub(crate) fn directory(&self) -> Result<&Path, Failure> {
        exists(&self.directory)
    }

    /// The files, as far as they can be read.
    pub(crate) fn files(&self) -> Result<BundleFiles, Failure> {
        let directory = self.directory()?;
        BundleFiles::from_dir(directory).map_err(|error| Failure::load(directory, error))
    }

    /// Loads the bundle.
    pub(crate) fn open(&self, shell: &Shell) -> Result<Opened, Failure> {
        Opened::at(&self.directory, shell)
    }
}

impl Opened {
    /// Loads the bundle in `directory`.
    pub(crate) fn at(directory: &Path, shell: &Shell) -> Result<Self, Failure> {
        let directory = exists(directory)?.to_owned();
        // Thousands of policies take seconds.
        shell.progress(&format!("loading {}", directory.display()));
        let loaded = portcullis::load_dir(&directory);
        shell.progress("");
        let loaded = loaded.map_err(|error| Failure::load(&directory, error))?;
        Ok(Self { directory, loaded })
    }

    /// Decides by the bundle.
    pub(crate) fn engine(&self) -> Engine {
        Engine::new(self.loaded.bundle.clone())
    }

    /// Its cases.
    pub(crate) fn cases(&self) -> Result<Cases, Failure> {
        let cases = Cases::from_dir(self.directory.join("cases"));
        let cases = cases.map_err(|error| Failure::cases(&self.directory, error))?;
        Ok(cases.with_verifier(&self.loaded.verifier))
    }
}

fn exists(directory: &Path) -> Result<&Path, Failure> {
    match std::fs::metadata(directory) {
        Ok(found) if found.is_dir() => Ok(directory),
        Ok(_) => Err(Failure::cannot(directory.display().to_string(), "is a file; name the directory of a bundle")),
        Err(error) => Err(Failure::cannot(directory.display().to_string(), error)),
    }
}
