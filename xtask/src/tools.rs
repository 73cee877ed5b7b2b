//! What the gates need, installed where that is possible.

use crate::fuzz;
use crate::gates::{BOTH_BACKENDS, Extent};
use crate::process::{Program, cargo, program};

/// Installs or looks for everything that the gates of `extent` use, and downloads the locked dependencies.
pub(crate) fn check(extent: Extent) -> Result<(), String> {
    component("rustfmt", &cargo(["fmt", "--version"]))?;
    component("clippy", &cargo(["clippy", "--version"]))?;
    compiler("cc", "a C compiler, for the cryptography of aws-lc")?;
    cargo(["fetch", "--locked"]).run()?;
    if extent == Extent::Everything {
        compiler("c++", "a C++ compiler, for libFuzzer")?;
        cargo(["fetch", "--locked", "--manifest-path", fuzz::MANIFEST]).run()?;
        cargo(["fetch", "--locked", "--manifest-path", BOTH_BACKENDS]).run()?;
    }
    Ok(())
}

fn component(name: &str, probe: &Program) -> Result<(), String> {
    if probe.output().is_some() {
        return Ok(());
    }
    program("rustup", ["component", "add", name]).run().map_err(|error| format!("{name} is missing, and {error}"))
}

fn compiler(name: &str, purpose: &str) -> Result<(), String> {
    let missing = || format!("`{name}` is missing: {purpose} (on Debian and Ubuntu: apt-get install build-essential)");
    program(name, ["--version"]).output().map(drop).ok_or_else(missing)
}
