//! The first half of docs/tutorial.md: from `portcullis new` to the policies of `examples/tutorial`.

use std::fs;
use std::path::Path;

use readme_lines::page;

use crate::shell;

#[test]
fn the_commands_and_changes_of_the_tutorial_lead_to_the_policies_of_its_example() {
    let directory = Path::new(env!("CARGO_TARGET_TMPDIR")).join("tutorial");
    let _ = fs::remove_dir_all(&directory);
    fs::create_dir_all(&directory).unwrap();
    let shell = shell(&directory);
    page::check("docs/tutorial.md", |block| match block.kind {
        "console" if block.text.starts_with("$ portcullis ") => shell.run_all(block.text),
        "diff" => {
            page::change(block.text, &directory);
            block.text.to_owned()
        }
        _ => block.text.to_owned(),
    });
    let example = page::root().join("examples/tutorial/policies");
    if std::env::var_os("PORTCULLIS_RECORD").is_some() {
        page::copy(&directory.join("policies"), &example);
    }
    let policies = |directory: &Path| -> Vec<_> {
        let files = page::files(directory).into_iter();
        let files = files.map(|(path, text)| (path.strip_prefix(directory).unwrap().to_owned(), text));
        // The keys of whoever tried the example.
        files.filter(|(path, _)| path != Path::new("keys.json")).collect()
    };
    assert_eq!(policies(&directory.join("policies")), policies(&example));
}
