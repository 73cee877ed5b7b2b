//! `laws!`, as users write it.

mod projects {
    portcullis_testkit::laws!("../../policies/projects",
        "archived projects are not shared" => |decider, scenario| {
            let archived = scenario.resource.attributes.as_ref().is_some_and(|project| project["archived"] == true);
            !(archived && scenario.action == "ShareProject" && decider.decide(scenario).allowed)
        },
    );
}

mod assistant {
    portcullis_testkit::laws!("../../policies/assistant");
}

mod starter {
    portcullis_testkit::laws!("../portcullis-cli/starter");
}
