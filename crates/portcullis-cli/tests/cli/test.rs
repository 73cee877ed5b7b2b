use std::fs;

use crate::bundle::Copy;
use crate::run;

#[test]
fn the_bundles_of_the_repository_pass_and_are_complete() {
    for name in ["projects", "assistant"] {
        let ran = run(&format!("test policies/{name} --complete")).ends_with(0);
        assert!(ran.out.starts_with("ok ") && ran.out.ends_with(": 0 failed, 0 gaps\n"), "{}", ran.out);
    }
}

#[test]
fn a_failing_case_is_named_with_file_line_and_what_every_layer_said() {
    let copy = Copy::of("projects", "test-failing").with(
        "roles/people.cedar",
        "permit (principal in Role::\"viewer\"",
        "permit (principal in Role::\"admin\"",
    );
    let ran = copy.run("test", &[]).ends_with(1);
    let place = format!("  --> {}/cases/people.toml:11\n", copy.path().display());
    assert!(ran.out.contains("failed: a viewer exports a report\n"), "{}", ran.out);
    assert!(ran.out.contains(&place), "{}", ran.out);
    assert!(ran.out.contains("  answer: expected allow, found deny (roles)\n"), "{}", ran.out);
    let answer = copy.run("test", &["--format", "json"]).ends_with(1).json();
    assert_eq!(answer["passed"], false);
    assert!(answer["failures"].as_array().unwrap().iter().any(|failure| failure["place"] == "people.toml:11"));
}

#[test]
fn what_no_case_exercises_is_a_failure_only_on_request() {
    let copy = Copy::of("projects", "test-gaps");
    fs::remove_file(copy.path().join("cases/services.toml")).unwrap();
    let ran = copy.run("test", &[]).ends_with(0);
    assert!(
        ran.out.contains("not exercised: policy `nightly-report-reports` of roles: no case is decided by it\n"),
        "{}",
        ran.out
    );
    copy.run("test", &["--complete"]).ends_with(1);
}

#[test]
fn a_mistake_in_a_case_has_no_answer_and_an_excerpt() {
    let copy = Copy::of("projects", "test-mistake").with("cases/people.toml", "allow = true", "alow = true");
    let ran = copy.run("test", &[]).ends_with(3);
    assert!(ran.err.contains("unknown field `alow`"), "{}", ran.err);
    assert!(ran.err.contains(&format!("{}/cases/people.toml:9:1\n", copy.path().display())), "{}", ran.err);
    assert!(ran.err.contains("9 | alow = true\n  | ^^^^\n"), "{}", ran.err);
}

#[test]
fn a_bundle_without_cases_proves_nothing() {
    let copy = Copy::of("projects", "test-none");
    let cases = copy.path().join("cases");
    fs::remove_dir_all(&cases).unwrap();
    let ran = copy.run("test", &[]).ends_with(3);
    assert!(ran.err.contains("cannot be read: No such file"), "{}", ran.err);
    fs::create_dir(&cases).unwrap();
    let ran = copy.run("test", &[]).ends_with(3);
    let place = format!("error: holds no case\n  --> {}/\n", cases.display());
    assert!(ran.err.starts_with(&place), "{}", ran.err);
}

#[test]
fn a_bundle_that_does_not_load_has_no_answer() {
    let copy = Copy::of("projects", "test-broken").with("roles/people.cedar", "permit", "permt");
    let ran = copy.run("test", &[]).ends_with(3);
    assert!(ran.out.is_empty() && ran.err.contains("roles/people.cedar:4:1"), "{}", ran.err);
}

#[test]
fn a_change_that_no_case_notices_is_named() {
    let copy = Copy::of("assistant", "test-survivors");
    fs::remove_file(copy.path().join("cases/edges.toml")).unwrap();
    let ran = copy.run("test", &["--mutate"]).ends_with(1);
    assert!(ran.out.contains("survived: SendEmail: in every scope\n"), "{}", ran.out);
    // Progress is for terminals.
    assert!(ran.err.is_empty(), "{}", ran.err);
    let answer = copy.run("test", &["--mutate", "--format", "json"]).ends_with(1).json();
    assert_eq!(answer["passed"], false);
    assert!(answer["mutation"]["survivors"].as_array().unwrap().contains(&"SendEmail: in every scope".into()));
}
