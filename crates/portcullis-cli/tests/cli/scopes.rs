use crate::run;

#[test]
fn scopes_are_a_tree_with_what_they_mean_and_cover() {
    let ran = run("scopes policies/projects").ends_with(0);
    let tree = "\
manage:projects
│  See, change, share and delete your projects
│  DeleteProject, ShareProject
├─ read:projects
│     See your projects
│     ExportReport, GetProject, ListProjects
└─ write:projects
      Create and change your projects
      CreateProject, UpdateProject
";
    assert!(ran.out.contains(tree), "{}", ran.out);
    assert!(ran.out.ends_with("no scope is needed for\n  Health  (public)\n  WhoAmI\n"), "{}", ran.out);
}

#[test]
fn scopes_are_json_for_programs() {
    let answer = run("scopes policies/assistant --format json").ends_with(0).json();
    let roots = answer["scopes"].as_array().unwrap();
    let calendar = roots.iter().find(|scope| scope["name"] == "read:calendar").unwrap();
    assert_eq!(calendar["scopes"][0]["conditional"], true);
    assert_eq!(calendar["scopes"][0]["actions"], serde_json::json!(["GetEvent", "ListEvents"]));
}
