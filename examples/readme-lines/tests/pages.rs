//! The policies and settings in the pages of the guide.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;

use portcullis::BundleFiles;
use readme_lines::page;
use toml::{Table, Value};

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
fn settings_in_the_guide_load_beside_those_of_a_bundle() {
    let bundle = page::root().join("policies/projects");
    let files = BundleFiles::from_dir(&bundle).unwrap();
    let base: Table = files.get("portcullis.toml").unwrap().parse().unwrap();
    let mut loaded = 0;
    for name in pages() {
        page::check(&name, |block| {
            if block.kind == "toml" && !IN_THEIR_OWN_TESTS.contains(&name.as_str()) {
                let stated: Table = block.text.parse().unwrap_or_else(|error| panic!("{name}: {error}"));
                if !["case", "never", "only", "waived"].iter().any(|key| stated.contains_key(*key)) {
                    let settings = beside(&base, stated).to_string();
                    let found = portcullis::load_files(&files.clone().with_file("portcullis.toml", settings), &bundle);
                    assert!(found.is_ok(), "{name}: {}\n{}", found.unwrap_err(), block.text);
                    loaded += 1;
                }
            }
            block.text.to_owned()
        });
    }
    assert!(loaded > 10, "{loaded}");
}

/// The settings `base`, with what a page states in place of the same there.
fn beside(base: &Table, stated: Table) -> Table {
    let mut all = base.clone();
    for (key, value) in stated {
        match (key.as_str(), value) {
            // A table of an issuer, or some of its keys.
            ("issuer", value) => {
                let stated = value.as_array().map_or(&value, |issuers| &issuers[0]).as_table().unwrap().clone();
                let whole = stated.contains_key("issuer");
                let default = Table::from_iter([("unlisted_clients".to_owned(), Value::from("deny"))]);
                let mut issuer = if whole { default } else { base["issuer"][0].as_table().unwrap().clone() };
                issuer.extend(stated);
                all.insert(key, Value::Array(vec![issuer.into()]));
            }
            ("mask", value) => {
                let log = Table::from_iter([("sink".to_owned(), Value::from("tracing")), (key, value)]);
                all.insert("audit".to_owned(), Value::Array(vec![log.into()]));
            }
            (_, value) => drop(all.insert(key, value)),
        }
    }
    all
}

/// Pages whose settings are loaded with their bundles.
const IN_THEIR_OWN_TESTS: [&str; 3] = ["docs/cookbook.md", "docs/tutorial.md", "docs/vendors.md"];

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
