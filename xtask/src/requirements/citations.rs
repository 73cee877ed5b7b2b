//! Which tests cite which rules.

use std::collections::{BTreeMap, BTreeSet};

use super::catalogue::Catalogue;
use super::items::{self, Item};
use crate::files::TextFile;

/// A test that cites a rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Citation {
    pub(super) id: String,
    /// The file of the test.
    pub(super) path: String,
    /// The function, or what stands for it: a fuzz target, or a whole file.
    pub(super) test: String,
}

/// All citations, sorted, and what is wrong with some.
pub(super) fn find(files: &[TextFile], catalogue: &Catalogue) -> (Vec<Citation>, Vec<String>) {
    let mut suites: BTreeMap<&str, Vec<(&TextFile, Vec<Item>)>> = BTreeMap::new();
    for file in files.iter().filter(|file| file.path.ends_with(".rs") && !file.path.starts_with("xtask/")) {
        suites.entry(suite(&file.path)).or_default().push((file, items::of_tests(file)));
    }
    let (mut citations, mut problems) = (BTreeSet::new(), Vec::new());
    for suite in suites.values() {
        for (file, item) in suite.iter().flat_map(|(file, items)| items.iter().map(move |item| (*file, item))) {
            let cited = ids(&item.text, catalogue);
            if cited.is_empty() {
                continue;
            }
            let tests = tests_that_use(item, file, suite);
            for id in cited {
                if !catalogue.has(&id) {
                    problems.push(format!("{}: there is no requirement {id}", file.path));
                } else if tests.is_empty() {
                    problems.push(format!("{}: {id} is cited in `{}`, which no test uses", file.path, item.name));
                }
                let cite = |(path, test): &(String, String)| Citation {
                    id: id.clone(),
                    path: path.clone(),
                    test: test.clone(),
                };
                citations.extend(tests.iter().map(cite));
            }
        }
    }
    (citations.into_iter().collect(), problems)
}

/// Files that share helpers: those of one folder of tests, otherwise each alone.
fn suite(path: &str) -> &str {
    if path.split('/').any(|part| part == "tests") {
        path.rsplit_once('/').map_or(path, |(folder, _)| folder)
    } else {
        path
    }
}

/// The tests, as (file, function), that come to `item`: itself, or those that name it, or a helper that names it.
fn tests_that_use(item: &Item, file: &TextFile, suite: &[(&TextFile, Vec<Item>)]) -> BTreeSet<(String, String)> {
    let mut tests = BTreeSet::new();
    let mut seen = BTreeSet::from([item.name.as_str()]);
    let mut pending = vec![(file, item)];
    while let Some((file, item)) = pending.pop() {
        if item.is_test {
            tests.insert((file.path.clone(), item.name.clone()));
            continue;
        }
        for (other_file, other) in suite.iter().flat_map(|(file, items)| items.iter().map(move |item| (*file, item))) {
            if has_word(&other.text, &item.name) && seen.insert(&other.name) {
                pending.push((other_file, other));
            }
        }
    }
    tests
}

fn has_word(text: &str, word: &str) -> bool {
    let is_word = |character: char| character.is_alphanumeric() || character == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).is_some_and(|before| before.ends_with(is_word));
        let after = text.get(at + word.len()..).is_some_and(|after| after.starts_with(is_word));
        !before && !after
    })
}

/// The ids in `text` whose prefix is ours: three characters, a hyphen, two digits.
fn ids(text: &str, catalogue: &Catalogue) -> BTreeSet<String> {
    let words = text.split(|character: char| !character.is_ascii_alphanumeric() && character != '-');
    let is_id = |word: &&str| match word.split_once('-') {
        Some((prefix, number)) => {
            catalogue.has_prefix(prefix) && number.len() == 2 && number.bytes().all(|byte| byte.is_ascii_digit())
        }
        None => false,
    };
    words.filter(is_id).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(files: &[(&str, &str)]) -> (Vec<String>, Vec<String>) {
        let rules = ["JWK-01", "JWK-02"].map(|id| format!("{id} = {{ level = \"MUST\", title = \"a\" }}\n")).concat();
        let catalogue = Catalogue::parse(&format!("[JWK]\n{rules}")).unwrap();
        let file = |(path, text): &(&str, &str)| TextFile { path: (*path).to_owned(), text: (*text).to_owned() };
        let files: Vec<_> = files.iter().map(file).collect();
        let (citations, problems) = find(&files, &catalogue);
        let shown = citations.into_iter().map(|found| format!("{} {}::{}", found.id, found.path, found.test));
        (shown.collect(), problems)
    }

    #[test]
    fn a_citation_belongs_to_the_test_around_or_below_it() {
        let text = "\
fn before() {
    // JWK-01
}

#[cfg(test)]
mod tests {
    #[test]
    fn inside() {
        assert!(true); // JWK-01, RFC-99, JWK-1, XJWK-01
    }

    // JWK-02
    #[tokio::test(flavor = \"multi_thread\")]
    async fn below() {
        before();
    }
}
";
        let (citations, problems) = found(&[("src/a.rs", text)]);
        assert_eq!(citations, ["JWK-01 src/a.rs::inside", "JWK-02 src/a.rs::below"]);
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn a_citation_in_a_table_belongs_to_the_tests_that_read_it() {
        let table = "const ROWS: &[&str] = &[\n    \"a\", // JWK-01\n];\n\npub(crate) fn rows() -> usize {\n    ROWS.len()\n}\n";
        let tests = "#[test]\nfn each_row() {\n    rows();\n}\n\n#[test]\nfn other() {\n    rows_of_others();\n}\n";
        let (citations, problems) = found(&[("tests/t/rows.rs", table), ("tests/t/main.rs", tests)]);
        assert_eq!(citations, ["JWK-01 tests/t/main.rs::each_row"]);
        assert_eq!(problems, [""; 0]);
    }

    #[test]
    fn a_citation_that_no_test_comes_to_and_an_unknown_rule_are_problems() {
        let text = "const ROWS: &str = \"JWK-01\";\n\n#[test]\nfn t() {\n    // JWK-77\n}\n";
        let (_, problems) = found(&[("tests/t.rs", text)]);
        assert_eq!(problems.len(), 2, "{problems:?}");
    }

    #[test]
    fn a_fuzz_target_is_a_test() {
        let (citations, _) = found(&[("fuzz/src/targets/jwk.rs", "// JWK-02\npub(super) fn run(_: &[u8]) {}\n")]);
        assert_eq!(citations, ["JWK-02 fuzz/src/targets/jwk.rs::jwk"]);
    }
}
