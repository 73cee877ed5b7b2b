//! `cargo xtask test` runs every gate of the project; `cargo xtask --help` lists the rest.

mod bench_report;
mod dependencies;
mod files;
mod fuzz;
mod gates;
mod hygiene;
mod instructions;
mod planted;
mod process;
mod requirements;
mod tools;

use std::process::ExitCode;
use std::time::Duration;

use bench_report::Report;
use gates::Extent;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let command = match Command::parse(&arguments) {
        Ok(command) => command,
        Err(message) => {
            eprintln!("{message}\n\n{HELP}");
            return ExitCode::from(WRONG_USAGE);
        }
    };
    match command.run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => {
            eprintln!("\n{message}");
            ExitCode::FAILURE
        }
    }
}

/// What to do.
#[derive(Debug, PartialEq, Eq)]
enum Command {
    Bench(Vec<String>),
    BenchReport(Report),
    /// Cargo wants a crate compiled.
    Compile(Vec<String>),
    Dependencies,
    /// For how long each, and which targets; all if none is named.
    Fuzz(Duration, Vec<String>),
    Help,
    Hygiene,
    Instructions(Purpose),
    Planted(Purpose, Vec<String>),
    PlantedCheck,
    Requirements(Purpose),
    Test(Extent),
}

/// What to do with a generated file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Check,
    Write,
}

impl Command {
    fn parse(arguments: &[String]) -> Result<Self, String> {
        let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
        match words.as_slice() {
            [] | ["help" | "--help" | "-h"] | [_, "--help" | "-h"] => Ok(Self::Help),
            ["test"] => Ok(Self::Test(Extent::Everything)),
            ["test", "--fast"] => Ok(Self::Test(Extent::Fast)),
            ["fuzz", "--seconds", seconds, names @ ..] if are_names(names) => match seconds.parse() {
                Ok(seconds) if seconds > 0 => Ok(Self::Fuzz(Duration::from_secs(seconds), owned(names))),
                _ => Err(format!("`{seconds}` is not a number of seconds")),
            },
            ["fuzz", names @ ..] if are_names(names) => Ok(Self::Fuzz(fuzz::SMOKE, owned(names))),
            ["hygiene"] => Ok(Self::Hygiene),
            ["instructions"] => Ok(Self::Instructions(Purpose::Write)),
            ["instructions", "--check"] => Ok(Self::Instructions(Purpose::Check)),
            ["requirements"] => Ok(Self::Requirements(Purpose::Write)),
            ["requirements", "--check"] => Ok(Self::Requirements(Purpose::Check)),
            ["planted", "--check"] => Ok(Self::PlantedCheck),
            ["planted", "--write", names @ ..] if are_names(names) => Ok(Self::Planted(Purpose::Write, owned(names))),
            ["planted", names @ ..] if are_names(names) => Ok(Self::Planted(Purpose::Check, owned(names))),
            ["dependencies"] => Ok(Self::Dependencies),
            ["bench-report", rest @ ..] => Report::parse(rest).map(Self::BenchReport),
            ["bench", rest @ ..] => Ok(Self::Bench(owned(rest))),
            [compiler, ..] if fuzz::is_compiler(compiler) => Ok(Self::Compile(owned(&words))),
            [
                known @ ("test" | "fuzz" | "hygiene" | "dependencies" | "instructions" | "planted" | "requirements"),
                ..,
            ] => Err(format!("`{known}` does not understand `{}`", words.get(1..).unwrap_or_default().join(" "))),
            [unknown, ..] => Err(format!("there is no command `{unknown}`")),
        }
    }

    fn run(self) -> Result<(), String> {
        match self {
            Self::Bench(filter) => {
                let arguments = ["bench", "--workspace", "--locked", "--bench", "*"].map(str::to_owned);
                process::cargo(arguments.into_iter().chain(filter)).run()
            }
            Self::BenchReport(report) => bench_report::run(&report),
            Self::Compile(command) => fuzz::compile(&command),
            Self::Dependencies => dependencies::check(),
            Self::Fuzz(time, names) => fuzz::run(time, &names),
            Self::Help => {
                println!("{HELP}");
                Ok(())
            }
            Self::Hygiene => hygiene::check(),
            Self::Instructions(purpose) => instructions::run(purpose),
            Self::Planted(purpose, names) => planted::run(purpose, &names),
            Self::PlantedCheck => planted::check(),
            Self::Requirements(Purpose::Write) => requirements::write(),
            Self::Requirements(Purpose::Check) => requirements::check(),
            Self::Test(extent) => gates::run(extent),
        }
    }
}

fn owned(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// None is an option.
fn are_names(words: &[&str]) -> bool {
    words.iter().all(|word| !word.starts_with('-'))
}

const HELP: &str = "\
Usage: cargo xtask <command>

  test                   every gate, in the order of gates.rs; stops at the first that fails
  test --fast            the same without what takes long to build or run
  bench [ARGS]           `cargo bench`; ARGS go to it, such as `-- decide`
  bench-report           every bench and every peer in one run, to docs/benchmarks.md
  bench-report --only A,B  some of them, printed and not kept
  bench-report --render  the page again, from what is stored
  fuzz [--seconds N] [TARGET...]
                         every fuzz target, or those, for N seconds each (5)
  instructions           counts and stores the instructions that paths of the engine take
  instructions --check   fails if they are 5 % more, or fewer, than what is stored
  hygiene                rules for the sources that no compiler knows
  dependencies           dependencies that no code uses
  planted                plants each bug of crates/portcullis-testkit/planted in a copy of the sources: a law must notice it
  planted 03 04          some of them
  planted --write [03]   writes into CONTRIBUTING.md which law notices which
  planted --check        only whether each can still be planted
  requirements           writes docs/requirements.md: which test shows which rule
  requirements --check   fails if that file is out of date, or a rule has neither test nor reason

Exit codes: 0 passed, 1 failed, 2 wrong usage.";

const WRONG_USAGE: u8 = 2;

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(line: &str) -> Result<Command, String> {
        let words: Vec<String> = line.split_whitespace().map(str::to_owned).collect();
        Command::parse(&words)
    }

    #[test]
    fn commands_are_understood() {
        assert_eq!(parse(""), Ok(Command::Help));
        assert_eq!(parse("test --help"), Ok(Command::Help));
        assert_eq!(parse("test"), Ok(Command::Test(Extent::Everything)));
        assert_eq!(parse("test --fast"), Ok(Command::Test(Extent::Fast)));
        let names = |names: &[&str]| owned(names);
        assert_eq!(parse("fuzz"), Ok(Command::Fuzz(fuzz::SMOKE, names(&[]))));
        assert_eq!(parse("fuzz token"), Ok(Command::Fuzz(fuzz::SMOKE, names(&["token"]))));
        let long = Duration::from_secs(60);
        assert_eq!(parse("fuzz --seconds 60 token proof"), Ok(Command::Fuzz(long, names(&["token", "proof"]))));
        assert_eq!(parse("requirements"), Ok(Command::Requirements(Purpose::Write)));
        assert_eq!(parse("requirements --check"), Ok(Command::Requirements(Purpose::Check)));
        assert_eq!(parse("bench-report"), Ok(Command::BenchReport(Report::Everything)));
        assert_eq!(parse("planted"), Ok(Command::Planted(Purpose::Check, Vec::new())));
        let some = vec!["03".to_owned(), "04".to_owned()];
        assert_eq!(parse("planted --write 03 04"), Ok(Command::Planted(Purpose::Write, some)));
        assert_eq!(parse("bench -- decide"), Ok(Command::Bench(vec!["--".to_owned(), "decide".to_owned()])));
    }

    #[test]
    fn what_is_not_understood_is_refused() {
        // `--fats` must not run the slow gates, and `--fast --fast` is somebody's mistake too.
        for line in [
            "tset",
            "test --fats",
            "test --fast --fast",
            "fuzz --secs 9",
            "fuzz --seconds 0",
            "fuzz a -b",
            "hygiene --fix",
            "planted --all",
            "bench-report --fix",
        ] {
            assert!(parse(line).is_err(), "{line}");
        }
    }
}
