//! How many instructions the paths of the engine take, compared with what is stored.
//!
//! A time depends on what else the machine does; this does not. So a few per cent more fail, and say which path. The program is
//! built as the tests are, which costs no second build of Cedar: what counts is the change, and times are measured elsewhere.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use crate::Purpose;
use crate::process::{cargo, program, root};

/// Counts, and compares with the stored counts or stores them.
pub(crate) fn run(purpose: Purpose) -> Result<(), String> {
    cargo(["build", "--workspace", "--locked", "--bin", "instructions"]).run()?;
    let compiler = compiler()?;
    let now = Counts { compiler, paths: count()? };
    let file = root()?.join(COUNTS);
    if purpose == Purpose::Write {
        return std::fs::write(&file, now.to_string()).map_err(|error| format!("cannot write {COUNTS}: {error}"));
    }
    let text = std::fs::read_to_string(&file).map_err(|error| format!("cannot read {COUNTS}: {error}"))?;
    let before: Counts = text.parse()?;
    let allowed = if before.compiler == now.compiler { SAME_COMPILER } else { OTHER_COMPILER };
    println!("   {:<42} {:>9} {:>9}", "instructions each time", "stored", "now");
    for (path, count) in &now.paths {
        let stored = before.paths.get(path).map_or_else(|| "none".to_owned(), u64::to_string);
        println!("   {path:<42} {stored:>9} {count:>9}");
    }
    let differences = before.differences(&now, allowed);
    if differences.is_empty() {
        return Ok(());
    }
    Err(format!(
        "{}\nif that is meant, say why in the commit and store the new counts: cargo xtask instructions",
        differences.join("\n")
    ))
}

/// What was counted, and with what the program was compiled.
#[derive(Debug, PartialEq, Eq)]
struct Counts {
    compiler: String,
    paths: BTreeMap<String, u64>,
}

impl Counts {
    /// Where the part by which `now` takes more instructions is not `allowed`, or cannot be told.
    fn differences(&self, now: &Self, allowed: RangeInclusive<f64>) -> Vec<String> {
        let compare = |(path, count): (&String, &u64)| {
            let Some(before) = self.paths.get(path) else {
                return Some(format!("{path}: no count is stored"));
            };
            #[expect(clippy::cast_precision_loss, reason = "counts of a few thousands")]
            let change = *count as f64 / *before as f64 - 1.0;
            let what = if change > 0.0 { "more" } else { "fewer" };
            (!allowed.contains(&change)).then(|| format!("{path}: {:.1} % {what} instructions", change.abs() * 100.0))
        };
        let gone = self.paths.keys().filter(|path| !now.paths.contains_key(*path));
        now.paths.iter().filter_map(compare).chain(gone.map(|path| format!("{path}: is counted no more"))).collect()
    }
}

impl std::fmt::Display for Counts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        writeln!(f, "# Written by `cargo xtask instructions`.\ncompiler {}", self.compiler)?;
        self.paths.iter().try_for_each(|(path, count)| writeln!(f, "{path} {count}"))
    }
}

impl std::str::FromStr for Counts {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let mut counts = Self { compiler: String::new(), paths: BTreeMap::new() };
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            let wrong = || format!("{COUNTS}: `{line}` is no path with a count");
            let (name, value) = line.split_once(' ').ok_or_else(wrong)?;
            if name == "compiler" {
                value.clone_into(&mut counts.compiler);
            } else {
                counts.paths.insert(name.to_owned(), value.parse().map_err(|_| wrong())?);
            }
        }
        Ok(counts)
    }
}

/// Version and platform of the compiler.
fn compiler() -> Result<String, String> {
    let version = program("rustc", ["-vV"]).output().unwrap_or_default();
    let line = |name: &str| version.lines().find_map(|line| line.strip_prefix(name)).map(str::to_owned);
    let (release, host) = (line("release: "), line("host: "));
    release.zip(host).map(|(release, host)| format!("{release} {host}")).ok_or_else(|| "`rustc -vV` is odd".to_owned())
}

/// The instructions that one time of each path takes.
fn count() -> Result<BTreeMap<String, u64>, String> {
    let binary = root()?.join("target/debug/instructions").to_string_lossy().into_owned();
    let paths = program(&binary, [""; 0]).output().ok_or_else(|| format!("`{binary}` does not say its paths"))?;
    paths.lines().map(|path| Ok((path.to_owned(), instructions(&binary, path)? / TIMES))).collect()
}

fn instructions(binary: &str, path: &str) -> Result<u64, String> {
    let out = format!("--callgrind-out-file={}", root()?.join("target/callgrind.out").display());
    let times = TIMES.to_string();
    let run = program("valgrind", ["--tool=callgrind", COUNTED, &out, binary, path, &times]);
    let said = run.messages().map_err(|failed| format!("`{run}` failed: {}\n{}", failed.status, failed.messages))?;
    let total =
        said.lines().find_map(|line| line.split_once("Collected : ")).and_then(|(_, count)| count.trim().parse().ok());
    total.ok_or_else(|| format!("`{run}` does not say what it collected:\n{said}"))
}

/// Counts inside of this function only.
const COUNTED: &str = "--toggle-collect=instructions::counted";

const COUNTS: &str = "benches/instructions/counts.txt";

const TIMES: u64 = 1_000;

/// Hash maps have other seeds in every process, which is a per cent or two. Fewer instructions are to be stored as well: else the
/// gain could be lost again, and nobody would notice.
const SAME_COMPILER: RangeInclusive<f64> = -0.05..=0.05;

/// Another compiler optimises in another way.
const OTHER_COMPILER: RangeInclusive<f64> = -1.0..=0.25;

#[cfg(test)]
mod tests {
    use super::*;

    fn counts(paths: &str) -> Counts {
        format!("# a comment\ncompiler 1.95.0 x86_64\n{paths}").parse().unwrap()
    }

    #[test]
    fn more_instructions_than_the_tolerance_fail_and_less_of_them_do_not() {
        let before = counts("a 1000\nb 1000\n");
        assert_eq!(before.differences(&counts("a 1049\nb 951\n"), SAME_COMPILER), [""; 0]);
        let found = before.differences(&counts("a 1060\nb 900\n"), SAME_COMPILER);
        assert_eq!(found, ["a: 6.0 % more instructions", "b: 10.0 % fewer instructions"]);
    }

    #[test]
    fn a_path_that_is_new_or_gone_fails() {
        let found = counts("a 1000\n").differences(&counts("b 1000\n"), SAME_COMPILER);
        assert_eq!(found, ["b: no count is stored", "a: is counted no more"]);
    }

    #[test]
    fn what_is_stored_is_read_again() {
        let before = counts("a 1000\nb 5\n");
        assert_eq!(before.to_string().parse(), Ok(before));
        assert!("a many".parse::<Counts>().is_err());
    }
}
