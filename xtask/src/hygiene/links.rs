//! Links between documents lead somewhere, and the table of contents of the guide has all of its pages.

use crate::files::TextFile;

/// Links that lead nowhere, and pages that nobody finds, as `path:line: message`.
pub(super) fn broken(files: &[TextFile]) -> Vec<String> {
    let documents = files.iter().filter(|file| file.path.ends_with(".md"));
    let mut found: Vec<String> = documents.flat_map(|file| broken_in(file, files)).collect();
    let summary = files.iter().find(|file| file.path == SUMMARY);
    let listed: Vec<String> = summary.into_iter().flat_map(links).map(|link| link.path).collect();
    let pages = files.iter().map(|file| &file.path).filter(|path| path.starts_with("docs/") && path.ends_with(".md"));
    let unlisted = pages.filter(|path| *path != SUMMARY && !listed.contains(path));
    found.extend(unlisted.map(|path| format!("{path}: the guide has no such page: add it to {SUMMARY}")));
    found
}

fn broken_in<'a>(file: &'a TextFile, files: &'a [TextFile]) -> impl Iterator<Item = String> {
    links(file).filter_map(|link| {
        let Link { line, path, anchor, text, named } = link;
        let below = format!("{path}/");
        let Some(target) = files.iter().find(|file| file.path == path || file.path.starts_with(&below)) else {
            return Some(format!("{}:{line}: the link to `{text}` leads nowhere", file.path));
        };
        if let Some(test) = named.filter(|_| path.ends_with(".rs")) {
            let found = target.text.contains(&format!("fn {test}("));
            return (!found).then(|| format!("{}:{line}: `{path}` has no test `{test}`", file.path));
        }
        let anchor = anchor.filter(|_| target.path == path && path.ends_with(".md"))?;
        let found = headings(&target.text).any(|heading| slug(heading) == anchor);
        (!found).then(|| format!("{}:{line}: `{path}` has no heading `#{anchor}`", file.path))
    })
}

/// A relative link.
struct Link {
    line: usize,
    /// From the root of the project.
    path: String,
    anchor: Option<String>,
    text: String,
    /// The test whose name is the text of the link.
    named: Option<String>,
}

fn links(file: &TextFile) -> impl Iterator<Item = Link> {
    file.text.lines().enumerate().flat_map(move |(index, line)| {
        let texts = line.split("](").map(|before| before.rsplit('[').next().unwrap_or_default());
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        texts.zip(targets).filter(|(_, target)| !target.contains(':')).map(move |(shown, target)| {
            let (path, anchor) = target.split_once('#').map_or((target, None), |(path, anchor)| (path, Some(anchor)));
            let path = if path.is_empty() { file.path.clone() } else { resolve(&file.path, path) };
            let named = shown.strip_prefix('`').and_then(|shown| shown.strip_suffix('`'));
            let named = named.filter(|name| name.matches('_').count() > 1 && name.bytes().all(is_of_a_name));
            let [anchor, named] = [anchor, named].map(|text| text.map(str::to_owned));
            Link { line: index + 1, path, anchor, text: target.to_owned(), named }
        })
    })
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_'
}

/// The headings of a document, without those that are lines of code.
fn headings(text: &str) -> impl Iterator<Item = &str> {
    let mut code = false;
    text.lines().filter_map(move |line| {
        code ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        (!code && heading.len() < line.len()).then(|| heading.strip_prefix(' ')).flatten()
    })
}

/// The anchor of a heading, as forges and mdBook make it.
fn slug(heading: &str) -> String {
    let kept = |c: &char| c.is_alphanumeric() || matches!(c, ' ' | '-' | '_');
    heading.trim_end().to_lowercase().chars().filter(kept).map(|c| if c == ' ' { '-' } else { c }).collect()
}

/// The path, from the root of the project, that `target` means in the file at `path`.
fn resolve(path: &str, target: &str) -> String {
    let mut parts: Vec<&str> = path.split('/').collect();
    parts.pop();
    for part in target.trim_end_matches('/').split('/') {
        match part {
            "." => {}
            ".." => drop(parts.pop()),
            name => parts.push(name),
        }
    }
    parts.join("/")
}

/// The table of contents of the guide.
const SUMMARY: &str = "docs/SUMMARY.md";

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: &str) -> TextFile {
        TextFile { path: path.to_owned(), text: text.to_owned() }
    }

    #[test]
    fn a_link_leads_to_a_file_or_folder_and_an_anchor_to_a_heading() {
        let map = "# Map\n\n## Code map: what `is` where\n\n```sh\n# not a heading\n```\n";
        for (path, text, is_broken) in [
            ("page.md", "[map](docs/map.md#code-map-what-is-where), [docs](docs/), [RFC](https://a.example)", false),
            ("page.md", "[map](map.md)", true),
            ("page.md", "[map](docs/map.md#code-map)", true),
            ("page.md", "[map](docs/map.md#not-a-heading)", true),
            ("page.md", "## Top\n[docs](docs/), [self](#top)", false),
            ("page.md", "[self](#top)", true),
            ("docs/map.md", "[up](../page.md)", true),
            // Only documents have links.
            ("src/lib.rs", "//! [nowhere](nowhere.md)", false),
        ] {
            let mut files = vec![file(SUMMARY, "[Map](map.md)"), file(path, text)];
            files.extend((path != "docs/map.md").then(|| file("docs/map.md", map)));
            assert_eq!(!broken(&files).is_empty(), is_broken, "{path}: {text}: {:?}", broken(&files));
        }
    }

    #[test]
    fn a_link_with_the_name_of_a_test_leads_to_that_test() {
        let code = file("tests/a.rs", "fn nobody_gets_in() {}");
        for (name, is_broken) in [("nobody_gets_in", false), ("nobody_gets", false), ("nobody_gets_out", true)] {
            let page = file("page.md", &format!("see [`{name}`](tests/a.rs)"));
            let files = [page, file("tests/a.rs", &code.text)];
            assert_eq!(!broken(&files).is_empty(), is_broken, "{name}: {:?}", broken(&files));
        }
    }

    #[test]
    fn the_guide_has_every_page_in_its_table_of_contents() {
        let files = [file(SUMMARY, "- [One](one.md)\n"), file("docs/one.md", ""), file("docs/two.md", "")];
        assert_eq!(broken(&files), ["docs/two.md: the guide has no such page: add it to docs/SUMMARY.md"]);
    }
}
