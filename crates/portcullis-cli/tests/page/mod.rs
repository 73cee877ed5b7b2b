//! Pages of the guide whose blocks are run, and written down anew with `PORTCULLIS_RECORD=1`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A block of code of a page.
pub(crate) struct Block<'a> {
    /// The text of the section before the block, from its heading.
    pub(crate) before: &'a str,
    /// The language.
    pub(crate) kind: &'a str,
    pub(crate) text: &'a str,
}

/// The root of the project.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// Compares the page at `path` with what `block` makes of each of its blocks.
#[track_caller]
pub(crate) fn check(path: &str, mut block: impl FnMut(&Block<'_>) -> String) {
    let document = root().join(path);
    let text = fs::read_to_string(&document).unwrap();
    let (mut written, mut section, mut at) = (String::new(), 0, 0);
    while let Some(open) = text[at..].find("```").map(|found| at + found) {
        let heading = text[at..open].rfind("\n## ").map(|found| at + found + 1);
        section = heading.unwrap_or(section);
        let begin = open + text[open..].find('\n').unwrap() + 1;
        let end = begin + text[begin..].find("```").unwrap_or_else(|| panic!("{path}: a block does not end"));
        let found = Block { before: &text[section..open], kind: text[open + 3..begin].trim(), text: &text[begin..end] };
        written += &format!("{}{}```", &text[at..begin], block(&found));
        at = end + 3;
    }
    written += &text[at..];
    if std::env::var_os("PORTCULLIS_RECORD").is_some() {
        fs::write(document, written).unwrap();
    } else if written != text {
        let lines: Vec<_> = text.lines().zip(written.lines()).filter(|(stated, found)| stated != found).collect();
        panic!("{path} says otherwise (`PORTCULLIS_RECORD=1` writes it anew): {lines:#?}");
    }
}

/// The commands in `block`, each with what it prints in `directory`.
pub(crate) fn run_all(block: &str, directory: &Path) -> String {
    let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
    commands.map(|command| format!("$ {command}\n{}", run(command, directory))).collect()
}

/// What `command` prints in `directory`.
pub(crate) fn run(command: &str, directory: &Path) -> String {
    let program = env!("CARGO_BIN_EXE_portcullis");
    let script = format!("portcullis() {{ '{program}' \"$@\"; }}; {{ {command}; }} 2>&1");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(directory).env("INTROSPECTION_SECRET", "secret of a test");
    let output = shell.output().unwrap();
    String::from_utf8(output.stdout).unwrap()
}

/// Changes the one file below `directory` in which the lines stand that `diff` takes away, as it says.
#[track_caller]
pub(crate) fn change(diff: &str, directory: &Path) {
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

/// All files below `directory`.
pub(crate) fn files(directory: &Path) -> Vec<(PathBuf, String)> {
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

/// A fresh copy of `from`, for one test.
pub(crate) fn copy(from: &Path, name: &str) -> PathBuf {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    let _ = fs::remove_dir_all(&directory);
    for (path, text) in files(from) {
        let copied = directory.join(path.strip_prefix(from).unwrap());
        fs::create_dir_all(copied.parent().unwrap()).unwrap();
        fs::write(copied, text).unwrap();
    }
    directory
}
