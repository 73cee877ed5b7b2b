//! The bundles of the repository do what their cases say, and the runner notices when they do not.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Mutex;

use portcullis_core::{BundleFiles, Engine};
use portcullis_testkit::cases::{Cases, CasesError, Gap, Mutants, Report, run_dir};

fn bundle(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../policies").join(name)
}

#[track_caller]
fn run(name: &str) -> Report {
    run_dir(bundle(name)).unwrap_or_else(|error| panic!("{error}"))
}

/// The engine of the projects bundle after `change`.
#[track_caller]
fn projects(change: impl FnOnce(BundleFiles) -> BundleFiles) -> Engine {
    let files = change(BundleFiles::from_dir(bundle("projects")).unwrap());
    Engine::new(portcullis::load(&files).unwrap_or_else(|error| panic!("{error}")).bundle)
}

/// The fixtures of the projects bundle with the cases in `text`.
fn parse(text: &str) -> Result<Cases, CasesError> {
    let fixtures = std::fs::read_to_string(bundle("projects").join("cases/fixtures.toml")).unwrap();
    Cases::parse([("fixtures.toml", fixtures.as_str()), ("new.toml", text)])
}

#[test]
fn the_projects_bundle_does_what_its_cases_say() {
    run("projects").assert_complete();
}

#[test]
fn the_assistant_bundle_does_what_its_cases_say() {
    run("assistant").assert_complete();
}

#[test]
fn a_wrong_expectation_is_noticed() {
    let engine = projects(|files| files);
    for (case, expectation) in [
        (VIEWER, "allow = true"),
        (STALE_OWNER, "deny = ['guardrails']\nremedy = { max_age = '5m' }\nkind = 'liftable_guardrail'"),
    ] {
        let report = parse(&format!("{case}{expectation}")).unwrap().run(&engine);
        assert!(report.is_success(), "{report}");
    }
    for (case, expectation, mismatch) in [
        (VIEWER, "deny = ['roles']", "answer: expected deny (roles), found allow"),
        (VIEWER, "error = 'claims'", "session: expected error `claims`, found a caller"),
        (VIEWER, "allow = true\nobligations = ['redact:notes']", "obligations: expected redact:notes, found none"),
        (VIEWER, "allow = true\nsource = 'other'", "session: expected a caller, found error `claims`"),
        (STALE_OWNER, "allow = true", "answer: expected allow, found deny (guardrails)"),
        // The remedy must be stated, and be the one.
        (STALE_OWNER, "deny = ['guardrails']", "remedy: expected none, found max_age 300s"),
        (STALE_OWNER, "deny = ['guardrails']\nremedy = 'none'", "remedy: expected none, found max_age 300s"),
        (STALE_OWNER, "deny = ['guardrails']\nremedy = { max_age = '6m' }", "remedy: expected max_age 360s"),
        (
            STALE_OWNER,
            "deny = ['guardrails']\nremedy = { max_age = '5m', confirm = true }",
            "remedy: expected max_age 300s; confirm",
        ),
        // Exactly the layers that deny.
        (
            STALE_OWNER,
            "deny = ['roles']\nremedy = { max_age = '5m' }",
            "denying layers: expected roles, found guardrails",
        ),
        (
            STALE_OWNER,
            "deny = ['roles', 'guardrails']\nremedy = { max_age = '5m' }",
            "denying layers: expected roles, guardrails, found guardrails",
        ),
        (
            STALE_OWNER,
            "deny = ['guardrails']\nremedy = { max_age = '5m' }\nkind = 'guardrail'",
            "kind: expected guardrail, found liftable_guardrail",
        ),
    ] {
        let report = parse(&format!("{case}{expectation}")).unwrap().run(&engine);
        let text = report.to_string();
        assert!(!report.is_success() && !report.is_complete(), "{expectation}");
        assert!(text.contains(mismatch) && text.contains("new.toml:2: x"), "{expectation}: {text}");
    }
}

#[test]
fn what_no_case_exercises_is_reported() {
    let cases = parse(&format!("{VIEWER}allow = true\n[unfailing]\nanybody-looks = 'no such policy'"));
    let report = cases.unwrap().run(&projects(|files| files));
    assert!(report.is_success() && !report.is_complete());
    let text: Vec<String> = report.gaps.iter().map(ToString::to_string).collect();
    for gap in [
        "action `DeleteProject`: no case asks for it",
        "denial `ceiling`: no case shows one",
        "denial `liftable_guardrail`: no case shows one",
        "scope `manage:billing`: in no case does a token with it cover an action",
        "policy `admin-manages` of roles: no case is decided by it",
        "policy `viewer-views` of roles: no case shows the layer's other answer to an action that it decides",
        "policy `anybody-looks` is listed as unfailing, but there is none or a case shows it failing",
    ] {
        assert!(text.iter().any(|found| found == gap), "{gap}: {text:#?}");
    }
    let asked = |gap: &Gap| matches!(gap, Gap::Action { action } if action == "GetProject");
    assert!(!report.gaps.iter().any(asked));
}

/// The cases are worth something only if policies that say something else fail them.
#[test]
fn a_changed_policy_fails_a_case() {
    let cases = Cases::from_dir(bundle("projects").join("cases")).unwrap();
    let mut unnoticed = Vec::new();
    for (file, from, to) in [
        (
            "guardrails/tenancy.cedar",
            "unless { principal has tenant && principal.tenant == resource.tenant }",
            "when { principal has tenant && principal.tenant != resource.tenant }",
        ),
        ("guardrails/care.cedar", "duration(\"5m\")", "duration(\"6m\")"),
        ("guardrails/care.cedar", ", Action::\"ShareProject\"]", "]"),
        ("roles/people.cedar", "resource.owner == principal", "resource.owner == principal || !resource.archived"),
        ("roles/people.cedar", "permit (principal in Role::\"viewer\"", "permit (principal"),
        ("ceilings/agents.cedar", "AgentClass::\"writer\"", "AgentClass::\"reader\""),
        ("ceilings/people.cedar", "action in Action::\"viewing\"", "action"),
        (
            "schema.cedarschema",
            "\"ShareProject\" in [\"manage:projects\", \"managing\"",
            "\"ShareProject\" in [\"manage:projects\", \"editing\"",
        ),
        (
            "schema.cedarschema",
            "\"GetProject\" in [\"read:projects\"",
            "\"GetProject\" in [\"read:projects\", \"write:projects\"",
        ),
        ("entities.json", "\"id\": \"archivist\"", "\"id\": \"librarian\""),
        ("portcullis.toml", "unlisted_clients = \"agent\"", "unlisted_clients = \"person\""),
        ("portcullis.toml", "[\"web\", \"mobile\"]", "[\"web\", \"mobile\", \"shiny-new-app\"]"),
        ("portcullis.toml", "user = [\"web\"]", "user = [\"web\", \"mobile\"]"),
    ] {
        let engine = projects(|files| {
            let text = files.get(file).unwrap();
            assert!(text.contains(from), "{file} does not hold `{from}`");
            let text = text.replace(from, to);
            files.with_file(file, text)
        });
        if cases.run(&engine).is_success() {
            unnoticed.push(format!("{file}: `{from}` became `{to}`"));
        }
    }
    assert!(unnoticed.is_empty(), "{unnoticed:#?}");
}

#[test]
fn a_table_is_a_case_for_each_cell() {
    let engine = projects(|files| files);
    let report = parse(TABLE).unwrap().run(&engine);
    assert!(report.is_success() && report.cases == 6, "{report}");
    for (from, to, mismatch) in [
        (
            "allow        allow      # get",
            "allow        roles      # get",
            "owner, GetProject\n  answer: expected deny (roles), found allow",
        ),
        (
            "guardrails?  # delete",
            "guardrails   # delete",
            "owner, DeleteProject\n  remedy: expected none, found acr urn:acme:mfa",
        ),
        (
            "roles        allow      # share",
            "roles?       allow      # share",
            "viewer, ShareProject\n  remedy: expected some, found none",
        ),
        (
            "roles        allow      # share",
            "ceilings     allow      # share",
            "denying layers: expected ceilings, found roles",
        ),
        ("allow        allow      # get", "allow*       allow      # get", "obligations: expected some, found none"),
    ] {
        let text = TABLE.replace(from, to);
        assert_ne!(text, TABLE, "{from}");
        let report = parse(&text).unwrap().run(&engine).to_string();
        assert!(report.contains(mismatch), "{mismatch}: {report}");
    }
    // A failure names the line of the cell.
    let report = parse(&TABLE.replace("roles        allow      # share", "allow        allow      # share"))
        .unwrap()
        .run(&engine);
    assert_eq!(report.failures.first().unwrap().place, "new.toml:9");
}

#[test]
fn a_challenge_is_compared_as_it_is_sent() {
    let run = |case: &str| {
        let fixtures = std::fs::read_to_string(bundle("projects").join("cases/fixtures.toml")).unwrap();
        let loaded = portcullis::load_dir(bundle("projects")).unwrap();
        let cases = Cases::parse([("fixtures.toml", fixtures.as_str()), ("new.toml", case)]).unwrap();
        cases.with_verifier(&loaded.verifier).run(&Engine::new(loaded.bundle.clone())).to_string()
    };
    let denied =
        VIEWER.replace("read:projects", "openid") + "deny = ['consent']\nremedy = { scopes = ['read:projects'] }\n";
    let stale = format!("{STALE_OWNER}deny = ['guardrails']\nremedy = {{ max_age = '5m' }}\n");
    let hopeless =
        VIEWER.replace("GetProject", "ShareProject").replace("read:projects", "manage:projects") + "deny = ['roles']\n";
    let scope = "challenge = 'Bearer error=\"insufficient_scope\", scope=\"read:projects\"'";
    let login = "challenge = 'Bearer error=\"insufficient_user_authentication\", max_age=\"300\"'";
    for (case, challenge) in [(&denied, scope), (&stale, login), (&hopeless, "challenge = 'none'")] {
        let report = run(&format!("{case}{challenge}"));
        assert!(report.starts_with("1 cases, 0 failed"), "{report}");
    }
    for (case, challenge) in [(&denied, "challenge = 'none'"), (&stale, scope), (&hopeless, login)] {
        let report = run(&format!("{case}{challenge}"));
        assert!(report.contains("  challenge: expected "), "{report}");
    }
    // Without the settings nobody knows, and nothing passes.
    let report = parse(&format!("{denied}{scope}")).unwrap().run(&projects(|files| files));
    assert!(!report.is_success(), "{report}");
}

#[test]
fn no_change_of_policies_or_scopes_goes_unnoticed() {
    for name in ["projects", "assistant"] {
        let report = Mutants::of_dir(bundle(name)).unwrap_or_else(|error| panic!("{error}")).run(|_| ());
        report.assert_none_survives();
        assert!(report.mutants > 40 && report.refused * 4 < report.mutants, "{report}");
    }
}

#[test]
fn a_change_that_no_case_notices_survives_and_is_named() {
    let dir = copy("survivors");
    let edges = dir.join("cases/edges.toml");
    let text = std::fs::read_to_string(&edges).unwrap();
    let (before, rest) = text.split_once("[[case]]\nname = \"who pays does not look at projects\"").unwrap();
    let (_, after) = rest.split_once("[surviving]").unwrap();
    let excuse = "\"no-such-policy: dropped\" = \"it is not there\"";
    std::fs::write(&edges, format!("{before}[surviving]{after}{excuse}\n")).unwrap();
    let progress = Mutex::new(BTreeSet::new());
    let report = Mutants::of_dir(&dir).unwrap().run(|tried| {
        let _ = progress.lock().unwrap().insert(tried);
    });
    let survivors: Vec<String> = report.survivors.iter().map(ToString::to_string).collect();
    assert_eq!(survivors, ["billing-pays: any action"]);
    assert_eq!(report.unexcused, ["no-such-policy: dropped"]);
    assert!(!report.is_success());
    assert_eq!(progress.into_inner().unwrap(), (1..=report.mutants).collect());
}

#[test]
fn changes_prove_nothing_where_cases_fail_anyway() {
    let dir = copy("failing-before");
    let people = dir.join("cases/people.toml");
    let text = std::fs::read_to_string(&people).unwrap();
    std::fs::write(&people, text.replacen("allow = true", "deny = [\"roles\"]", 1)).unwrap();
    let error = Mutants::of_dir(&dir).unwrap_err();
    assert!(matches!(error, CasesError::Failing(_)), "{error}");
}

/// A copy of the projects bundle for the test called `test`.
fn copy(test: &str) -> PathBuf {
    let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(test);
    let _ = std::fs::remove_dir_all(&target);
    let files = BundleFiles::from_dir(bundle("projects")).unwrap();
    let cases = std::fs::read_dir(bundle("projects").join("cases")).unwrap().map(|entry| {
        let path = entry.unwrap().path();
        (format!("cases/{}", path.file_name().unwrap().to_str().unwrap()), std::fs::read_to_string(path).unwrap())
    });
    let files = files.iter().map(|(path, text)| (path.to_owned(), text.to_owned()));
    for (path, text) in files.chain(cases) {
        std::fs::create_dir_all(target.join(&path).parent().unwrap()).unwrap();
        std::fs::write(target.join(path), text).unwrap();
    }
    target
}

#[test]
fn a_mistake_in_a_case_is_refused_with_file_line_and_case() {
    let allowed = |change: (&str, &str)| format!("{}allow = true", VIEWER.replace(change.0, change.1));
    for (text, expected) in [
        (format!("{VIEWER}alow = true"), "new.toml:8:1: case `x`: unknown field `alow`"),
        (format!("{VIEWER}allow = false"), "new.toml:2:1: case `x`: state one of `allow = true`"),
        (VIEWER.to_owned(), "new.toml:2:1: case `x`: state one of `allow = true`"),
        (format!("{VIEWER}allow = true\ndeny = ['roles']"), "case `x`: state one of"),
        (format!("{VIEWER}deny = []"), "case `x`: state one of"),
        (format!("{VIEWER}deny = ['role']"), "case `x`: `role` is no layer"),
        (format!("{VIEWER}allow = true\nremedy = 'none'"), "case `x`: `remedy` does not go with this answer"),
        (format!("{VIEWER}deny = ['roles']\nremedy = {{ scope = [] }}"), "case `x`: expected `\"none\"`, or a table"),
        (format!("{VIEWER}deny = ['roles']\nremedy = {{ max_age = '5' }}"), "case `x`: `5` is no duration"),
        (format!("{VIEWER}allow = true\nwithout = ['rolls']"), "case `x`: there is no claim `rolls` to take away"),
        (format!("{VIEWER}allow = true\nbindings = ['dpob']"), "case `x`: `dpob` is no binding"),
        (allowed(("\"viewer\"", "\"viewr\"")), "case `x`: there is no `[claims.viewr]`"),
        (allowed(("\"apollo\"", "\"apolo\"")), "case `x`: there is no `[resources.apolo]`"),
        (allowed(("claims =", "clams =")), "case `x`: unknown field `clams`"),
        (format!("{VIEWER}allow = true\n{VIEWER}allow = true"), "two cases are called `x`"),
        ("[claims.viewer]".to_owned(), "new.toml: another file has `claims.viewer`, too"),
        (TABLE.replace("owner", ""), "new.toml:2:1: table `projects`: `GetProject` has 2 cells for 1 callers"),
        (TABLE.replace("guardrails?", "gardrails?"), "table `projects`: owner, DeleteProject: `gardrails` is no layer"),
        (TABLE.replace("viewer", "viewr"), "case `projects: viewr, GetProject`: there is no `[claims.viewr]`"),
        (TABLE.replace("cells", "cels"), "table `projects`: unknown field `cels`"),
        ("[[table]]\nname = 'x'\ncells = ''".to_owned(), "table `x`: `cells` holds none"),
        ("[table]".to_owned(), "`table` is not a list: write `[[table]]`"),
        ("[clams.x]".to_owned(), "new.toml:1:2: unknown field `clams`"),
        ("[case]".to_owned(), "`case` is not a list: write `[[case]]`"),
        ("".to_owned(), "cases/: holds no case"),
        ("name =".to_owned(), "new.toml:1:"),
    ] {
        let found = parse(&text).err().map(|error| error.to_string()).unwrap_or_default();
        assert!(found.contains(expected), "expected {expected}, found {found}\n{text}");
    }
}

const TABLE: &str = r#"
[[table]]
name = "projects"
with = { scope = "manage:projects" }
resource = "apollo"
cells = """
               viewer       owner
GetProject     allow        allow      # get
ShareProject   roles        allow      # share
DeleteProject  roles+guardrails  guardrails?  # delete
"""
"#;

const VIEWER: &str = r#"
[[case]]
name = "x"
claims = "viewer"
with = { scope = "read:projects" }
action = "GetProject"
resource = "apollo"
"#;

const STALE_OWNER: &str = r#"
[[case]]
name = "x"
claims = "owner"
with = { scope = "manage:projects", auth_time = 1767260000, acr = "urn:acme:mfa" }
action = "DeleteProject"
resource = "apollo"
"#;
