//! Dependencies that no code uses: they cost build time, and every one is somebody whom we trust.

use crate::files::{self, TextFile};

/// Fails if a manifest names a dependency that no source of its package mentions.
pub(crate) fn check() -> Result<(), String> {
    let files = files::all()?;
    let unused = unused(&files);
    if unused.is_empty() { Ok(()) } else { Err(format!("unused dependencies\n  {}", unused.join("\n  "))) }
}

fn unused(files: &[TextFile]) -> Vec<String> {
    let manifests = || files.iter().filter(|file| file.path.rsplit('/').next() == Some("Cargo.toml"));
    let inherited: Vec<Dependency<'_>> = manifests().flat_map(dependencies).filter(|found| !found.is_offer()).collect();
    let is_unused = |manifest: &TextFile, dependency: &Dependency<'_>| {
        if dependency.is_offer() {
            return !inherited.iter().any(|other| other.name == dependency.name);
        }
        let folder = manifest.path.trim_end_matches("Cargo.toml");
        let own = || files.iter().filter(|file| file.path.starts_with(folder) && file.path.ends_with(".rs"));
        // Examples in documents are compiled where they are included.
        let documents = own().flat_map(included).filter_map(|path| files.iter().find(|file| file.path == path));
        let sources = own().chain(documents.filter(|_| dependency.section.ends_with("dev-dependencies")));
        let identifier = dependency.name.replace('-', "_");
        !sources.flat_map(|source| code(source, dependency)).any(|line| has_word(line, &identifier))
    };
    let of_manifest = |manifest| {
        let found = dependencies(manifest).into_iter().filter(move |dependency| is_unused(manifest, dependency));
        found.map(|dependency| format!("{}: {} in [{}]", manifest.path, dependency.name, dependency.section))
    };
    manifests().flat_map(of_manifest).collect()
}

struct Dependency<'a> {
    name: &'a str,
    section: &'a str,
}

impl Dependency<'_> {
    /// Whether members of the workspace may inherit it.
    fn is_offer(&self) -> bool {
        self.section == "workspace.dependencies"
    }
}

fn dependencies(manifest: &TextFile) -> Vec<Dependency<'_>> {
    let mut section = "";
    let mut found = Vec::new();
    for line in manifest.text.lines() {
        if let Some(header) = line.strip_prefix('[').and_then(|line| line.split(']').next()) {
            section = header;
        } else if section.ends_with("dependencies") && line.starts_with(|first: char| first.is_ascii_alphabetic()) {
            found.extend(line.split(['.', ' ', '=']).next().map(|name| Dependency { name, section }));
        }
    }
    found
}

/// The documents at the root of the project, or below it, that a source includes.
fn included(source: &TextFile) -> impl Iterator<Item = &str> {
    let paths = source.text.split("include_str!(\"").skip(1).filter_map(|rest| rest.split('"').next());
    paths.filter(|path| path.ends_with(".md")).map(|path| path.trim_start_matches("../"))
}

/// The lines that can use the dependency. Documentation examples are compiled with dev-dependencies too.
fn code<'a>(source: &'a TextFile, dependency: &Dependency<'_>) -> impl Iterator<Item = &'a str> {
    let with_examples = dependency.section.ends_with("dev-dependencies");
    source.text.lines().filter(move |line| with_examples || !line.trim_start().starts_with("//"))
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|character: char| !character.is_alphanumeric() && character != '_').any(|found| found == word)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_dependency_without_a_use_is_found() {
        let files = [
            file("Cargo.toml", "[workspace.dependencies]\nserde = \"1\"\nserde-json = \"1\"\nrand = \"1\"\n"),
            file(
                "a/Cargo.toml",
                "[package]\nname = \"a\"\n[dependencies]\nserde.workspace = true\nserde-json.workspace = true # x\n\
                 [dev-dependencies]\ntoml = \"1\"\nproptest = { version = \"1\" }\n",
            ),
            // A comment is no use, except of what examples are compiled with; neither is a longer word.
            file("a/src/lib.rs", "//! serde_json::Value\n/// toml::from_str\nuse my_serde_json; #[serde(default)]"),
            file("b/src/lib.rs", "use proptest;"),
        ];
        assert_eq!(
            unused(&files),
            [
                "Cargo.toml: rand in [workspace.dependencies]",
                "a/Cargo.toml: serde-json in [dependencies]",
                "a/Cargo.toml: proptest in [dev-dependencies]",
            ]
        );
    }

    #[test]
    fn what_an_included_document_shows_is_used_by_tests_alone() {
        let manifest = |section: &str| file("a/Cargo.toml", &format!("[{section}]\nrand.workspace = true\n"));
        let source = file("a/src/lib.rs", "#[doc = include_str!(\"../../docs/page.md\")]\nstruct Page;\n");
        for (section, page, is_unused) in [
            ("dev-dependencies", "use rand::Rng;", false),
            ("dev-dependencies", "nothing", true),
            ("dependencies", "use rand::Rng;", true),
        ] {
            let files = [manifest(section), file("a/src/lib.rs", &source.text), file("docs/page.md", page)];
            assert_eq!(!unused(&files).is_empty(), is_unused, "{section}: {page}");
        }
    }
}
