use crate::bundle::Copy;
use crate::run;

#[test]
fn a_good_bundle_is_ok() {
    for name in ["projects", "assistant"] {
        let ran = run(&format!("check policies/{name}")).ends_with(0);
        assert!(ran.out.starts_with(&format!("ok policies/{name}: ")), "{}", ran.out);
    }
    assert_eq!(run("check policies/projects --format json").ends_with(0).json()["valid"], true);
}

#[test]
fn a_syntax_error_is_shown_with_file_line_and_excerpt() {
    let copy = Copy::of("projects", "check-syntax").with("roles/services.cedar", "action ==", "action");
    let ran = copy.run("check", &[]).ends_with(1);
    let expected = format!(
        "\
error: unexpected token `Action`
  --> {}/roles/services.cedar:2:56
  |
2 | permit (principal == Service::\"nightly-report\", action Action::\"ExportReport\", resource);
  |                                                        ^^^^^^^^^^^^^^^^^^^^^^
",
        copy.path().display()
    );
    assert!(ran.out.starts_with(&expected), "{}", ran.out);
    assert!(ran.out.ends_with("error: 1 problem\n"), "{}", ran.out);
}

#[test]
fn every_problem_is_told_and_what_to_do() {
    let copy = Copy::of("projects", "check-several")
        .with("roles/people.cedar", "Action::\"CreateProject\"", "Action::\"CreateProjct\"")
        .with("portcullis.toml", "unlisted_clients", "unlisted_client");
    let ran = copy.run("check", &["--format", "json"]).ends_with(1);
    let answer = ran.json();
    assert_eq!(answer["valid"], false);
    let errors = answer["errors"].as_array().unwrap();
    let helps: Vec<_> = errors.iter().map(|error| (error["file"].as_str().unwrap(), error["help"].as_str())).collect();
    assert!(helps.contains(&("portcullis.toml", Some("did you mean `unlisted_clients`?"))), "{helps:?}");
    assert!(helps.contains(&("roles/people.cedar", Some("did you mean `Action::\"CreateProject\"`?"))), "{helps:?}");
    assert!(errors.iter().all(|error| error["line"].is_number()), "{errors:?}");
}

#[test]
fn warnings_are_shown_and_fail_if_they_are_denied() {
    // `SendEmail` is left to the scope that has a condition.
    let copy = Copy::of("assistant", "check-warning").with(
        "schema.cedarschema",
        "in [\"send:email\", \"send:email:requires-confirmation\"]",
        "in [\"send:email:requires-confirmation\"]",
    );
    let ran = copy.run("check", &[]).ends_with(0);
    assert!(ran.out.starts_with("warning: ") && ran.out.contains("1 warning\n"), "{}", ran.out);
    copy.run("check", &["--deny-warnings"]).ends_with(1);
}

#[test]
fn what_guards_what_is_shown_on_request() {
    let ran = run("check policies/projects --report").ends_with(0);
    assert!(ran.out.contains("DeleteProject\n  routes       DELETE /projects/{project}\n"), "{}", ran.out);
}

#[test]
fn a_directory_that_is_not_there_has_no_answer() {
    for command in ["check", "test", "scopes", "schema", "pack", "decide --action GetProject"] {
        let ran = run(&format!("{command} policies/nowhere")).ends_with(3);
        assert!(ran.out.is_empty() && ran.err.starts_with("error: policies/nowhere: "), "{ran:?}");
    }
    let ran = run("check README.md").ends_with(3);
    assert_eq!(ran.err, "error: README.md: is a file; name the directory of a bundle\n");
}
