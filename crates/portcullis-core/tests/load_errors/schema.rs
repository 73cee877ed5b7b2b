//! Refusals of `schema.cedarschema`: scopes, actions, routes, annotations, contexts.

use crate::fixture::Edit::{Append, Replace, Write};
use crate::fixture::{Case, SCHEMA, check, load};

#[test]
fn a_schema_that_cannot_be_read_is_refused() {
    check(&[
        Case {
            name: "a syntax error",
            edits: &[Replace(SCHEMA, "entity Folder;", "entity Folder")],
            problems: &["schema.cedarschema:20:1: error parsing schema: unexpected token `@`"],
        },
        Case {
            name: "a type that nothing declares",
            edits: &[Replace(SCHEMA, "owner: User,", "owner: Usr,")],
            problems: &[
                "schema.cedarschema:21:34: failed to resolve type: Usr",
                "    help: `Usr` has not been declared as a common or entity type",
            ],
        },
        Case {
            name: "an action that nothing declares",
            edits: &[Replace(SCHEMA, r#"in ["write:notes", "careful"]"#, r#"in ["write:notes", "carefull"]"#)],
            problems: &[
                r#"schema.cedarschema:28:38: undeclared action: Action::"carefull""#,
                "    help: any actions appearing as parents need to be declared as actions",
            ],
        },
        Case {
            name: "a cycle of scopes",
            edits: &[Replace(SCHEMA, "action \"all:notes\";", "action \"all:notes\" in [\"all:notes\"];")],
            problems: &[r#"schema.cedarschema:2:8: cycle in action hierarchy containing `Action::"all:notes"`"#],
        },
        Case {
            name: "no schema text",
            edits: &[Write(SCHEMA, "entity User {")],
            problems: &["schema.cedarschema:1:14: error parsing schema: unexpected end of input"],
        },
        Case {
            name: "the namespace of the prelude",
            edits: &[Append(SCHEMA, "\nnamespace Portcullis { type Auth = { is_admin: Bool }; }\n")],
            problems: &[
                "schema.cedarschema:39:11: namespace `Portcullis` is reserved",
                "    help: choose another name",
            ],
        },
        Case {
            name: "a namespace below that of the prelude",
            edits: &[Append(SCHEMA, "\nnamespace Portcullis::More { entity X; }\n")],
            problems: &[
                "schema.cedarschema:39:11: namespace `Portcullis::More` is reserved",
                "    help: choose another name",
            ],
        },
        Case {
            name: "actions in a namespace",
            edits: &[Append(SCHEMA, "\nnamespace Acme { entity Doc; action \"Read\"; }\n")],
            problems: &[
                "schema.cedarschema:39:11: namespace `Acme` declares actions",
                "    help: declare actions and scopes outside of any namespace; entity types may stay",
            ],
        },
    ]);
}

#[test]
fn an_annotation_that_the_registry_does_not_know_is_refused() {
    check(&[
        Case {
            name: "on a scope",
            edits: &[Replace(SCHEMA, "@scope @conditional", "@scope @conditonal")],
            problems: &[
                "consent/notes.cedar:1:1: consent policy `open-ones` does not stand for one conditional scope",
                r#"    help: its head is `action in Action::"…"`, with exactly one scope that the schema marks `@conditional`"#,
                "schema.cedarschema:5:8: unknown annotation `@conditonal`",
                "    help: did you mean `@conditional`?",
            ],
        },
        Case {
            name: "on an action",
            edits: &[Replace(SCHEMA, "@lists(", "@list(")],
            problems: &["schema.cedarschema:32:32: unknown annotation `@list`", "    help: did you mean `@lists`?"],
        },
        Case {
            name: "on an action, like nothing that is known",
            edits: &[Replace(SCHEMA, "@lists(", "@xyz(")],
            problems: &[
                "schema.cedarschema:32:32: unknown annotation `@xyz`",
                "    help: an action takes `@http`, `@grpc`, `@via`, `@resource`, `@deferred`, `@requires`, `@lists`, `@no_consent`, `@public`, `@doc`",
            ],
        },
        Case {
            name: "on an entity type",
            edits: &[Replace(SCHEMA, "@doc(\"A note in a folder\")", "@doc(\"A note in a folder\")\n@hiden")],
            problems: &["schema.cedarschema:21:1: unknown annotation `@hiden`", "    help: did you mean `@hide`?"],
        },
        Case {
            name: "on an entity type in a namespace",
            edits: &[Append(SCHEMA, "\nnamespace Acme {\n  @hiden\n  entity Doc;\n}\n")],
            problems: &["schema.cedarschema:40:3: unknown annotation `@hiden`", "    help: did you mean `@hide`?"],
        },
        Case {
            name: "on an attribute",
            edits: &[Replace(SCHEMA, "@claim(", "@clam(")],
            problems: &["schema.cedarschema:14:3: unknown annotation `@clam`", "    help: did you mean `@claim`?"],
        },
        Case {
            name: "on an attribute of a record",
            edits: &[Replace(SCHEMA, "open: Bool }", "open: Bool, place: { @clam(\"x\") x: Long } }")],
            problems: &[
                "schema.cedarschema:21:52: unknown annotation `@clam`",
                "    help: an attribute of a record takes `@secret`, `@doc`",
            ],
        },
        Case {
            name: "on a fact",
            edits: &[Replace(SCHEMA, "size: Long", "@clam(\"size\") size: Long")],
            problems: &[
                "schema.cedarschema:28:8: unknown annotation `@clam`",
                "    help: an attribute of a record takes `@secret`, `@doc`",
            ],
        },
        Case {
            name: "on a common type and on a namespace",
            edits: &[Append(
                SCHEMA,
                "\n@title(\"x\")\ntype Size = Long;\n@title(\"x\")\nnamespace Acme { entity Doc; }\n",
            )],
            problems: &[
                "schema.cedarschema:39:1: unknown annotation `@title`",
                "    help: this declaration takes `@doc`",
                "schema.cedarschema:41:1: unknown annotation `@title`",
                "    help: this declaration takes `@doc`",
            ],
        },
    ]);
}

#[test]
fn an_annotation_in_the_wrong_place_is_refused() {
    check(&[
        Case {
            name: "a route on a scope",
            edits: &[Replace(SCHEMA, "@scope @conditional", "@scope @conditional @http(\"GET /x\")")],
            problems: &[
                "schema.cedarschema:5:21: annotation `@http` has no meaning on an action group",
                "    help: `@http` belongs on an action",
            ],
        },
        Case {
            name: "a scope that applies to something",
            edits: &[Replace(SCHEMA, "@http(\"GET /folders/{folder}\")", "@scope @http(\"GET /folders/{folder}\")")],
            problems: &[
                "schema.cedarschema:32:1: annotation `@scope` has no meaning on an action",
                "    help: `@scope` belongs on an action group",
            ],
        },
        Case {
            name: "a claim on an entity type",
            edits: &[Replace(SCHEMA, "@doc(\"A note in a folder\")", "@claim(\"note\")")],
            problems: &[
                "schema.cedarschema:20:1: annotation `@claim` has no meaning on an entity type",
                "    help: `@claim` belongs on an attribute of an entity type",
            ],
        },
        Case {
            name: "a hidden attribute",
            edits: &[Replace(SCHEMA, "@claim(\"org_id\")", "@claim(\"org_id\") @hide")],
            problems: &[
                "schema.cedarschema:14:20: annotation `@hide` has no meaning on an attribute of an entity type",
                "    help: `@hide` belongs on an entity type",
            ],
        },
        Case {
            name: "a secret entity type",
            edits: &[Replace(SCHEMA, "@doc(\"A note in a folder\")", "@secret")],
            problems: &[
                "schema.cedarschema:20:1: annotation `@secret` has no meaning on an entity type",
                "    help: `@secret` belongs on an attribute of an entity type",
            ],
        },
        Case {
            name: "an id outside of policies",
            edits: &[Replace(SCHEMA, "@lists(", "@id(")],
            problems: &[
                "schema.cedarschema:32:32: annotation `@id` has no meaning on an action",
                "    help: `@id` belongs on a policy",
            ],
        },
        Case {
            name: "a condition without a scope",
            edits: &[Replace(SCHEMA, "action \"careful\";", "@conditional\naction \"careful\";")],
            problems: &[
                "schema.cedarschema:9:1: `@conditional` without `@scope` on `careful`",
                "    help: add `@scope`",
            ],
        },
        Case {
            name: "hiding what is no scope",
            edits: &[Replace(SCHEMA, "action \"careful\";", "@hidden\naction \"careful\";")],
            problems: &["schema.cedarschema:9:1: `@hidden` without `@scope` on `careful`", "    help: add `@scope`"],
        },
    ]);
}

#[test]
fn an_action_without_consent_says_so_and_why() {
    check(&[
        Case {
            name: "no scope",
            edits: &[Replace(SCHEMA, r#""ListNotes" in ["read:notes"]"#, r#""ListNotes""#)],
            problems: &[
                "schema.cedarschema:33:8: no scope covers action `ListNotes`",
                r#"    help: put it in a scope (`in ["read:things"]`), or state `@no_consent("why")` or `@public("why")`"#,
            ],
        },
        Case {
            // A plain group can be granted by no token.
            name: "a group that is no scope",
            edits: &[Replace(SCHEMA, r#""ListNotes" in ["read:notes"]"#, r#""ListNotes" in ["careful"]"#)],
            problems: &[
                "schema.cedarschema:33:8: no scope covers action `ListNotes`",
                r#"    help: put it in a scope (`in ["read:things"]`), or state `@no_consent("why")` or `@public("why")`"#,
            ],
        },
        Case {
            name: "a scope and no consent",
            edits: &[Replace(SCHEMA, "@lists(\"GetNote\")", "@lists(\"GetNote\") @no_consent(\"why not\")")],
            problems: &[
                "schema.cedarschema:32:50: action `ListNotes` is in a scope and marked `@no_consent`",
                "    help: take it out of the scope, or remove the annotation",
            ],
        },
        Case {
            name: "a scope on a public action",
            edits: &[Replace(SCHEMA, "action \"Health\"", "action \"Health\" in [\"read:notes\"]")],
            problems: &[
                "schema.cedarschema:36:22: action `Health` is in a scope and marked `@public`",
                "    help: take it out of the scope, or remove the annotation",
            ],
        },
        Case {
            name: "empty reasons",
            edits: &[
                Replace(SCHEMA, "@public(\"load balancers have no token\")", "@public"),
                Replace(SCHEMA, "@lists(\"GetNote\")", "@lists(\"GetNote\") @deferred(\"\") @no_consent"),
                Replace(SCHEMA, r#""ListNotes" in ["read:notes"]"#, r#""ListNotes""#),
            ],
            problems: &[
                "schema.cedarschema:32:50: `@deferred` on `ListNotes` gives no reason",
                "    help: say why",
                "schema.cedarschema:32:64: `@no_consent` on `ListNotes` gives no reason",
                "    help: say why",
                "schema.cedarschema:36:22: `@public` on `Health` gives no reason",
                "    help: say why",
            ],
        },
        Case {
            name: "another scope that no token can carry",
            edits: &[Replace(
                SCHEMA,
                "@lists(\"GetNote\")",
                "@lists(\"GetNote\") @requires(\"read:note, careful, read:notes:open\")",
            )],
            problems: &[
                "schema.cedarschema:32:50: `@requires` of `ListNotes` names `careful`, which is no unconditional scope",
                "    help: name scopes without condition, with commas between",
                "schema.cedarschema:32:50: `@requires` of `ListNotes` names `read:note`, which is no unconditional scope",
                "    help: did you mean `read:notes`?",
                "schema.cedarschema:32:50: `@requires` of `ListNotes` names `read:notes:open`, which is no unconditional scope",
                "    help: name scopes without condition, with commas between",
            ],
        },
    ]);
}

#[test]
fn a_scope_that_no_token_could_carry_or_tell_apart_is_refused() {
    check(&[
        Case {
            name: "names that are no scope tokens (RFC 6749 §3.3)",
            edits: &[
                Append(SCHEMA, "@scope action \"read all\";\n"),
                Append(SCHEMA, "@scope(\"größe\") action \"read:size\";\n"),
            ],
            problems: &[
                "schema.cedarschema:38:1: `read all` is no scope name",
                r#"    help: use printable ASCII without space, `"` and `\` (RFC 6749 §3.3)"#,
                "schema.cedarschema:39:1: `größe` is no scope name",
                r#"    help: use printable ASCII without space, `"` and `\` (RFC 6749 §3.3)"#,
            ],
        },
        Case {
            name: "two scopes on one wire name",
            edits: &[Append(SCHEMA, "@scope(\"read:notes\")\naction \"see:notes\";\n")],
            problems: &[
                "schema.cedarschema:38:1: scopes `read:notes` and `see:notes` have one wire name, `read:notes`",
                r#"    help: a token could not tell them apart: give one another name with `@scope("…")`"#,
            ],
        },
        Case {
            name: "a conditional scope without its condition",
            edits: &[Append(SCHEMA, "@scope @conditional\naction \"write:notes:small\" in [\"write:notes\"];\n")],
            problems: &[
                "schema.cedarschema:39:8: conditional scope `write:notes:small` has no consent policy",
                r#"    help: state its condition in `consent/`: `permit (principal, action in Action::"write:notes:small", resource) when { … };`"#,
            ],
        },
        Case {
            name: "a scope below a conditional one",
            edits: &[Append(SCHEMA, "@scope\naction \"read:notes:mine\" in [\"read:notes:open\"];\n")],
            problems: &[
                "schema.cedarschema:39:8: scope `read:notes:mine` is below the conditional `read:notes:open`",
                "    help: a conditional scope has no children: they would be granted without its condition",
            ],
        },
        Case {
            name: "a scope below a conditional one, behind a plain group",
            edits: &[
                Append(SCHEMA, "action \"group\" in [\"read:notes:open\"];\n"),
                Append(SCHEMA, "@scope\naction \"read:notes:mine\" in [\"group\"];\n"),
            ],
            problems: &[
                "schema.cedarschema:40:8: scope `read:notes:mine` is below the conditional `read:notes:open`",
                "    help: a conditional scope has no children: they would be granted without its condition",
            ],
        },
    ]);
}

#[test]
fn a_grpc_method_means_one_action() {
    check(&[
        Case {
            name: "two actions on one method",
            edits: &[
                Replace(
                    SCHEMA,
                    "@http(\"GET /notes/{note}\")",
                    "@http(\"GET /notes/{note}\") @grpc(\"acme.Notes/Get\")",
                ),
                Replace(SCHEMA, "@http(\"PUT /notes/{note}\")", "@grpc(\"acme.Notes/Edit, acme.Notes/Get\")"),
            ],
            problems: &[
                "schema.cedarschema:23:28: gRPC method `acme.Notes/Get` means `EditNote` and `GetNote`",
                "    help: give each action its own method, once",
            ],
        },
        Case {
            name: "one method twice",
            edits: &[Replace(SCHEMA, "@http(\"PUT /notes/{note}\")", "@grpc(\"acme.Notes/Edit,acme.Notes/Edit\")")],
            problems: &[
                "schema.cedarschema:27:1: gRPC method `acme.Notes/Edit` means `EditNote` and `EditNote`",
                "    help: give each action its own method, once",
            ],
        },
        Case {
            name: "methods that cannot be read",
            edits: &[Replace(
                SCHEMA,
                "@http(\"PUT /notes/{note}\")",
                "@grpc(\"/acme.Notes/Edit, acme.Notes, acme..Notes/Edit, acme.Notes/*\")",
            )],
            problems: &[
                "schema.cedarschema:27:1: method `/acme.Notes/Edit` of `EditNote` cannot be read: the name of a service is made of identifiers, with dots between",
                "    help: write `package.Service/Method`, several with commas between",
                "schema.cedarschema:27:1: method `acme..Notes/Edit` of `EditNote` cannot be read: the name of a service is made of identifiers, with dots between",
                "    help: write `package.Service/Method`, several with commas between",
                "schema.cedarschema:27:1: method `acme.Notes/*` of `EditNote` cannot be read: the name of a method is one identifier",
                "    help: write `package.Service/Method`, several with commas between",
                "schema.cedarschema:27:1: method `acme.Notes` of `EditNote` cannot be read: a gRPC method is a service and a method",
                "    help: write `package.Service/Method`, several with commas between",
            ],
        },
        Case {
            name: "a method of a group",
            edits: &[Replace(SCHEMA, "action \"careful\";", "@grpc(\"acme.Notes/Edit\") action \"careful\";")],
            problems: &[
                "schema.cedarschema:9:1: annotation `@grpc` has no meaning on an action group",
                "    help: `@grpc` belongs on an action",
            ],
        },
        Case {
            name: "what is decided before the handler, and needs what only the handler knows",
            edits: &[Replace(
                SCHEMA,
                "@http(\"PUT /notes/{note}\") @deferred(\"decided on the note\")",
                "@grpc(\"acme.Notes/Edit\") @resource(\"Note::\\\"first\\\"\")",
            )],
            problems: &[
                "schema.cedarschema:28:8: action `EditNote` needs the fact `size`, which no route supplies",
                "    help: mark it `@deferred(\"why\")` and pass the fact with the check in the handler",
                "schema.cedarschema:28:8: policies for `EditNote` read attributes or parents of `Note`, which nobody supplies",
                "    help: mark the action `@deferred(\"why\")` and check the loaded resource in the handler, or let a directory supply the type: `[directory] supplies = [\"Note\"]`",
            ],
        },
    ]);
}

#[test]
fn who_decides_depends_on_how_an_action_is_reached() {
    // The id of the resource stands in the path of HTTP and in the message of gRPC, which only the handler reads.
    let grpc = Replace(
        SCHEMA,
        "@http(\"GET /folders/{folder}\")",
        "@http(\"GET /folders/{folder}\") @grpc(\"acme.Notes/List, acme.Notes/ListAll\")",
    );
    let bundle = load(&[grpc]).unwrap();
    let list = bundle.action("ListNotes").unwrap();
    assert_eq!(
        list.grpc().iter().map(ToString::to_string).collect::<Vec<_>>(),
        ["acme.Notes/List", "acme.Notes/ListAll"]
    );
    assert_eq!((list.is_deferred(), list.is_deferred_over_grpc()), (false, true));
    // A fixed resource and the subject are known before, and a public action needs none.
    for (rule, resource) in [("Folder::\\\"all\\\"", "Folder"), ("User::{@subject}", "User")] {
        let before = Box::leak(format!("@grpc(\"acme.Notes/List\") @resource(\"{rule}\")").into_boxed_str());
        let types = Box::leak(format!("resource: [{resource}]").into_boxed_str());
        let edits = [
            Replace(SCHEMA, "@http(\"GET /folders/{folder}\") @lists(\"GetNote\")", before),
            Replace(SCHEMA, "resource: [Folder]", types),
        ];
        let bundle = load(&edits).unwrap();
        assert!(!bundle.action("ListNotes").unwrap().is_deferred_over_grpc(), "{rule}");
    }
    assert!(!bundle.action("Health").unwrap().is_deferred_over_grpc());
    assert!(bundle.action("GetNote").unwrap().is_deferred_over_grpc(), "`@deferred` holds for both");
}

#[test]
fn a_route_means_one_action_and_one_resource() {
    check(&[
        Case {
            name: "two actions on one route",
            edits: &[Replace(SCHEMA, "PUT /notes/{note}", "GET /notes/{note}")],
            problems: &[
                "schema.cedarschema:23:1: route `GET /notes/{note}` means `EditNote` and `GetNote`",
                r#"    help: give each action its own route, or mark both `@via("…")` and name the action in the handler"#,
            ],
        },
        Case {
            name: "two actions on one route, under other names of its parameters",
            edits: &[Replace(SCHEMA, "PUT /notes/{note}", "PUT /notes/{note}, GET /notes/{id}")],
            problems: &[
                "schema.cedarschema:23:1: route `GET /notes/{note}` means `EditNote` and `GetNote`",
                r#"    help: give each action its own route, or mark both `@via("…")` and name the action in the handler"#,
            ],
        },
        Case {
            name: "a route that only one of its actions shares",
            edits: &[Replace(SCHEMA, "@http(\"PUT /notes/{note}\")", "@via(\"GET /notes/{note}\")")],
            problems: &[
                "schema.cedarschema:23:1: route `GET /notes/{note}` means `EditNote` and `GetNote`",
                r#"    help: give each action its own route, or mark both `@via("…")` and name the action in the handler"#,
            ],
        },
        Case {
            name: "routes that cannot be read",
            edits: &[
                Replace(SCHEMA, "PUT /notes/{note}", "put /notes/{note}, PUT notes, PUT /notes/x{note}, PUT /a?b"),
                Replace(SCHEMA, "@lists(", "@via(\"POST\") @lists("),
            ],
            problems: &[
                "schema.cedarschema:27:1: route `PUT /a?b` of `EditNote` cannot be read: a path has no query, fragment or space",
                "    help: write `GET /projects/{project}`, several with commas between",
                "schema.cedarschema:27:1: route `PUT /notes/x{note}` of `EditNote` cannot be read: a parameter is a whole segment `{name}` of letters, digits and `_`",
                "    help: write `GET /projects/{project}`, several with commas between",
                "schema.cedarschema:27:1: route `PUT notes` of `EditNote` cannot be read: a path begins with `/`",
                "    help: write `GET /projects/{project}`, several with commas between",
                "schema.cedarschema:27:1: route `put /notes/{note}` of `EditNote` cannot be read: a method is written in capital letters",
                "    help: write `GET /projects/{project}`, several with commas between",
                "schema.cedarschema:32:32: route `POST` of `ListNotes` cannot be read: a route is a method and a path",
                "    help: write `GET /projects/{project}`, several with commas between",
            ],
        },
        Case {
            name: "no parameter",
            edits: &[Replace(SCHEMA, "GET /folders/{folder}", "GET /folder")],
            problems: &[
                "schema.cedarschema:33:8: the routes of `ListNotes` do not say which resource they mean",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "the only parameter, which one of the routes does not have",
            edits: &[Replace(SCHEMA, "GET /folders/{folder}", "GET /folders/{folder}, GET /folder")],
            problems: &[
                "schema.cedarschema:33:8: the routes of `ListNotes` do not say which resource they mean",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "two parameters",
            edits: &[Replace(SCHEMA, "GET /folders/{folder}", "GET /users/{user}/folders/{folder}")],
            problems: &[
                "schema.cedarschema:33:8: the routes of `ListNotes` do not say which resource they mean",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "two resource types",
            edits: &[Replace(SCHEMA, "resource: [Folder]", "resource: [Folder, User]")],
            problems: &[
                "schema.cedarschema:33:8: the routes of `ListNotes` do not say which resource they mean",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "a resource to which the action does not apply",
            edits: &[Replace(SCHEMA, "@lists(", "@resource(\"Note::{folder}\") @lists(")],
            problems: &[
                "schema.cedarschema:32:32: `@resource` of `ListNotes` names `Note`, to which the action does not apply",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "a parameter that the route does not have",
            edits: &[Replace(SCHEMA, "@lists(", "@resource(\"Folder::{fold}\") @lists(")],
            problems: &[
                "schema.cedarschema:32:32: `@resource` of `ListNotes` names `{fold}`, which not every route of it has",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "a parameter that one of the routes does not have",
            edits: &[Replace(
                SCHEMA,
                "GET /folders/{folder}\") @lists(",
                "GET /folders/{folder}, GET /f/{f}\") @resource(\"Folder::{folder}\") @lists(",
            )],
            problems: &[
                "schema.cedarschema:32:44: `@resource` of `ListNotes` names `{folder}`, which not every route of it has",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "a resource that cannot be read",
            edits: &[Replace(SCHEMA, "@lists(", "@resource(\"Folder\") @lists(")],
            problems: &[
                "schema.cedarschema:32:32: `@resource` of `ListNotes` cannot be read: `Folder`",
                r#"    help: state `@resource("Type::{parameter}")`, `@resource("Type::{@subject}")` or `@resource("Type::\"id\"")`"#,
            ],
        },
        Case {
            name: "a list of what is no action",
            edits: &[Replace(SCHEMA, "@lists(\"GetNote\")", "@lists(\"careful\")")],
            problems: &[
                "schema.cedarschema:32:32: `@lists` of `ListNotes` names `careful`, which is no action",
                "    help: name the action that each listed item must pass",
            ],
        },
    ]);
}

#[test]
fn what_is_decided_before_the_handler_is_known_before_the_handler() {
    check(&[
        Case {
            name: "attributes of a resource that nobody supplies",
            edits: &[Replace(
                SCHEMA,
                "@http(\"GET /notes/{note}\") @deferred(\"decided on the note\")",
                "@http(\"GET /notes/{note}\")",
            )],
            problems: &[
                "schema.cedarschema:24:8: policies for `GetNote` read attributes or parents of `Note`, which nobody supplies",
                r#"    help: mark the action `@deferred("why")` and check the loaded resource in the handler, or let a directory supply the type: `[directory] supplies = ["Note"]`"#,
            ],
        },
        Case {
            name: "a fact that nobody supplies",
            edits: &[Replace(
                SCHEMA,
                "[Folder], context: Portcullis::Context",
                "[Folder], context: { auth: Portcullis::Auth, now: datetime, page: Long }",
            )],
            problems: &[
                "schema.cedarschema:33:8: action `ListNotes` needs the fact `page`, which no route supplies",
                r#"    help: mark it `@deferred("why")` and pass the fact with the check in the handler"#,
            ],
        },
        Case {
            name: "entities in facts",
            edits: &[Replace(SCHEMA, "size: Long", "by?: User, to: { all: Set<Note> }")],
            problems: &[
                "schema.cedarschema:28:8: fact `by` of `EditNote` refers to an entity",
                "    help: pass a string or a number: an entity in a context would be decided without its attributes",
                "schema.cedarschema:28:8: fact `to` of `EditNote` refers to an entity",
                "    help: pass a string or a number: an entity in a context would be decided without its attributes",
            ],
        },
    ]);
}

#[test]
fn a_context_is_what_the_engine_supplies() {
    check(&[
        Case {
            name: "nobody",
            edits: &[Replace(SCHEMA, "auth: Portcullis::Auth, now: datetime, size: Long", "now: datetime, size: Long")],
            problems: &[
                r#"guardrails/care.cedar:3:10: for policy `edit-with-mfa`, attribute `auth` in context for Action::"EditNote" not found"#,
                "    help: did you mean `now`?",
                r#"guardrails/care.cedar:3:34: for policy `edit-with-mfa`, attribute `auth` in context for Action::"EditNote" not found"#,
                "    help: did you mean `now`?",
                "schema.cedarschema:28:8: the context of `EditNote` is not what the engine supplies",
                "    help: write `context: Portcullis::Context`, or `context: { auth: Portcullis::Auth, now: datetime, … }`",
            ],
        },
        Case {
            name: "no time",
            edits: &[Replace(SCHEMA, "now: datetime, size: Long", "size: Long")],
            problems: &[
                "schema.cedarschema:28:8: the context of `EditNote` is not what the engine supplies",
                "    help: write `context: Portcullis::Context`, or `context: { auth: Portcullis::Auth, now: datetime, … }`",
            ],
        },
        Case {
            name: "somebody, perhaps",
            edits: &[Replace(
                SCHEMA,
                "auth: Portcullis::Auth, now: datetime, size: Long",
                "auth?: Portcullis::Auth, now: datetime, size: Long",
            )],
            problems: &[
                r#"guardrails/care.cedar:3:10: for policy `edit-with-mfa`, unable to guarantee safety of access to optional attribute `auth` in context for Action::"EditNote""#,
                "    help: try testing for the attribute's presence with `context has auth && ..`",
                r#"guardrails/care.cedar:3:34: for policy `edit-with-mfa`, unable to guarantee safety of access to optional attribute `auth.acr` in context for Action::"EditNote""#,
                "    help: try testing for the attribute's presence with `context.auth has acr && ..`",
                r#"guardrails/care.cedar:3:34: for policy `edit-with-mfa`, unable to guarantee safety of access to optional attribute `auth` in context for Action::"EditNote""#,
                "    help: try testing for the attribute's presence with `context has auth && ..`",
                "schema.cedarschema:28:8: the context of `EditNote` is not what the engine supplies",
                "    help: write `context: Portcullis::Context`, or `context: { auth: Portcullis::Auth, now: datetime, … }`",
            ],
        },
        Case {
            name: "a record of another making",
            edits: &[Replace(
                SCHEMA,
                "auth: Portcullis::Auth, now: datetime, size: Long",
                "auth: { acr?: String }, now: datetime, size: Long",
            )],
            problems: &[
                "schema.cedarschema:28:8: the context of `EditNote` is not what the engine supplies",
                "    help: write `context: Portcullis::Context`, or `context: { auth: Portcullis::Auth, now: datetime, … }`",
            ],
        },
        Case {
            name: "no context at all",
            edits: &[Replace(SCHEMA, "resource: [Folder], context: Portcullis::Context", "resource: [Folder]")],
            problems: &[
                "schema.cedarschema:33:8: the context of `ListNotes` is not what the engine supplies",
                "    help: write `context: Portcullis::Context`, or `context: { auth: Portcullis::Auth, now: datetime, … }`",
            ],
        },
        Case {
            name: "somebody behind a public action",
            edits: &[Replace(
                SCHEMA,
                "action \"Health\";",
                "action \"Health\" appliesTo { principal: [Portcullis::Anonymous], resource: [Folder], context: Portcullis::Context };",
            )],
            problems: &[
                "schema.cedarschema:37:8: the context of `Health` is not what the engine supplies",
                "    help: write `context: { now: datetime }`: a public action has no caller",
            ],
        },
    ]);
}

#[test]
fn principals_are_users_services_and_agents() {
    check(&[
        Case {
            name: "a robot",
            edits: &[
                Replace(SCHEMA, "entity Folder;", "entity Folder;\nentity Robot;"),
                Replace(
                    SCHEMA,
                    "[User, Service, Agent], resource: [Note]",
                    "[User, Service, Agent, Robot], resource: [Note]",
                ),
            ],
            problems: &[
                "schema.cedarschema:25:8: `Robot` cannot be the principal of `GetNote`",
                "    help: principals are `User`, `Service` and `Agent`",
            ],
        },
        Case {
            name: "nobody, where a token is needed",
            edits: &[Replace(
                SCHEMA,
                "[User, Agent], resource: [Folder]",
                "[User, Portcullis::Anonymous], resource: [Folder]",
            )],
            problems: &[
                "schema.cedarschema:33:8: `Portcullis::Anonymous` cannot be the principal of `ListNotes`",
                "    help: principals are `User`, `Service` and `Agent`",
            ],
        },
        Case {
            name: "a principal of a public action",
            edits: &[Replace(
                SCHEMA,
                "action \"Health\";",
                "action \"Health\" appliesTo { principal: [User], resource: [Folder], context: { now: datetime } };",
            )],
            problems: &[
                "schema.cedarschema:37:8: `User` cannot be the principal of `Health`",
                "    help: a public action applies to `Portcullis::Anonymous` only",
            ],
        },
    ]);
}

#[test]
fn a_claim_fills_an_optional_attribute_of_a_principal() {
    check(&[
        Case {
            name: "of a type that no claim has",
            edits: &[Replace(SCHEMA, "tenant?: String", "tenant?: datetime")],
            problems: &[
                "schema.cedarschema:15:3: attribute `tenant` of `User` cannot be filled from a claim",
                "    help: a claim is a `String`, `Bool`, `Long` or `Set<String>`",
            ],
        },
        Case {
            name: "of a set of such a type",
            edits: &[Replace(SCHEMA, "tenant?: String", "tenant?: Set<Long>")],
            problems: &[
                "schema.cedarschema:15:3: attribute `tenant` of `User` cannot be filled from a claim",
                "    help: a claim is a `String`, `Bool`, `Long` or `Set<String>`",
            ],
        },
        Case {
            name: "required",
            edits: &[Replace(SCHEMA, "tenant?: String", "tenant: String")],
            problems: &[
                "schema.cedarschema:15:3: attribute `tenant` of `User` is required and filled from a claim",
                "    help: write `?:`: a token may come without the claim",
            ],
        },
        Case {
            name: "of something else",
            edits: &[Replace(SCHEMA, "owner: User, open: Bool", "owner: User, open: Bool, @claim(\"x\") x?: String")],
            problems: &[
                "schema.cedarschema:21:64: attribute `x` of `Note` is filled from a claim, but its type is no principal",
                "    help: claims describe `User`, `Service` and `Agent`",
            ],
        },
    ]);
}
