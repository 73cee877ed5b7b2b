//! How long does it take to load a bundle, and to load the next one?
//!
//! Each load is made once and takes seconds, so there are no statistics: read the orders of magnitude.

use std::sync::Arc;
use std::time::Instant;

use benches::{ROLES_FILE, files, must, settings};
use portcullis_core::{Bundle, BundleFiles, LoadError};

fn main() {
    let is_measured = std::env::args().any(|argument| argument == "--bench");
    let sizes: &[usize] = if is_measured { &[1_000, 10_000] } else { &[10] };
    for policies in sizes {
        measure(*policies);
    }
}

fn measure(policies: usize) {
    let old = files(policies);
    let more_roles = old.get(ROLES_FILE).map(|roles| format!("{roles}{ONE_MORE}")).unwrap_or_default();
    let one_policy = old.clone().with_file(ROLES_FILE, more_roles);
    let more_schema = old.get(SCHEMA).map(|schema| format!("{schema}\nentity Other;\n")).unwrap_or_default();
    let schema = old.clone().with_file(SCHEMA, more_schema);
    let bundle = timed(policies, "first load", 0, || Bundle::load(&old, settings()));
    let next = |files: &BundleFiles| bundle.load_next(files, settings());
    timed(policies, "nothing changed", 0, || next(&old));
    timed(policies, "one policy more", 1, || next(&one_policy));
    timed(policies, "another schema", 0, || next(&schema));
}

/// Prints how long `load` takes, whose bundle has `more` policies than asked for.
fn timed(
    policies: usize,
    name: &str,
    more: usize,
    load: impl FnOnce() -> Result<Arc<Bundle>, LoadError>,
) -> Arc<Bundle> {
    let start = Instant::now();
    let bundle = must(load());
    println!("load/{policies:<6} {name:<16} {:>8.2} s", start.elapsed().as_secs_f64());
    assert_eq!(bundle.policy_ids().count(), policies + more);
    bundle
}

const SCHEMA: &str = "schema.cedarschema";

const ONE_MORE: &str =
    r#"@id("one-more") permit (principal in Role::"late", action == Action::"GetProject", resource);"#;
