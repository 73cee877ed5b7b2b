//! What the README says that the program prints.

use std::process::Command;

#[test]
fn the_program_prints_what_its_readme_says() {
    let output = Command::new(env!("CARGO_BIN_EXE_embedded")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let readme = include_str!("../README.md");
    let (_, block) = readme.split_once("```text\n").unwrap();
    let (stated, _) = block.split_once("\n```").unwrap();
    assert_eq!(String::from_utf8(output.stdout).unwrap().trim_end(), stated);
}
