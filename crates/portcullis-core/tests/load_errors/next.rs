//! A bundle that follows another one: what is not validated again, and what is.

use crate::fixture::{CEILINGS, CONSENT, Edit, GUARDRAILS, ROLES, SCHEMA, edited, load};

#[test]
fn the_next_bundle_is_refused_for_what_it_would_be_refused_for_alone() {
    let bundle = load(&[]).unwrap();
    for edits in [
        // A policy that is new, one that has changed.
        &[Edit::Append(ROLES, r#"@id("new") permit (principal, action == Action::"Nothing", resource);"#)] as &[Edit],
        &[Edit::Replace(ROLES, "resource.owner == principal", "resource.owners == principal")],
        // Policies whose texts are the old ones do not fit another schema.
        &[Edit::Replace(SCHEMA, "open: Bool", "open?: Bool")],
        &[Edit::Replace(SCHEMA, "owner: User, ", "")],
        // The same text in another layer sees something else.
        &[
            Edit::Remove(CEILINGS),
            Edit::Settings(|settings| settings.with_empty_layer(portcullis_core::Layer::Ceilings)),
            Edit::Append(
                ROLES,
                "\n@id(\"acts\") permit (principal, action == Action::\"GetNote\", resource) when { context.auth has actor };",
            ),
        ],
        // Rules that join files.
        &[Edit::Append(
            ROLES,
            r#"@id("owners-edit") permit (principal is User, action == Action::"EditNote", resource is Note);"#,
        )],
        &[Edit::Remove(GUARDRAILS)],
        &[Edit::Remove(CONSENT)],
    ] {
        let (files, settings) = edited(edits);
        let alone = load(edits).expect_err("the case is none");
        assert_eq!(bundle.load_next(&files, settings).unwrap_err(), alone);
    }
}

#[test]
fn a_policy_is_valid_where_it_was_validated_and_not_in_another_layer() {
    let policy = "\n@id(\"by-actor\") permit (principal, action == Action::\"GetNote\", resource) \
                  when { context.auth has actor && context.auth.actor.depth == 1 };";
    let bundle = load(&[Edit::Append(CEILINGS, policy)]).unwrap();
    let (files, settings) = edited(&[Edit::Append(ROLES, policy)]);
    let error = bundle.load_next(&files, settings).unwrap_err();
    assert_eq!(error, load(&[Edit::Append(ROLES, policy)]).unwrap_err());
}

#[test]
fn what_follows_decides_like_what_is_loaded_alone() {
    let edits = [Edit::Append(
        ROLES,
        r#"@id("more") permit (principal in Role::"editor", action == Action::"EditNote", resource);"#,
    )];
    let (files, settings) = edited(&edits);
    let next = load(&[]).unwrap().load_next(&files, settings).unwrap();
    let alone = load(&edits).unwrap();
    assert_eq!(next.hash(), alone.hash());
    assert_eq!(next.report().to_string(), alone.report().to_string());
}

#[test]
fn only_a_bundle_with_all_files_of_its_manifest_and_none_else_is_whole() {
    let (files, _) = edited(&[Edit::Pack]);
    assert_eq!(files.require_manifest(), Ok(()));
    for (files, expected) in [
        (files.clone().without_file("MANIFEST"), "MANIFEST: is missing"),
        (files.clone().with_file("MANIFEST", ""), "is not listed in the MANIFEST"),
        (files.clone().without_file(ROLES), "is listed in the MANIFEST but missing"),
        (files.clone().with_file(ROLES, ""), "differs from what the MANIFEST lists"),
        (files.with_file("roles/more.cedar", ""), "roles/more.cedar: is not listed in the MANIFEST"),
    ] {
        let error = files.require_manifest().unwrap_err().to_string();
        assert!(error.contains(expected), "{error}");
    }
}
