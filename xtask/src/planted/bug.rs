//! One bug: a patch with a line that says what is wrong, and one that says where.

use crate::files;
use crate::process::program;

/// A bug that can be planted.
#[derive(Debug)]
pub(super) struct Bug {
    /// The name of its file, without the ending.
    pub(super) name: String,
    /// What is wrong.
    pub(super) what: String,
    /// The layer, and the way through it.
    pub(super) layer: String,
    /// The patch, from the root of the project.
    pub(super) path: String,
}

/// All bugs, in the order of their names.
pub(super) fn all() -> Result<Vec<Bug>, String> {
    let files = files::all()?;
    let patches = files.iter().filter(|file| file.path.starts_with(FOLDER) && file.path.ends_with(".patch"));
    let bugs: Vec<Bug> = patches.map(|file| Bug::read(&file.path, &file.text)).collect::<Result<_, _>>()?;
    if bugs.is_empty() { Err(format!("there is no bug in {FOLDER}")) } else { Ok(bugs) }
}

impl Bug {
    fn read(path: &str, text: &str) -> Result<Self, String> {
        let line = |key: &str| {
            let head = text.lines().take_while(|line| !line.starts_with("--- "));
            let value = head.filter_map(|line| line.strip_prefix(key)?.strip_prefix(": ")).next();
            value.map(str::to_owned).ok_or_else(|| format!("{path} does not begin with a line `{key}: …`"))
        };
        let name = path.trim_start_matches(FOLDER).trim_end_matches(".patch").to_owned();
        Ok(Self { name, what: line("Bug")?, layer: line("Layer")?, path: path.to_owned() })
    }

    /// Fails if the patch does not apply to the sources as they are.
    pub(super) fn check(&self) -> Result<(), String> {
        let (applies, output) = program("git", ["apply", "--check", &self.path]).attempt()?;
        let help = "plant the same bug in the code as it is now";
        if applies { Ok(()) } else { Err(format!("{} does not apply: {help}\n    {}", self.name, output.trim())) }
    }
}

const FOLDER: &str = "crates/portcullis-testkit/planted/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_says_what_is_wrong_and_where() {
        let read = |text: &str| Bug::read(&format!("{FOLDER}01-a.patch"), text);
        let bug = read("Bug: one is two\nLayer: roles, heads\n\n--- a/x\n+++ b/x\n").unwrap();
        assert_eq!((bug.name.as_str(), bug.what.as_str(), bug.layer.as_str()), ("01-a", "one is two", "roles, heads"));
        for text in ["", "Bug: a\n--- a/x\n", "Layer: a\n--- a/x\n", "Bug: a\n--- a/x\n+++ b/x\nLayer: b\n"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}
