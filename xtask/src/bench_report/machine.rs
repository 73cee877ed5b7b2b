//! On what and of what was measured. Neither names of hosts nor paths.

use crate::process::program;

use super::results::{Entry, Results};

/// Adds the machine, the compiler, the date and the commit to `results`.
pub(super) fn describe(results: &mut Results) {
    let file = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let field = |text: &str, name: &str| {
        let value = text.lines().find_map(|line| line.strip_prefix(name))?;
        Some(value.trim_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '=' | '"')).to_owned())
    };
    let says = |name: &str, arguments: &[&str]| {
        let output = program(name, arguments.iter().copied()).output();
        output.map(|output| output.trim().to_owned()).unwrap_or_default()
    };
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let changed =
        if says("git", &["status", "--porcelain", "--untracked-files=no"]).is_empty() { "" } else { ", and changes" };
    let load = file("/proc/loadavg").split(' ').next().unwrap_or_default().to_owned();
    let texts = [
        ("cpu", field(&file("/proc/cpuinfo"), "model name").unwrap_or_default()),
        ("cores", cores.to_string()),
        ("os", field(&file("/etc/os-release"), "PRETTY_NAME").unwrap_or_else(|| std::env::consts::OS.to_owned())),
        ("rustc", says("rustc", &["-V"])),
        ("date", says("date", &["-u", "+%F"])),
        ("commit", says("git", &["rev-parse", "--short=12", "HEAD"]) + changed),
        ("load", load),
    ];
    for (name, text) in texts {
        results.insert(format!("machine/{name}"), Entry::Text(text));
    }
}
