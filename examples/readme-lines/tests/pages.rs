//! The policies and settings in the pages of the guide.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use readme_lines::page;

#[test]
fn policies_in_the_guide_stand_in_a_bundle_of_the_project() {
    let root = page::root();
    let bundles = ["policies", "examples", "crates/portcullis-cli/starter"].map(|folder| root.join(folder));
    let policies: Vec<String> = bundles.iter().flat_map(|folder| policies_below(folder)).collect();
    let mut shown = 0;
    for name in pages() {
        page::check(&name, |block| {
            if block.kind == "cedar" {
                assert!(policies.iter().any(|text| text.contains(block.text)), "{name}: no bundle has\n{}", block.text);
                shown += 1;
            }
            block.text.to_owned()
        });
    }
    assert!(shown > 20, "{shown}");
}

#[test]
fn settings_in_the_guide_are_toml() {
    for name in pages() {
        page::check(&name, |block| {
            if block.kind == "toml" {
                let read: Result<toml::Table, _> = block.text.parse();
                assert!(read.is_ok(), "{name}: {read:?} in\n{}", block.text);
            }
            block.text.to_owned()
        });
    }
}

/// The pages, and the README.
fn pages() -> Vec<String> {
    let entries = fs::read_dir(page::root().join("docs")).unwrap().map(|entry| entry.unwrap().file_name());
    let names = entries.map(|name| format!("docs/{}", name.into_string().unwrap()));
    names.filter(|name| name.ends_with(".md")).chain(["README.md".to_owned()]).collect()
}

/// The texts of all schemas and policies below `folder`.
fn policies_below(folder: &Path) -> Vec<String> {
    let (mut found, mut folders) = (Vec::new(), vec![folder.to_owned()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let extension = path.extension().unwrap_or_default();
            if extension == "cedar" || extension == "cedarschema" {
                found.push(fs::read_to_string(&path).unwrap());
            } else if path.is_dir() {
                folders.push(path);
            }
        }
    }
    found
}
