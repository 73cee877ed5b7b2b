//! `decide` and `explain`.

use crate::{portcullis, run};

const DELETE: &str = "policies/projects --as owner --action DeleteProject --resource apollo";

#[test]
fn the_exit_code_is_the_decision() {
    let ran =
        run("decide policies/projects --as viewer --with scope=read:projects --action GetProject --resource apollo");
    assert_eq!(ran.ends_with(0).out, "allow\n");
    let ran =
        run("decide policies/projects --as viewer --with scope=read:profile --action GetProject --resource apollo");
    assert_eq!(ran.ends_with(1).out, "deny (consent)\n  would help: scope read:projects\n");
    let ran =
        run("decide policies/projects --as viewer --with scope=read:projects --action DeleteProject --resource apollo");
    assert!(ran.ends_with(1).out.starts_with("deny (role)\n"));
}

#[test]
fn what_would_help_is_asked_for_together_and_then_does() {
    let ran = run(&format!("decide {DELETE} --now 2026-01-01T13:00:00Z"));
    let remedy = "scope manage:projects, acr urn:acme:mfa or urn:acme:phr, a login at most 300 s old";
    assert_eq!(ran.ends_with(1).out, format!("deny (liftable_guardrail)\n  would help: {remedy}\n"));
    run(&format!("decide {DELETE} --with scope=manage:projects --with acr=urn:acme:mfa")).ends_with(0);
}

#[test]
fn without_a_caller_only_public_actions_are_allowed() {
    run("decide policies/projects --action Health").ends_with(0);
    run("decide policies/projects --action WhoAmI --resource api").ends_with(1);
}

#[test]
fn claims_make_a_caller_and_wrong_ones_make_none() {
    let ask = |claims: &str| {
        portcullis([
            "explain",
            "policies/projects",
            "--claims",
            claims,
            "--action",
            "WhoAmI",
            "--resource",
            "Api::projects",
        ])
    };
    let good = r#"{"iss":"https://issuer.example.com","sub":"ann","client_id":"web","iat":1767268740,"exp":1767272340,"roles":[]}"#;
    ask(good).ends_with(0);
    let ran = ask(&good.replace("[]", "7")).ends_with(1);
    assert!(ran.out.starts_with("deny: the token makes no caller\n"), "{}", ran.out);
    let ran = ask("{").ends_with(2);
    assert!(ran.err.starts_with("error: --claims: is not JSON: "), "{}", ran.err);
    ask("nowhere.json").ends_with(3);
}

#[test]
fn a_resource_may_be_written_in_place() {
    let ask = |resource: &str| {
        portcullis([
            "decide",
            "policies/projects",
            "--as",
            "owner",
            "--with",
            "scope=read:projects",
            "--action",
            "GetProject",
            "--resource",
            resource,
        ])
    };
    let mine = r#"{"type":"Project","id":"x","parents":[["Workspace","w1"]],"attributes":{"tenant":"acme","owner":"olga","collaborators":[],"archived":false}}"#;
    ask(mine).ends_with(0);
    ask(&mine.replace("olga", "somebody")).ends_with(1);
    // An id alone is not judged.
    let ran = ask("Project::apollo").ends_with(1);
    assert!(ran.out.starts_with("deny (error)\n"), "{}", ran.out);
    ask("{\"type\":\"Project\"}").ends_with(2);
}

#[test]
fn facts_and_bindings_and_approvals_are_told() {
    let ask = |fields: &str, facts: &str| {
        let line =
            format!("decide policies/projects --as editor --with {fields} --action UpdateProject --resource apollo");
        portcullis(line.split_whitespace().chain(["--facts", facts]))
    };
    ask("scope=write:projects", r#"{"changed":["title"]}"#).ends_with(0);
    ask("scope=write:projects", r#"{"changed":["owner"]}"#).ends_with(1);
    let pay = "decide policies/projects --as biller --with scope=manage:billing --with acr=urn:acme:mfa \
               --action UpdateBilling --resource account";
    run(pay).ends_with(1);
    run(&format!("{pay} --binding dpop")).ends_with(0);
    let send = |approved: &str| {
        let claims = r#"{"iss":"https://issuer.example.com","sub":"ann","client_id":"web","iat":1767268740,"exp":1767272340,"scope":"send:email:requires-confirmation"}"#;
        let draft = r#"{"type":"Draft","id":"m","attributes":{"owner":"ann","contacts":["bob"]}}"#;
        let words = ["decide", "policies/assistant", "--claims", claims, "--resource", draft, "--action", "SendEmail"];
        portcullis(words.into_iter().chain(["--facts", r#"{"message":{"to":["bob"],"attachments":0}}"#, approved]))
    };
    send("--approved-by=ann").ends_with(0);
    let ran = send("--now=1767268800").ends_with(1);
    assert_eq!(ran.out, "deny (consent)\n  would help: the user's confirmation\n");
}

#[test]
fn every_layer_is_explained() {
    let ran = portcullis([
        "explain",
        "policies/projects",
        "--as",
        "editor",
        "--with",
        "scope=read:projects",
        "--with",
        r#"act={"sub":"summariser","sub_profile":"ai_agent"}"#,
        "--action",
        "UpdateProject",
        "--resource",
        "apollo",
        "--facts",
        r#"{"changed":["title"]}"#,
    ])
    .ends_with(1);
    assert_eq!(
        ran.out,
        "\
deny (ceiling): UpdateProject on Project::\"apollo\"

  consent      denies   the action is in write:projects
  ceilings     denies
    writer-agents-update would permit Agent::\"summariser\", but not: principal in AgentClass::\"writer\"
    reader-agents-view would permit Agent::\"summariser\", but not: action in [Action::\"viewing\"]
  roles        allows   policy editor-updates
    editor-updates permits
      “Handing a project over is not editing it.”
  guardrails   allows

  nothing that the caller could obtain would help
"
    );
}

#[test]
fn people_and_agents_are_told_what_they_may_know() {
    // A viewer of another tenant.
    let stranger = "explain policies/projects --as viewer --with scope=read:projects --with org_id=umbrella \
                    --action GetProject --resource apollo";
    let operator = run(stranger).ends_with(1).out;
    assert!(operator.contains("principal.tenant = \"umbrella\", resource.tenant = \"acme\""), "{operator}");
    assert_eq!(run(&format!("{stranger} --for user")).ends_with(1).out, "This was not found.\n");
    let agent = run(&format!("{stranger} --for agent --format json")).ends_with(1).json();
    assert_eq!((&agent["answer"], &agent["code"]), (&"deny".into(), &"not-found".into()));
    let delete = format!("explain {DELETE} --with scope=manage:projects");
    let user = run(&format!("{delete} --for user --format json")).ends_with(1).json();
    assert_eq!(user["steps"], serde_json::json!(["Log in again in a stronger way, such as with a second factor."]));
    let agent = run(&format!("{delete} --for agent")).ends_with(1).out;
    assert!(agent.starts_with("stronger-login-required. This is a decision of policy"), "{agent}");
    assert!(agent.ends_with("one of the classes: urn:acme:mfa urn:acme:phr\n"), "{agent}");
    // Why a token makes no caller is not for them either.
    let broken = format!("{stranger} --with roles=7");
    assert!(run(&broken).ends_with(1).out.lines().count() > 1);
    assert_eq!(run(&format!("{broken} --for agent")).ends_with(1).out, "deny: the token makes no caller\n");
}

#[test]
fn explanations_are_json_for_programs() {
    let answer = run(&format!("explain {DELETE} --with scope=manage:projects --format json")).ends_with(1).json();
    assert_eq!((&answer["answer"], &answer["kind"]), (&"deny".into(), &"liftable_guardrail".into()));
    assert_eq!(answer["layers"][3]["policies"][0], "delete-needs-second-factor");
    let why = &answer["layers"][3]["why"][0];
    assert_eq!((&why["answer"], &why["conditions"][0]["answer"]), (&"forbids".into(), &"false".into()));
    let answer = run(&format!("decide {DELETE} --with scope=manage:projects --format json")).ends_with(1).json();
    assert_eq!(answer["layers"], serde_json::json!(["guardrails"]));
}

#[test]
fn a_name_that_nothing_has_is_wrong_usage_with_a_suggestion() {
    for (line, message, help) in [
        (
            "--as viewer --action GetProjct --resource apollo",
            "--action: there is no action `GetProjct`",
            "`GetProject`",
        ),
        ("--as viewr --action GetProject --resource apollo", "--as: there is no `[claims.viewr]`", "`viewer`"),
        ("--as viewer --action GetProject --resource apolo", "--resource: there is no `[resources.apolo]`", "`apollo`"),
        ("--as viewer --source man --action WhoAmI --resource api", "--source: there is no source `man`", "`main`"),
    ] {
        let ran = run(&format!("decide policies/projects {line}")).ends_with(2);
        assert!(ran.out.is_empty() && ran.err.starts_with(&format!("error: {message}")), "{}", ran.err);
        assert!(ran.err.contains(&format!("help: did you mean {help}?")), "{}", ran.err);
    }
}

#[test]
fn what_cannot_be_meant_is_wrong_usage() {
    for line in [
        "--as viewer --claims {} --action WhoAmI",
        "--with scope=x --action WhoAmI",
        "--as viewer --without nothing --action WhoAmI",
        "--as viewer --with scope --action WhoAmI",
        "--as viewer --binding dpob --action WhoAmI",
        "--as viewer --now yesterday --action WhoAmI",
        "--as viewer",
    ] {
        let ran = run(&format!("decide policies/projects {line}")).ends_with(2);
        assert!(ran.err.starts_with("error: "), "{}", ran.err);
    }
}
