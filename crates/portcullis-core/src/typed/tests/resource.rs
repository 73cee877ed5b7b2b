use std::borrow::Cow;
use std::collections::{HashMap, HashSet};
use std::str::FromStr;

use cedar_policy::{Authorizer, Context, Decision, Entities, Entity, EntityUid, PolicySet, Request};
use serde::Serialize;
use serde_json::{Value, json};

use super::{assert_cedar_accepts, types};
use crate::typed::Loaded;
use crate::{Parents, Resource, ResourceData, ResourceError, ValueProblem};

/// A document as most applications have it.
#[derive(Serialize, Clone)]
struct Doc {
    id: u32, // not in the schema: dropped
    owner: String,
    readers: Option<HashSet<String>>,
    locked: Option<bool>,
    size: u64,
    due: Option<String>,
    address: Option<Address>,
}

#[derive(Serialize, Clone)]
struct Address {
    street: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    lines: Vec<String>,
}

fn doc() -> Doc {
    Doc { id: 7, owner: "ann".into(), readers: None, locked: None, size: 1, due: None, address: None }
}

/// Declares how a type is a `Doc`.
macro_rules! is_a_doc {
    ($($ty:ty),+) => {$(
        impl Resource for $ty {
            const TYPE: &'static str = "Doc";

            fn id(&self) -> Cow<'_, str> {
                "7".into()
            }

            fn parents(&self) -> Parents {
                [("Folder", "inbox")].into()
            }
        }
    )+};
}

is_a_doc!(Doc);

#[track_caller]
fn entity(resource: &impl Resource) -> Entity {
    let entity = ResourceData::of(resource).unwrap().entity(&types()).unwrap();
    assert_cedar_accepts(&entity);
    entity
}

fn refusal(resource: &impl Resource) -> ResourceError {
    match ResourceData::of(resource) {
        Ok(data) => data.entity(&types()).unwrap_err(),
        Err(error) => error,
    }
}

#[track_caller]
fn assert_problem(resource: &impl Resource, path: &str, problem: ValueProblem) {
    let expected = ResourceError::Attribute { entity_type: "Doc".into(), path: path.into(), problem };
    assert_eq!(refusal(resource), expected);
}

#[test]
fn a_serialised_struct_becomes_an_entity() {
    let full = Doc {
        readers: Some(["ben".to_owned(), "eve".to_owned()].into()),
        locked: Some(true),
        due: Some("2026-01-01T00:00:00+01:00".into()),
        address: Some(Address { street: "High Street".into(), lines: Vec::new() }),
        ..doc()
    };
    let entity = entity(&full);
    assert_eq!(entity.uid(), EntityUid::from_str(r#"Doc::"7""#).unwrap());
    assert_eq!(entity.attr("locked").unwrap().unwrap(), cedar_policy::EvalResult::Bool(true));
    assert!(entity.attr("due").is_some());
    assert!(entity.attr("id").is_none());
    let (_, _, parents) = entity.into_inner();
    assert_eq!(parents, HashSet::from([EntityUid::from_str(r#"Folder::"inbox""#).unwrap()]));
}

#[test]
fn stated_absence_is_absence() {
    let entity = entity(&doc());
    assert!(entity.attr("locked").is_none());
    assert!(entity.attr("size").is_some());
}

/// Ways in which serde hides the attribute `locked` from a `forbid … when { resource has locked && resource.locked }`.
mod half_serialised {
    use super::*;

    #[derive(Serialize)]
    struct Skip {
        owner: String,
        readers: Option<u8>,
        #[serde(skip)]
        #[expect(dead_code, reason = "that it is never read is the point")]
        locked: bool,
        size: u64,
        due: Option<u8>,
        address: Option<u8>,
    }

    #[derive(Serialize)]
    struct Renamed {
        owner: String,
        readers: Option<u8>,
        #[serde(rename = "isLocked")]
        locked: bool,
        size: u64,
        due: Option<u8>,
        address: Option<u8>,
    }

    #[derive(Serialize)]
    #[serde(rename_all = "SCREAMING_SNAKE_CASE")]
    struct Shouting {
        owner: String,
    }

    /// A flattened struct becomes a map, in which serde reports no skipped field.
    #[derive(Serialize)]
    struct FlatSkip {
        #[serde(flatten)]
        inner: Doc,
        #[serde(flatten)]
        lock: LockedIfSo,
    }

    #[derive(Serialize)]
    struct LockedIfSo {
        #[serde(skip_serializing_if = "Option::is_none")]
        locked: Option<bool>,
    }

    #[derive(Serialize)]
    struct Twice {
        #[serde(flatten)]
        inner: Doc,
        locked: bool,
    }

    #[derive(Serialize)]
    struct Unit;

    #[derive(Serialize)]
    struct Text(&'static str);

    is_a_doc!(Skip, Renamed, Shouting, FlatSkip, Twice, Unit, Text);

    #[test]
    fn a_skipped_field_is_refused() {
        let skip = Skip { owner: "ann".into(), readers: None, locked: true, size: 1, due: None, address: None };
        assert_problem(&skip, "locked", ValueProblem::NeverSerialised);
        assert_eq!(
            refusal(&skip).to_string(),
            "attribute `locked` of `Doc` was never serialised: emit it, with `None` or `skip_field` when it is absent"
        );
    }

    #[test]
    fn a_renamed_field_is_refused() {
        let renamed = Renamed { owner: "ann".into(), readers: None, locked: true, size: 1, due: None, address: None };
        assert_problem(&renamed, "locked", ValueProblem::NeverSerialised);
        assert_problem(&Shouting { owner: "ann".into() }, "address", ValueProblem::NeverSerialised);
    }

    #[test]
    fn two_values_for_one_attribute_are_refused() {
        assert_problem(&Twice { inner: doc(), locked: true }, "locked", ValueProblem::Twice);
        let both = FlatSkip { inner: doc(), lock: LockedIfSo { locked: Some(true) } };
        assert_problem(&both, "locked", ValueProblem::Twice);
        // Nothing was skipped in silence here: `inner` states the absence.
        entity(&FlatSkip { inner: doc(), lock: LockedIfSo { locked: None } });
    }

    #[test]
    fn an_empty_or_shapeless_resource_is_refused() {
        assert_problem(&Unit, "address", ValueProblem::NeverSerialised);
        let whole = ValueProblem::WrongType { expected: "an object".into(), found: "a string" };
        assert_eq!(refusal(&Text("x")), ResourceError::Whole { entity_type: "Doc".into(), problem: whole });
    }

    #[derive(Serialize)]
    struct Flat {
        owner: String,
        size: u64,
        #[serde(flatten)]
        rest: HashMap<String, Option<bool>>,
    }

    #[derive(Serialize)]
    struct SkipInFlat {
        owner: String,
        size: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        locked: Option<bool>,
        #[serde(flatten)]
        rest: HashMap<String, Option<bool>>,
    }

    is_a_doc!(Flat, SkipInFlat);

    fn rest(names: &[&str]) -> HashMap<String, Option<bool>> {
        names.iter().map(|name| ((*name).to_owned(), None)).collect()
    }

    #[test]
    fn flattened_fields_count_where_they_appear() {
        let all = ["readers", "locked", "due", "address"];
        entity(&Flat { owner: "ann".into(), size: 1, rest: rest(&all) });
        let flat = Flat { owner: "ann".into(), size: 1, rest: rest(&["readers", "due", "address"]) };
        assert_problem(&flat, "locked", ValueProblem::NeverSerialised);
        let rest = rest(&["readers", "due", "address"]);
        let skip = SkipInFlat { owner: "ann".into(), size: 1, locked: None, rest };
        assert_problem(&skip, "locked", ValueProblem::NeverSerialised);
    }

    #[derive(Serialize)]
    struct HalfAddress {
        owner: String,
        readers: Option<u8>,
        locked: Option<bool>,
        size: u64,
        due: Option<u8>,
        address: Street,
    }

    #[derive(Serialize)]
    struct Street {
        street: String,
        #[serde(skip)]
        #[expect(dead_code, reason = "that it is never read is the point")]
        lines: Vec<String>,
    }

    is_a_doc!(HalfAddress);

    #[test]
    fn nested_records_obey_the_same_rule() {
        let address = Street { street: "High Street".into(), lines: Vec::new() };
        let half = HalfAddress { owner: "ann".into(), readers: None, locked: None, size: 1, due: None, address };
        assert_problem(&half, "address.lines", ValueProblem::NeverSerialised);
    }
}

#[test]
fn skip_serializing_if_states_absence() {
    #[derive(Serialize)]
    struct Short {
        owner: String,
        #[serde(skip_serializing_if = "Option::is_none")]
        readers: Option<Vec<String>>,
        #[serde(skip_serializing_if = "Option::is_none")]
        locked: Option<bool>,
        #[serde(skip_serializing_if = "is_zero")]
        size: u64,
        #[serde(skip_serializing_if = "Option::is_none")]
        due: Option<String>,
        #[serde(skip_serializing_if = "Option::is_none")]
        address: Option<Address>,
    }
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
    fn is_zero(size: &u64) -> bool {
        *size == 0
    }
    is_a_doc!(Short);
    let short = |size| Short { owner: "ann".into(), readers: None, locked: None, size, due: None, address: None };
    assert!(entity(&short(1)).attr("locked").is_none());
    // The schema requires a size, so it must not be left out even at zero.
    assert_problem(&short(0), "size", ValueProblem::Absent);
}

#[test]
fn maps_are_resources_too() {
    #[derive(Serialize)]
    struct Row(HashMap<&'static str, Value>);
    is_a_doc!(Row);
    let mut row = HashMap::from([("owner", json!("ann")), ("size", json!(1)), ("colour", json!("red"))]);
    row.extend(["readers", "locked", "due"].map(|name| (name, Value::Null)));
    assert_problem(&Row(row.clone()), "address", ValueProblem::NeverSerialised);
    row.insert("address", Value::Null);
    entity(&Row(row));
}

#[test]
fn a_forbid_sees_what_the_struct_says() {
    let forbid = r#"permit (principal, action, resource);
        forbid (principal, action, resource) when { resource has locked && resource.locked };
        forbid (principal, action, resource in Team::"red");"#;
    let policies = PolicySet::from_str(forbid).unwrap();
    let decide = |doc: &Doc, above: &[&str]| {
        let data = ResourceData::of(doc).unwrap();
        let above: Vec<_> = above.iter().map(|uid| EntityUid::from_str(uid).unwrap()).collect();
        let (uid, _) = data.uid(&types()).unwrap();
        let close = |_: &EntityUid, set: &mut HashSet<_>| set.extend(above.iter().cloned());
        let Loaded { entity, ancestors } = data.load(&uid, &types(), close).unwrap().unwrap();
        assert_eq!(entity.clone().into_inner().2, ancestors);
        let [principal, action] =
            [r#"User::"ann""#, r#"Action::"GetDoc""#].map(|uid| EntityUid::from_str(uid).unwrap());
        let request = Request::new(principal, action, data.uid(&types()).unwrap().0, Context::empty(), None).unwrap();
        let entities = Entities::from_entities([entity], None).unwrap();
        Authorizer::new().is_authorized(&request, &policies, &entities).decision()
    };
    assert_eq!(decide(&doc(), &[]), Decision::Allow);
    assert_eq!(decide(&Doc { locked: Some(true), ..doc() }, &[]), Decision::Deny);
    assert_eq!(decide(&Doc { locked: Some(false), ..doc() }, &[]), Decision::Allow);
    // What stands above the stated folder counts as well.
    assert_eq!(decide(&doc(), &[r#"Team::"red""#]), Decision::Deny);
}

#[test]
fn parents_must_be_stated_where_the_schema_knows_any() {
    let attributes = serde_json::to_value(doc()).unwrap();
    let data = |parents| ResourceData::from_json("Doc", "7", &attributes, parents).unwrap().entity(&types());
    assert!(data(Parents::none()).is_ok());
    assert!(data([("Folder", "a"), ("Folder", "b")].into()).is_ok());
    assert!(data([("Team", "red")].into()).is_ok()); // two levels up
    let unstated = ResourceError::ParentsUnstated { entity_type: "Doc".into(), parent_type: "Folder".into() };
    assert_eq!(data(Parents::unstated()).unwrap_err(), unstated);
    for parent in [("Role", "a"), ("Nothing", "a"), ("Doc", "8"), ("Team", "rde")] {
        let error = ResourceError::Parent { entity_type: "Doc".into(), parent_type: parent.0.into() };
        assert_eq!(data([parent].into()).unwrap_err(), error);
    }
}

#[test]
fn a_type_without_attributes_needs_none() {
    #[derive(Serialize)]
    struct Health;
    impl Resource for Health {
        const TYPE: &'static str = "Health";

        fn id(&self) -> Cow<'_, str> {
            "self".into()
        }
    }
    entity(&Health);
    entity(&&Health);
    for attributes in [json!(null), json!({}), json!({ "more": 1 })] {
        let data = ResourceData::from_json("Health", "self", &attributes, Parents::unstated()).unwrap();
        assert_cedar_accepts(&data.entity(&types()).unwrap());
    }
}

#[test]
fn a_bare_id_has_no_attributes_and_says_so() {
    let bare = ResourceData::bare("Doc", "7");
    assert!(bare.is_bare());
    assert!(bare.entity(&types()).unwrap().attr("size").is_none());
    assert!(!ResourceData::of(&doc()).unwrap().is_bare());
}

#[test]
fn types_and_ids_outside_the_schema_are_refused() {
    let entity = |ty: &'static str, id: &str| ResourceData::bare(ty, id).entity(&types());
    assert!(entity("Api", "self").is_ok());
    let unlisted = ResourceError::UnlistedId { entity_type: "Api".into(), id: "other".into() };
    assert_eq!(entity("Api", "other").unwrap_err(), unlisted);
    let unknown = ResourceError::UnknownType { entity_type: "Nothing".into() };
    assert_eq!(entity("Nothing", "a").unwrap_err(), unknown);
}

#[test]
fn a_type_with_tags_is_refused_because_a_resource_cannot_state_them() {
    let data = ResourceData::from_json("Tagged", "t", &json!({ "a": 1 }), Parents::none()).unwrap();
    assert_eq!(data.entity(&types()).unwrap_err(), ResourceError::Tagged { entity_type: "Tagged".into() });
}

#[test]
fn resources_and_their_errors_do_not_print_values() {
    let secret = Doc { owner: "hunter2".into(), due: Some("hunter2".into()), ..doc() };
    let data = ResourceData::of(&secret).unwrap();
    assert!(!format!("{data:?}").contains("hunter2"));
    assert!(!format!("{:?}", data.entity(&types()).unwrap_err()).contains("hunter2"));
}
