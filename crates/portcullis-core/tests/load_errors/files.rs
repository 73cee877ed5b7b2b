//! Refusals of files as such: what is missing, changed, unreadable or stray.

use std::fs;
use std::path::{Path, PathBuf};

use portcullis_core::BundleFiles;

use crate::fixture::Edit::{Append, Pack, Remove, Replace, Write};
use crate::fixture::{CEILINGS, Case, ENTITIES, FILES, ROLES, SCHEMA, check, load};

#[test]
fn a_bundle_has_a_schema() {
    check(&[Case {
        name: "no schema",
        edits: &[Remove(SCHEMA)],
        problems: &["schema.cedarschema: is missing", "    help: it declares entity types, scopes and actions"],
    }]);
}

#[test]
fn static_entities_fit_the_schema() {
    check(&[
        Case {
            name: "no JSON",
            edits: &[Replace(ENTITIES, "\"id\": \"editor\"}, \"attrs\": {},", "\"id\": \"editor\"} \"attrs\": {},")],
            problems: &[
                "entities.json:3:45: error during entity deserialization: expected `,` or `}` at line 3 column 45",
            ],
        },
        Case {
            name: "a type that the schema does not know",
            edits: &[Replace(ENTITIES, "\"AgentClass\", \"id\": \"trusted\"", "\"Class\", \"id\": \"trusted\"")],
            problems: &[
                r#"entities.json: error during entity deserialization: entity `Class::"trusted"` has type `Class` which is not declared in the schema"#,
            ],
        },
        Case {
            name: "an attribute that the schema does not know",
            edits: &[Replace(
                ENTITIES,
                "\"id\": \"editor\"}, \"attrs\": {}",
                "\"id\": \"editor\"}, \"attrs\": {\"level\": 1}",
            )],
            problems: &[
                r#"entities.json: error during entity deserialization: attribute `level` on `Role::"editor"` should not exist according to the schema"#,
            ],
        },
        Case {
            name: "a cycle",
            edits: &[Replace(
                ENTITIES,
                "\"id\": \"reader\"}, \"attrs\": {}, \"parents\": []",
                "\"id\": \"reader\"}, \"attrs\": {}, \"parents\": [{\"type\": \"Role\", \"id\": \"reader\"}]",
            )],
            problems: &[
                r#"entities.json: transitive closure computation/enforcement error: input graph has a cycle containing vertex `Role::"reader"`"#,
            ],
        },
        Case {
            name: "one entity twice",
            edits: &[Replace(ENTITIES, "\"id\": \"editor\"", "\"id\": \"reader\"")],
            problems: &[r#"entities.json: duplicate entity entry `Role::"reader"`"#],
        },
    ]);
}

#[test]
fn a_packed_bundle_is_what_was_packed() {
    load(&[Pack]).unwrap();
    check(&[
        Case {
            name: "a changed file",
            edits: &[Pack, Append(ROLES, "// no harm meant\n")],
            problems: &[
                "roles/people.cedar: differs from what the MANIFEST lists",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
            ],
        },
        Case {
            name: "a missing file",
            edits: &[Write("roles/more.cedar", "// none yet\n"), Pack, Remove("roles/more.cedar")],
            problems: &[
                "roles/more.cedar: is listed in the MANIFEST but missing",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
            ],
        },
        Case {
            name: "a file too many",
            edits: &[Pack, Write("ceilings/more.cedar", "// none yet\n")],
            problems: &[
                "ceilings/more.cedar: is not listed in the MANIFEST",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
            ],
        },
        Case {
            name: "a half-copied bundle",
            edits: &[Pack, Remove(CEILINGS), Replace(ROLES, "\"owners-edit\"", "\"owners-write\"")],
            problems: &[
                "ceilings/: is missing",
                r#"    help: add the policies of this layer, or state in `portcullis.toml` that it has none: `[layers]` `ceilings = "none"`"#,
                "ceilings/software.cedar: is listed in the MANIFEST but missing",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
                "roles/people.cedar: differs from what the MANIFEST lists",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
            ],
        },
        Case {
            name: "a manifest of something else",
            edits: &[Write("MANIFEST", "hello\n")],
            problems: &[
                "ceilings/software.cedar: is not listed in the MANIFEST",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
                "consent/notes.cedar: is not listed in the MANIFEST",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
                "entities.json: is not listed in the MANIFEST",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
                "guardrails/care.cedar: is not listed in the MANIFEST",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
                "roles/people.cedar: is not listed in the MANIFEST",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
                "schema.cedarschema: is not listed in the MANIFEST",
                "    help: copy the whole bundle again, or run `portcullis pack` if the change is meant",
            ],
        },
    ]);
}

#[test]
fn a_directory_is_read_as_a_bundle() {
    let dir = Directory::new("reads");
    for (path, text) in FILES {
        dir.write(path, text);
    }
    // None of these is part of a bundle.
    for path in ["README.md", "guardrails/README.md", "cases/agents.toml", "invariants/tenancy.cedar", ".git/config"] {
        dir.write(path, "…");
    }
    let expected = FILES.iter().fold(BundleFiles::new(), |files, (path, text)| files.with_file(*path, *text));
    assert_eq!(BundleFiles::from_dir(&dir.path).unwrap(), expected);
}

#[test]
fn a_stray_policy_is_not_lost_without_a_word() {
    for stray in [
        "tenancy.cedar",
        "guardrial/tenancy.cedar",
        "guardrails/tenancy.txt",
        "guardrails/tenancy.cedar.bak",
        "policies/roles/people.cedar",
        "old.cedarschema",
    ] {
        let dir = Directory::new("stray");
        for (path, text) in FILES.iter().chain(&[(stray, "")]) {
            dir.write(path, text);
        }
        let error = BundleFiles::from_dir(&dir.path).unwrap_err();
        let expected = format!(
            "the bundle has 1 problem\n{stray}: has no place in a bundle\n    help: policies are files `*.cedar` in \
             `consent/`, `roles/`, `ceilings/` or `guardrails/`, the schema is `schema.cedarschema`"
        );
        assert_eq!(error.to_string(), expected);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_a_problem() {
    let dir = Directory::new("unreadable");
    dir.write("roles/people.cedar", "");
    fs::write(dir.path.join("roles/binary.cedar"), [0xff, 0xfe]).unwrap();
    let error = BundleFiles::from_dir(&dir.path).unwrap_err();
    let expected = "roles/binary.cedar: cannot be read: stream did not contain valid UTF-8";
    assert_eq!(error.problems().iter().map(ToString::to_string).collect::<Vec<_>>(), [expected]);

    let nowhere = dir.path.join("nowhere");
    let problems = BundleFiles::from_dir(&nowhere).unwrap_err().into_problems();
    assert!(problems[0].message.starts_with("cannot be read: "), "{problems:?}");
    assert_eq!(problems[0].file, nowhere.display().to_string());
}

/// A directory for one test, removed with it.
struct Directory {
    path: PathBuf,
}

impl Directory {
    fn new(name: &str) -> Self {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("load-errors-{name}"));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Self { path }
    }

    fn write(&self, path: &str, text: &str) {
        let file = self.path.join(path);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}
