//! The summary of a bundle.

use portcullis_core::{Bundle, BundleFiles, BundleSettings, Layer, Profile, Source, SourceSettings};

const SCHEMA: &str = r#"
@scope action "read:notes";
@scope action "read:profile";
@scope @conditional action "read:notes:old" in ["read:notes"];
entity Role;
entity User in [Role];
entity Agent;
entity Note { old: Bool };
entity Shelf enum ["main"];
@http("GET /notes/{note}, GET /n/{note}") @deferred("decided on the note") @requires("read:profile")
action "GetNote" in ["read:notes", "read:notes:old"] appliesTo {
  principal: [User, Agent], resource: [Note], context: Portcullis::Context
};
@http("GET /notes") @resource("Shelf::\"main\"") @lists("GetNote")
action "ListNotes" in ["read:notes"] appliesTo { principal: [User], resource: [Shelf], context: Portcullis::Context };
@via("POST /rpc")
action "Burn" in ["read:notes"] appliesTo { principal: [User], resource: [Shelf], context: Portcullis::Context };
@http("GET /me") @resource("Shelf::\"main\"") @no_consent("says what the token says")
action "WhoAmI" appliesTo { principal: [User], resource: [Shelf], context: Portcullis::Context };
@http("GET /health") @public("load balancers have no token")
action "Health";
"#;

#[test]
fn every_action_is_listed_with_what_guards_it() {
    // OWA-05: `Burn` has a route, and nobody may do it.
    let source = serde_json::from_str::<SourceSettings>(r#"{ "unlisted_clients": "agent" }"#).unwrap();
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file(
            "consent/notes.cedar",
            r#"@id("old") permit (principal, action in Action::"read:notes:old", resource is Note) when { resource.old };"#,
        )
        .with_file(
            "roles/people.cedar",
            r#"@id("people") permit (principal is User, action in [Action::"GetNote", Action::"ListNotes", Action::"WhoAmI"], resource);
               @id("agents") permit (principal is Agent, action, resource);"#,
        )
        .with_file(
            "ceilings/agents.cedar",
            r#"@id("readers") permit (principal is Agent, action == Action::"GetNote", resource);"#,
        )
        .with_file("guardrails/care.cedar", r#"@id("new") forbid (principal, action, resource is Note) unless { resource.old };"#)
        .with_file("entities.json", r#"[{ "uid": {"type": "Shelf", "id": "main"}, "attrs": {}, "parents": [] }]"#);
    let settings = BundleSettings::new(vec![Source::new("main", source, Profile::rfc9068()).unwrap()])
        .with_required_file("guardrails/care.cedar");
    let bundle = Bundle::load(&files, settings).unwrap();
    let report = bundle.report().to_string();
    let (head, rest) = report.split_once('\n').unwrap();
    assert_eq!(head, format!("bundle {}: 5 actions", bundle.hash()));
    assert_eq!(rest, include_str!("data/report.txt"));
    assert_eq!(bundle.policy_ids().filter(|(layer, _)| *layer == Layer::Consent).count(), 1);
}
