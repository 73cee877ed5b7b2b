//! Refusals of policy files.

use crate::fixture::Edit::{Append, Replace, Settings, Write};
use crate::fixture::{CEILINGS, CONSENT, Case, GUARDRAILS, ROLES, SCHEMA, check};

#[test]
fn every_policy_has_an_id_of_its_own() {
    check(&[
        Case {
            name: "no id",
            edits: &[Replace(ROLES, "@id(\"owners-edit\")\n", "")],
            problems: &["roles/people.cedar:4:1: policy without `@id`", "    help: name it: the audit log will"],
        },
        Case {
            name: "an empty id",
            edits: &[Replace(ROLES, "\"owners-edit\"", "\"\"")],
            problems: &["roles/people.cedar:4:1: policy without `@id`", "    help: name it: the audit log will"],
        },
        Case {
            name: "an id of another layer",
            edits: &[Replace(ROLES, "\"owners-edit\"", "\"open-ones\"")],
            problems: &[
                "roles/people.cedar:4:1: policy id `open-ones` is taken",
                "    help: consent/notes.cedar:1:1 has it: choose another",
            ],
        },
        Case {
            name: "an id of the same file, twice",
            edits: &[Append(
                ROLES,
                "@id(\"owners-edit\") permit (principal, action == Action::\"GetNote\", resource);\n@id(\"owners-edit\") permit (principal, action == Action::\"GetNote\", resource);\n",
            )],
            problems: &[
                "roles/people.cedar:7:1: policy id `owners-edit` is taken",
                "    help: roles/people.cedar:4:1 has it: choose another",
                "roles/people.cedar:8:1: policy id `owners-edit` is taken",
                "    help: roles/people.cedar:4:1 has it: choose another",
            ],
        },
    ]);
}

#[test]
fn annotations_of_policies_are_a_closed_list() {
    check(&[
        Case {
            name: "a slip of the finger in an annotation",
            edits: &[Replace(GUARDRAILS, "@step_up(", "@stepup(")],
            problems: &[
                "guardrails/care.cedar:1:1: unknown annotation `@stepup`",
                "    help: did you mean `@step_up`?",
            ],
        },
        Case {
            name: "what belongs into the schema",
            edits: &[Replace(ROLES, "@id(\"owners-edit\")", "@id(\"owners-edit\") @scope")],
            problems: &[
                "roles/people.cedar:4:1: annotation `@scope` has no meaning on a policy",
                "    help: `@scope` belongs on an action group",
            ],
        },
        Case {
            name: "values that cannot be read",
            edits: &[
                Replace(
                    GUARDRAILS,
                    "@step_up(\"mfa\")",
                    "@step_up(\"mfa  phr\") @max_age(\"soon\") @require_binding(\"dopp\") @confirm(\"anybody\")",
                ),
                Replace(ROLES, "@id(\"owners-edit\")", "@id(\"owners-edit\") @obligation(\"redact me\")"),
            ],
            problems: &[
                r#"guardrails/care.cedar:1:1: `@confirm("anybody")` cannot be read"#,
                r#"    help: the person who can confirm is the user: `@confirm("user")`"#,
                r#"guardrails/care.cedar:1:1: `@max_age("soon")` cannot be read"#,
                r#"    help: write a whole number and a unit: `@max_age("5m")`"#,
                r#"guardrails/care.cedar:1:1: `@require_binding("dopp")` cannot be read"#,
                "    help: did you mean `dpop`?",
                r#"guardrails/care.cedar:1:1: `@step_up("mfa  phr")` cannot be read"#,
                r#"    help: list acr values, most preferred first, with one space between: `@step_up("urn:acme:mfa")`"#,
                r#"roles/people.cedar:4:1: `@obligation("redact me")` cannot be read"#,
                r#"    help: write a name and arguments: `@obligation("redact:notes")`"#,
            ],
        },
        Case {
            name: "more values that cannot be read",
            edits: &[Replace(
                GUARDRAILS,
                "@step_up(\"mfa\")",
                "@step_up(\"m\\\"fa\") @max_age @require_binding(\"tls, cookie\") @confirm",
            )],
            problems: &[
                r#"guardrails/care.cedar:1:1: `@confirm("")` cannot be read"#,
                r#"    help: the person who can confirm is the user: `@confirm("user")`"#,
                r#"guardrails/care.cedar:1:1: `@max_age("")` cannot be read"#,
                r#"    help: write a whole number and a unit: `@max_age("5m")`"#,
                r#"guardrails/care.cedar:1:1: `@require_binding("tls, cookie")` cannot be read"#,
                "    help: did you mean `mtls`?",
                r#"guardrails/care.cedar:1:1: `@step_up("m"fa")` cannot be read"#,
                r#"    help: list acr values, most preferred first, with one space between: `@step_up("urn:acme:mfa")`"#,
            ],
        },
        Case {
            name: "what lifts a guardrail, on a permit of roles",
            edits: &[Replace(
                ROLES,
                "@id(\"owners-edit\")",
                "@id(\"owners-edit\") @step_up(\"mfa\") @max_age(\"5m\") @require_binding(\"dpop\") @confirm(\"user\")",
            )],
            problems: &[
                "roles/people.cedar:4:1: annotation `@confirm` has no meaning here",
                "    help: it belongs on guardrails, and permits in consent and ceilings",
                "roles/people.cedar:4:1: annotation `@max_age` has no meaning here",
                "    help: it belongs on guardrails",
                "roles/people.cedar:4:1: annotation `@require_binding` has no meaning here",
                "    help: it belongs on guardrails",
                "roles/people.cedar:4:1: annotation `@step_up` has no meaning here",
                "    help: it belongs on guardrails",
            ],
        },
        Case {
            name: "a step-up on a ceiling and in consent",
            edits: &[
                Replace(CEILINGS, "@id(\"trusted-agents-read\")", "@id(\"trusted-agents-read\") @max_age(\"5m\")"),
                Replace(CONSENT, "@id(\"open-ones\")", "@id(\"open-ones\") @step_up(\"mfa\")"),
            ],
            problems: &[
                "ceilings/software.cedar:1:1: annotation `@max_age` has no meaning here",
                "    help: it belongs on guardrails",
                "consent/notes.cedar:1:1: annotation `@step_up` has no meaning here",
                "    help: it belongs on guardrails",
            ],
        },
        Case {
            name: "a confirmation of a forbid in ceilings",
            edits: &[
                Append(
                    CEILINGS,
                    "@id(\"no\") @confirm(\"user\") forbid (principal, action == Action::\"EditNote\", resource);\n",
                ),
                Settings(|settings| settings.with_required_file(CEILINGS)),
            ],
            problems: &[
                "ceilings/software.cedar:3:1: annotation `@confirm` has no meaning here",
                "    help: it belongs on guardrails, and permits in consent and ceilings",
            ],
        },
        Case {
            name: "an obligation of a forbid",
            edits: &[Replace(GUARDRAILS, "@step_up(\"mfa\")", "@obligation(\"log\")")],
            problems: &[
                "guardrails/care.cedar:1:1: annotation `@obligation` has no meaning here",
                "    help: it belongs on permits",
            ],
        },
    ]);
}

#[test]
fn a_layer_holds_what_it_can_use() {
    check(&[
        Case {
            name: "a forbid in consent",
            edits: &[
                Replace(CONSENT, "permit (", "forbid ("),
                Settings(|settings| settings.with_required_file(CONSENT)),
            ],
            problems: &[
                "consent/notes.cedar:1:1: `forbid` in `consent/`",
                "    help: consent holds only permits: put the forbid into `guardrails/`",
            ],
        },
        Case {
            name: "a permit in guardrails",
            edits: &[Append(GUARDRAILS, "@id(\"all\") permit (principal, action, resource);\n")],
            problems: &[
                "guardrails/care.cedar:4:1: `permit` in `guardrails/`",
                "    help: guardrails hold only forbids: put the permit into `roles/`",
            ],
        },
        Case {
            name: "templates",
            edits: &[Append(
                ROLES,
                "@id(\"t\") permit (principal == ?principal, action == Action::\"GetNote\", resource);\n",
            )],
            problems: &[
                "roles/people.cedar:7:31: expected a static policy, got a template containing the slot ?principal",
                "    help: templates are not supported: write the policy out, or name a group of entities",
            ],
        },
        Case {
            name: "consent to a scope without condition",
            edits: &[Append(
                CONSENT,
                "@id(\"reading\") permit (principal, action in Action::\"read:notes\", resource);\n",
            )],
            problems: &[
                "consent/notes.cedar:4:1: consent policy `reading` does not stand for one conditional scope",
                r#"    help: its head is `action in Action::"…"`, with exactly one scope that the schema marks `@conditional`"#,
            ],
        },
        Case {
            name: "consent to an action",
            edits: &[Append(
                CONSENT,
                "@id(\"getting\") permit (principal, action == Action::\"GetNote\", resource);\n",
            )],
            problems: &[
                "consent/notes.cedar:4:1: consent policy `getting` does not stand for one conditional scope",
                r#"    help: its head is `action in Action::"…"`, with exactly one scope that the schema marks `@conditional`"#,
            ],
        },
        Case {
            name: "consent to everything",
            edits: &[Append(CONSENT, "@id(\"everything\") permit (principal, action, resource);\n")],
            problems: &[
                "consent/notes.cedar:4:1: consent policy `everything` does not stand for one conditional scope",
                r#"    help: its head is `action in Action::"…"`, with exactly one scope that the schema marks `@conditional`"#,
            ],
        },
        Case {
            name: "consent to two scopes at once",
            edits: &[Append(
                CONSENT,
                "@id(\"both\") permit (principal, action in [Action::\"read:notes:open\", Action::\"write:notes\"], resource);\n",
            )],
            problems: &[
                "consent/notes.cedar:4:1: consent policy `both` does not stand for one conditional scope",
                r#"    help: its head is `action in Action::"…"`, with exactly one scope that the schema marks `@conditional`"#,
            ],
        },
        Case {
            name: "a conditional scope outside of consent",
            edits: &[
                Append(ROLES, "@id(\"r\") permit (principal, action in Action::\"read:notes:open\", resource);\n"),
                Append(CEILINGS, "@id(\"c\") permit (principal, action in [Action::\"read:notes:open\"], resource);\n"),
                Append(
                    GUARDRAILS,
                    "@id(\"g\") forbid (principal, action, resource) when { action in Action::\"read:notes:open\" };\n",
                ),
            ],
            problems: &[
                "ceilings/software.cedar:3:1: conditional scope `read:notes:open` is named outside of `consent/`",
                "    help: this layer would grant it without its condition: name the actions, or a plain group",
                "guardrails/care.cedar:4:1: conditional scope `read:notes:open` is named outside of `consent/`",
                "    help: this layer would grant it without its condition: name the actions, or a plain group",
                "roles/people.cedar:7:1: conditional scope `read:notes:open` is named outside of `consent/`",
                "    help: this layer would grant it without its condition: name the actions, or a plain group",
            ],
        },
    ]);
}

#[test]
fn a_policy_reads_only_what_its_layer_may_depend_on() {
    check(&[
        Case {
            name: "scopes",
            edits: &[
                Append(
                    ROLES,
                    "@id(\"a\") permit (principal, action == Action::\"GetNote\", resource) when { context has scopes };\n",
                ),
                Append(
                    ROLES,
                    "@id(\"b\") permit (principal, action == Action::\"GetNote\", resource) when { context.scopes.contains(\"x\") };\n",
                ),
                Append(
                    CEILINGS,
                    "@id(\"c\") permit (principal, action == Action::\"GetNote\", resource) when { context.auth has scopes };\n",
                ),
            ],
            problems: &[
                "ceilings/software.cedar:3:1: `context.auth` has no attribute `scopes` in this layer",
                "    help: no policy sees scopes: put the action into a scope in the schema, or state a condition in `consent/`",
                "roles/people.cedar:7:1: `context` has no attribute `scopes` in this layer",
                "    help: no policy sees scopes: put the action into a scope in the schema, or state a condition in `consent/`",
                "roles/people.cedar:8:1: `context` has no attribute `scopes` in this layer",
                "    help: no policy sees scopes: put the action into a scope in the schema, or state a condition in `consent/`",
            ],
        },
        Case {
            name: "scopes that a schema calls facts",
            edits: &[
                Replace(SCHEMA, "size: Long", "scopes: Set<String>"),
                Append(
                    ROLES,
                    "@id(\"a\") permit (principal, action == Action::\"EditNote\", resource) when { context.scopes.isEmpty() };\n",
                ),
            ],
            problems: &[
                "roles/people.cedar:7:1: `context` has no attribute `scopes` in this layer",
                "    help: no policy sees scopes: put the action into a scope in the schema, or state a condition in `consent/`",
            ],
        },
        Case {
            name: "who acts, in roles and guardrails",
            edits: &[
                Append(
                    ROLES,
                    "@id(\"a\") permit (principal, action == Action::\"GetNote\", resource) when { context.auth.actor.depth == 1 };\n",
                ),
                Append(
                    GUARDRAILS,
                    "@id(\"b\") forbid (principal, action == Action::\"GetNote\", resource) when { context.auth has actor };\n",
                ),
                Append(
                    GUARDRAILS,
                    "@id(\"c\") forbid (principal, action == Action::\"GetNote\", resource) when { context.auth has actor.class };\n",
                ),
            ],
            problems: &[
                "guardrails/care.cedar:4:1: `context.auth` has no attribute `actor` in this layer",
                "    help: only ceilings may depend on who acts: move the policy to `ceilings/`",
                "guardrails/care.cedar:5:1: `context.auth` has no attribute `actor` in this layer",
                "    help: only ceilings may depend on who acts: move the policy to `ceilings/`",
                "roles/people.cedar:7:1: `context.auth` has no attribute `actor` in this layer",
                "    help: only ceilings may depend on who acts: move the policy to `ceilings/`",
            ],
        },
        Case {
            name: "a slip of the finger, which Cedar would take for an absent attribute",
            edits: &[
                Append(
                    ROLES,
                    "@id(\"a\") permit (principal, action == Action::\"GetNote\", resource) when { context.auth has arc };\n",
                ),
                Append(
                    ROLES,
                    "@id(\"b\") permit (principal, action == Action::\"EditNote\", resource) when { context has siez };\n",
                ),
                Append(
                    ROLES,
                    "@id(\"c\") permit (principal is User, action == Action::\"GetNote\", resource) when { principal has tennant };\n",
                ),
                Append(
                    GUARDRAILS,
                    "@id(\"d\") forbid (principal, action == Action::\"GetNote\", resource) when { resource has locked };\n",
                ),
            ],
            problems: &[
                "guardrails/care.cedar:4:1: `resource` has no attribute `locked` in this layer",
                "    help: declare it in the schema, or remove it",
                "roles/people.cedar:7:1: `context.auth` has no attribute `arc` in this layer",
                "    help: did you mean `acr`?",
                "roles/people.cedar:8:1: `context` has no attribute `siez` in this layer",
                "    help: did you mean `size`?",
                "roles/people.cedar:9:1: `principal` has no attribute `tennant` in this layer",
                "    help: did you mean `tenant`?",
            ],
        },
        Case {
            name: "a fact of another action",
            edits: &[Append(
                GUARDRAILS,
                "@id(\"a\") forbid (principal, action == Action::\"GetNote\", resource) when { context has size };\n",
            )],
            problems: &[
                "guardrails/care.cedar:4:1: `context` has no attribute `size` in this layer",
                "    help: declare it in the schema, or remove it",
            ],
        },
        Case {
            name: "entities that the store does not hold",
            edits: &[Append(
                ROLES,
                "@id(\"a\") permit (principal is User, action == Action::\"GetNote\", resource is Note)\nwhen { resource.owner has tenant };\n",
            )],
            problems: &[
                "roles/people.cedar:8:8: for policy `a`, this policy requires level 2, which exceeds the maximum allowed level (1)",
                "    help: policies read attributes of principal and resource, not of what these refer to: give the resource an attribute of its own, or pass a fact",
            ],
        },
        Case {
            name: "an attribute that may be absent",
            edits: &[Append(
                GUARDRAILS,
                "@id(\"a\") forbid (principal, action == Action::\"GetNote\", resource)\nwhen { context.auth.acr == \"mfa\" };\n",
            )],
            problems: &[
                r#"guardrails/care.cedar:5:8: for policy `a`, unable to guarantee safety of access to optional attribute `auth.acr` in context for Action::"GetNote""#,
                "    help: try testing for the attribute's presence with `context.auth has acr && ..`",
            ],
        },
    ]);
}

#[test]
fn a_policy_that_can_never_apply_is_refused() {
    check(&[
        Case {
            name: "a head for a resource to which the action does not apply",
            edits: &[Append(
                GUARDRAILS,
                "\n@id(\"a\")\nforbid (principal, action == Action::\"ListNotes\", resource is Note);\n",
            )],
            problems: &[
                "guardrails/care.cedar:5:1: for policy `a`, unable to find an applicable action given the policy scope constraints",
                "    help: no request fits its head: compare it with `appliesTo` in the schema",
            ],
        },
        Case {
            name: "a group with `==`",
            edits: &[Append(GUARDRAILS, "@id(\"a\") forbid (principal, action == Action::\"careful\", resource);\n")],
            problems: &[
                "guardrails/care.cedar:4:1: for policy `a`, unable to find an applicable action given the policy scope constraints",
                "    help: no request fits its head: compare it with `appliesTo` in the schema",
            ],
        },
        Case {
            name: "a condition that is never true",
            edits: &[Append(
                GUARDRAILS,
                "@id(\"a\") forbid (principal, action == Action::\"GetNote\", resource) when { principal is User && principal is Agent };\n",
            )],
            problems: &[
                "guardrails/care.cedar:4:1: for policy `a`, policy is impossible: the policy expression evaluates to false for all valid requests",
                "    help: it would never apply: remove it, or the part of it that cannot be true",
            ],
        },
        Case {
            name: "an action that the schema does not declare",
            edits: &[Append(GUARDRAILS, "@id(\"a\") forbid (principal, action == Action::\"GetNotes\", resource);\n")],
            problems: &[
                r#"guardrails/care.cedar:4:39: for policy `a`, unrecognized action `Action::"GetNotes"`"#,
                r#"    help: did you mean `Action::"GetNote"`?"#,
            ],
        },
        Case {
            // Its name is longer than those of others, which are not like it.
            name: "an action with a slip of the finger in its name",
            edits: &[Append(GUARDRAILS, "@id(\"a\") forbid (principal, action == Action::\"ListNots\", resource);\n")],
            problems: &[
                r#"guardrails/care.cedar:4:39: for policy `a`, unrecognized action `Action::"ListNots"`"#,
                r#"    help: did you mean `Action::"ListNotes"`?"#,
            ],
        },
        Case {
            name: "an action like no other",
            edits: &[Append(GUARDRAILS, "@id(\"a\") forbid (principal, action == Action::\"Quux\", resource);\n")],
            problems: &[
                r#"guardrails/care.cedar:4:39: for policy `a`, unrecognized action `Action::"Quux"`"#,
                "    help: declare it in the schema, or correct the name",
            ],
        },
        Case {
            name: "entities that do not exist",
            edits: &[
                Append(
                    ROLES,
                    "@id(\"a\") permit (principal in Role::\"raeder\", action == Action::\"GetNote\", resource);\n",
                ),
                Append(
                    ROLES,
                    "@id(\"b\") permit (principal, action == Action::\"GetNote\", resource)\nwhen { principal in Role::\"billing\" };\n",
                ),
                Append(
                    CEILINGS,
                    "@id(\"c\") permit (principal in AgentClass::\"tursted\", action == Action::\"GetNote\", resource);\n",
                ),
            ],
            problems: &[
                r#"ceilings/software.cedar:3:1: `AgentClass::"tursted"` does not exist"#,
                "    help: did you mean `trusted`?",
                r#"roles/people.cedar:7:1: `Role::"raeder"` does not exist"#,
                "    help: did you mean `reader`?",
                r#"roles/people.cedar:8:1: `Role::"billing"` does not exist"#,
                "    help: add it to `entities.json`, which keeps every `Role`",
            ],
        },
    ]);
}

#[test]
fn a_syntax_error_is_shown_where_it_is() {
    check(&[
        Case {
            name: "in the second policy of a file",
            edits: &[Replace(ROLES, "when { resource.owner == principal }", "when { resource.owner = principal }")],
            problems: &[
                "roles/people.cedar:6:8: '=' is not a valid operator in Cedar",
                "    help: try using '==' instead",
            ],
        },
        Case {
            // The first policy swallows the second up to its semicolon.
            name: "a semicolon is missing",
            edits: &[Replace(ROLES, "Action::\"ListNotes\"], resource);", "Action::\"ListNotes\"], resource)")],
            problems: &["roles/people.cedar:4:1: unexpected token `@`"],
        },
        Case {
            name: "the file stops in the middle",
            edits: &[Replace(ROLES, "when { resource.owner == principal };\n", "when { resource.owner == princ")],
            problems: &["roles/people.cedar:6:31: unexpected end of input"],
        },
        Case {
            name: "a string without end",
            edits: &[Replace(ROLES, "Action::\"EditNote\"", "Action::\"EditNote")],
            problems: &[
                "roles/people.cedar:5:46: invalid token",
                "    help: try checking that all strings are closed properly",
            ],
        },
        Case {
            name: "two policies of one file",
            edits: &[
                Replace(ROLES, "principal in Role::\"reader\"", "principal in Role"),
                Replace(ROLES, "resource.owner == principal", "resource.owner =="),
            ],
            problems: &[
                "roles/people.cedar:2:22: expected an entity uid or matching template slot, found name `Role`",
                "    help: try using `is` to test for an entity type or including an identifier string if you intended this name to be an entity uid",
                "roles/people.cedar:6:26: unexpected token `}`",
            ],
        },
        Case {
            name: "no policy at all",
            edits: &[Write("roles/more.cedar", "hello\n")],
            problems: &["roles/more.cedar:1:6: unexpected end of input"],
        },
    ]);
}
