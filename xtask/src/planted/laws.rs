//! The laws, run on a copy of the sources.

use std::fmt;

use super::scratch::Scratch;
use crate::process::cargo;

/// What noticed a bug.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Caught {
    /// The law that does not hold.
    pub(super) law: String,
    /// How many scenarios it took, of how many.
    pub(super) scenario: (u32, u32),
    /// The test that said so.
    pub(super) test: &'static str,
}

impl fmt::Display for Caught {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (scenario, cases) = self.scenario;
        write!(f, "{}, by scenario {scenario} of {cases} in `{}`", self.law, self.test)
    }
}

/// Runs the laws, first on the example bundles, then on those that the test kit has for its own; `None` if all hold.
pub(super) fn check(scratch: &Scratch) -> Result<Option<Caught>, String> {
    for (test, filter) in TESTS {
        let arguments = ["test", "--quiet", "--workspace", "--locked", "--test", test, "--"];
        // The same scenarios each time, so that the table says the same; that they fail is enough.
        let run = cargo(arguments.iter().chain(filter).copied());
        let run = run.with_env("PROPTEST_RNG_SEED", SEED).with_env("PROPTEST_MAX_SHRINK_ITERS", "0");
        let (held, output) = scratch.inside(run).attempt()?;
        if held {
            continue;
        }
        let caught = caught(test, &output);
        let message = || format!("`{test}` fails, and no law says why:\n{}", tail(&output));
        return caught.map(Some).ok_or_else(message);
    }
    Ok(None)
}

/// The law that `output` says is broken: of several, the one that took the fewest scenarios.
fn caught(test: &'static str, output: &str) -> Option<Caught> {
    let lines: Vec<&str> = output.lines().collect();
    let found = lines.iter().enumerate().filter_map(|(end, line)| {
        let (scenario, cases) = line.trim().strip_prefix("found by scenario ")?.split_once(" of ")?;
        let begin = lines.iter().take(end).rev().find_map(|line| line.strip_prefix("Error: "))?;
        let law = begin.split(": ").next()?.to_owned();
        Some(Caught { law, scenario: (scenario.parse().ok()?, cases.parse().ok()?), test })
    });
    found.min_by_key(|caught| (caught.scenario.0, caught.law.clone()))
}

fn tail(output: &str) -> String {
    let lines: Vec<&str> = output.lines().collect();
    lines.iter().skip(lines.len().saturating_sub(SHOWN)).map(|line| format!("    {line}\n")).collect()
}

/// Tests of `portcullis-testkit`, and which of their functions check laws on the engine as it is.
const TESTS: [(&str, &[&str]); 2] = [
    ("laws_of_bundles", &[]),
    ("laws", &["--skip", "broken::", "--skip", "derived_scenarios_reach", "--skip", "scenarios_reach"]),
];

const SEED: &str = "1";

const SHOWN: usize = 40;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_law_that_took_the_fewest_scenarios_is_named() {
        let output = "running 2 tests\n\
             Error: order means nothing: {\n  allowed: true: x\n}\n  token {}\nfound by scenario 40 of 256\n\
             thread 'x' panicked at y:\nError: an offered remedy works: no\nfound by scenario 7 of 100\n";
        let expected = Caught { law: "an offered remedy works".to_owned(), scenario: (7, 100), test: "laws" };
        assert_eq!(caught("laws", output), Some(expected));
        assert_eq!(caught("laws", "error[E0308]: mismatched types\n"), None);
    }
}
