//! The rules: each finds the lines that break it.

use crate::files::TextFile;

/// What breaks a rule, as `path:line: message`.
pub(super) fn broken(files: &[TextFile]) -> Vec<String> {
    let mut found = Vec::new();
    for file in files.iter().filter(|file| file.path != THIS_FILE && !file.path.ends_with("Cargo.lock")) {
        found.extend(too_long(file));
        for (index, line) in file.text.lines().enumerate() {
            let messages = leftover(file, line).into_iter().chain(machine_path(line));
            let messages = messages.chain(unknown_documents(line, files));
            found.extend(messages.map(|message| format!("{}:{}: {message}", file.path, index + 1)));
        }
    }
    found
}

/// A file is about one thing.
fn too_long(file: &TextFile) -> Option<String> {
    if !file.path.ends_with(".rs") || is_test(&file.path) {
        return None;
    }
    // Tests stand at the bottom of a file.
    let lines = file.text.lines().take_while(|line| *line != "#[cfg(test)]").count();
    let message = format!("{}: {lines} lines without tests, more than {MAX_LINES}: split by concept", file.path);
    (lines > MAX_LINES).then_some(message)
}

fn is_test(path: &str) -> bool {
    path.split('/').any(|part| part == "tests" || part == "tests.rs")
}

/// What was left behind while working.
fn leftover(file: &TextFile, line: &str) -> Option<String> {
    let rust: &[(&str, &str)] = &[
        ("todo!(", "unfinished"),
        ("unimplemented!(", "unfinished"),
        ("dbg!(", "debugging output"),
        ("#[ignore", "a test that does not run"),
        ("fn test_", "a test's name is a statement about behaviour"),
    ];
    let anywhere: &[(&str, &str)] = &[("TODO", "unfinished"), ("FIXME", "unfinished"), ("<<<<<<< ", "unmerged")];
    let rust = if file.path.ends_with(".rs") { rust } else { &[] };
    let found = rust.iter().chain(anywhere).find(|(text, _)| line.contains(text));
    found.map(|(text, why)| format!("`{text}`: {why}"))
}

/// A path that exists on one machine only.
fn machine_path(line: &str) -> Option<String> {
    let starts_here = |at: usize| !line.get(..at).is_some_and(|before| before.ends_with(in_path));
    let is_machine_path = |folder: &&&str| line.match_indices(**folder).any(|(at, _)| starts_here(at));
    let found = ["/home/", "/root/", "/Users/", "/work/", "C:\\Users\\"];
    found.iter().find(is_machine_path).map(|folder| format!("`{folder}` is a path of somebody's machine"))
}

/// Before a `/`, these continue a path, such as that of a URL.
fn in_path(character: char) -> bool {
    character.is_alphanumeric() || matches!(character, '.' | '-' | '_' | '}' | '~')
}

/// Documents in capitals, such as ARCHITECTURE.md, are ours wherever they are named.
fn unknown_documents(line: &str, files: &[TextFile]) -> Vec<String> {
    let words = line.split(|character: char| !character.is_alphanumeric() && !matches!(character, '_' | '.' | '-'));
    let is_ours = |word: &&str| {
        word.strip_suffix(".md")
            .is_some_and(|stem| stem.len() > 1 && stem.chars().all(|c| c.is_uppercase() || c == '_'))
    };
    let exists = |word: &str| files.iter().any(|file| file.path.rsplit('/').next() == Some(word));
    let unknown = words.map(|word| word.trim_matches('.')).filter(is_ours).filter(|word| !exists(word));
    unknown.map(|word| format!("there is no document `{word}`")).collect()
}

const MAX_LINES: usize = 400;

/// It names what it forbids.
const THIS_FILE: &str = "xtask/src/hygiene/rules.rs";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: impl Into<String>) -> TextFile {
        TextFile { path: path.to_owned(), text: text.into() }
    }

    /// (path, text, whether a rule is broken), beside an `ARCHITECTURE.md`.
    const CASES: &[(&str, &str, bool)] = &[
        ("src/lib.rs", "todo!()", true),
        ("src/lib.rs", "#[ignore = \"slow\"]", true),
        ("src/lib.rs", "fn test_addition() {}", true),
        ("src/lib.rs", "fn testing_is_fun() {}", false),
        // Only Rust has macros.
        ("README.md", "`todo!()` is denied", false),
        ("README.md", "TODO: write this", true),
        ("a.toml", "path = \"/home/ann/keys\"", true),
        ("a.md", "see /work/notes", true),
        // The path of a URL is nobody's machine.
        ("a.md", "https://example.com/home/ann and GET /users/{user}/work/1", false),
        ("src/lib.rs", "// See ARCHITECTURE.md.", false),
        ("src/lib.rs", "// See STRATEGY.md.", true),
    ];

    #[test]
    fn each_rule_finds_what_breaks_it_and_nothing_else() {
        for (path, text, is_broken) in CASES {
            let files = [file("ARCHITECTURE.md", ""), file(path, *text)];
            assert_eq!(!broken(&files).is_empty(), *is_broken, "{path}: {text}: {:?}", broken(&files));
        }
    }

    #[test]
    fn a_file_is_measured_without_its_tests() {
        let code = "code\n".repeat(MAX_LINES);
        assert!(broken(&[file("src/a.rs", format!("{code}#[cfg(test)]\nmod tests {{\n{code}}}\n"))]).is_empty());
        assert_eq!(broken(&[file("src/a.rs", format!("{code}code\n"))]).len(), 1);
        assert!(broken(&[file("tests/a.rs", format!("{code}{code}"))]).is_empty());
    }

    #[test]
    fn a_finding_names_file_and_line() {
        let found = broken(&[file("src/a.rs", "fn a() {\n    dbg!(1);\n}\n")]);
        assert_eq!(found, ["src/a.rs:2: `dbg!(`: debugging output"]);
    }
}
