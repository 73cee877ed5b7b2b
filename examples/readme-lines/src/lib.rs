//! Examples and the guide do what they say.
//!
//! The lines with `curl` in an example's README are run against the running program, and answered as stated. The blocks of a
//! [`page`] are run and compared with what stands there.

#![expect(clippy::unwrap_used, clippy::panic, reason = "helpers of tests assert as tests do")]

#[cfg(doctest)]
mod guide;
pub mod page;

use std::io::{BufRead as _, BufReader};
use std::process::{Child, Command, Stdio};

/// A running example. It is killed when this is dropped.
pub struct Example {
    process: Child,
    ready: String,
}

impl Example {
    /// Starts `command` and waits for the line of output that begins with `announcement`.
    ///
    /// # Panics
    ///
    /// If it ends before.
    pub fn start(command: &mut Command, announcement: &str) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let ready = lines.find_map(|line| line.strip_prefix(announcement).map(str::to_owned));
        let ready = ready.unwrap_or_else(|| panic!("{command:?} did not get ready"));
        Self { process, ready }
    }

    /// What the line says after the announcement.
    #[must_use]
    pub fn ready(&self) -> &str {
        &self.ready
    }

    /// Asks it to end, as an orchestrator does, and waits until it has: the code it ended with.
    ///
    /// # Panics
    ///
    /// If there is no `kill`.
    #[must_use]
    pub fn stop(mut self) -> Option<i32> {
        assert!(Command::new("kill").args(["-TERM", &self.process.id().to_string()]).status().unwrap().success());
        self.process.wait().unwrap().code()
    }
}

impl Drop for Example {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs the blocks for the shell in `readme` that have `curl` in them, each in a shell of its own in the root of the project,
/// with `changes` for what differs from run to run. Each command ends with the status that it states: `# 403: …`.
///
/// # Panics
///
/// If a status is another one, or if no line states one.
#[track_caller]
pub fn assert_answers(readme: &str, changes: &[(&str, &str)]) {
    let blocks = readme.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    let mut lines = 0;
    for block in blocks.filter(|block| block.contains("curl ")) {
        let script = changes.iter().fold(block.to_owned(), |script, (from, to)| script.replace(from, to));
        let mut shell = Command::new("sh");
        shell.args(["-euc", &format!("{QUIET_CURL}\n{script}")]);
        let output = shell.current_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let answered = String::from_utf8(output.stdout).unwrap();
        let stated: Vec<&str> = block.lines().filter_map(stated).collect();
        assert_eq!(answered.lines().collect::<Vec<_>>(), stated, "answered, and stated, in\n{script}");
        lines += stated.len();
    }
    assert!(lines > 0, "no line states what is answered");
}

/// The status that a line states.
fn stated(line: &str) -> Option<&str> {
    let (_, comment) = line.split_once(" # ")?;
    comment.get(..3).filter(|status| status.bytes().all(|digit| digit.is_ascii_digit()))
}

/// The status alone, whatever else a line asks to see.
const QUIET_CURL: &str = r#"curl() { command curl --silent --output /dev/null --write-out '%{http_code}\n' "$@"; }"#;
