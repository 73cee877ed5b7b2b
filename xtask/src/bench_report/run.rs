//! Measuring: everything is built first, so that nothing is compiled while something is timed.

use std::path::Path;

use crate::process::{Program, cargo, root};

use super::machine;
use super::results::{Entry, Figure, Results, Unit};

/// The benches of the workspace, and the peers.
pub(super) const NAMES: [&str; 15] = [
    "audit",
    "batch",
    "decide",
    "deny",
    "dpop",
    "grow",
    "http",
    "introspect",
    "known",
    "load",
    "memory",
    "session",
    "threads",
    "verify",
    PEERS,
];

/// Runs those of [`NAMES`], one after the other.
pub(super) fn measure(names: &[&str]) -> Result<Results, String> {
    let folder = root()?.join(FOLDER);
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder).map_err(|error| format!("cannot create {FOLDER}: {error}"))?;
    let benches: Vec<&str> = names.iter().copied().filter(|name| *name != PEERS).collect();
    let peers = names.contains(&PEERS);
    if !benches.is_empty() {
        bench(&benches, &["--no-run"]).run()?;
    }
    if peers {
        peer("build").run()?;
    }
    let mut results = Results::default();
    machine::describe(&mut results);
    let figures = folder.join(FIGURES);
    let recorded = |program: Program| {
        let home = folder.join(CRITERION).to_string_lossy().into_owned();
        program.with_env("CRITERION_HOME", home).with_env("PORTCULLIS_BENCH_RESULTS", figures.to_string_lossy())
    };
    if !benches.is_empty() {
        recorded(bench(&benches, &[])).run()?;
    }
    if peers {
        recorded(peer("run")).run()?;
    }
    let text = std::fs::read_to_string(&figures).unwrap_or_default();
    for (name, entry) in Results::parse(&text)?.all() {
        results.insert(name, entry.clone());
    }
    criterion(&folder.join(CRITERION), &mut results)?;
    Ok(results)
}

/// The whole workspace, or Cargo would choose other features and build everything again.
fn bench(names: &[&str], rest: &[&str]) -> Program {
    let names = names.iter().flat_map(|name| ["--bench", name]);
    cargo(["bench", "--workspace", "--locked"].into_iter().chain(names).chain(rest.iter().copied()))
}

fn peer(command: &str) -> Program {
    cargo([command, "--release", "--locked", "--manifest-path", MANIFEST, "--target-dir", "target/peers"])
}

/// Reads what criterion has written: a folder for each bench, with its name in one file and its estimates in another.
fn criterion(folder: &Path, results: &mut Results) -> Result<(), String> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for path in entries.filter_map(|entry| entry.ok().map(|entry| entry.path())).filter(|path| path.is_dir()) {
        let file = |name: &str| std::fs::read_to_string(path.join(name));
        match (path.ends_with("new"), file("benchmark.json"), file("estimates.json")) {
            (true, Ok(benchmark), Ok(estimates)) => {
                let (name, value) = median(&benchmark, &estimates)
                    .ok_or_else(|| format!("criterion's files are not understood: {benchmark} {estimates}"))?;
                results.insert(name, Entry::Figure(Figure { value, unit: Unit::Nanos }));
            }
            _ => criterion(&path, results)?,
        }
    }
    Ok(())
}

/// The name of a bench and its median in nanoseconds, as criterion writes them.
fn median(benchmark: &str, estimates: &str) -> Option<(String, f64)> {
    let (_, name) = benchmark.split_once("\"full_id\":\"")?;
    let (_, median) = estimates.split_once("\"median\":")?;
    let (_, value) = median.split_once("\"point_estimate\":")?;
    let value = value.split([',', '}']).next()?.trim().parse().ok()?;
    Some((name.split('"').next()?.to_owned(), value))
}

const PEERS: &str = "peers";

/// The manifest of the peers, which are a workspace of their own.
pub(crate) const MANIFEST: &str = "benches/peers/Cargo.toml";

const FOLDER: &str = "target/bench-report";

/// In [`FOLDER`].
const FIGURES: &str = "figures.tsv";

const CRITERION: &str = "criterion";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_criterion_estimates_is_read() {
        let benchmark =
            r#"{"group_id":"decide/heads_alone","value_str":"10","full_id":"decide/heads_alone/10","title":"x"}"#;
        let estimates = r#"{"mean":{"confidence_interval":{"lower_bound":1.0},"point_estimate":2.0},
            "median":{"confidence_interval":{"confidence_level":0.95},"point_estimate":471.25,"standard_error":0.1}}"#;
        assert_eq!(median(benchmark, estimates), Some(("decide/heads_alone/10".to_owned(), 471.25)));
        assert_eq!(median("{}", estimates), None);
        assert_eq!(median(benchmark, "{}"), None);
    }

    #[test]
    fn every_bench_of_the_workspace_is_measured() {
        let manifest = std::fs::read_to_string(root().unwrap().join("benches/Cargo.toml")).unwrap();
        let benches = manifest.split("[[bench]]").skip(1).filter_map(|table| table.split('"').nth(1));
        let benches: Vec<&str> = benches.chain([PEERS]).collect();
        assert_eq!(benches, NAMES);
    }
}
