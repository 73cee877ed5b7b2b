//! `invariants/*.toml`: what they find, and what is said of mistakes in them.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_testkit::{Laws, LawsError};

/// `policies/projects` with `invariants` and no others.
fn projects(test: &str, invariants: &str) -> PathBuf {
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("invariants-{test}"));
    let _ = fs::remove_dir_all(&dir);
    copy(&repository().join("policies/projects"), &dir);
    fs::remove_dir_all(dir.join("invariants")).unwrap();
    fs::create_dir(dir.join("invariants")).unwrap();
    fs::write(dir.join("invariants/all.toml"), invariants).unwrap();
    dir
}

fn repository() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[track_caller]
fn broken(test: &str, invariants: &str) -> String {
    Laws::of_dir(projects(test, invariants)).unwrap().check().unwrap_err().to_string()
}

#[track_caller]
fn refused(test: &str, invariants: &str) -> String {
    let error = Laws::of_dir(projects(test, invariants)).unwrap_err();
    assert!(matches!(error, LawsError::Invariants(_)), "{error}");
    error.to_string()
}

#[test]
fn what_is_never_allowed_is_found_with_its_line_and_the_simplest_request() {
    let found = broken("never", "\n[[never]]\nkind = \"agent\"\naction = \"UpdateProject\"\n");
    assert!(found.contains("invariants/all.toml:2: never kind agent action UpdateProject"), "{found}");
    assert!(found.contains("asks for  UpdateProject on Project::"), "{found}");
    assert!(found.lines().count() < 12, "{found}");
}

#[test]
fn what_others_are_allowed_is_found() {
    let found = broken("only-role", "[[only]]\nrole = \"admin\"\nscope = \"manage:billing\"\n");
    assert!(found.contains("only role admin scope manage:billing"), "{found}");
    let found = broken("only-kind", "[[only]]\nkind = \"user\"\naction = \"viewing\"\n");
    assert!(found.contains("only kind user action viewing"), "{found}");
    let found = broken("only-class", "[[only]]\nclass = \"writer\"\naction = \"viewing\"\n");
    assert!(found.contains("only class writer action viewing"), "{found}");
}

#[test]
fn a_role_is_held_through_another_and_a_class_is_about_agents() {
    let holds = "
        [[only]] # editors and admins are viewers, and nobody else is let in by a role
        role = [\"viewer\"]
        action = \"CreateProject\"
        [[only]] # people create as well
        class = \"writer\"
        action = \"CreateProject\"
        [[only]]
        class = \"reader\" # writers are readers
        action = \"ListProjects\"
    ";
    Laws::of_dir(projects("holds", holds)).unwrap().check().unwrap();
}

#[test]
fn a_name_that_the_bundle_does_not_know_is_an_error_with_a_suggestion() {
    let said = refused("unknown", "[[never]]\nkind = \"agnet\"\nrole = \"amdin\"\naction = \"DeleteProjcet\"\n");
    for line in [
        "invariants/all.toml:1:1: `kind`: the bundle knows no `agnet`\n    help: did you mean `agent`?",
        "`role`: the bundle knows no `amdin`\n    help: did you mean `admin`?",
        "`action`: the bundle knows no `DeleteProjcet`\n    help: did you mean `DeleteProject`?",
    ] {
        assert!(said.contains(line), "{said}");
    }
    let said = refused("scope", "[[only]]\nrole = \"admin\"\nscope = \"viewing\"\n");
    assert!(said.contains("`scope`: the bundle knows no `viewing`"), "{said}");
}

#[test]
fn an_invariant_that_says_nothing_is_an_error() {
    for (number, nothing) in ["[[never]]", "[[only]]\naction = \"DeleteProject\""].iter().enumerate() {
        let said = refused(&format!("nothing-{number}"), nothing);
        assert!(said.contains("says nothing"), "{said}");
    }
    let said = refused("key", "[[never]]\nkinds = \"agent\"\n");
    assert!(said.contains("unknown field `kinds`"), "{said}");
    let said = refused("rule", "[[always]]\nkind = \"agent\"\n");
    assert!(said.contains("unknown field `always`"), "{said}");
}

#[test]
fn an_invariant_that_no_request_tests_is_an_error_unless_it_says_why() {
    let nowhere = "\n[[only]]\nrole = \"billing\"\naction = \"GetProject\"\nscope = \"manage:billing\"\n";
    let said = broken("nowhere", nowhere);
    assert!(said.contains("invariants/all.toml:2: nothing tests `only role billing action GetProject scope"), "{said}");
    assert!(said.contains("no action that can be asked for is what it names\n    help: name what"), "{said}");
    let nobody = "[[only]]\nkind = [\"user\", \"service\", \"agent\"]\naction = \"editing\"\n";
    let said = broken("nobody", nobody);
    assert!(said.contains("nobody of whom it speaks is among the callers"), "{said}");
    assert!(refused("no-reason", &format!("{nobody}vacuous = \"\"\n")).contains("`vacuous` gives no reason"));
    let excused = [nowhere, nobody].map(|untested| format!("{untested}vacuous = \"more is to come\"\n")).concat();
    Laws::of_dir(projects("excused", &excused)).unwrap().check().unwrap();
}

#[test]
fn who_asks_for_a_public_action_does_not_matter() {
    let said = refused("public", "[[never]]\nkind = \"agent\"\naction = \"Health\"\n");
    assert!(said.contains("invariants/all.toml:1:1: `Health` is public, so it does not matter who asks"), "{said}");
    // There, no service is ever allowed anything.
    let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join("invariants-not-public");
    let _ = fs::remove_dir_all(&dir);
    copy(&repository().join("policies/assistant"), &dir);
    let schema = fs::read_to_string(dir.join("schema.cedarschema")).unwrap();
    let health = "@http(\"GET /health\") @public(\"load balancers have no token\") action \"Health\";";
    fs::write(dir.join("schema.cedarschema"), format!("{schema}\n{health}\n")).unwrap();
    Laws::of_dir(dir).unwrap().check().unwrap();
}

/// `policies/projects` with a guardrail that a role brings.
fn projects_that_suspend(test: &str, invariants: &str) -> PathBuf {
    let dir = projects(test, invariants);
    let change = |file: &str, from: &str, to: &str| {
        let text = fs::read_to_string(dir.join(file)).unwrap();
        assert!(text.contains(from), "{file}");
        fs::write(dir.join(file), text.replacen(from, to, 1)).unwrap();
    };
    let forbid = "@id(\"suspended\") forbid (principal in Role::\"suspended\", action, resource);";
    fs::write(dir.join("guardrails/suspended.cedar"), forbid).unwrap();
    change("portcullis.toml", "\"tenancy.cedar\"", "\"suspended.cedar\", \"tenancy.cedar\"");
    let role = "[\n  { \"uid\": { \"type\": \"Role\", \"id\": \"suspended\" }, \"attrs\": {}, \"parents\": [] },";
    change("entities.json", "[", role);
    dir
}

#[test]
fn a_role_that_only_forbids_is_against_a_law_which_may_be_waived_for_the_policy() {
    let said = Laws::of_dir(projects_that_suspend("suspends", "")).unwrap().check().unwrap_err().to_string();
    assert!(said.starts_with("taking away a fact never allows more"), "{said}");
    let waived = "[waived]\nsuspended = \"our directory states the role, and no token can leave it out\"\n";
    Laws::of_dir(projects_that_suspend("waived", waived)).unwrap().check().unwrap();

    let said = refused("waived-unknown", "[waived]\ntenanci = \"x\"\n");
    assert!(said.contains("invariants/all.toml:2:1: `waived`: the bundle has no policy `tenanci`"), "{said}");
    let error = Laws::of_dir(projects_that_suspend("waived-why", "[waived]\nsuspended = \" \"\n")).unwrap_err();
    assert!(error.to_string().contains("`waived`: `suspended` has no reason"), "{error}");
}

/// What the guide shows can be written so.
#[test]
fn the_invariants_of_the_guide_hold() {
    let guide = fs::read_to_string(repository().join("docs/testing.md")).unwrap();
    let shown = guide.split("```toml\n").skip(1).filter_map(|block| block.split("```").next());
    let shown: Vec<&str> = shown.filter(|block| block.contains("[[never]]")).collect();
    assert!(!shown.is_empty(), "the guide shows none");
    for block in shown {
        Laws::of_dir(projects("guide", block)).unwrap().check().unwrap();
    }
}

#[test]
fn an_invariant_in_rust_is_reported_by_its_name() {
    let laws = Laws::of_dir(repository().join("policies/projects")).unwrap();
    let laws = laws.with_invariant("nobody lists", |decider, scenario| {
        !(scenario.action == "ListProjects" && decider.decide(scenario).allowed)
    });
    let found = laws.check().unwrap_err().to_string();
    assert!(found.contains("nobody lists") && found.contains("ListProjects"), "{found}");
}
