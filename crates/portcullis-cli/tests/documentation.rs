//! What docs/cli.md says that the program prints. `PORTCULLIS_RECORD=1` writes it down anew.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod log;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

#[test]
fn the_program_prints_what_its_documentation_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let document = root.join("docs/cli.md");
    let text = fs::read_to_string(&document).unwrap();
    let shell = Shell::new(&root);
    let mut written = String::new();
    let mut rest = text.as_str();
    while let Some((before, after)) = rest.split_once(OPEN) {
        let (block, after) = after.split_once(CLOSE).unwrap();
        written += &format!("{before}{OPEN}{}{CLOSE}", shell.run_all(block));
        rest = after;
    }
    written += rest;
    if std::env::var_os("PORTCULLIS_RECORD").is_some() {
        fs::write(document, written).unwrap();
    } else if written != text {
        let differs = |(stated, printed): &(&str, &str)| stated != printed;
        let lines = text.lines().zip(written.lines()).find(differs);
        panic!("docs/cli.md says otherwise (`PORTCULLIS_RECORD=1` writes it anew): {lines:#?}");
    }
}

/// A directory in which readers of the document could be.
struct Shell(PathBuf);

impl Shell {
    fn new(root: &Path) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("documentation");
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("token.jwt"), TOKEN).unwrap();
        let shell = Self(directory);
        let root = root.canonicalize().unwrap();
        shell.run(&format!("cp -r '{}/policies' .", root.display()));
        shell.run("portcullis new notes-untested");
        shell.run("cp -r policies/projects notes-broken");
        log::write(&shell.0.join("policies/projects"), log::with_heads(&shell.0.join("audit.jsonl")));
        shell
    }

    /// The commands in `block`, each with what it prints.
    fn run_all(&self, block: &str) -> String {
        let commands = block.lines().filter_map(|line| line.strip_prefix("$ "));
        commands.map(|command| format!("$ {command}\n{}", self.run(command))).collect()
    }

    fn run(&self, command: &str) -> String {
        let program = env!("CARGO_BIN_EXE_portcullis");
        let script = format!("portcullis() {{ '{program}' \"$@\"; }}; {{ {command}; }} 2>&1");
        let output = Command::new("sh").args(["-c", &script]).current_dir(&self.0).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    }
}

const OPEN: &str = "```console\n";
const CLOSE: &str = "```";

/// Signed by nobody: `{"alg":"ES256","typ":"at+jwt","kid":"k1"}`, and the claims of an editor through whom an agent acts.
const TOKEN: &str = concat!(
    "eyJhbGciOiJFUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImsxIn0.eyJpc3MiOiJodHRwczovL2lzc3Vlci5leG",
    "FtcGxlLmNvbSIsImF1ZCI6Imh0dHBzOi8vYXBpLmV4YW1wbGUuY29tIiwic3ViIjoiZWQiLCJjbGllbnRfaWQiOiJt",
    "b2JpbGUiLCJpYXQiOjE3NjcyNjg3NDAsImV4cCI6MTc2NzI3MjM0MCwic2NvcGUiOiJvcGVuaWQgcmVhZDpwcm9qZW",
    "N0cyIsInJvbGVzIjpbImVkaXRvciJdLCJhY3QiOnsic3ViIjoic3VtbWFyaXNlciIsInN1Yl9wcm9maWxlIjoiYWlf",
    "YWdlbnQifX0.AAAA",
);
