//! A bare or half-serialised resource never disarms a `forbid`.
//!
//! Cedar finds nothing on such an entity: `resource has locked` and `resource in Folder::"secret"` are false, without an
//! error. Each test here has a resource that a guardrail denies, and ways to lose what the guardrail reads.

#![allow(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::string_slice,
    clippy::too_many_lines,
    clippy::unwrap_used,
    reason = "a test that cannot go on fails, and tables are long"
)]

use std::borrow::Cow;

use portcullis_core::{
    Bundle, BundleFiles, BundleSettings, Decision, DenialKind, Engine, Layer, Parents, Profile, Request, Resource,
    ResourceData, ResourceError, Session, Source, SourceSettings, UnixTime, VerifiedClaims,
};
use serde::Serialize;
use serde_json::json;

/// A note in the inbox.
macro_rules! resource {
    ($name:ident) => {
        impl Resource for $name {
            const TYPE: &'static str = "Note";

            fn id(&self) -> Cow<'_, str> {
                "n1".into()
            }

            fn parents(&self) -> Parents {
                [("Folder", "inbox")].into()
            }
        }
    };
}

#[test]
fn a_whole_resource_is_decided_on_its_merits() {
    assert_eq!(decide(&note(Some(true), "inbox")), Answer::Denied("locked"));
    assert_eq!(decide(&note(None, "secret")), Answer::Denied("secret"));
    // Above the folder that the resource states stands another, in `entities.json`.
    assert_eq!(decide(&note(None, "vault")), Answer::Denied("secret"));
    assert_eq!(decide(&note(Some(false), "inbox")), Answer::Allowed);
    assert_eq!(decide(&note(None, "inbox")), Answer::Allowed);
}

#[test]
fn an_id_alone_is_not_decided_where_policies_read_the_resource() {
    assert_eq!(answer(&session(), &ResourceData::bare("Note", "n1")), Answer::Broken);
}

#[test]
fn a_field_that_serde_skips_is_missed() {
    #[derive(Serialize)]
    struct Skipped {
        owner: &'static str,
        #[serde(skip)]
        #[expect(dead_code, reason = "what the guardrail would read")]
        locked: Option<bool>,
    }
    resource!(Skipped);
    assert_eq!(decide(&Skipped { owner: "ann", locked: Some(true) }), Answer::Broken);
}

#[test]
fn a_field_that_serde_renames_is_missed() {
    #[derive(Serialize)]
    #[serde(rename_all = "SCREAMING-KEBAB-CASE")]
    struct Shouting {
        owner: &'static str,
        locked: Option<bool>,
    }
    resource!(Shouting);
    assert_eq!(decide(&Shouting { owner: "ann", locked: Some(true) }), Answer::Broken);

    #[derive(Serialize)]
    struct Renamed {
        owner: &'static str,
        #[serde(rename = "isLocked")]
        locked: Option<bool>,
    }
    resource!(Renamed);
    assert_eq!(decide(&Renamed { owner: "ann", locked: Some(true) }), Answer::Broken);
    // Not even where it would say that nothing forbids.
    assert_eq!(decide(&Renamed { owner: "ann", locked: Some(false) }), Answer::Broken);
}

#[test]
fn a_field_that_serde_leaves_out_when_empty_is_there_when_it_matters() {
    #[derive(Serialize)]
    struct Terse {
        owner: &'static str,
        #[serde(skip_serializing_if = "Option::is_none")]
        locked: Option<bool>,
    }
    resource!(Terse);
    assert_eq!(decide(&Terse { owner: "ann", locked: Some(true) }), Answer::Denied("locked"));
    assert_eq!(decide(&Terse { owner: "ann", locked: None }), Answer::Allowed);
}

#[test]
fn a_field_that_serde_leaves_out_for_another_reason_is_taken_as_absent() {
    // serde says that the field was skipped: the application has stated an absence, however odd its reason.
    #[derive(Serialize)]
    struct Liar {
        #[serde(skip_serializing_if = "always")]
        owner: &'static str,
        locked: Option<bool>,
    }
    fn always(_: &&str) -> bool {
        true
    }
    resource!(Liar);
    // But a required attribute cannot be absent.
    assert_eq!(decide(&Liar { owner: "ann", locked: None }), Answer::Broken);
}

#[test]
fn flattened_fields_are_found() {
    #[derive(Serialize)]
    struct State {
        locked: Option<bool>,
    }
    #[derive(Serialize)]
    struct Outer {
        owner: &'static str,
        #[serde(flatten)]
        state: State,
    }
    resource!(Outer);
    assert_eq!(decide(&Outer { owner: "ann", state: State { locked: Some(true) } }), Answer::Denied("locked"));

    // serde does not say what it leaves out of a flattened struct, so that counts as forgotten.
    #[derive(Serialize)]
    struct TerseState {
        #[serde(skip_serializing_if = "Option::is_none")]
        locked: Option<bool>,
    }
    #[derive(Serialize)]
    struct TerseOuter {
        owner: &'static str,
        #[serde(flatten)]
        state: TerseState,
    }
    resource!(TerseOuter);
    assert_eq!(decide(&TerseOuter { owner: "ann", state: TerseState { locked: None } }), Answer::Broken);
}

#[test]
fn a_value_of_another_type_is_no_absence() {
    #[derive(Serialize)]
    struct Texted {
        owner: &'static str,
        locked: &'static str,
    }
    resource!(Texted);
    assert_eq!(decide(&Texted { owner: "ann", locked: "true" }), Answer::Broken);
}

#[test]
fn parents_that_are_not_stated_are_missed() {
    #[derive(Serialize)]
    struct Homeless {
        owner: &'static str,
        locked: Option<bool>,
    }
    impl Resource for Homeless {
        const TYPE: &'static str = "Note";

        fn id(&self) -> Cow<'_, str> {
            "n1".into()
        }
    }
    assert_eq!(decide(&Homeless { owner: "ann", locked: None }), Answer::Broken);
    let stated = ResourceData::from_json("Note", "n1", &json!({ "owner": "ann", "locked": null }), Parents::none());
    assert_eq!(answer(&session(), &stated.unwrap()), Answer::Allowed);
    let unstated =
        ResourceData::from_json("Note", "n1", &json!({ "owner": "ann", "locked": null }), Parents::unstated());
    assert_eq!(answer(&session(), &unstated.unwrap()), Answer::Broken);
}

#[test]
fn a_resource_never_replaces_what_the_bundle_knows() {
    // `static` is locked in `entities.json`, and `ann` has a tenant there that her token does not state.
    let mine = json!({ "owner": "ann", "locked": false });
    let known = ResourceData::from_json("Note", "static", &mine, Parents::none()).unwrap();
    assert_eq!(answer(&session(), &known), Answer::Denied("locked"));
    assert_eq!(answer(&session(), &ResourceData::bare("Note", "static")), Answer::Denied("locked"));

    let session = session();
    let pretended = ResourceData::from_json("User", "ann", &json!({ "banned": false }), Parents::none()).unwrap();
    let decision = session.decide(&Request::new("GetProfile", &pretended, now()));
    let Decision::Deny(denial) = decision else { panic!("allowed") };
    assert_eq!(denial.policies(), ["banned"]);
}

/// What becomes of a request on a note.
#[derive(Debug, PartialEq, Eq)]
enum Answer {
    Allowed,
    /// By the guardrail of this name.
    Denied(&'static str),
    /// The resource does not fit the schema, which is a defect and no reason to allow.
    Broken,
}

#[track_caller]
fn decide<R: Resource>(resource: &R) -> Answer {
    let data: Result<ResourceData, ResourceError> = ResourceData::of(resource);
    data.map_or(Answer::Broken, |data| answer(&session(), &data))
}

#[track_caller]
fn answer(session: &Session, resource: &ResourceData) -> Answer {
    match session.decide(&Request::new("GetNote", resource, now())) {
        Decision::Allow(_) => Answer::Allowed,
        Decision::Deny(denial) if denial.kind() == DenialKind::Error => {
            assert_eq!(denial.remedy(), None);
            Answer::Broken
        }
        Decision::Deny(denial) => {
            assert_eq!(denial.layers(), [Layer::Guardrails]);
            let policy = ["locked", "secret"].into_iter().find(|policy| denial.policies() == [*policy]);
            Answer::Denied(policy.unwrap_or_else(|| panic!("{denial:?}")))
        }
    }
}

#[test]
fn what_is_loaded_about_the_principal_itself_disarms_no_forbid() {
    let session = session_of("bob");
    let banned = ResourceData::from_json("User", "bob", &json!({ "banned": true }), Parents::unstated()).unwrap();
    let decision = session.decide(&Request::new("GetProfile", &banned, now()));
    assert!(!decision.is_allow(), "bob is banned, whoever asks");
}

#[derive(Serialize)]
struct Note {
    owner: &'static str,
    locked: Option<bool>,
    #[serde(skip)]
    folder: &'static str,
}

impl Resource for Note {
    const TYPE: &'static str = "Note";

    fn id(&self) -> Cow<'_, str> {
        "n1".into()
    }

    fn parents(&self) -> Parents {
        [("Folder", self.folder)].into()
    }
}

fn note(locked: Option<bool>, folder: &'static str) -> Note {
    Note { owner: "ann", locked, folder }
}

fn session() -> Session {
    session_of("ann")
}

fn session_of(sub: &str) -> Session {
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/people.cedar", r#"@id("anybody") permit (principal is User, action, resource);"#)
        .with_file("guardrails/care.cedar", GUARDRAILS)
        .with_file("entities.json", ENTITIES);
    let source = Source::new("main", SourceSettings::default(), Profile::rfc9068()).unwrap();
    let settings = BundleSettings::new(vec![source])
        .with_empty_layer(Layer::Consent)
        .with_empty_layer(Layer::Ceilings)
        .with_required_file("guardrails/care.cedar");
    let engine = Engine::new(Bundle::load(&files, settings).unwrap());
    let claims = json!({ "iss": "https://as.example.com", "sub": sub, "client_id": "web", "scope": "notes" });
    engine.session(&VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone())).unwrap()
}

fn now() -> UnixTime {
    UnixTime::from_secs(1_767_268_800).unwrap()
}

const SCHEMA: &str = r#"
@scope action "notes";
entity User { banned?: Bool };
entity Folder in [Folder];
entity Note in [Folder] { owner: User, locked?: Bool };
@http("GET /notes/{note}") @deferred("decided on the note")
action "GetNote" in ["notes"] appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
@http("GET /users/{user}") @deferred("decided on the user")
action "GetProfile" in ["notes"] appliesTo { principal: [User], resource: [User], context: Portcullis::Context };
"#;

const GUARDRAILS: &str = r#"
@id("locked") forbid (principal, action == Action::"GetNote", resource)
when { resource has locked && resource.locked };
@id("secret") forbid (principal, action == Action::"GetNote", resource in Folder::"secret");
@id("banned") forbid (principal, action == Action::"GetProfile", resource)
when { resource has banned && resource.banned };
"#;

const ENTITIES: &str = r#"[
  { "uid": {"type": "Folder", "id": "secret"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Folder", "id": "inbox"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Folder", "id": "vault"}, "attrs": {}, "parents": [{"type": "Folder", "id": "secret"}] },
  { "uid": {"type": "User", "id": "ann"}, "attrs": {"banned": true}, "parents": [] },
  {
    "uid": {"type": "Note", "id": "static"},
    "attrs": {"owner": {"__entity": {"type": "User", "id": "ann"}}, "locked": true},
    "parents": [{"type": "Folder", "id": "inbox"}]
  }
]"#;
