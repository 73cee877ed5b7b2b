//! The examples do what their READMEs say: each line with `curl` is run, and answered as stated.

use std::path::Path;
use std::process::Command;

use crate::folder::Folder;
use crate::process::{Process, program};

#[test]
fn axum_projects_answers_as_its_readme_says() {
    projects("axum-projects");
}

#[test]
fn mtls_answers_as_its_readme_says() {
    let folder = Folder::of_this_test();
    let files = folder.join("files");
    let mut command = Command::new(program("mtls"));
    command.args(["--listen", "127.0.0.1:0", "--folder"]).arg(&files);
    let announced = |line: &str| Some(line.strip_prefix("https://localhost:")?.split(' ').next()?.to_owned());
    let (_process, port) = Process::start(command, folder.join("service.log"), announced);
    assert_readme("mtls", &[("8443", &port), ("target/mtls", files.to_str().unwrap())]);
}

/// A service for `policies/projects` with tokens of its own.
fn projects(example: &str) {
    let folder = Folder::of_this_test();
    let variables = folder.join("demo");
    let database = format!("sqlite:{}", folder.join("projects.db").display());
    let mut command = Command::new(program(example));
    command.args(["--listen", "127.0.0.1:0", "--database", &database, "--demo"]).arg(&variables);
    let announced = |line: &str| line.strip_prefix("service ").map(drop);
    let (mut process, ()) = Process::start(command, folder.join("service.log"), announced);
    assert_readme(example, &[("target/demo", variables.to_str().unwrap())]);
    assert_eq!(process.terminate(), Some(0), "it does not stop when it is asked to");
}

/// Runs the lines of the README's blocks for the shell that have `curl` in them, each block in a shell of its own, with
/// `changes` for what differs from run to run. Each line ends with the status that it states: `# 403: …`.
#[track_caller]
fn assert_readme(example: &str, changes: &[(&str, &str)]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples").join(example).join("README.md");
    let readme = std::fs::read_to_string(path).unwrap();
    let blocks = readme.split("```sh\n").skip(1).map(|rest| rest.split("```").next().unwrap());
    let mut lines = 0;
    for block in blocks.filter(|block| block.contains("curl ")) {
        let script = changes.iter().fold(block.to_owned(), |script, (from, to)| script.replace(from, to));
        let mut shell = Command::new("sh");
        shell.args(["-euc", &format!("{QUIET_CURL}\n{script}")]).current_dir("..");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{example}: {}", String::from_utf8_lossy(&output.stderr));
        let answered = String::from_utf8(output.stdout).unwrap();
        let answered: Vec<&str> = answered.lines().collect();
        let stated: Vec<&str> = block.lines().filter_map(|line| line.split_once(" # ")?.1.get(..3)).collect();
        assert_eq!(answered, stated, "{example}: what is answered, and what the README states, in\n{script}");
        lines += stated.len();
    }
    assert!(lines >= 4, "{example}: {lines} lines with `curl`");
}

/// The status alone, whatever else a line asks to see.
const QUIET_CURL: &str = r#"curl() { command curl --silent --output /dev/null --write-out '%{http_code}\n' "$@"; }"#;
