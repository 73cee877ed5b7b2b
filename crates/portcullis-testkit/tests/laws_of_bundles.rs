//! `laws!`, as users write it.

mod projects {
    portcullis_testkit::laws!("../../policies/projects");
}

mod assistant {
    portcullis_testkit::laws!("../../policies/assistant");
}
