//! Mistakes in profiles, and the pieces of the vocabulary one by one.

use serde_json::{Map, Value, json};

use super::*;
use crate::caller::error::ClaimProblem;

/// A profile with `key = value`, otherwise sound.
fn profile_with(key: &str, value: &Value) -> Result<Profile, String> {
    let mut profile = json!({ "classify": [{ "kind": "user", "id": "sub" }] });
    profile[key] = value.clone();
    serde_json::from_value(profile).map_err(|error| error.to_string())
}

#[test]
fn a_mistake_in_a_profile_is_named_with_its_key() {
    let nested = |more: Value| {
        let mut source = json!({ "nested": "act", "id": { "hop": "sub" } });
        source.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!([source])
    };
    for (key, value, message) in [
        ("classify", json!([]), "`classify`"),
        ("rules", json!([]), "unknown field `rules`"),
        ("client", json!({ "claim": "a", "clam": "b" }), "unknown field `clam`"),
        ("client", json!({}), "`client`"),
        ("client", json!(7), "the name of a claim or a table"),
        ("client", json!({ "claim": "a", "header": "b" }), "`client`"),
        ("client", json!({ "claim": [] }), "`client.claim`"),
        ("client", json!({ "first_of": [] }), "`client.first_of`"),
        ("client", json!({ "union": ["a", { "claim": [] }] }), "`client.union[1].claim`"),
        ("client", json!({ "claim": "a", "as": "words" }), "unknown variant `words`"),
        ("client", json!({ "claim": "a", "as": [] }), "`client.as`"),
        ("client", json!({ "claim": "a", "as": ["string", "space-separated"] }), "`client.as`"),
        ("client", json!({ "union": ["a"], "as": "array" }), "`client.as`"),
        ("client", json!({ "decoder": "python" }), "unknown variant `python`"),
        ("client", json!({ "hop": "sub" }), "`client.hop`"),
        ("client", json!({ "claim": "a", "regex": "(" }), "`client.regex`"),
        ("client", json!({ "claim": "a", "regex": "a)|(?:b" }), "`client.regex`"),
        ("client", json!({ "claim": "a", "regex": "(a)(b)" }), "`client.regex`"),
        ("client", json!({ "claim": "a", "default": "x" }), "`client.default`"),
        ("client", json!({ "claim": "a", "map": { "x": "" } }), "`client.map`"),
        ("client", json!({ "claim": "a", "template": "{1}{value}" }), "`client.template`"),
        ("gate", json!([{ "exists": "a" }]), "unknown variant `exists`"),
        ("gate", json!([{ "all": [] }]), "`gate[0].all`"),
        ("gate", json!([{ "any": [{ "not": { "any": [] } }] }]), "`gate[0].any[0].not.any`"),
        ("gate", json!([{ "eq": { "of": "a" } }]), "`gate[0].eq`"),
        ("gate", json!([{ "eq": { "of": "a", "value": "b", "same_as": "c" } }]), "`gate[0].eq`"),
        ("gate", json!([{ "has": { "of": "a", "any_of": [] } }]), "`gate[0].has`"),
        ("gate", json!([{ "matches": { "of": "a", "regex": "[" } }]), "`gate[0].matches.regex`"),
        ("gate", json!([{ "present": { "claim": "a", "as": "array" } }]), "`gate[0].present`"),
        ("gate", json!([{ "present": { "hop": "a" } }]), "`gate[0].present.hop`"),
        ("absent", json!({ "roles": "none" }), "unknown variant `none`"),
        ("absent", json!({ "role": "empty" }), "unknown variant `role`"),
        ("unknown_when", json!({ "groups": { "all": [] } }), "`unknown_when.groups.all`"),
        ("classify", json!([{ "kind": "robot", "id": "sub" }]), "unknown variant `robot`"),
        ("classify", json!([{ "kind": "user", "id": { "hop": "sub" } }]), "`classify[0].id.hop`"),
        // The subject's `sub` is not the actor's.
        ("actor", nested(json!({ "id": "sub" })), "`actor[0].id.claim`"),
        ("actor", nested(json!({ "class": { "decoder": "clerk-permissions" } })), "`actor[0].class.decoder`"),
        ("actor", nested(json!({ "nested": ["act", "*"] })), "`actor[0].nested`"),
        ("actor", nested(json!({ "nested": [] })), "`actor[0].nested`"),
        ("actor", json!([{ "id": "agent_id" }]), "`actor[0].when`"),
        ("trust", json!([{ "when": { "present": "a" }, "ignore": ["role"] }]), "unknown variant `role`"),
    ] {
        let error = profile_with(key, &value).err();
        assert!(error.as_ref().is_some_and(|error| error.contains(message)), "{key} = {value}: {error:?}");
    }
}

fn find(extractor: &Value, claims: &Value) -> Result<Found, ClaimProblem> {
    let extractor: Extractor = serde_json::from_value(extractor.clone()).unwrap();
    let header = Map::new();
    let view = View { claims: claims.as_object().unwrap(), header: &header, hop: None };
    extractor.find(view).map_err(|fault| fault.problem)
}

#[test]
fn extractors_take_what_they_say() {
    let claims = json!({
        "s": "a", "empty": "", "words": "b  a", "list": ["a", "", "b"], "n": 7, "f": 1.5, "t": true, "nothing": null,
        "o": { "w": {}, "x": { "r": ["p"] }, "y:z": { "r": ["q"] } }, "which": "x", "a.b": "dotted", "*": "star",
        "scim": ["a", { "value": "b" }], "wrapped": [{ "k": 1 }, { "l": 2 }],
    });
    let values = |list: &[&str]| Ok(Found::Values(list.iter().map(|&value| value.to_owned()).collect()));
    for (extractor, expected) in [
        (json!("s"), values(&["a"])),
        (json!("empty"), values(&[])), // there, and says nothing
        (json!("none"), Ok(Found::Absent)),
        (json!("a.b"), values(&["dotted"])),
        (json!("*"), values(&["star"])),
        (json!({ "claim": [{ "key": "*" }] }), values(&["star"])),
        (json!("nothing"), Err(ClaimProblem::WrongType)),
        (json!("list"), Err(ClaimProblem::WrongType)),
        (json!({ "claim": ["s", "x"] }), Err(ClaimProblem::WrongType)),
        (json!({ "claim": "words", "as": "space-separated" }), values(&["b", "a"])),
        (json!({ "claim": "list", "as": "array" }), values(&["a", "b"])),
        (json!({ "claim": "s", "as": "array" }), Err(ClaimProblem::WrongType)),
        (json!({ "claim": "n", "as": ["string", "number"] }), values(&["7"])),
        (json!({ "claim": "f", "as": "number" }), Err(ClaimProblem::WrongType)),
        (json!({ "claim": "t", "as": "bool" }), values(&["true"])),
        (json!({ "claim": "o", "as": "keys" }), values(&["w", "x", "y:z"])),
        (json!({ "claim": "wrapped", "as": ["array", "keys"] }), values(&["k", "l"])),
        (json!({ "claim": "scim", "as": "scim" }), values(&["a", "b"])),
        (json!({ "claim": "scim", "as": "array" }), Err(ClaimProblem::WrongType)),
        (json!({ "claim": ["o", "*", "r"], "as": "array" }), values(&["p", "q"])),
        (json!({ "claim": ["o", "*", "r"], "as": "array", "template": "{1}:{value}" }), values(&["x:p", "y%3Az:q"])),
        (json!({ "claim": ["o", { "value_of": "which" }, "r"], "as": "array" }), values(&["p"])),
        (json!({ "claim": ["o", { "value_of": "none" }, "r"], "as": "array" }), Ok(Found::Absent)),
        (json!({ "claim": "s", "regex": "b" }), Ok(Found::Unmatched)),
        (json!({ "claim": "a.b", "regex": "dot" }), Ok(Found::Unmatched)), // whole values only
        (json!({ "claim": "a.b", "regex": "dot(.*)" }), values(&["ted"])),
        (json!({ "claim": "a.b", "regex": "d|dotted" }), values(&["dotted"])),
        (json!({ "claim": "s", "drop": ["a"] }), values(&[])),
        (json!({ "claim": "s", "map": { "a": "z" } }), values(&["z"])),
        (json!({ "claim": "s", "map": { "b": "z" } }), Ok(Found::Unmatched)),
        (json!({ "claim": "s", "map": { "b": "z" }, "default": "y" }), values(&["y"])),
        (json!({ "claim": "s", "require": "b" }), Err(ClaimProblem::Malformed)),
        (json!({ "first_of": ["none", { "claim": "s", "regex": "b" }, "a.b"] }), values(&["dotted"])),
        (json!({ "first_of": ["empty", "s"] }), values(&[])), // an empty claim is an answer
        (json!({ "first_of": ["list", "s"] }), Err(ClaimProblem::WrongType)),
        (json!({ "first_of": ["none", { "claim": "s", "regex": "b" }] }), Ok(Found::Unmatched)),
        (json!({ "union": ["s", "none", "a.b"] }), values(&["a", "dotted"])),
        (json!({ "union": ["none"] }), Ok(Found::Absent)),
    ] {
        assert_eq!(find(&extractor, &claims), expected, "{extractor}");
    }
}

#[test]
fn predicates_hold_when_they_say() {
    let claims = json!({ "a": "x", "xq": "xq", "b": "x", "c": "y", "list": ["p", "q"], "null": null });
    let list = json!({ "claim": "list", "as": "array" });
    for (predicate, expected) in [
        (json!({ "present": "a" }), Ok(true)),
        (json!({ "present": "null" }), Ok(true)),
        (json!({ "present": "none" }), Ok(false)),
        (json!({ "present": { "header": "a" } }), Ok(false)),
        (json!({ "eq": { "of": "a", "value": "x" } }), Ok(true)),
        (json!({ "eq": { "of": "none", "value": "x" } }), Ok(false)),
        (json!({ "eq": { "of": "a", "same_as": "b" } }), Ok(true)),
        (json!({ "eq": { "of": "a", "same_as": "c" } }), Ok(false)),
        (json!({ "eq": { "of": "none", "same_as": "other" } }), Ok(false)),
        (json!({ "eq": { "of": list, "value": "p" } }), Err(ClaimProblem::Several)),
        (json!({ "has": { "of": list, "value": "q" } }), Ok(true)),
        (json!({ "has": { "of": list, "any_of": ["r", "s"] } }), Ok(false)),
        (json!({ "matches": { "of": "a", "regex": "x|z" } }), Ok(true)),
        (json!({ "matches": { "of": "xq", "regex": "x|q" } }), Ok(false)), // both alternatives are anchored
        (json!({ "matches": { "of": "a", "regex": "" } }), Ok(false)),
        (json!({ "matches": { "of": "none", "regex": ".*" } }), Ok(false)),
        (json!({ "all": [{ "present": "a" }, { "present": "none" }] }), Ok(false)),
        (json!({ "any": [{ "present": "none" }, { "present": "a" }] }), Ok(true)),
        (json!({ "not": { "present": "a" } }), Ok(false)),
        // The wrong type is not "no", or a `not` would turn it into "yes".
        (json!({ "not": { "eq": { "of": "null", "value": "x" } } }), Err(ClaimProblem::WrongType)),
    ] {
        let profile = profile_with("gate", &json!([predicate])).unwrap();
        let header = Map::new();
        let view = View { claims: claims.as_object().unwrap(), header: &header, hop: None };
        let holds = profile.rules().gate[0].holds(view).map_err(|fault| fault.problem);
        assert_eq!(holds, expected, "{predicate}");
    }
}

#[test]
fn the_preset_is_sound() {
    assert_eq!(Profile::rfc9068().rules().classify.len(), 5);
}
