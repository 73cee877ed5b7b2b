//! The vocabulary of profiles suffices for what vendors send.
//!
//! `data/vendor-tokens` holds one token per file with the reading that is expected; `data/profiles` one profile per
//! vendor, in TOML.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "the helpers of a test may panic as the test may"
)]

use std::collections::BTreeSet;
use std::path::PathBuf;

use portcullis_core::{
    AgentType, Caller, ClaimsError, Hop, Kind, Listing, Profile, Source, SourceSettings, Sources, VerifiedClaims,
};
use serde_json::Value;

#[test]
fn every_token_is_read_as_its_vendor_means_it() {
    let mut read_tokens = 0;
    for (name, token) in tokens() {
        if token["kind"] == "reject" {
            continue;
        }
        let caller = read(&token).unwrap_or_else(|error| panic!("{name}: {error}"));
        let expected = &token["expect"];
        assert_eq!(caller.subject().kind.as_str(), expected["principal_type"], "{name}");
        assert_eq!(caller.subject().id, expected["principal_id"], "{name}");
        assert_eq!(caller.client(), expected["client_id"].as_str(), "{name}");
        assert_eq!(caller.tenant(), expected["tenant"].as_str(), "{name}");
        assert_eq!(set(caller.scopes().unwrap_or_default()), expected_set(&expected["scopes"]), "{name}");
        for (list, key) in
            [(caller.roles(), "roles"), (caller.groups(), "groups"), (caller.permissions(), "permissions")]
        {
            check_list(list, expected.get(key), &format!("{name}: {key}"));
        }
        check_actor(&caller, &token, &name);
        read_tokens += 1;
    }
    assert_eq!(read_tokens, 45);
}

#[test]
fn tokens_of_another_kind_do_not_pass_the_gate() {
    let mut refused = 0;
    for (name, token) in tokens() {
        if token["kind"] == "reject" {
            let error = read(&token).err();
            assert!(matches!(error, Some(ClaimsError::GateClosed { .. })), "{name}: {error:?}");
            refused += 1;
        }
    }
    assert_eq!(refused, 5);
}

fn read(token: &Value) -> Result<Caller, ClaimsError> {
    let vendor = token["vendor"].as_str().unwrap();
    let text = std::fs::read_to_string(data(&format!("profiles/{vendor}.toml"))).unwrap();
    let profile: Profile = toml::from_str(&text).unwrap_or_else(|error| panic!("{vendor}: {error}"));
    // Some vendors issue tokens to services that live for a day.
    let settings: SourceSettings = serde_json::from_str(r#"{ "max_lifetime": "24h" }"#).unwrap();
    let source = Source::new("vendor", settings, profile).unwrap();
    let sources = Sources::new([source], AgentType::Undeclared).unwrap();
    let object = |key: &str| token[key].as_object().unwrap().clone();
    sources.read(VerifiedClaims::assume_verified("vendor", object("claims")).with_header(object("header")))
}

/// The expectations leave out lists that the token does not have.
#[track_caller]
fn check_list(list: &Listing, expected: Option<&Value>, what: &str) {
    match (list, expected) {
        (Listing::Known(values), Some(expected)) => assert_eq!(set(values), expected_set(expected), "{what}"),
        (Listing::Known(values), None) => assert!(values.is_empty(), "{what}"),
        (Listing::Unknown, expected) => {
            assert!(expected.is_none_or(|list| list.as_array().is_none_or(Vec::is_empty)), "{what}");
        }
    }
}

#[track_caller]
fn check_actor(caller: &Caller, token: &Value, name: &str) {
    let expected = &token["expect"]["actor"];
    assert_eq!(caller.actor().is_some(), expected.is_object(), "{name}");
    let Some(actor) = caller.actor() else { return };
    let chain = expected["chain"].as_array().unwrap();
    assert_eq!(caller.chain().len(), chain.len(), "{name}");
    for (hop, expected) in caller.chain().iter().zip(chain) {
        check_hop(hop, expected, token, name);
    }
    let outermost = &caller.chain()[0];
    assert_eq!((&actor.id, actor.depth), (&outermost.id, chain.len()), "{name}");
    assert_eq!(actor.kind, outermost.kind.unwrap_or(Kind::Agent), "{name}");
}

#[track_caller]
fn check_hop(hop: &Hop, expected: &Value, token: &Value, name: &str) {
    assert_eq!(hop.kind.map_or("unknown", Kind::as_str), expected["type"], "{name}");
    assert_eq!(hop.client.as_deref(), expected["client_id"].as_str(), "{name}");
    let id = expected["id"].as_str().unwrap();
    match token["claims"]["act"]["iss"].as_str() {
        // The expectations leave out the issuer of the actor.
        Some(iss) if token["claims"]["iss"] != iss => assert_eq!(hop.id, format!("|{iss}|{id}"), "{name}"),
        _ => assert_eq!(hop.id, id, "{name}"),
    }
}

fn tokens() -> Vec<(String, Value)> {
    let mut tokens: Vec<_> = std::fs::read_dir(data("vendor-tokens"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.display().to_string(), std::fs::read_to_string(path).unwrap()))
        .map(|(name, text)| (name, serde_json::from_str(&text).unwrap()))
        .collect();
    tokens.sort_by(|(a, _): &(String, Value), (b, _)| a.cmp(b));
    tokens
}

fn data(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

fn set(values: &[String]) -> BTreeSet<&str> {
    values.iter().map(String::as_str).collect()
}

fn expected_set(values: &Value) -> BTreeSet<&str> {
    values.as_array().map(Vec::as_slice).unwrap_or_default().iter().filter_map(Value::as_str).collect()
}
