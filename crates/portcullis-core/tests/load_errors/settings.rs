//! Refusals of settings, held against schema and files.

use portcullis_core::Layer;

use crate::fixture::Edit::{Append, Remove, Replace, Settings, Sources, Write};
use crate::fixture::{CEILINGS, CONSENT, Case, ENTITIES, GUARDRAILS, ROLES, SCHEMA, check};

#[test]
fn a_layer_has_files_or_is_said_to_have_none() {
    check(&[
        Case {
            name: "consent is missing",
            edits: &[Remove(CONSENT)],
            problems: &[
                "consent/: is missing",
                r#"    help: add the policies of this layer, or state in `portcullis.toml` that it has none: `[layers]` `consent = "none"`"#,
            ],
        },
        Case {
            name: "roles are missing",
            edits: &[Remove(ROLES)],
            problems: &[
                "roles/: is missing",
                r#"    help: add the policies of this layer, or state in `portcullis.toml` that it has none: `[layers]` `roles = "none"`"#,
            ],
        },
        Case {
            name: "ceilings are missing",
            edits: &[Remove(CEILINGS)],
            problems: &[
                "ceilings/: is missing",
                r#"    help: add the policies of this layer, or state in `portcullis.toml` that it has none: `[layers]` `ceilings = "none"`"#,
            ],
        },
        Case {
            name: "guardrails are missing",
            edits: &[Remove(GUARDRAILS)],
            problems: &[
                "guardrails/: is missing",
                r#"    help: add the policies of this layer, or state in `portcullis.toml` that it has none: `[layers]` `guardrails = "none"`"#,
                "guardrails/care.cedar: is missing",
                "    help: `[layers]` in `portcullis.toml` lists it: bring the file back, or take it off the list if its policies are meant to go",
            ],
        },
        Case {
            name: "guardrails are missing, although none were expected",
            edits: &[Remove(GUARDRAILS), Settings(|settings| settings.with_empty_layer(Layer::Guardrails))],
            problems: &[
                "guardrails/care.cedar: is missing",
                "    help: `[layers]` in `portcullis.toml` lists it: bring the file back, or take it off the list if its policies are meant to go",
            ],
        },
        Case {
            name: "a layer that should be empty",
            edits: &[Settings(|settings| settings.with_empty_layer(Layer::Roles))],
            problems: &[
                "portcullis.toml: `[layers]` says that `roles` has no policies, but it has",
                r#"    help: remove `roles = "none"`, or the files"#,
            ],
        },
    ]);
}

#[test]
fn a_file_whose_loss_would_widen_anything_is_named() {
    check(&[
        Case {
            name: "a forbid in a file that nothing names",
            edits: &[Write(
                "guardrails/more.cedar",
                "@id(\"more\") forbid (principal, action == Action::\"EditNote\", resource);\n",
            )],
            problems: &[
                "guardrails/more.cedar: holds a `forbid` and is not listed in the settings",
                r#"    help: state `[layers]` `guardrails = ["more.cedar"]` in `portcullis.toml`: if the file were lost, more would be allowed and nobody told"#,
            ],
        },
        Case {
            name: "a forbid in a file of roles that nothing names",
            edits: &[Append(ROLES, "@id(\"more\") forbid (principal, action == Action::\"EditNote\", resource);\n")],
            problems: &[
                "roles/people.cedar: holds a `forbid` and is not listed in the settings",
                r#"    help: state `[layers]` `roles = ["people.cedar"]` in `portcullis.toml`: if the file were lost, more would be allowed and nobody told"#,
            ],
        },
        Case {
            name: "a file that was there",
            edits: &[Settings(|settings| settings.with_required_file("guardrails/tenancy.cedar"))],
            problems: &[
                "guardrails/tenancy.cedar: is missing",
                "    help: `[layers]` in `portcullis.toml` lists it: bring the file back, or take it off the list if its policies are meant to go",
            ],
        },
        Case {
            name: "no entities",
            edits: &[Remove(ENTITIES)],
            problems: &[
                "entities.json: is missing",
                r#"    help: add it, or state in `portcullis.toml` that there is none: `[layers]` `entities = "none"`"#,
            ],
        },
        Case {
            name: "entities where none should be",
            edits: &[Settings(portcullis_core::BundleSettings::without_entities)],
            problems: &[
                "portcullis.toml: `[layers]` says that there is no `entities.json`, but there is one",
                r#"    help: remove `entities = "none"`, or the file"#,
            ],
        },
    ]);
}

#[test]
fn sources_fit_the_schema_and_each_other() {
    check(&[
        Case {
            name: "no source",
            edits: &[Sources(&[])],
            problems: &[
                "portcullis.toml: no source of credentials is configured",
                "    help: add an `[[issuer]]`: nobody could get in",
            ],
        },
        Case {
            name: "clients that may be agents",
            edits: &[Sources(&[("main", "{}")])],
            problems: &[
                "portcullis.toml: source `main` has to state `unlisted_clients`",
                r#"    help: the schema knows `Agent`: say whether a client that no list and no claim identifies is a "person", an "agent", or refused ("deny")"#,
            ],
        },
        Case {
            name: "one alias for two sources",
            edits: &[Sources(&[
                ("main", r#"{"unlisted_clients": "deny", "scopes": "all", "roles": "all", "kinds": "all"}"#),
                ("main", r#"{"unlisted_clients": "deny", "scopes": "all", "roles": "all", "kinds": "all"}"#),
            ])],
            problems: &[
                "portcullis.toml: two sources have the alias `main`",
                "    help: give each source an alias of its own",
            ],
        },
        Case {
            name: "two sources, one of which does not say which scopes it confers",
            edits: &[Sources(&[
                ("a", r#"{"unlisted_clients": "deny", "scopes": "all", "roles": "all", "kinds": "all"}"#),
                ("b", r#"{"unlisted_clients": "deny", "roles": "all", "kinds": "all"}"#),
            ])],
            problems: &[
                "portcullis.toml: source `b` has to state `scopes`",
                r#"    help: with several sources each says what it may confer: `scopes = "all"`, or a list"#,
            ],
        },
        Case {
            name: "… which roles",
            edits: &[Sources(&[
                ("a", r#"{"unlisted_clients": "deny", "scopes": "all", "kinds": "all"}"#),
                ("b", r#"{"unlisted_clients": "deny", "scopes": "all", "roles": "all", "kinds": "all"}"#),
            ])],
            problems: &[
                "portcullis.toml: source `a` has to state `roles`",
                r#"    help: with several sources each says what it may confer: `roles = "all"`, or a list"#,
            ],
        },
        Case {
            name: "… which kinds",
            edits: &[Sources(&[
                ("a", r#"{"unlisted_clients": "deny", "scopes": "all", "roles": "all"}"#),
                ("b", r#"{"unlisted_clients": "deny", "scopes": "all", "roles": "all", "kinds": "all"}"#),
            ])],
            problems: &[
                "portcullis.toml: source `a` has to state `kinds`",
                r#"    help: with several sources each says what it may confer: `kinds = "all"`, or a list"#,
            ],
        },
        Case {
            name: "scopes that the schema does not know",
            edits: &[Sources(&[(
                "main",
                r#"{"unlisted_clients": "deny", "scopes": ["read:notse", "GetNote"], "scope_names": {"x": "careful"}}"#,
            )])],
            problems: &[
                "portcullis.toml: source `main` names `GetNote`, which is no scope",
                "    help: name a scope of the schema",
                "portcullis.toml: source `main` names `careful`, which is no scope",
                "    help: name a scope of the schema",
                "portcullis.toml: source `main` names `read:notse`, which is no scope",
                "    help: did you mean `read:notes`?",
            ],
        },
        Case {
            name: "a wire name for two scopes",
            edits: &[Sources(&[(
                "main",
                r#"{"unlisted_clients": "deny", "scope_names": {"read:notes": "write:notes"}}"#,
            )])],
            problems: &[
                "portcullis.toml: at source `main` the scopes `write:notes` and `read:notes` have one wire name, `read:notes`",
                "    help: map the second one, too, in `scope_names`",
            ],
        },
    ]);
}

#[test]
fn a_directory_supplies_what_the_schema_declares() {
    check(&[Case {
        name: "a slip of the finger",
        edits: &[Settings(|settings| settings.with_supplied("Notes").with_supplied("Invoice"))],
        problems: &[
            "portcullis.toml: `[directory]` supplies `Invoice`, which the schema does not declare",
            "    help: name an entity type of the schema",
            "portcullis.toml: `[directory]` supplies `Notes`, which the schema does not declare",
            "    help: did you mean `Note`?",
        ],
    }]);
}

#[test]
fn every_problem_is_reported_at_once_sorted_by_place() {
    check(&[Case {
        name: "several",
        edits: &[
            Replace(ROLES, "resource.owner == principal", "resource.owner =="),
            Replace(GUARDRAILS, "context.auth has acr &&", "context.auth has arc &&"),
            Replace(SCHEMA, "@lists(\"GetNote\")", "@lists(\"GetNoet\")"),
            Replace(SCHEMA, "@claim(\"org_id\")", "@clam(\"org_id\")"),
            Settings(|settings| settings.with_supplied("Notes")),
        ],
        problems: &[
            "guardrails/care.cedar:1:1: `context.auth` has no attribute `arc` in this layer",
            "    help: did you mean `acr`?",
            "portcullis.toml: `[directory]` supplies `Notes`, which the schema does not declare",
            "    help: did you mean `Note`?",
            "roles/people.cedar:6:26: unexpected token `}`",
            "schema.cedarschema:14:3: unknown annotation `@clam`",
            "    help: did you mean `@claim`?",
            "schema.cedarschema:32:32: `@lists` of `ListNotes` names `GetNoet`, which is no action",
            "    help: name the action that each listed item must pass",
        ],
    }]);
}
