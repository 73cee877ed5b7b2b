use clap::Args;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::input::BundleArgs;
use crate::output::Shell;

/// Print the schema with the Portcullis namespace, as one text for Cedar's own tools
///
/// It is the schema as ceilings see it; the other layers do not see `context.auth.actor`.
#[derive(Debug, Args)]
pub(crate) struct SchemaCommand {
    #[command(flatten)]
    bundle: BundleArgs,
}

impl SchemaCommand {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let files = self.bundle.files()?;
        let schema = files.cedar_schema().map_err(|error| {
            self.bundle.directory().map_or_else(|failure| failure, |directory| Failure::load(directory, error))
        })?;
        shell.answer(&json!({ "schema": schema }), |_| schema.clone())?;
        Ok(Exit::Yes)
    }
}
