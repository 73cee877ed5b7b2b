//! The second half of docs/tutorial.md: it shows this package, and what it answers.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use readme_lines::Example;
use readme_lines::page::{self, Shell};

#[test]
fn the_service_answers_as_the_tutorial_says() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("notes");
    page::copy(&page::root().join("examples/tutorial/policies"), &directory.join("policies"));
    let here = |program: &str| {
        let mut command = Command::new(program);
        command.current_dir(&directory);
        command
    };
    let tokens = here(env!("CARGO_BIN_EXE_tokens")).output().unwrap();
    assert!(tokens.status.success(), "{tokens:?}");
    std::fs::write(directory.join("tokens.sh"), tokens.stdout).unwrap();
    let service = Example::start(here(env!("CARGO_BIN_EXE_tutorial")).arg("127.0.0.1:0"), "notes at http://");
    let shell = Shell::new(&directory).with(". ./tokens.sh").with("curl() { command curl --silent \"$@\"; }");
    page::check("docs/tutorial.md", |block| match block.kind {
        "console" if block.text.starts_with("$ curl ") => {
            let commands = block.text.lines().filter_map(|line| line.strip_prefix("$ "));
            let answers = commands.map(|command| {
                let answer = shell.run(&command.replace("localhost:8080", service.ready()));
                format!("$ {command}\n{}", lasting(&answer))
            });
            answers.collect()
        }
        _ => block.text.to_owned(),
    });
}

#[test]
fn the_tutorial_shows_the_files_of_this_package() {
    let files = [include_str!("../src/main.rs"), include_str!("../src/bin/tokens.rs")];
    let (mut shown, mut manifest) = (Vec::new(), String::new());
    page::check("docs/tutorial.md", |block| {
        match block.kind {
            "rust,ignore" => shown.push(block.text.to_owned()),
            "toml" => manifest = block.text.to_owned(),
            _ => {}
        }
        block.text.to_owned()
    });
    assert_eq!(shown, files);
    // The versions are those of the workspace.
    let workspace = dependencies(&std::fs::read_to_string(page::root().join("Cargo.toml")).unwrap(), "workspace");
    let stated = dependencies(&manifest, "");
    let own = dependencies(include_str!("../Cargo.toml"), "");
    assert_eq!(stated.keys().collect::<Vec<_>>(), own.keys().collect::<Vec<_>>());
    for (name, table) in stated {
        let version = |table: &toml::Value| table.get("version").cloned();
        assert_eq!(version(&table), version(&workspace[&name]), "{name}");
        if table.get("path").is_none() {
            let features = |table: &toml::Value| table.get("features").cloned();
            let expected = features(&own[&name]).or_else(|| features(&workspace[&name]));
            assert_eq!(features(&table), expected, "{name}");
        }
    }
}

/// What of an answer is the same each time.
fn lasting(answer: &str) -> String {
    let answer = answer.replace('\r', "");
    let lines = answer.lines().map(|line| match (line.strip_prefix("date: "), line.split_once("\"decision\":\"")) {
        (Some(_), _) => "date: …\n".to_owned(),
        (None, Some((before, rest))) => {
            let after = rest.split_once('"').map_or("", |(_, after)| after);
            format!("{before}\"decision\":\"…\"{after}\n")
        }
        (None, None) => format!("{line}\n"),
    });
    lines.collect()
}

/// The dependencies of a manifest, each as a table.
fn dependencies(manifest: &str, below: &str) -> BTreeMap<String, toml::Value> {
    let manifest: toml::Table = manifest.parse().unwrap();
    let table = manifest.get(below).and_then(toml::Value::as_table).unwrap_or(&manifest);
    let found = table["dependencies"].as_table().unwrap().iter().map(|(name, value)| {
        let value = match value {
            toml::Value::String(version) => {
                toml::Value::Table([("version".to_owned(), version.clone().into())].into_iter().collect())
            }
            other => other.clone(),
        };
        (name.clone(), value)
    });
    found.collect()
}
