use crate::run;

#[test]
fn a_wrong_command_line_is_told_apart_from_an_answer() {
    for line in
        ["", "chek", "check --rport", "check a b", "check --format xml", "decide policies/projects", "audit verify"]
    {
        let ran = run(line).ends_with(2);
        assert!(ran.out.is_empty(), "{}", ran.out);
    }
    assert!(run("check --rport").err.contains("a similar argument exists: '--report'"));
}

#[test]
fn help_names_the_exit_codes() {
    let ran = run("--help").ends_with(0);
    assert!(ran.out.contains("1  no: denied, invalid, something found"), "{}", ran.out);
}

#[test]
fn colours_are_for_terminals_only() {
    assert!(!run("check policies/projects").out.contains('\u{1b}'));
    assert!(run("check policies/projects --color always").out.contains("\u{1b}[32mok\u{1b}[0m"));
}

#[test]
fn shells_can_complete_the_command_line() {
    for shell in ["bash", "zsh", "fish"] {
        let ran = run(&format!("completions {shell}")).ends_with(0);
        assert!(ran.out.contains("explain") && ran.out.contains("all-scopes"), "{shell}");
    }
    run("completions tcsh").ends_with(2);
}
