use crate::bundle::Copy;
use crate::{portcullis, run};

#[test]
fn a_bundle_does_not_differ_from_itself() {
    let ran = run("diff policies/projects policies/projects").ends_with(0);
    assert!(ran.out.ends_with(" questions, and the same answers\n"), "{}", ran.out);
}

#[test]
fn who_gains_and_who_loses_is_told_apart() {
    let new = Copy::of("projects", "diff")
        .with(
            "roles/people.cedar",
            "Role::\"viewer\", action in Action::\"viewing\"",
            "Role::\"editor\", action in Action::\"viewing\"",
        )
        .with(
            "roles/people.cedar",
            "Role::\"editor\", action == Action::\"CreateProject\"",
            "Role::\"viewer\", action == Action::\"CreateProject\"",
        );
    let ran = portcullis(["diff", "policies/projects", new.path().to_str().unwrap()]).ends_with(1);
    let (gains, loses) = ran.out.split_once("\nloses\n").unwrap();
    assert!(gains.starts_with("gains\n  viewer  CreateProject  workspace  roles  →  consent?\n"), "{}", ran.out);
    let gains: Vec<&str> = gains.split_whitespace().collect();
    let case = "\"a viewer creates nothing\" cases/people.toml:29 roles → allow";
    assert!(gains.join(" ").contains(case), "{}", ran.out);
    assert!(loses.contains("  viewer     GetProject    apollo     consent?  →  roles\n"), "{}", ran.out);
    assert!(loses.contains("\"a viewer exports a report\""), "{}", ran.out);
    // The other way round, gains are losses.
    let ran = portcullis(["diff", new.path().to_str().unwrap(), "policies/projects"]).ends_with(1);
    assert!(ran.out.contains("loses\n  viewer  CreateProject  workspace  consent?  →  roles\n"), "{}", ran.out);
}

#[test]
fn another_remedy_is_a_difference_too() {
    let new = Copy::of("projects", "diff-remedy")
        .with("guardrails/care.cedar", "@max_age(\"5m\")", "@max_age(\"4m\")")
        .with("guardrails/care.cedar", "duration(\"5m\")", "duration(\"4m\")");
    let line = ["diff", "policies/projects", new.path().to_str().unwrap(), "--format", "json"];
    let answer = portcullis(line).ends_with(1).json();
    let changes = answer["changes"].as_array().unwrap();
    let of = |name: &str| changes.iter().find(|change| change["name"] == name).unwrap();
    assert_eq!(of("five minutes are fresh")["direction"], "loses");
    assert_eq!(of("a second more is stale")["direction"], "differs");
}

#[test]
fn an_action_that_is_gone_is_lost() {
    let schema = "@http(\"GET /whoami\")";
    let new = Copy::of("projects", "diff-gone");
    let text = new.read("schema.cedarschema");
    let (before, rest) = text.split_once(schema).unwrap();
    let (_, after) = rest.split_once("};\n").unwrap();
    std::fs::write(new.path().join("schema.cedarschema"), format!("{before}{after}")).unwrap();
    let new = new
        .with("roles/people.cedar", "@id(\"anybody-asks-who-they-are\")\npermit (principal, action == Action::\"WhoAmI\", resource);", "")
        .with("ceilings/agents.cedar", "@id(\"agents-ask-who-they-are\")\npermit (principal is Agent, action == Action::\"WhoAmI\", resource);", "")
        .with("ceilings/services.cedar", "@id(\"services-ask-who-they-are\")\npermit (principal is Service, action == Action::\"WhoAmI\", resource);", "");
    let ran = portcullis(["diff", "policies/projects", new.path().to_str().unwrap()]).ends_with(1);
    assert!(ran.out.contains("allow  →  no such action"), "{}", ran.out);
}
