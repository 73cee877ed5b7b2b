//! The gates, in the order in which they run: cheap ones first, the tests last.

use std::time::Instant;

use crate::process::{Program, cargo};
use crate::{Purpose, bench_report, dependencies, fuzz, hygiene, instructions, planted, requirements, tools};

/// How many of the gates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Extent {
    Everything,
    /// Without those that a developer need not wait for.
    Fast,
}

/// Runs the gates until one fails.
pub(crate) fn run(extent: Extent) -> Result<(), String> {
    let begin = Instant::now();
    let gates: Vec<Gate> =
        gates(extent).into_iter().filter(|gate| extent == Extent::Everything || !gate.slow).collect();
    for (index, gate) in gates.iter().enumerate() {
        let last = index + 1 == gates.len();
        println!("\n━━ {} ━━ {}", gate.name, gate.repeat());
        if last {
            println!("   ({} gates passed in {:.0?}; what follows is the test runner's)", index, begin.elapsed());
        }
        let started = Instant::now();
        if let Err(message) = gate.run() {
            let took = started.elapsed();
            let repeat = gate.repeat();
            return Err(format!("gate `{}` failed after {took:.1?}: {message}\nrepeat it with: {repeat}", gate.name));
        }
        // The output ends with the summary of the test runner.
        if !last {
            println!("   {} passed in {:.1?}", gate.name, started.elapsed());
        }
    }
    Ok(())
}

/// Something that must hold before a change is accepted.
struct Gate {
    name: &'static str,
    check: Check,
    /// Left out by [`Extent::Fast`].
    slow: bool,
}

enum Check {
    Programs(Vec<Program>),
    /// A check of this program, and the command that runs it alone.
    Own(Box<dyn Fn() -> Result<(), String>>, &'static str),
}

impl Gate {
    fn own(name: &'static str, repeat: &'static str, check: impl Fn() -> Result<(), String> + 'static) -> Self {
        Self { name, check: Check::Own(Box::new(check), repeat), slow: false }
    }

    fn programs(name: &'static str, programs: impl Into<Vec<Program>>) -> Self {
        Self { name, check: Check::Programs(programs.into()), slow: false }
    }

    fn slow(self) -> Self {
        Self { slow: true, ..self }
    }

    fn run(&self) -> Result<(), String> {
        match &self.check {
            Check::Programs(programs) => programs.iter().try_for_each(Program::run),
            Check::Own(check, _) => check(),
        }
    }

    fn repeat(&self) -> String {
        match &self.check {
            Check::Programs(programs) => programs.iter().map(Program::to_string).collect::<Vec<_>>().join(" && "),
            Check::Own(_, repeat) => (*repeat).to_owned(),
        }
    }
}

/// Every gate builds the whole workspace: another choice of packages would have Cargo choose other features of shared
/// dependencies, and build Cedar again.
fn gates(extent: Extent) -> Vec<Gate> {
    let formatted = ["fmt", "--all", "--check"];
    let backends_formatted = ["fmt", "--manifest-path", BOTH_BACKENDS, "--check"];
    let peers_formatted = ["fmt", "--manifest-path", bench_report::PEERS, "--check"];
    let clippy = ["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"];
    let both_backends = ["test", "--locked", "--manifest-path", BOTH_BACKENDS, "--target-dir", "target"];
    let doc = cargo(["doc", "--workspace", "--no-deps", "--locked"]).with_env("RUSTDOCFLAGS", "-D warnings");
    vec![
        Gate::own("tools", "cargo xtask test", move || tools::check(extent)),
        Gate::programs("format", [cargo(formatted), cargo(backends_formatted), cargo(peers_formatted)]),
        Gate::own("hygiene", "cargo xtask hygiene", hygiene::check),
        Gate::own("dependencies", "cargo xtask dependencies", dependencies::check),
        Gate::own("planted", "cargo xtask planted --check", planted::check),
        Gate::own("requirements", "cargo xtask requirements --check", requirements::check),
        Gate::programs("clippy", [cargo(clippy)]),
        Gate::programs("documentation", [doc]),
        Gate::programs("quickstart", [cargo(["run", "--locked", "--bin", "quickstart"])]),
        Gate::programs("benches", [cargo(["test", "--workspace", "--locked", "--benches", "--no-run"])]).slow(),
        Gate::own("instructions", "cargo xtask instructions --check", || instructions::run(Purpose::Check)).slow(),
        Gate::programs("backends", [cargo(both_backends)]).slow(),
        Gate::own("fuzz", "cargo xtask fuzz", || fuzz::run(fuzz::SMOKE, &[])).slow(),
        Gate::programs("tests", [cargo(["test", "--workspace", "--locked"])]),
    ]
}

/// A program with a second signature backend, which is a workspace of its own.
pub(crate) const BOTH_BACKENDS: &str = "e2e/both-backends/Cargo.toml";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tests_run_last_and_every_gate_says_how_to_repeat_it() {
        for extent in [Extent::Everything, Extent::Fast] {
            let gates = gates(extent);
            assert_eq!(gates.last().map(|gate| gate.name), Some("tests"));
            assert!(gates.iter().all(|gate| gate.repeat().contains("cargo ")));
        }
    }

    #[test]
    fn only_what_is_built_for_itself_is_left_out_in_a_hurry() {
        let slow: Vec<_> = gates(Extent::Fast).into_iter().filter(|gate| gate.slow).map(|gate| gate.name).collect();
        assert_eq!(slow, ["benches", "instructions", "backends", "fuzz"]);
    }
}
