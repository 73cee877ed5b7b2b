//! A small bundle that loads, and ways to break it.

use portcullis_core::{Bundle, BundleFiles, BundleSettings, LoadError, Profile, Source, SourceSettings};
use std::sync::Arc;

/// One way to break the bundle, and everything that the loader says about it.
pub(crate) struct Case {
    pub(crate) name: &'static str,
    pub(crate) edits: &'static [Edit],
    /// All problems, as they are shown, line by line.
    pub(crate) problems: &'static [&'static str],
}

/// A change of the bundle.
pub(crate) enum Edit {
    /// Puts the second text in the place of the first, which occurs once, in this file.
    Replace(&'static str, &'static str, &'static str),
    /// Adds text to the end of this file.
    Append(&'static str, &'static str),
    /// Writes this file.
    Write(&'static str, &'static str),
    /// Loses this file.
    Remove(&'static str),
    /// Changes the settings.
    Settings(fn(BundleSettings) -> BundleSettings),
    /// Replaces the sources: aliases and settings in JSON.
    Sources(&'static [(&'static str, &'static str)]),
    /// Adds a `MANIFEST` that fits the files so far.
    Pack,
}

pub(crate) const SCHEMA: &str = "schema.cedarschema";
pub(crate) const CONSENT: &str = "consent/notes.cedar";
pub(crate) const ROLES: &str = "roles/people.cedar";
pub(crate) const CEILINGS: &str = "ceilings/software.cedar";
pub(crate) const GUARDRAILS: &str = "guardrails/care.cedar";
pub(crate) const ENTITIES: &str = "entities.json";

/// Every file of the bundle, with its text.
pub(crate) const FILES: &[(&str, &str)] = &[
    (
        SCHEMA,
        r#"@scope @doc("Everything about your notes")
action "all:notes";
@scope
action "read:notes" in ["all:notes"];
@scope @conditional
action "read:notes:open" in ["read:notes"];
@scope
action "write:notes" in ["all:notes"];
action "careful";

entity Role in [Role];
entity AgentClass;
entity User in [Role] {
  @claim("org_id")
  tenant?: String,
};
entity Service in [Role];
entity Agent in [AgentClass, Role];
entity Folder;
@doc("A note in a folder")
entity Note in [Folder] { owner: User, open: Bool };

@http("GET /notes/{note}") @deferred("decided on the note")
action "GetNote" in ["read:notes", "read:notes:open"] appliesTo {
  principal: [User, Service, Agent], resource: [Note], context: Portcullis::Context
};
@http("PUT /notes/{note}") @deferred("decided on the note")
action "EditNote" in ["write:notes", "careful"] appliesTo {
  principal: [User, Agent], resource: [Note],
  context: { auth: Portcullis::Auth, now: datetime, size: Long }
};
@http("GET /folders/{folder}") @lists("GetNote")
action "ListNotes" in ["read:notes"] appliesTo {
  principal: [User, Agent], resource: [Folder], context: Portcullis::Context
};
@http("GET /health") @public("load balancers have no token")
action "Health";
"#,
    ),
    (
        CONSENT,
        r#"@id("open-ones")
permit (principal, action in Action::"read:notes:open", resource is Note)
when { resource.open };
"#,
    ),
    (
        ROLES,
        r#"@id("readers-read")
permit (principal in Role::"reader", action in [Action::"GetNote", Action::"ListNotes"], resource);

@id("owners-edit")
permit (principal is User, action == Action::"EditNote", resource is Note)
when { resource.owner == principal };
"#,
    ),
    (
        CEILINGS,
        r#"@id("trusted-agents-read")
permit (principal in AgentClass::"trusted", action == Action::"GetNote", resource);
"#,
    ),
    (
        GUARDRAILS,
        r#"@id("edit-with-mfa") @step_up("mfa")
forbid (principal, action in Action::"careful", resource)
unless { context.auth has acr && context.auth.acr == "mfa" };
"#,
    ),
    (
        ENTITIES,
        r#"[
  { "uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Role", "id": "editor"}, "attrs": {}, "parents": [{"type": "Role", "id": "reader"}] },
  { "uid": {"type": "AgentClass", "id": "trusted"}, "attrs": {}, "parents": [] }
]
"#,
    ),
];

/// Loads the bundle after `edits`.
#[track_caller]
pub(crate) fn load(edits: &[Edit]) -> Result<Arc<Bundle>, LoadError> {
    let (files, settings) = edited(edits);
    Bundle::load(&files, settings)
}

/// The files and settings of the bundle after `edits`.
#[track_caller]
pub(crate) fn edited(edits: &[Edit]) -> (BundleFiles, BundleSettings) {
    let mut files = FILES.iter().fold(BundleFiles::new(), |files, (path, text)| files.with_file(*path, *text));
    let mut settings =
        BundleSettings::new(sources(&[("main", r#"{"unlisted_clients": "person"}"#)])).with_required_file(GUARDRAILS);
    for edit in edits {
        match edit {
            Edit::Replace(path, from, to) => {
                let text = files.get(path).unwrap_or_else(|| panic!("no `{path}`"));
                assert_eq!(text.matches(from).count(), 1, "`{from}` in `{path}`");
                let text = text.replacen(from, to, 1);
                files = files.with_file(*path, text);
            }
            Edit::Append(path, more) => {
                let text = format!("{}{more}", files.get(path).unwrap_or_else(|| panic!("no `{path}`")));
                files = files.with_file(*path, text);
            }
            Edit::Write(path, text) => files = files.with_file(*path, *text),
            Edit::Remove(path) => files = files.without_file(path),
            Edit::Settings(change) => settings = change(settings),
            Edit::Sources(stated) => settings.sources = sources(stated),
            Edit::Pack => {
                let manifest = files.manifest();
                files = files.with_file("MANIFEST", manifest);
            }
        }
    }
    (files, settings)
}

/// Every case fails to load with exactly its problems.
#[track_caller]
pub(crate) fn check(cases: &[Case]) {
    let mut differing = String::new();
    for case in cases {
        let found = match load(case.edits) {
            Ok(_) => "(it loads)".to_owned(),
            Err(error) => error.problems().iter().map(ToString::to_string).collect::<Vec<_>>().join("\n"),
        };
        let expected = case.problems.join("\n");
        if found != expected {
            differing += &format!("\n=== {}\n--- expected\n{expected}\n--- found\n{found}\n", case.name);
        }
    }
    assert!(differing.is_empty(), "{differing}");
}

fn sources(stated: &[(&str, &str)]) -> Vec<Source> {
    let source = |(alias, settings): &(&str, &str)| {
        let settings: SourceSettings = serde_json::from_str(settings).unwrap();
        Source::new(*alias, settings, Profile::rfc9068()).unwrap()
    };
    stated.iter().map(source).collect()
}
