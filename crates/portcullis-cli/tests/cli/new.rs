use std::path::{Path, PathBuf};

use crate::portcullis;

fn fresh(test: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&target);
    target
}

#[test]
fn a_new_bundle_is_valid_and_its_cases_notice_every_change() {
    let target = fresh("new");
    let path = target.to_str().unwrap();
    let ran = portcullis(["new", path]).ends_with(0);
    assert!(ran.out.starts_with(&format!("written {path}\n  README.md\n")), "{}", ran.out);
    portcullis(["check", path, "--deny-warnings"]).ends_with(0);
    let ran = portcullis(["test", path, "--complete", "--mutate"]).ends_with(0);
    assert!(ran.out.contains(": 0 failed, 0 gaps\n") && ran.out.contains(" 0 survived\n"), "{}", ran.out);
}

#[test]
fn nothing_is_overwritten() {
    let target = fresh("new-again");
    std::fs::create_dir_all(&target).unwrap();
    std::fs::write(target.join("mine"), "precious").unwrap();
    let ran = portcullis(["new", target.to_str().unwrap()]).ends_with(3);
    assert!(ran.err.contains("is not empty, and nothing is overwritten"), "{}", ran.err);
    assert_eq!(std::fs::read_dir(&target).unwrap().count(), 1);
}
