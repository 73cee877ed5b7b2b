use std::fs;
use std::path::{Path, PathBuf};

use portcullis::audit::{AuditLog, FileSink};
use serde_json::json;

use crate::bundle::Copy;
use crate::{Ran, log, portcullis, root};

/// A log that a service with `policies/projects` has written.
struct Log(PathBuf);

impl Log {
    fn new(test: &str) -> Self {
        let log = Self::empty(test);
        log::write(&root().join("policies/projects"), log::with_heads(&log.0));
        log
    }

    fn empty(test: &str) -> Self {
        let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("audit-{test}"));
        let _ = fs::remove_dir_all(&directory);
        fs::create_dir_all(&directory).unwrap();
        Self(directory.join("audit.jsonl"))
    }

    fn path(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn lines(&self) -> Vec<String> {
        fs::read_to_string(&self.0).unwrap().lines().map(str::to_owned).collect()
    }

    fn put(&self, lines: &[String]) {
        fs::write(&self.0, lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
    }

    fn verify(&self, more: &[&str]) -> Ran {
        portcullis(["audit", "verify", self.path()].iter().chain(more))
    }

    fn verify_with_heads(&self) -> Ran {
        self.verify(&["--heads", self.0.with_extension("heads").to_str().unwrap()])
    }

    fn replay(&self, bundle: &Path, more: &[&str]) -> Ran {
        portcullis(["audit", "replay", bundle.to_str().unwrap(), self.path()].iter().chain(more))
    }

    fn diff(&self, old: &Path, new: &Path, more: &[&str]) -> Ran {
        let line = ["diff", old.to_str().unwrap(), new.to_str().unwrap(), "--audit", self.path()];
        portcullis(line.iter().chain(more))
    }
}

fn projects() -> PathBuf {
    PathBuf::from("policies/projects")
}

// ---- verify --------------------------------------------------------------------------------------------------------------

#[test]
fn a_log_as_it_was_written_is_intact() {
    let log = Log::new("intact");
    let ran = log.verify_with_heads().ends_with(0);
    assert!(
        ran.out.starts_with("ok nothing was altered, removed, inserted or moved\n   9 lines are good"),
        "{}",
        ran.out
    );
    assert!(
        ran.out.contains("7 of them records, up to number 8") && ran.out.ends_with("ended in order\n"),
        "{}",
        ran.out
    );
    let ran = log.verify(&[]).ends_with(0);
    assert!(ran.out.ends_with("without heads, nobody can say whether the tail was cut off\n"), "{}", ran.out);
    let answer = log.verify(&["--format", "json"]).ends_with(0).json();
    assert_eq!((&answer["intact"], &answer["records"], &answer["ending"]), (&json!(true), &json!(7), &json!("closed")));
    assert_eq!((&answer["last"]["seq"], &answer["fault"]), (&json!(8), &json!(null)));
}

#[test]
fn the_first_line_that_is_not_as_it_was_written_is_named_with_the_last_good_one() {
    let log = Log::new("altered");
    let lines = log.lines();
    let mut altered = lines.clone();
    altered[3] = altered[3].replacen("deny", "allow", 1);
    log.put(&altered);
    let ran = log.verify(&[]).ends_with(1);
    assert!(
        ran.out.starts_with(&format!("failed {}:4: the line is not as it was written\n", log.path())),
        "{}",
        ran.out
    );
    assert!(ran.out.contains("   3 lines are good, 2 of them records, up to number 2 ("), "{}", ran.out);
    let answer = log.verify(&["--format", "json"]).ends_with(1).json();
    let fault = &answer["fault"];
    assert_eq!((&fault["kind"], &fault["line"], &answer["last"]["seq"]), (&json!("altered"), &json!(4), &json!(2)));

    let removed: Vec<String> =
        lines.iter().enumerate().filter(|(index, _)| *index != 5).map(|(_, line)| line.clone()).collect();
    log.put(&removed);
    assert!(log.verify(&[]).ends_with(1).out.contains(":6: the lines 5 to 5 are missing before this one"));
}

#[test]
fn a_tail_that_was_cut_is_found_with_the_heads_even_if_nothing_is_left() {
    let log = Log::new("cut");
    let lines = log.lines();
    log.put(&lines[..6]);
    log.verify(&[]).ends_with(0);
    let ran = log.verify_with_heads().ends_with(1);
    assert!(ran.out.contains(":7: the tail was cut off: the lines 6 to "), "{}", ran.out);
    log.put(&[]);
    let ran = log.verify_with_heads().ends_with(1);
    assert!(ran.out.contains(":1: the tail was cut off: the lines 0 to "), "{}", ran.out);
}

#[test]
fn what_a_crash_lost_is_said() {
    let log = Log::new("crash");
    let text = fs::read_to_string(&log.0).unwrap();
    // The end of the writer, and the half of the last record.
    let lines = log.lines();
    fs::write(&log.0, text.get(..text.len() - lines[8].len() - lines[7].len()).unwrap()).unwrap();
    log::write(&root().join("policies/projects"), log::with_heads(&log.0));
    let ran = log.verify_with_heads().ends_with(1);
    assert!(ran.out.starts_with("failed what is here is as it was written, and something is gone\n"), "{}", ran.out);
    for what in
        ["were gone when the writer started again", "1 times the writer did not end in order", "octets of incomplete"]
    {
        assert!(ran.out.contains(what), "{what}: {}", ran.out);
    }
    let answer = log.verify(&["--format", "json"]).ends_with(1).json();
    assert_eq!((&answer["crashes"], &answer["missing"][0]["from"]), (&json!(1), &json!(7)));
}

#[test]
fn the_files_of_one_log_are_verified_together() {
    let log = Log::empty("rotated");
    for _ in 0..3 {
        log::write(&root().join("policies/projects"), AuditLog::new(FileSink::new(&log.0).rotate_at(3_000)));
    }
    let answer = log.verify(&["--format", "json"]).ends_with(0).json();
    assert_eq!(answer["records"], 21);
    let first = format!("{}.000001", log.path());
    let parts = [first.as_str(), log.path()];
    assert!(fs::exists(&first).unwrap());
    // Named one by one, none may be left out of the middle.
    if fs::exists(format!("{}.000002", log.path())).unwrap() {
        portcullis(["audit", "verify"].iter().chain(&parts)).ends_with(1);
    }
    let answer = log.replay(&projects(), &["--format", "json"]).ends_with(0).json();
    assert_eq!(answer["records"], 21);
}

#[test]
fn a_log_or_heads_that_cannot_be_read_are_no_answer() {
    let log = Log::empty("nothing");
    let ran = log.verify(&[]).ends_with(3);
    assert!(ran.out.is_empty() && ran.err.contains(log.path()), "{}", ran.err);
    fs::write(&log.0, "").unwrap();
    log.verify(&["--heads", "no-such-file"]).ends_with(3);
    log.verify(&["--heads", "Cargo.toml"]).ends_with(3);
    log.replay(Path::new("no-such-bundle"), &[]).ends_with(3);
    portcullis(["audit", "verify"]).ends_with(2);
    portcullis(["audit"]).ends_with(2);
}

// ---- replay --------------------------------------------------------------------------------------------------------------

#[test]
fn decisions_come_out_as_they_were() {
    let log = Log::new("replay");
    let ran = log.replay(&projects(), &[]).ends_with(0);
    assert_eq!(ran.out, "ok 6 decisions of 7 records come out as they were, 0 otherwise\n");
}

#[test]
fn a_decision_that_comes_out_otherwise_is_shown_with_what_each_layer_said() {
    let log = Log::new("replay-forged");
    let mut lines = log.lines();
    // Somebody makes vic an editor, after the fact.
    lines[3] = lines[3].replace("\"viewer\"", "\"editor\"");
    log.put(&lines);
    let ran = log.replay(&projects(), &[]).ends_with(1);
    assert!(ran.out.starts_with("differs ") && ran.out.contains(":4: user vic: CreateProject"), "{}", ran.out);
    assert!(ran.out.contains("failed 5 decisions of 7 records come out as they were, 1 otherwise"), "{}", ran.out);
    let answer = log.replay(&projects(), &["--format", "json"]).ends_with(1).json();
    assert_eq!(answer["different"].as_array().unwrap().len(), 1);
    assert_eq!(answer["different"][0]["recorded"]["answer"], "deny");
}

#[test]
fn what_cannot_be_decided_again_is_counted_or_no_answer_at_all() {
    let log = Log::empty("replay-masked");
    let of = |log: &Log| AuditLog::new(FileSink::new(&log.0));
    log::write(&root().join("policies/projects"), of(&log).mask("caller.subject.id").unwrap());
    let other = Copy::of("projects", "audit-other").with("roles/people.cedar", "// Roles", "// The roles");
    log::write(other.path(), of(&log));
    let answer = log.replay(&projects(), &["--format", "json"]).ends_with(0).json();
    // Five had a caller.
    assert_eq!((&answer["masked"], &answer["records"]), (&json!(5), &json!(2)));
    assert_eq!(answer["other_bundles"].as_object().unwrap().values().collect::<Vec<_>>(), [7]);
    let third = Copy::of("projects", "audit-third").with("roles/people.cedar", "// Roles", "// Some roles");
    let ran = log.replay(third.path(), &[]).ends_with(3);
    assert!(ran.out.is_empty() && ran.err.contains("no record is of the bundle"), "{}", ran.err);
    // A line that is none is found, also where nothing is of the bundle.
    fs::write(&log.0, "{\"v\":1}\n").unwrap();
    assert!(log.replay(&projects(), &[]).ends_with(1).out.contains("audit.jsonl:1: the record cannot be read"));
}

// ---- diff ----------------------------------------------------------------------------------------------------------------

/// Viewers create what editors created.
fn swapped(test: &str) -> Copy {
    Copy::of("projects", test).with(
        "roles/people.cedar",
        "Role::\"editor\", action == Action::\"CreateProject\"",
        "Role::\"billing\", action == Action::\"CreateProject\"",
    )
}

#[test]
fn who_gains_and_loses_over_what_was_asked_is_told_with_how_often() {
    let log = Log::new("diff");
    let new = swapped("audit-diff-new");
    let ran = log.diff(&projects(), new.path(), &[]).ends_with(1);
    assert!(
        ran.out.starts_with("loses\n  user ed  CreateProject  Workspace::\"w1\"  allow  →  roles  2×\n"),
        "{}",
        ran.out
    );
    assert!(ran.out.ends_with("6 questions: 0 gain, 1 lose, 0 differ\n"), "{}", ran.out);
    // The records are of the old bundle; the other way round they are of the new one.
    let ran = log.diff(new.path(), &projects(), &[]).ends_with(1);
    assert!(ran.out.starts_with("gains\n  user ed  CreateProject"), "{}", ran.out);
    let answer = log.diff(&projects(), new.path(), &["--format", "json"]).ends_with(1).json();
    let change = &answer["changes"][0];
    assert_eq!(
        (&change["times"], &change["of"], &change["direction"]),
        (&json!(2), &json!("recorded"), &json!("loses"))
    );
    let ran = log.diff(&projects(), &projects(), &[]).ends_with(0);
    assert_eq!(ran.out, "ok 6 questions, and the same answers\n");
}

#[test]
fn whoever_was_denied_before_the_resource_was_known_may_gain() {
    let log = Log::new("diff-early");
    let new = Copy::of("projects", "audit-early").with(
        "roles/people.cedar",
        "Role::\"editor\", action == Action::\"CreateProject\"",
        "Role::\"viewer\", action == Action::\"CreateProject\"",
    );
    let ran = log.diff(&projects(), new.path(), &[]).ends_with(1);
    assert!(ran.out.contains("gains\n  user vic  CreateProject"), "{}", ran.out);
    assert!(ran.out.contains("→  open  1×\n"), "{}", ran.out);
}

#[test]
fn what_the_record_cannot_know_is_not_asked() {
    let log = Log::new("diff-unknown");
    for (what, from, to) in [
        ("Project.secret", "  archived: Bool,\n};", "  archived: Bool,\n  secret?: Bool,\n};"),
        (
            "User.badge",
            "  @claim(\"email\") email?: String,",
            "  @claim(\"email\") email?: String,\n  @claim(\"badge\") badge?: String,",
        ),
        ("User.email", "@claim(\"email\")", "@claim(\"mail\")"),
        ("Project.Api", "entity Project in [Workspace]", "entity Project in [Workspace, Api]"),
    ] {
        let new = Copy::of("projects", "audit-unknown").with("schema.cedarschema", from, to);
        let answer = log.diff(&projects(), new.path(), &["--format", "json"]).ends_with(1).json();
        let impossible = answer["left_out"]["impossible"].as_object().unwrap();
        assert_eq!(impossible.keys().collect::<Vec<_>>(), [&format!("`{what}` is not in the record")]);
        assert_eq!(answer["changes"], json!([]), "{what}");
        // The record of who has it can be asked of who has not.
        log.diff(new.path(), &projects(), &[]).ends_with(1);
    }
}

#[test]
fn a_log_of_other_bundles_says_nothing_about_these() {
    let log = Log::new("diff-other");
    let (old, new) =
        (swapped("audit-neither"), Copy::of("projects", "audit-nor").with("roles/people.cedar", "// Roles", "// A"));
    let ran = log.diff(old.path(), new.path(), &[]).ends_with(3);
    assert!(ran.out.is_empty() && ran.err.contains("7 records of the bundle "), "{}", ran.err);
}
