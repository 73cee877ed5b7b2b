//! Commands that can be run and also shown, so that a person can repeat them.

use std::ffi::OsString;
use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

/// A program with its arguments, run in the root of the project unless stated.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Program {
    name: String,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    folder: Option<PathBuf>,
}

/// The cargo that runs this program.
pub(crate) fn cargo(arguments: impl IntoIterator<Item = impl Into<String>>) -> Program {
    program("cargo", arguments)
}

/// The program `name`, looked up in `PATH`.
pub(crate) fn program(name: impl Into<String>, arguments: impl IntoIterator<Item = impl Into<String>>) -> Program {
    let arguments = arguments.into_iter().map(Into::into).collect();
    Program { name: name.into(), arguments, environment: Vec::new(), folder: None }
}

impl Program {
    /// Sets an environment variable.
    pub(crate) fn with_env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.environment.push((name.to_owned(), value.into()));
        self
    }

    /// Runs it in `folder`.
    pub(crate) fn in_folder(self, folder: PathBuf) -> Self {
        Self { folder: Some(folder), ..self }
    }

    /// Runs it with the output going where ours goes.
    pub(crate) fn run(&self) -> Result<(), String> {
        let status = self.command()?.status().map_err(|error| format!("cannot start `{self}`: {error}"))?;
        if status.success() { Ok(()) } else { Err(format!("`{self}` failed: {status}")) }
    }

    /// Runs it silently; its standard output, if it succeeds.
    pub(crate) fn output(&self) -> Option<String> {
        let output = self.command().ok()?.stderr(Stdio::null()).output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    }

    /// Runs it silently; what it says to people, on standard error.
    pub(crate) fn messages(&self) -> Result<String, Failed> {
        let failed = |status: String, messages| Failed { status, messages };
        let output = self.command().and_then(|mut command| command.output().map_err(|error| error.to_string()));
        let output = output.map_err(|error| failed(error, String::new()))?;
        let messages = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(messages) } else { Err(failed(output.status.to_string(), messages)) }
    }

    /// Runs it silently: whether it succeeds, and what it says.
    pub(crate) fn attempt(&self) -> Result<(bool, String), String> {
        let output = self.command()?.output().map_err(|error| format!("cannot start `{self}`: {error}"))?;
        let said = [output.stdout, output.stderr].map(|text| String::from_utf8_lossy(&text).into_owned()).concat();
        Ok((output.status.success(), said))
    }

    fn command(&self) -> Result<Command, String> {
        let name = match std::env::var_os("CARGO") {
            Some(cargo) if self.name == "cargo" => cargo,
            _ => OsString::from(&self.name),
        };
        let mut command = Command::new(name);
        let folder = self.folder.clone().map_or_else(root, Ok)?;
        command.args(&self.arguments).current_dir(folder).envs(self.environment.iter().cloned());
        Ok(command)
    }
}

/// How a program ended, and what it said before.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(crate) status: String,
    pub(crate) messages: String,
}

/// As one would type it.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.environment {
            write!(f, "{name}={} ", quoted(value))?;
        }
        f.write_str(&self.name)?;
        self.arguments.iter().try_for_each(|argument| write!(f, " {}", quoted(argument)))
    }
}

fn quoted(word: &str) -> String {
    if word.contains([' ', '*']) { format!("'{word}'") } else { word.to_owned() }
}

/// The root of the project: where the folder of this package lies.
pub(crate) fn root() -> Result<PathBuf, String> {
    let package = std::env::var_os("CARGO_MANIFEST_DIR").map(PathBuf::from);
    let root = package.as_deref().and_then(|package| package.parent());
    root.map(PathBuf::from).ok_or_else(|| "run this as `cargo xtask`".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_command_is_shown_as_one_would_type_it() {
        let shown = cargo(["doc", "--bench", "*"]).with_env("RUSTDOCFLAGS", "-D warnings").to_string();
        assert_eq!(shown, "RUSTDOCFLAGS='-D warnings' cargo doc --bench '*'");
    }

    #[test]
    fn a_command_that_fails_or_does_not_exist_is_an_error() {
        assert!(cargo(["--version"]).output().is_some_and(|version| version.starts_with("cargo ")));
        assert!(cargo(["no-such-command"]).output().is_none());
        assert!(program("no-such-program", ["x"]).run().unwrap_err().contains("cannot start"));
        assert!(program("no-such-program", ["x"]).messages().is_err());
        let failed = cargo(["no-such-command"]).messages().unwrap_err();
        assert!(failed.messages.contains("no-such-command") && !failed.status.is_empty(), "{failed:?}");
    }
}
