//! The functions and tables of test code, found by the way `rustfmt` indents them.

use crate::files::TextFile;

/// A function or a constant, with the comments and attributes above it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Item {
    pub(super) name: String,
    pub(super) is_test: bool,
    pub(super) text: String,
}

/// The items of the tests in `file`: everything in a file of tests, otherwise what follows `#[cfg(test)]`.
pub(super) fn of_tests(file: &TextFile) -> Vec<Item> {
    if file.path.starts_with("fuzz/src/targets/") {
        let name = file.path.rsplit('/').next().unwrap_or_default().trim_end_matches(".rs").to_owned();
        return vec![Item { name, is_test: true, text: file.text.clone() }];
    }
    let is_tests = file.path.split('/').any(|part| part == "tests" || part == "tests.rs");
    let lines = file.text.lines().skip_while(|line| !is_tests && *line != "#[cfg(test)]");
    let mut items = Vec::new();
    let mut open: Option<(Item, usize)> = None;
    let mut above = Vec::new();
    for line in lines {
        let text = line.trim_start();
        let indent = line.len() - text.len();
        if let Some((mut item, start)) = open.take() {
            item.text.push('\n');
            item.text.push_str(line);
            if indent == start && text.starts_with(['}', ']', ')']) || indent <= start && text.ends_with(';') {
                items.push(item);
            } else {
                open = Some((item, start));
            }
        } else if let Some(name) = name(text) {
            let is_test = above.iter().any(|line: &&str| line.starts_with("#[") && line.contains("test"));
            above.push(line);
            let item = Item { name: name.to_owned(), is_test, text: above.join("\n") };
            above.clear();
            if text.ends_with([';', '}']) {
                items.push(item);
            } else {
                open = Some((item, indent));
            }
        } else if text.starts_with("//") && !text.starts_with("//!") || text.starts_with("#[") {
            above.push(text);
        } else {
            above.clear();
        }
    }
    items
}

/// The name, if the line begins a function or a constant.
fn name(line: &str) -> Option<&str> {
    let line = line.strip_prefix("pub(crate) ").or_else(|| line.strip_prefix("pub ")).unwrap_or(line);
    let line = line.strip_prefix("async ").unwrap_or(line);
    let rest = ["fn ", "const fn ", "const ", "static "].into_iter().find_map(|word| line.strip_prefix(word))?;
    rest.split(|character: char| !character.is_alphanumeric() && character != '_').next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn items_end_where_they_are_indented_as_they_began() {
        let text = "\
//! A-01

// one
const ONE: u8 = 1;

/// two
const TWO: &[u8] = &[
    1,
];

mod inner {
    fn short() {}

    // lost

    #[test]
    fn long() {
        fn nested() {
        }
        if true {
        }
    }
}
";
        let items = of_tests(&TextFile { path: "tests/a.rs".to_owned(), text: text.to_owned() });
        let shown: Vec<_> = items.iter().map(|item| (item.name.as_str(), item.is_test)).collect();
        assert_eq!(shown, [("ONE", false), ("TWO", false), ("short", false), ("long", true)]);
        assert!(items.iter().all(|item| !item.text.contains("lost") && !item.text.contains("A-01")));
        assert!(items.iter().any(|item| item.text.starts_with("/// two")));
    }
}
