use std::fs;

use portcullis_core::BundleFiles;

use crate::bundle::Copy;

#[test]
fn a_packed_bundle_is_what_its_manifest_says() {
    let copy = Copy::of("projects", "pack");
    let ran = copy.run("pack", &[]).ends_with(0);
    assert!(ran.out.starts_with("packed "), "{}", ran.out);
    let files = BundleFiles::from_dir(copy.path()).unwrap();
    files.require_manifest().unwrap();
    copy.run("check", &[]).ends_with(0);
    // No draft is left behind.
    assert!(
        fs::read_dir(copy.path()).unwrap().all(|entry| !entry.unwrap().file_name().to_str().unwrap().starts_with('.'))
    );
}

#[test]
fn what_was_changed_since_is_noticed_until_it_is_packed_again() {
    let copy = Copy::of("projects", "pack-again");
    copy.run("pack", &[]).ends_with(0);
    let copy = copy.with("roles/people.cedar", "// Relations", "// The relations");
    let ran = copy.run("check", &[]).ends_with(1);
    assert!(ran.out.contains("differs from what the MANIFEST lists"), "{}", ran.out);
    copy.run("pack", &[]).ends_with(0);
    copy.run("check", &[]).ends_with(0);
}

#[test]
fn a_bundle_that_does_not_load_is_not_packed() {
    let copy = Copy::of("projects", "pack-broken");
    copy.run("pack", &[]).ends_with(0);
    let before = copy.read("MANIFEST");
    let copy = copy.with("roles/people.cedar", "permit", "permt");
    let ran = copy.run("pack", &[]).ends_with(3);
    assert!(ran.err.contains("roles/people.cedar:4:1"), "{}", ran.err);
    assert_eq!(copy.read("MANIFEST"), before);
}
