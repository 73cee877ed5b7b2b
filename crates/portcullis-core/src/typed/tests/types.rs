use cedar_policy::SchemaFragment;
use serde_json::json;

use super::{json, types};
use crate::typed::{Attr, AttrType, EntityShape, RecordType, Types, TypesError};

fn attr(types: &Types, entity: &str, attribute: &str) -> Attr {
    let record: &RecordType = types.entity_shape(entity).unwrap();
    record.attributes[attribute].clone()
}

#[track_caller]
fn assert_entity(ty: &AttrType, name: &str) {
    assert!(matches!(ty, AttrType::Entity(entity) if *entity.name == *name), "{ty:?}");
}

#[test]
fn every_type_of_the_language_is_known() {
    let types = types();
    let ty = |attribute| attr(&types, "Every", attribute).ty;
    assert_eq!(ty("bool"), AttrType::Bool);
    assert_eq!(ty("long"), AttrType::Long);
    assert_eq!(ty("string"), AttrType::String);
    assert_eq!(ty("datetime"), AttrType::Datetime);
    assert_eq!(ty("duration"), AttrType::Duration);
    assert_eq!(ty("decimal"), AttrType::Decimal);
    assert_eq!(ty("ip"), AttrType::Ip);
    assert_entity(&ty("user"), "User");
    assert_entity(&ty("kind"), "Portcullis::Kind");
    assert_eq!(ty("set"), AttrType::Set(Box::new(AttrType::Long)));
    assert!(matches!(ty("record"), AttrType::Record(record) if record.attributes.len() == 2));
}

#[test]
fn a_name_means_its_own_namespace_first() {
    let types = types();
    assert_eq!(attr(&types, "Shop::Crate", "size").ty, AttrType::Long);
    assert_eq!(attr(&types, "Depot::Crate", "size").ty, AttrType::String);
    assert_eq!(attr(&types, "Depot::Crate", "other").ty, AttrType::Long);
    assert_entity(&attr(&types, "Shop::Crate", "owner").ty, "User");
    assert_eq!(attr(&types, "Shop::Crate", "raw").ty, AttrType::String);
    assert_eq!(types.entity_parents("Shop::Item"), ["Shop::Crate"]);
    assert_eq!(types.entity_parents("Doc"), ["Folder"]);
}

#[test]
fn annotations_of_types_and_attributes_are_kept() {
    let types = types();
    let user: &EntityShape = types.entity("User").unwrap();
    assert_eq!(user.annotations.get("doc").map(String::as_str), Some("A person"));
    assert_eq!(user.annotations.get("hide").map(String::as_str), Some(""));
    let tenant = attr(&types, "User", "tenant");
    assert_eq!(tenant.annotations.get("claim").map(String::as_str), Some("org_id"));
    assert!(!tenant.required);
    assert!(attr(&types, "Doc", "owner").required);
}

#[test]
fn ancestors_are_closed_over_the_types() {
    let types = types();
    let ancestors = &types.entity("Doc").unwrap().ancestors;
    assert!(ancestors.iter().eq(["Folder", "Team"]), "{ancestors:?}");
    assert!(types.entity("Role").unwrap().ancestors.iter().eq(["Role"]));
    assert!(types.entity("Team").unwrap().ancestors.is_empty());
}

#[test]
fn enumerated_types_know_their_ids() {
    let types = types();
    assert!(types.enum_ids("Team").unwrap().iter().eq(["blue", "red"]));
    assert!(types.enum_ids("Doc").is_none());
    assert!(types.enum_ids("Nothing").is_none());
    assert!(types.entity("Tagged").unwrap().tagged);
    assert_eq!(types.entities().filter(|(_, shape)| shape.tagged).count(), 1);
}

#[test]
fn facts_are_the_context_without_what_the_engine_adds() {
    let types = types();
    let names = |record: &RecordType| record.attributes.keys().cloned().collect::<Vec<_>>().join(" ");
    assert_eq!(names(types.context_type("PayDoc").unwrap()), "amount auth note now window");
    assert_eq!(names(types.fact_type("PayDoc").unwrap()), "amount note window");
    assert_eq!(names(types.context_type("GetDoc").unwrap()), "auth now");
    assert_eq!(names(types.fact_type("GetDoc").unwrap()), "");
    assert_eq!(names(types.context_type("Ping").unwrap()), "");
    assert!(types.context_type("Nothing").is_none());
    assert!(types.context_type("GetDoc").unwrap().attributes["auth"].ty.holds_entities());
    assert!(!types.context_type("PayDoc").unwrap().attributes["window"].ty.holds_entities());
}

#[test]
fn a_schema_written_as_json_means_the_same() {
    // The JSON syntax has forms that the conversion from Cedar's syntax never writes.
    let schema = json!({ "": {
        "commonTypes": { "Size": { "type": "Long" }, "Shape": { "type": "Record", "attributes": {} } },
        "entityTypes": {
            "Box": { "shape": { "type": "Record", "attributes": {
                "size": { "type": "Size" },
                "flag": { "type": "Boolean", "required": false },
                "peer": { "type": "Entity", "name": "Box" },
                "when": { "type": "Extension", "name": "datetime" },
            } } },
            "Empty": { "shape": { "type": "Shape" } },
        },
        "actions": {},
    } });
    SchemaFragment::from_json_value(schema.clone()).unwrap();
    let types = Types::from_json(&[&schema]).unwrap();
    assert_eq!(attr(&types, "Box", "size").ty, AttrType::Long);
    assert_eq!(attr(&types, "Box", "flag").ty, AttrType::Bool);
    assert_entity(&attr(&types, "Box", "peer").ty, "Box");
    assert_eq!(attr(&types, "Box", "when").ty, AttrType::Datetime);
    assert_eq!(types.entity_shape("Empty"), Some(&RecordType::default()));
}

#[test]
fn an_unreadable_schema_is_an_error_and_no_panic() {
    let read = |schema| Types::from_json(&[&schema]).unwrap_err();
    let entity = |shape| json!({ "": { "entityTypes": { "A": { "shape": shape } }, "actions": {} } });
    assert!(matches!(read(json!([])), TypesError::Unreadable(_)));
    assert!(matches!(read(entity(json!({ "type": "Nowhere" }))), TypesError::UnknownType { .. }));
    assert!(matches!(read(entity(json!({ "type": "Long" }))), TypesError::NotARecord { .. }));
    let cycle = json!({ "N": { "commonTypes": { "A": { "type": "B" }, "B": { "type": "Set", "element": { "type": "A" } } },
        "entityTypes": { "E": { "shape": { "type": "A" } } }, "actions": {} } });
    assert!(matches!(read(cycle), TypesError::TooDeep { .. }));
    let action = || json!({ "appliesTo": { "principalTypes": [], "resourceTypes": [] } });
    let twice = json!({ "A": { "actions": { "x": action() } }, "B": { "actions": { "x": action() } } });
    assert!(matches!(read(twice), TypesError::AmbiguousAction { action } if action == "x"));
}

#[test]
fn fragments_are_read_together() {
    let all = json();
    assert!(matches!(Types::from_json(&[&all[1]]), Err(TypesError::UnknownType { .. })));
    assert!(Types::from_json(&[&all[0]]).is_ok());
}
