//! Programs that run as long as the test needs them.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// A running program. It is killed when this is dropped, and its log is shown if the test fails.
pub(crate) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts `command` and waits for the first line of output of which `announced` makes something.
    pub(crate) fn start<T: Send + 'static>(
        mut command: Command,
        log: PathBuf,
        announced: impl Fn(&str) -> Option<T> + Send + 'static,
    ) -> (Self, T) {
        let file = OpenOptions::new().create(true).append(true).open(&log).unwrap();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(file.try_clone().unwrap());
        let mut child = command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let output = BufReader::new(child.stdout.take().unwrap());
        let process = Self { child, log };
        let (sender, receiver) = mpsc::channel();
        std::thread::spawn(move || copy(output, file, |line| announced(line).map(|found| sender.send(found))));
        // The channel closes when the program ends.
        let found = receiver.recv_timeout(READY_WITHIN);
        let found = found.unwrap_or_else(|error| panic!("{command:?} did not get ready: {error}"));
        (process, found)
    }

    /// Ends it at once, as a crash would.
    pub(crate) fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// All that it has written so far.
    pub(crate) fn log(&self) -> String {
        read(&self.log)
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
        if std::thread::panicking() {
            let text = read(&self.log);
            let lines: Vec<&str> = text.lines().collect();
            let last = lines.get(lines.len().saturating_sub(LINES_SHOWN)..).unwrap_or_default().join("\n");
            eprintln!("\n── the end of {} ──\n{last}\n", self.log.display());
        }
    }
}

fn copy<R>(output: impl BufRead, mut log: File, mut see: impl FnMut(&str) -> R) {
    for line in output.lines().map_while(Result::ok) {
        see(&line);
        writeln!(log, "{line}").unwrap();
    }
}

fn read(log: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(log).unwrap_or_default()).into_owned()
}

/// Generous: the machine may be busy with other tests.
const READY_WITHIN: Duration = Duration::from_secs(60);

const LINES_SHOWN: usize = 15;
