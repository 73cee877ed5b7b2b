//! A scope has a name of RFC 6749, and what names grant together is what each of them grants, in whatever order.
// GEN-10

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock};

use portcullis::{Bundle, BundleFiles, Engine, Layer, ScopeName};
use portcullis_core::VerifiedClaims;
use serde_json::json;

use crate::{settings, text};

pub(super) fn run(octets: &[u8]) {
    let text = text(octets);
    let is_name = !text.is_empty() && text.bytes().all(|octet| matches!(octet, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    let name = text.parse::<ScopeName>();
    assert_eq!(name.is_ok(), is_name, "not the characters of RFC 6749");
    assert!(name.is_ok_and(|name| name.to_string() == text) || !is_name, "another name");

    let names: Vec<&str> = text.split(' ').collect();
    let below = HIERARCHY.iter().filter(|(above, _)| names.contains(above)).flat_map(|(_, below)| *below);
    let expected: BTreeSet<&str> = below.copied().collect();
    let scopes = BUNDLE.scopes();
    let granted = scopes.expand(names.iter().copied());
    assert_eq!(granted, scopes.expand(names.iter().rev().chain(&names).copied()), "order or repetition counts");
    let found: BTreeSet<&str> = scopes.names(&granted).map(ScopeName::as_str).collect();
    assert_eq!(found, expected, "granted is not what is below");

    let claims = json!({ "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "scope": text });
    let claims = VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone());
    let Ok(session) = Engine::new(Arc::clone(&BUNDLE)).session(&claims) else { return };
    for (name, _) in HIERARCHY {
        assert_eq!(session.has_scope(name), expected.contains(name), "a token grants something else");
    }
}

/// Scopes, with what each of them grants.
const HIERARCHY: [(&str, &[&str]); 4] = [
    ("notes", &["notes", "read:notes", "write:notes"]),
    ("read:notes", &["read:notes"]),
    ("write:notes", &["write:notes"]),
    ("admin", &["admin"]),
];

static BUNDLE: LazyLock<Arc<Bundle>> = LazyLock::new(|| {
    let schema = r#"
        entity User;
        entity Note;
        @scope @doc("All of your notes")
        action "notes";
        @scope @doc("See your notes")
        action "read:notes" in ["notes"];
        @scope @doc("Change your notes")
        action "write:notes" in ["notes"];
        @scope @doc("Everything else")
        action "admin";
        action "GetNote" in ["read:notes"]
          appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
        action "EditNote" in ["write:notes"]
          appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
        action "DropNotes" in ["admin"]
          appliesTo { principal: [User], resource: [Note], context: Portcullis::Context };
    "#;
    let role = r#"@id("all") permit (principal, action, resource);"#;
    let files = BundleFiles::new().with_file("schema.cedarschema", schema).with_file("roles/all.cedar", role);
    let empty = settings().with_empty_layer(Layer::Ceilings).with_empty_layer(Layer::Guardrails);
    Bundle::load(&files, empty).unwrap()
});
