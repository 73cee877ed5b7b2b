//! The catalogue of errors and the sources have the same messages.

use crate::files::TextFile;

/// What the sources say and the catalogue does not, and the other way round.
pub(super) fn differing(files: &[TextFile]) -> Result<Vec<String>, String> {
    let page = files.iter().find(|file| file.path == PAGE).ok_or(format!("there is no {PAGE}"))?;
    let catalogue = page.text.lines().map(normalised).collect::<Vec<_>>().join("\n");
    let (mut found, mut said) = (Vec::new(), Vec::new());
    for file in files.iter().filter(|file| file.path.ends_with(".rs")) {
        for (line, text) in messages(file) {
            let text = normalised(&text);
            if is_prose(&text) && !catalogue.contains(&text) && !OTHER_TEXTS.contains(&text.as_str()) {
                found.push(format!("{}:{line}: {PAGE} does not have `{text}`", file.path));
            }
            said.push(text);
        }
    }
    let shown: String = files
        .iter()
        .filter(|file| SHOWN.iter().any(|path| file.path.starts_with(path)))
        .map(|file| &*file.text)
        .collect();
    for Row { line, message, of_cedar } in rows(&page.text) {
        let known = if of_cedar { is_shown(message, &shown) } else { said.contains(&normalised(message)) };
        if !known {
            found.push(format!("{PAGE}:{line}: nothing says `{message}`"));
        }
    }
    Ok(found)
}

/// The messages of a source, with their lines.
fn messages(file: &TextFile) -> Vec<(usize, String)> {
    let whole = WHOLE.iter().any(|folder| file.path.starts_with(folder)) && !APART.contains(&file.path.as_str());
    let errors = ERRORS.contains(&file.path.as_str());
    if !whole && !errors {
        return Vec::new();
    }
    let code = file.text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    let mut found = literals(code);
    found.retain(|literal| match whole {
        true => !literal.after.ends_with("reason = "),
        false => MESSAGE_AFTER.iter().any(|opening| literal.after.ends_with(opening)),
    });
    found.into_iter().map(|literal| (literal.line, literal.text)).collect()
}

/// A string in Rust.
struct Literal<'a> {
    line: usize,
    /// The code before it, without space at its end.
    after: &'a str,
    text: String,
}

fn literals(code: &str) -> Vec<Literal<'_>> {
    let (mut found, mut at) = (Vec::new(), 0);
    while let Some(rest) = code.get(at..).filter(|rest| !rest.is_empty()) {
        let length = if rest.starts_with("//") {
            rest.find('\n').unwrap_or(rest.len())
        } else if rest.starts_with("r#\"") {
            let end = rest.find("\"#").unwrap_or(rest.len());
            found.push(literal(code, at, rest.get(3..end).unwrap_or_default().to_owned()));
            end + 2
        } else if rest.starts_with('"') {
            let (text, length) = quoted(rest);
            found.push(literal(code, at, text));
            length
        } else if rest.starts_with("'\"'") {
            3
        } else {
            rest.chars().next().map_or(1, char::len_utf8)
        };
        at += length;
    }
    found
}

fn literal(code: &str, at: usize, text: String) -> Literal<'_> {
    let before = code.get(..at).unwrap_or_default();
    let after = before.trim_end();
    // `reason = ` is told from a name that ends so.
    let after = if before.ends_with("reason = ") { before } else { after };
    Literal { line: before.matches('\n').count() + 1, after, text }
}

/// The text between the quotation marks at the beginning of `code`, and how long it is with them.
fn quoted(code: &str) -> (String, usize) {
    let (mut text, mut escaped, mut skipping) = (String::new(), false, false);
    for (at, character) in code.char_indices().skip(1) {
        match (escaped, character) {
            (false, '"') => return (text, at + 1),
            (false, '\\') => escaped = true,
            // A line that goes on in the next one.
            (true, '\n') => (escaped, skipping) = (false, true),
            (true, 'n') => {
                escaped = false;
                text.push('\n');
            }
            _ if skipping && character.is_whitespace() => {}
            _ => {
                (escaped, skipping) = (false, false);
                text.push(character);
            }
        }
    }
    (text, code.len())
}

/// Lower case, with `…` for whatever stands in braces.
fn normalised(text: &str) -> String {
    let mut out = String::new();
    let mut open = Vec::new();
    for character in text.replace("{{", "{").replace("}}", "}").to_lowercase().chars() {
        match (character, open.last().copied()) {
            ('{', _) => {
                open.push(out.len());
                out.push('{');
            }
            ('}', Some(begin)) => {
                open.pop();
                out.truncate(begin);
                out.push('…');
            }
            _ => out.push(character),
        }
    }
    out.replace("@…", "…").trim().to_owned()
}

/// Whether a text is one that people read: two words in a row, or more.
fn is_prose(text: &str) -> bool {
    let is_word =
        |word: &str| word.len() > 1 && word.chars().all(|c| c.is_alphabetic() || matches!(c, ',' | ':' | ';'));
    text.split(' ').filter(|word| is_word(word)).count() > 1
}

/// A row in a table of messages.
struct Row<'a> {
    line: usize,
    message: &'a str,
    of_cedar: bool,
}

fn rows(page: &str) -> Vec<Row<'_>> {
    let (mut found, mut heading, mut counts) = (Vec::new(), "", false);
    for (index, line) in page.lines().enumerate() {
        if line.starts_with('#') {
            (heading, counts) = (line, false);
        }
        let cell = line.strip_prefix("| ").and_then(|line| line.split(" | ").next());
        match cell {
            Some("Message") => counts = true,
            Some(message) if counts => found.push(Row { line: index + 1, message, of_cedar: heading == OF_CEDAR }),
            _ => {}
        }
    }
    found
}

/// Whether a line of the tests has what Cedar says: it is not in our sources.
fn is_shown(message: &str, tests: &str) -> bool {
    tests.lines().any(|line| {
        let mut parts = message.split('…');
        parts.try_fold(line, |rest, part| rest.find(part).and_then(|at| rest.get(at + part.len()..))).is_some()
    })
}

const PAGE: &str = "docs/errors.md";

const OF_CEDAR: &str = "### What Cedar says";

/// Where what Cedar says is shown, and compared by a test.
const SHOWN: [&str; 2] = ["crates/portcullis-core/tests/load_errors/", "docs/cookbook.md"];

/// Sources in which every sentence is a message or its help.
const WHOLE: [&str; 4] = [
    "crates/portcullis-core/src/bundle/",
    "crates/portcullis-core/src/caller/profile/compile.rs",
    "crates/portcullis/src/reload/",
    "crates/portcullis/src/settings/",
];

/// Sources among them that say no error.
const APART: [&str; 3] = [
    "crates/portcullis-core/src/bundle/prelude.rs",
    "crates/portcullis-core/src/bundle/report.rs",
    "crates/portcullis/src/settings/tests.rs",
];

/// Sources with errors that operators see, or read in the log.
const ERRORS: [&str; 33] = [
    "crates/portcullis-core/src/caller/profile/template.rs",
    "crates/portcullis-core/src/caller/source.rs",
    "crates/portcullis-core/src/scope/name.rs",
    "crates/portcullis-token/src/algorithm.rs",
    "crates/portcullis-token/src/api_key/mod.rs",
    "crates/portcullis-token/src/api_key/store.rs",
    "crates/portcullis-token/src/approval/key.rs",
    "crates/portcullis-token/src/approval/rules.rs",
    "crates/portcullis-token/src/approval/settings.rs",
    "crates/portcullis-token/src/dpop/error.rs",
    "crates/portcullis-token/src/dpop/nonce.rs",
    "crates/portcullis-token/src/dpop/settings.rs",
    "crates/portcullis-token/src/dpop/target_uri.rs",
    "crates/portcullis-token/src/dpop/verifier.rs",
    "crates/portcullis-token/src/duration.rs",
    "crates/portcullis-token/src/error.rs",
    "crates/portcullis-token/src/http.rs",
    "crates/portcullis-token/src/introspection/mod.rs",
    "crates/portcullis-token/src/issuer.rs",
    "crates/portcullis-token/src/secret.rs",
    "crates/portcullis-token/src/settings/mod.rs",
    "crates/portcullis-token/src/settings/tenants.rs",
    "crates/portcullis-token/src/source/mod.rs",
    "crates/portcullis-token/src/status/remote.rs",
    "crates/portcullis-token/src/verifier_error.rs",
    "crates/portcullis/src/audit/mask.rs",
    "crates/portcullis/src/builder.rs",
    "crates/portcullis/src/connection.rs",
    "crates/portcullis/src/credentials.rs",
    "crates/portcullis/src/handler/assignment.rs",
    "crates/portcullis/src/metadata.rs",
    "crates/portcullis/src/refusal.rs",
    "crates/portcullis/src/resource_identifier.rs",
];

/// What stands before a message in these.
const MESSAGE_AFTER: [&str; 3] = ["#[error(", "return Err(", "Err(format!("];

/// What the sources say otherwise.
const OTHER_TEXTS: [&str; 4] =
    ["the handler names the action", "the bundle has … problem…", ", decided in the handler", ", a list of `…`"];

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of a catalogue with `rows`, beside a loader with `code` and an error with `attribute`.
    fn found(rows: &str, code: &str, attribute: &str) -> Vec<String> {
        let file = |path: &str, text: String| TextFile { path: path.to_owned(), text };
        let page = file(PAGE, format!("## Bundle\n\n| Message | Why |\n|---|---|\n{rows}"));
        let loader = file("crates/portcullis-core/src/bundle/check.rs", code.to_owned());
        let error = file("crates/portcullis-token/src/secret.rs", format!("#[error({attribute})]\n    Gone,\n"));
        differing(&[page, loader, error]).unwrap()
    }

    #[test]
    fn every_message_and_help_of_a_loader_is_in_the_catalogue() {
        let code =
            r#"problem(format!("no scope `{}` \"{name}\" here")).with_help("say which one: `{name}`"); // not said"#;
        let row = "| no scope `…` \"…\" here | say which one: `{name}` |\n";
        assert_eq!(found(row, code, "transparent"), [""; 0]);
        let path = "crates/portcullis-core/src/bundle/check.rs:1: docs/errors.md does not have";
        assert_eq!(
            found("", code, "transparent"),
            [format!("{path} `no scope `…` \"…\" here`"), format!("{path} `say which one: `…``")]
        );
    }

    #[test]
    fn every_error_is_in_the_catalogue() {
        let attribute = r#""the file `{}` cannot \
            be read", path.display()"#;
        assert_eq!(found("| the file `…` cannot be read | look at it |\n", "", attribute), [""; 0]);
        assert_eq!(
            found("", "", attribute),
            ["crates/portcullis-token/src/secret.rs:1: docs/errors.md does not have `the file `…` cannot be read`"]
        );
    }

    #[test]
    fn the_catalogue_has_nothing_that_nobody_says() {
        let row = "| the file is gone | look for it |\n";
        assert_eq!(found(row, "", "transparent"), ["docs/errors.md:5: nothing says `the file is gone`"]);
        assert_eq!(found(row, "", "\"the file is gone\""), [""; 0]);
    }

    #[test]
    fn what_cedar_says_is_shown_by_a_test() {
        let tests = "problems: &[\"roles/a.cedar:1:1: for policy `a`, it is impossible: never\"],";
        for (message, is_shown_there) in [
            ("for policy `…`, it is impossible: …", true),
            ("it is impossible", true),
            ("it is impossible: … for policy", false),
            ("for policy `…`, it is likely", false),
        ] {
            assert_eq!(is_shown(message, tests), is_shown_there, "{message}");
        }
    }

    #[test]
    fn texts_of_tests_and_reasons_of_lints_are_no_messages() {
        let code =
            "#[expect(clippy::panic, reason = \"never at all\")]\n#[cfg(test)]\nmod tests {\n\"some text here\"\n}\n";
        assert_eq!(found("", code, "transparent"), [""; 0]);
    }
}
