//! The fuzz targets, built with the stable compiler and run for a short while.
//!
//! The flags are those of `cargo fuzz build --sanitizer none`. The sanitizers need a nightly compiler, and look for
//! faults in `unsafe` code, of which the product has none.

use std::time::Duration;

use crate::process::{Program, cargo, program, root};

/// As long as each target runs before a change is accepted.
pub(crate) const SMOKE: Duration = Duration::from_secs(10);

/// The manifest of the targets, which are a workspace of their own.
pub(crate) const MANIFEST: &str = "fuzz/Cargo.toml";

/// Builds every target and runs each for `time`.
pub(crate) fn run(time: Duration) -> Result<(), String> {
    let host = host()?;
    // With `--target`, the flags stay away from build scripts and procedural macros, which could not be linked.
    let arguments = ["build", "--locked", "--manifest-path", MANIFEST, "--target", &host, "--target-dir", BUILD];
    cargo(arguments).with_env("RUSTFLAGS", INSTRUMENTATION.join(" ")).run()?;
    let targets = targets()?;
    if targets.is_empty() {
        return Err("there is no fuzz target".to_owned());
    }
    targets.iter().try_for_each(|target| {
        println!("   {target}: {time:?}");
        fuzzer(&host, target, time)?.run()
    })
}

/// The names of the targets: the files in `fuzz/targets`.
fn targets() -> Result<Vec<String>, String> {
    let folder = root()?.join("fuzz/targets");
    let entries = std::fs::read_dir(&folder).map_err(|error| format!("cannot list fuzz/targets: {error}"))?;
    let paths = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let names = paths.filter_map(|path| Some(path.file_stem()?.to_string_lossy().into_owned()));
    let mut names: Vec<String> = names.collect();
    names.sort();
    Ok(names)
}

/// What libFuzzer finds interesting goes to `fuzz/corpus`, what fails to `fuzz/artifacts`; the seeds stay as they are.
fn fuzzer(host: &str, target: &str, time: Duration) -> Result<Program, String> {
    let (corpus, artifacts) = (format!("fuzz/corpus/{target}"), format!("fuzz/artifacts/{target}/"));
    for folder in [&corpus, &artifacts] {
        let folder = root()?.join(folder);
        std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {}: {error}", folder.display()))?;
    }
    let arguments = [
        corpus,
        format!("fuzz/seeds/{target}"),
        format!("-max_total_time={}", time.as_secs()),
        format!("-artifact_prefix={artifacts}"),
        format!("-max_len={MAX_BYTES}"),
        format!("-timeout={HANGS_AFTER_SECONDS}"),
        "-verbosity=0".to_owned(),
        "-print_final_stats=1".to_owned(),
    ];
    let binary = root()?.join(BUILD).join(host).join("debug").join(target);
    Ok(program(binary.to_string_lossy(), arguments))
}

/// The platform of the compiler, such as `x86_64-unknown-linux-gnu`.
fn host() -> Result<String, String> {
    let version = program("rustc", ["-vV"]).output().unwrap_or_default();
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "`rustc -vV` does not name the host".to_owned())
}

const INSTRUMENTATION: [&str; 7] = [
    "-Cpasses=sancov-module",
    "-Cllvm-args=-sanitizer-coverage-level=4",
    "-Cllvm-args=-sanitizer-coverage-inline-8bit-counters",
    "-Cllvm-args=-sanitizer-coverage-pc-table",
    "--cfg",
    "fuzzing",
    "-Ccodegen-units=1",
];

/// Below the build folder of the product, so that one `cargo clean` removes both.
const BUILD: &str = "target/fuzz";

/// The longest input. Twice the seeds: longer ones cost time and find nothing else.
const MAX_BYTES: usize = 4096;

/// An input that takes this long is a finding, even on a slow and busy machine.
const HANGS_AFTER_SECONDS: u64 = 30;
