//! The service does what its README says.

use std::path::Path;
use std::process::Command;

use readme_lines::{Example, assert_answers};

#[test]
fn every_line_of_the_readme_is_answered_as_it_says() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("mtls");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mtls"));
    command.args(["--listen", "127.0.0.1:0", "--folder"]).arg(&folder);
    let example = Example::start(&mut command, "https://localhost:");
    let port = example.ready().split(' ').next().unwrap();
    assert_answers(include_str!("../README.md"), &[("8443", port), ("target/mtls", folder.to_str().unwrap())]);
}
