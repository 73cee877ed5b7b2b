//! Pages of the guide whose blocks are run, and written down anew with `PORTCULLIS_RECORD=1`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A block of code of a page.
#[derive(Debug)]
#[non_exhaustive]
pub struct Block<'a> {
    /// The text of its section before it, from the heading.
    pub before: &'a str,
    /// Its language.
    pub kind: &'a str,
    /// What stands in it.
    pub text: &'a str,
}

/// The root of the project.
///
/// # Panics
///
/// If it is gone.
#[must_use]
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Compares the page at `path`, from the root of the project, with what `block` makes of each of its blocks.
///
/// # Panics
///
/// If they differ, and they are not to be recorded.
#[track_caller]
pub fn check(path: &str, mut block: impl FnMut(&Block<'_>) -> String) {
    let document = root().join(path);
    let text = fs::read_to_string(&document).unwrap();
    let (mut written, mut section, mut rest) = (String::new(), text.as_str(), text.as_str());
    while let Some((before, opened)) = rest.split_once(FENCE) {
        let (kind, opened) = opened.split_once('\n').unwrap();
        let (shown, after) = opened.split_once(FENCE).unwrap_or_else(|| panic!("{path}: a block does not end"));
        let heading = before.rfind("\n## ").map(|at| text.len() - rest.len() + at + 1);
        section = heading.map_or(section, |at| text.get(at..).unwrap_or_default());
        let length = before.len() + section.len() - rest.len();
        let found = Block { before: section.get(..length).unwrap_or_default(), kind, text: shown };
        written += &format!("{before}{FENCE}{kind}\n{}{FENCE}", block(&found));
        rest = after;
    }
    written += rest;
    if written == text {
        return;
    }
    if std::env::var_os("PORTCULLIS_RECORD").is_some() {
        fs::write(document, written).unwrap();
    } else {
        let lines: Vec<_> = text.lines().zip(written.lines()).filter(|(stated, found)| stated != found).collect();
        panic!("{path} says otherwise (`PORTCULLIS_RECORD=1` writes it anew): {lines:#?}");
    }
}

/// A shell in a directory.
#[derive(Debug)]
pub struct Shell {
    directory: PathBuf,
    prelude: String,
}

impl Shell {
    /// A shell in `directory`.
    #[must_use]
    pub fn new(directory: impl Into<PathBuf>) -> Self {
        Self { directory: directory.into(), prelude: String::new() }
    }

    /// Runs `line` before each command.
    #[must_use]
    pub fn with(mut self, line: &str) -> Self {
        self.prelude += &format!("{line}\n");
        self
    }

    /// Runs `program` for commands that are called `name`.
    #[must_use]
    pub fn with_program(self, name: &str, program: &str) -> Self {
        self.with(&format!("{name}() {{ '{program}' \"$@\"; }}"))
    }

    /// What `command` prints.
    ///
    /// # Panics
    ///
    /// If there is no shell.
    #[must_use]
    pub fn run(&self, command: &str) -> String {
        let script = format!("{}{{ {command}; }} 2>&1", self.prelude);
        let output = Command::new("sh").args(["-c", &script]).current_dir(&self.directory).output().unwrap();
        let printed = String::from_utf8(output.stdout).unwrap();
        if printed.is_empty() || printed.ends_with('\n') { printed } else { printed + "\n" }
    }

    /// The commands of `block`, each with what it prints.
    #[must_use]
    pub fn run_all(&self, block: &str) -> String {
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
        commands.map(|command| format!("$ {command}\n{}", self.run(command))).collect()
    }
}

/// Changes the one file below `directory` in which the lines stand that `diff` takes away, as it says.
///
/// # Panics
///
/// If they stand in no file, or twice.
#[track_caller]
pub fn change(diff: &str, directory: &Path) {
    let side = |other: char| -> String {
        let lines = diff.lines().filter(|line| !line.starts_with(other));
        lines.map(|line| format!("{}\n", line.get(1..).unwrap_or_default())).collect()
    };
    let (before, after) = (side('+'), side('-'));
    let files: Vec<_> = files(directory).into_iter().filter(|(_, text)| text.contains(&before)).collect();
    let [(path, text)] = files.as_slice() else {
        panic!("the lines stand in {} files, not in one:\n{before}", files.len());
    };
    assert_eq!(text.matches(&before).count(), 1, "in {}:\n{before}", path.display());
    fs::write(path, text.replacen(&before, &after, 1)).unwrap();
}

/// All files below `directory`, with their texts.
///
/// # Panics
///
/// If one cannot be read.
#[must_use]
pub fn files(directory: &Path) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(files(&path)),
            false => found.push((path.clone(), fs::read_to_string(&path).unwrap())),
        }
    }
    found.sort();
    found
}

/// Makes `to` a fresh copy of the directory `from`.
///
/// # Panics
///
/// If it cannot be written.
pub fn copy(from: &Path, to: &Path) {
    // It may be left from an earlier run.
    let _ = fs::remove_dir_all(to);
    for (path, text) in files(from) {
        let copied = to.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(copied.parent().unwrap()).unwrap();
        fs::write(copied, text).unwrap();
    }
}

const FENCE: &str = "```";
