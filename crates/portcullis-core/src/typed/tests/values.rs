use serde_json::{Value, json};

use super::{assert_cedar_accepts, types};
use crate::typed::{AttrType, Origin, Parents, ResourceData, ResourceError, ValueProblem};

/// An entity with this one attribute, the other optional ones stated as absent.
fn every(attribute: &str, value: Value) -> Result<cedar_policy::Entity, ResourceError> {
    let types = types();
    let names = types.entity_shape("Every").unwrap().attributes.keys();
    let mut attributes: serde_json::Map<_, _> = names.map(|name| (name.clone(), Value::Null)).collect();
    attributes.insert(attribute.to_owned(), value);
    ResourceData::from_json("Every", "e", &attributes.into(), Parents::unstated())?.entity(&types)
}

#[test]
fn values_of_the_declared_type_are_accepted_by_cedar() {
    for (attribute, value) in [
        ("bool", json!(true)),
        ("long", json!(-1)),
        ("string", json!("")),
        ("datetime", json!("2026-01-01T12:00:00.5+02:00")),
        ("duration", json!("1h30m")),
        ("decimal", json!("1.50")),
        ("ip", json!("192.0.2.0/24")),
        ("user", json!("ann \"::\" \\ é")), // no id is ever parsed
        ("user", json!({ "type": "User", "id": "ann" })),
        ("user", json!({ "id": "ann", "type": "User" })),
        ("team", json!("red")),
        ("kind", json!({ "type": "Portcullis::Kind", "id": "agent" })),
        ("set", json!([])),
        ("set", json!([1, 2, 2])),
        ("record", json!({ "street": "High Street", "lines": null })),
    ] {
        let entity = every(attribute, value.clone()).unwrap_or_else(|e| panic!("{attribute} {value}: {e}"));
        assert_cedar_accepts(&entity);
        assert!(entity.attr(attribute).unwrap().is_ok(), "{attribute}");
    }
}

#[test]
fn a_value_that_does_not_fit_is_an_error_that_names_place_and_types() {
    for (attribute, value, message) in [
        ("bool", json!("true"), "`bool` of `Every` is a string, expected a boolean"),
        ("long", json!("1"), "`long` of `Every` is a string, expected an integer"),
        ("long", json!(1.5), "`long` of `Every` is a floating-point number, which Cedar does not have"),
        ("string", json!(1), "`string` of `Every` is an integer, expected a string"),
        ("datetime", json!("tomorrow"), "`datetime` of `Every` is not a date and time of RFC 3339 with its offset"),
        (
            "datetime",
            json!(1_767_268_800),
            "`datetime` of `Every` is an integer, expected a date and time of RFC 3339 with its offset",
        ),
        ("duration", json!("PT1H"), "`duration` of `Every` is not a duration such as `1h30m`"),
        ("decimal", json!("1"), "`decimal` of `Every` is not a decimal with one to four digits after the point"),
        ("ip", json!("localhost"), "`ip` of `Every` is not an IP address or network"),
        ("user", json!({ "type": "Role", "id": "a" }), "`user` of `Every` names an entity of another type than `User`"),
        (
            "user",
            json!(["ann"]),
            "`user` of `Every` is an array, expected the id of a `User`, or an object of `type` and `id`",
        ),
        (
            "user",
            json!({ "type": "User", "id": "ann", "x": 1 }),
            "`user` of `Every` is another object, expected the id of a `User`, or an object of `type` and `id`",
        ),
        ("team", json!("rde"), "`team` of `Every` names an entity that `Team` does not list"),
        ("set", json!(1), "`set` of `Every` is an integer, expected an array"),
        ("set", json!([1, "2"]), "`set[1]` of `Every` is a string, expected an integer"),
        ("set", json!([1, null]), "`set[1]` of `Every` is null, expected an integer"),
        ("record", json!("High Street"), "`record` of `Every` is a string, expected an object"),
        (
            "record",
            json!({ "lines": null }),
            "`record.street` of `Every` was never serialised: emit it, with `None` or `skip_field` when it is absent",
        ),
        (
            "record",
            json!({ "street": "a" }),
            "`record.lines` of `Every` was never serialised: emit it, with `None` or `skip_field` when it is absent",
        ),
        (
            "record",
            json!({ "street": null, "lines": null }),
            "`record.street` of `Every` is absent, but the schema requires it",
        ),
        (
            "record",
            json!({ "street": "a", "lines": ["b", 1] }),
            "`record.lines[1]` of `Every` is an integer, expected a string",
        ),
    ] {
        let error = every(attribute, value).unwrap_err();
        assert_eq!(error.to_string(), format!("attribute {message}"));
    }
}

#[test]
fn claims_may_leave_out_what_is_optional_and_carry_what_is_unknown() {
    let types = types();
    let address = types.entity_shape("Every").unwrap().attributes["record"].ty.clone();
    let claim = |value: Value| address.of_json(&value, Origin::Claim);
    assert!(claim(json!({ "street": "a", "country": "x" })).unwrap().is_some());
    assert!(claim(Value::Null).unwrap().is_none());
    assert_eq!(claim(json!({ "country": "x" })).unwrap_err().problem(), &ValueProblem::Absent);
    assert_eq!(claim(json!({ "street": 1 })).unwrap_err().path(), "street");
    assert!(AttrType::Long.of_json(&json!("1"), Origin::Claim).is_err()); // JWT: a claim of the wrong type is no claim
}
