use std::fs;
use std::path::PathBuf;

use clap::Args;
use serde_json::json;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Shell;

/// Write a commented bundle to start from, which passes its own tests
#[derive(Debug, Args)]
pub(crate) struct New {
    /// The directory, which must not exist or be empty
    #[arg(value_name = "BUNDLE")]
    directory: PathBuf,
}

impl New {
    pub(crate) fn run(&self, shell: &Shell) -> Result<Exit, Failure> {
        let name = self.directory.display().to_string();
        if fs::read_dir(&self.directory).is_ok_and(|mut entries| entries.next().is_some()) {
            return Err(Failure::cannot(name, "is not empty, and nothing is overwritten"));
        }
        for (path, text) in STARTER {
            let target = self.directory.join(path);
            let write = target.parent().map_or(Ok(()), fs::create_dir_all).and_then(|()| fs::write(&target, text));
            write.map_err(|error| Failure::cannot(target.display().to_string(), error))?;
        }
        let files: Vec<&str> = STARTER.iter().map(|(path, _)| *path).collect();
        shell.answer(&json!({ "directory": name, "files": files }), |style| {
            let list: String = files.iter().map(|file| format!("  {file}\n")).collect();
            let next = ["check", "test", "scopes", "matrix"].map(|command| format!("  portcullis {command} {name}\n"));
            format!("{} {name}\n{list}\nnext, change it, and ask\n{}", style.green("written"), next.concat())
        })?;
        Ok(Exit::Yes)
    }
}

/// The files, with their texts.
const STARTER: [(&str, &str); 10] = [
    ("README.md", include_str!("../../starter/README.md")),
    ("schema.cedarschema", include_str!("../../starter/schema.cedarschema")),
    ("portcullis.toml", include_str!("../../starter/portcullis.toml")),
    ("entities.json", include_str!("../../starter/entities.json")),
    ("roles/people.cedar", include_str!("../../starter/roles/people.cedar")),
    ("ceilings/agents.cedar", include_str!("../../starter/ceilings/agents.cedar")),
    ("guardrails/care.cedar", include_str!("../../starter/guardrails/care.cedar")),
    ("cases/fixtures.toml", include_str!("../../starter/cases/fixtures.toml")),
    ("cases/people.toml", include_str!("../../starter/cases/people.toml")),
    ("cases/agents.toml", include_str!("../../starter/cases/agents.toml")),
];
