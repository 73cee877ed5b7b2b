use crate::run;

#[test]
fn a_cell_says_allow_or_the_layer_and_whether_it_can_be_obtained() {
    let ran = run("matrix policies/projects --as viewer --as editor --as stranger --as nightly-report").ends_with(0);
    let lines: Vec<Vec<&str>> = ran.out.lines().map(|line| line.split_whitespace().collect()).collect();
    for expected in [
        vec!["editor", "nightly-report", "stranger", "viewer"],
        vec!["workspace", "consent?", "ceilings", "guardrails", "roles"], // CreateProject
        vec!["apollo", "roles", "n/a", "guardrails", "roles"],            // DeleteProject
        vec!["api", "allow", "allow", "allow", "allow"],
    ] {
        assert!(lines.contains(&expected), "{expected:?}\n{}", ran.out);
    }
}

#[test]
fn with_all_scopes_consent_stands_in_nobodys_way() {
    let ran = run("matrix policies/projects --all-scopes --as editor --as viewer --action CreateProject").ends_with(0);
    let cells: Vec<&str> = ran.out.lines().nth(2).unwrap().split_whitespace().collect();
    assert_eq!(cells, ["workspace", "allow", "roles"]);
}

#[test]
fn a_spreadsheet_is_told_what_is_missing() {
    let ran = run("matrix policies/projects --csv --as viewer --as biller --action UpdateBilling").ends_with(0);
    assert_eq!(
        ran.out,
        "action,resource,facts,biller,viewer\r\n\
         UpdateBilling,account,,\"obtainable (consent, guardrails): scope manage:billing, acr urn:acme:mfa or \
         urn:acme:phr, a token bound by dpop or mtls\",\"deny (consent, roles, guardrails)\"\r\n"
    );
}

#[test]
fn the_page_needs_nothing_else_and_escapes_what_it_shows() {
    let ran = run("matrix policies/assistant --html").ends_with(0);
    let page = ran.out;
    assert!(page.starts_with("<!doctype html>\n<html lang=\"en\">"), "{page}");
    for unwanted in ["<script", "http://", "https://", "src=", "href=", "<link", "@import", "url("] {
        assert!(!page.contains(unwanted), "{unwanted}");
    }
    // A table for people who cannot see it, cells that the keyboard reaches, both colour schemes.
    for wanted in
        ["<th scope=\"col\">ann</th>", "<th scope=\"row\">", "<caption>", "<summary>", "prefers-color-scheme: dark"]
    {
        assert!(page.contains(wanted), "{wanted}");
    }
    assert!(page.contains("message={&quot;attachments&quot;:0"), "facts are escaped");
    for element in ["table", "tbody", "tr", "td", "th", "details", "summary", "p", "div"] {
        let opened = page.matches(&format!("<{element}>")).count() + page.matches(&format!("<{element} ")).count();
        assert_eq!(opened, page.matches(&format!("</{element}>")).count(), "{element}");
    }
}

#[test]
fn the_matrix_is_json_for_programs() {
    let answer = run("matrix policies/projects --format json --as viewer --action GetProject").ends_with(0).json();
    assert_eq!(answer["callers"], serde_json::json!(["viewer"]));
    assert_eq!(
        answer["rows"][0]["cells"][0],
        serde_json::json!({ "answer": "obtainable", "layers": ["consent"], "remedy": "scope read:projects" })
    );
}

#[test]
fn unknown_names_are_wrong_usage() {
    let ran = run("matrix policies/projects --as viewr").ends_with(2);
    assert!(ran.err.contains("did you mean `viewer`?"), "{}", ran.err);
    run("matrix policies/projects --action GetProjct").ends_with(2);
    run("matrix policies/projects --csv --html").ends_with(2);
}
