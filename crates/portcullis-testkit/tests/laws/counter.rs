//! A bundle with two sources, of which one is a file of API keys, and with public actions that guardrails judge.

use std::collections::BTreeSet;

use portcullis_core::{BundleFiles, BundleSettings, Credential, Layer, Profile, Source, SourceSettings};
use portcullis_testkit::{Decider, Laws, Product, World};
use serde_json::{Value, json};

use crate::samples;
use crate::worlds::{Subject, world};

/// The world is derived.
pub(crate) fn counter() -> Subject {
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("roles/all.cedar", ROLES)
        .with_file("ceilings/services.cedar", CEILINGS)
        .with_file("guardrails/care.cedar", GUARDRAILS);
    let source = |alias: &str, settings: Value, profile| {
        let settings: SourceSettings = serde_json::from_value(settings).unwrap();
        Source::new(alias, settings, profile).unwrap()
    };
    let main = json!({ "scopes": "all", "roles": "all", "kinds": "all", "absent_lists": "empty" });
    let keys = json!({ "scopes": "all", "roles": [], "kinds": ["service"] });
    let sources = vec![source("main", main, Profile::rfc9068()), source("keys", keys, Profile::api_key())];
    let settings = BundleSettings::new(sources)
        .with_empty_layer(Layer::Consent)
        .with_required_file("guardrails/care.cedar")
        .without_entities();
    let mut subject = Subject { files, settings, world: world() };
    subject.world = World::of_bundle(&subject.files, &subject.bundle()).unwrap();
    subject
}

#[test]
fn the_laws_hold_for_keys_and_public_actions() {
    let subject = counter();
    let laws = Laws::new(&subject.files, subject.bundle(), subject.world).unwrap();
    laws.check().unwrap_or_else(|broken| panic!("\nError: {broken}"));
}

#[test]
fn derived_scenarios_reach_keys_addresses_and_public_actions() {
    let subject = counter();
    let product = Product::new(subject.bundle());
    let (mut by_key, mut by_token, mut for_nobody) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    let mut deciding = BTreeSet::new();
    for scenario in samples(&subject.world) {
        let verdict = product.decide(&scenario);
        let answers = if scenario.token.credential == Credential::ApiKey { &mut by_key } else { &mut by_token };
        answers.insert((scenario.action.clone(), verdict.allowed));
        for_nobody.insert((scenario.action.clone(), product.decide_for_nobody(&scenario).allowed));
        deciding.extend(verdict.layers.into_values().flat_map(|layer| layer.policies));
    }
    let both = |answers: &BTreeSet<(String, bool)>, action: &str| {
        answers.contains(&(action.to_owned(), true)) && answers.contains(&(action.to_owned(), false))
    };
    assert!(both(&by_key, "GetParcel") && both(&by_token, "GetParcel") && both(&by_token, "MoveParcel"));
    assert!(both(&by_key, "TrackParcel") && both(&by_token, "TrackParcel") && both(&for_nobody, "TrackParcel"));
    assert!(by_key.contains(&("Health".to_owned(), true)) && for_nobody.contains(&("Health".to_owned(), true)));
    assert!(
        !for_nobody.contains(&("GetParcel".to_owned(), true)) && !by_key.contains(&("MoveParcel".to_owned(), true))
    );
    let expected = ["partner", "clerks", "movers", "north", "services", "keys-from-inside", "bound", "closed"];
    assert_eq!(deciding, expected.map(str::to_owned).into());
}

const SCHEMA: &str = r#"
@scope action "read:parcels";
@scope("parcels.write") action "write:parcels";

entity Role;
entity User in [Role] { @claim("/realm/desk") desk?: String };
entity Service in [Role];
entity Parcel { open: Bool };

@http("GET /parcels/{parcel}")
action "GetParcel" in ["read:parcels"] appliesTo {
  principal: [User, Service], resource: [Parcel], context: Portcullis::Context
};
@http("PUT /parcels/{parcel}")
action "MoveParcel" in ["write:parcels"] appliesTo {
  principal: [User, Service], resource: [Parcel], context: Portcullis::Context
};
@http("GET /track/{parcel}") @deferred("decided on the parcel") @public("whoever knows its number may follow it")
action "TrackParcel" appliesTo { principal: [Portcullis::Anonymous], resource: [Parcel], context: { now: datetime } };
@http("GET /health") @public("load balancers have no token")
action "Health";
"#;

const ROLES: &str = r#"
@id("partner") permit (principal == Service::"keys|partner", action == Action::"GetParcel", resource);
@id("movers") permit (principal is Service, action == Action::"MoveParcel", resource);
@id("north") permit (principal is User, action == Action::"MoveParcel", resource)
when { principal has desk && principal.desk == "north" };
@id("clerks") permit (principal in Role::"clerk", action, resource);
"#;

const CEILINGS: &str = r#"
@id("services") permit (principal is Service, action, resource);
"#;

const GUARDRAILS: &str = r#"
@id("keys-from-inside") forbid (principal, action == Action::"GetParcel", resource)
when { context.auth.credential == Portcullis::Credential::"api_key" }
unless { context.auth has ip && context.auth.ip.isInRange(ip("10.0.0.0/8")) };
@id("bound") @require_binding("mtls") forbid (principal is Service, action == Action::"MoveParcel", resource)
unless { context.auth.binding.contains(Portcullis::Binding::"mtls") };
@id("closed") forbid (principal, action == Action::"TrackParcel", resource) unless { resource.open };
"#;
