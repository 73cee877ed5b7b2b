use std::fs;

use clap::Args;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::{Failure, counted};
use crate::input::BundleArgs;
use crate::output::Shell;

/// Check a bundle and write its MANIFEST, by which a service knows that a copy is whole
#[derive(Debug, Args)]
pub(crate) struct Pack {
    #[command(flatten)]
    bundle: BundleArgs,
}

impl Pack {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let directory = self.bundle.directory()?;
        // The one that is there does not count: it is about to be replaced.
        let files = self.bundle.files()?.without_file(MANIFEST);
        portcullis::load_files(&files, directory).map_err(|error| Failure::load(directory, error))?;
        let target = directory.join(MANIFEST);
        // Whoever watches the directory must never see half of it. Hidden files are no part of a bundle.
        let draft = directory.join(format!(".{MANIFEST}.new"));
        fs::write(&draft, files.manifest())
            .and_then(|()| fs::rename(&draft, &target))
            .map_err(|error| Failure::cannot(target.display().to_string(), error))?;
        let (count, hash) = (files.iter().count(), files.hash().to_string());
        shell.answer(&json!({ "bundle": hash, "files": count }), |style| {
            let hash = style.dim(&format!("bundle {hash}"));
            format!("{} {}: {}\n   {hash}\n", style.green("packed"), target.display(), counted(count, "file"))
        })?;
        Ok(Exit::Yes)
    }
}

const MANIFEST: &str = "MANIFEST";
