//! The recipes of docs/cookbook.md: bundles that load, whose cases pass, and of which the page says the truth.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use readme_lines::page::{self, Block};

use crate::shell;

/// What a recipe must have besides what it shows: an answer of each kind, a mistake, and what stops it.
#[derive(Debug, Default, PartialEq, Eq)]
struct Shown {
    allows: bool,
    denies: bool,
    stopped: bool,
}

#[test]
fn the_cookbook_shows_what_its_bundles_do() {
    let (mut shown, mut mistake) = (BTreeMap::<String, Shown>::new(), None);
    page::check("docs/cookbook.md", |block| {
        let Some(recipe) = recipe(block.before) else {
            assert_eq!(block.kind, "sh", "a block before the first recipe");
            return block.text.to_owned();
        };
        let bundle = bundles().join(&recipe);
        let shown = shown.entry(recipe).or_default();
        match block.kind {
            "diff" => {
                let changed = Path::new(env!("CARGO_TARGET_TMPDIR")).join("cookbook-mistake");
                page::copy(&bundle, &changed);
                page::change(block.text, &changed);
                mistake = Some(changed);
                block.text.to_owned()
            }
            "console" => {
                let changed = mistake.take();
                let printed = shell(changed.as_ref().unwrap_or(&bundle)).run_all(block.text);
                match changed {
                    Some(_) => shown.stopped |= printed.contains("\nerror: ") || printed.contains("\nfailed: "),
                    None => {
                        shown.allows |= printed.contains("allow");
                        shown.denies |= printed.contains("\ndeny (");
                    }
                }
                printed
            }
            _ => {
                assert_stands_in(&bundle, block);
                block.text.to_owned()
            }
        }
    });
    let complete = Shown { allows: true, denies: true, stopped: true };
    let incomplete: Vec<_> = shown.iter().filter(|(_, shown)| **shown != complete).collect();
    assert!(incomplete.is_empty(), "a recipe shows an allow, a denial, a mistake and what stops it: {incomplete:#?}");
    assert_eq!(shown.into_keys().collect::<BTreeSet<_>>(), names(), "each bundle has a recipe");
}

#[test]
fn the_cases_of_every_recipe_pass_and_leave_nothing_out() {
    for name in names() {
        let report =
            portcullis_testkit::cases::run_dir(bundles().join(&name)).unwrap_or_else(|error| panic!("{name}: {error}"));
        report.assert_complete();
    }
}

#[test]
fn every_recipe_keeps_the_laws() {
    for name in names() {
        let laws = portcullis_testkit::Laws::of_dir(bundles().join(&name));
        laws.and_then(|laws| laws.check()).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
}

/// The bundle that a section is about.
fn recipe(section: &str) -> Option<String> {
    let (_, rest) = section.strip_prefix("## ")?.split_once("[`policies/cookbook/")?;
    rest.split_once('`').map(|(name, _)| name.to_owned())
}

#[track_caller]
fn assert_stands_in(bundle: &Path, block: &Block<'_>) {
    let found = page::files(bundle).iter().any(|(_, text)| text.contains(block.text));
    assert!(found, "no file of {} has\n{}", bundle.display(), block.text);
}

fn bundles() -> PathBuf {
    page::root().join("policies/cookbook")
}

fn names() -> BTreeSet<String> {
    let entries = std::fs::read_dir(bundles()).unwrap().map(|entry| entry.unwrap().file_name());
    entries.map(|name| name.into_string().unwrap()).collect()
}
