//! The fuzz targets, built with the stable compiler and run for a short while.
//!
//! The flags are those of `cargo fuzz build --sanitizer none`, for the crates of this project only: those of others are the
//! ones that the other gates have built. The sanitizers need a nightly compiler, and look for faults in `unsafe` code, of
//! which the product has none.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Mutex;
use std::time::Duration;

use crate::process::{Failed, Program, cargo, program, root};

/// As long as each target runs before a change is accepted.
pub(crate) const SMOKE: Duration = Duration::from_secs(5);

/// Builds the targets and runs each of `names`, or all, for `time`.
pub(crate) fn run(time: Duration, names: &[String]) -> Result<(), String> {
    build()?;
    let targets = targets()?;
    if let Some(unknown) = names.iter().find(|name| !targets.contains(name)) {
        return Err(format!("there is no fuzz target `{unknown}`, only {}", targets.join(", ")));
    }
    let chosen = if names.is_empty() { targets } else { names.to_vec() };
    let waiting = Mutex::new(chosen.into_iter());
    let next = || waiting.lock().ok()?.next();
    let some = || std::iter::from_fn(next).filter_map(|target| fuzz(&target, time).err()).collect::<Vec<_>>();
    let failures: Vec<String> = std::thread::scope(|scope| {
        let workers: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(some)).collect();
        let finished = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|_| vec!["panicked".to_owned()]));
        finished.flatten().collect()
    });
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n\n")) }
}

/// Runs `command`, a call of the compiler that Cargo makes through this program while it builds the targets.
pub(crate) fn compile(command: &[String]) -> Result<(), String> {
    let Some((compiler, arguments)) = command.split_first() else { return Err("no compiler is named".to_owned()) };
    // In the folder that Cargo chose.
    let status = Command::new(compiler).args(arguments).args(INSTRUMENTATION).status();
    let status = status.map_err(|error| format!("cannot start `{compiler}`: {error}"))?;
    if status.success() { Ok(()) } else { Err(String::new()) }
}

/// Whether `word`, the first argument of this program, is the compiler that Cargo wants to be called.
pub(crate) fn is_compiler(word: &str) -> bool {
    Path::new(word).file_stem() == Some(OsStr::new("rustc"))
}

/// Cargo keeps what a wrapper of the workspace's crates has built apart from what they are without it. All crates of the
/// workspace take part in the choice of features, so that those of others need not be built again.
fn build() -> Result<(), String> {
    let arguments = ["build", "--locked", "--bin", "fuzz", "--features", "portcullis-fuzz/libfuzzer"];
    cargo(arguments).with_env("RUSTC_WORKSPACE_WRAPPER", this_program()?.to_string_lossy()).run()
}

/// The names of the targets: the files in the folder of targets.
fn targets() -> Result<Vec<String>, String> {
    let entries =
        std::fs::read_dir(root()?.join(TARGETS)).map_err(|error| format!("cannot list {TARGETS}: {error}"))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let names = paths.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.filter(|name| name != "mod").collect();
    names.sort();
    if names.is_empty() { Err("there is no fuzz target".to_owned()) } else { Ok(names) }
}

/// Cargo puts the program of the targets beside it.
fn this_program() -> Result<PathBuf, String> {
    std::env::current_exe().map_err(|error| format!("cannot tell where this program is: {error}"))
}

/// Runs `target`, and says how far it came.
fn fuzz(target: &str, time: Duration) -> Result<(), String> {
    let fuzzer = fuzzer(target, time)?;
    match fuzzer.messages() {
        Ok(messages) => {
            println!("   {target}: {}", summary(&messages));
            Ok(())
        }
        Err(Failed { status, messages }) => Err(format!("{}\n`{fuzzer}` failed: {status}", end(&messages))),
    }
}

/// What libFuzzer finds interesting goes to `fuzz/corpus`, what fails to `fuzz/artifacts`; the seeds stay as they are.
fn fuzzer(target: &str, time: Duration) -> Result<Program, String> {
    let (corpus, artifacts) = (format!("fuzz/corpus/{target}"), format!("fuzz/artifacts/{target}/"));
    for folder in [&corpus, &artifacts] {
        let folder = root()?.join(folder);
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let mut arguments = vec![
        corpus,
        format!("fuzz/seeds/{target}"),
        format!("-max_total_time={}", time.as_secs()),
        format!("-artifact_prefix={artifacts}"),
        format!("-max_len={MAX_BYTES}"),
        format!("-timeout={HANGS_AFTER_SECONDS}"),
        "-print_final_stats=1".to_owned(),
    ];
    let words = format!("fuzz/words/{target}");
    if root()?.join(&words).exists() {
        arguments.push(format!("-dict={words}"));
    }
    let binary = this_program()?.with_file_name("fuzz");
    Ok(program(binary.to_string_lossy(), arguments).with_env("FUZZ_TARGET", target))
}

/// From what libFuzzer prints: executions, and how much of the program they reached.
fn summary(text: &str) -> String {
    let after = |line: &str, label: &str| line.split(label).nth(1)?.split_whitespace().next().map(str::to_owned);
    let last = |label: &str| text.lines().rev().find_map(|line| after(line, label)).unwrap_or_else(|| "?".to_owned());
    let (executions, edges, features) = (last("stat::number_of_executed_units:"), last(" cov: "), last(" ft: "));
    format!("{executions} executions, {edges} edges, {features} features")
}

/// The end of what libFuzzer prints: the assertion, and where the input is.
fn end(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    lines.get(lines.len().saturating_sub(SHOWN)..).unwrap_or_default().join("\n")
}

const INSTRUMENTATION: [&str; 4] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
];

const TARGETS: &str = "fuzz/src/targets";

/// Each is one thread.
const AT_A_TIME: usize = 2;

/// Lines of a finding that are shown.
const SHOWN: usize = 30;

/// The longest input. Twice the seeds: longer ones cost time and find nothing else.
const MAX_BYTES: usize = 4096;

/// An input that takes this long is a finding, even on a slow and busy machine.
const HANGS_AFTER_SECONDS: u64 = 30;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_the_fuzzer_prints_is_summed_up() {
        let text = "#2\tINITED cov: 10 ft: 20 corp: 1/1b\n#9\tDONE   cov: 123 ft: 456 corp: 7/70b\n\
                    stat::number_of_executed_units: 789\nstat::average_exec_per_sec:     78\n";
        assert_eq!(summary(text), "789 executions, 123 edges, 456 features");
        assert_eq!(summary(""), "? executions, ? edges, ? features");
    }

    #[test]
    fn only_a_compiler_is_called_in_its_place() {
        assert!(is_compiler("rustc") && is_compiler("/toolchains/stable/bin/rustc"));
        assert!(!is_compiler("test") && !is_compiler("/bin/rustc-wrapper") && !is_compiler(""));
    }
}
