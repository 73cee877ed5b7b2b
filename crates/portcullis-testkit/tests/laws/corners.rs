//! A bundle of corners: what the two example bundles have no reason to do.

use portcullis_core::BundleFiles;
use portcullis_testkit::{AskedResource, Asking, World};
use serde_json::{Value, json};

use crate::worlds::{NOW, Subject, agent, client, lists, members, person, resource, settings, strings, world};

pub(crate) fn corners() -> Subject {
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", SCHEMA)
        .with_file("consent/notes.cedar", CONSENT)
        .with_file("roles/people.cedar", ROLES)
        .with_file("ceilings/software.cedar", CEILINGS)
        .with_file("guardrails/care.cedar", GUARDRAILS)
        .with_file("entities.json", ENTITIES);
    let settings = settings(json!({ "unlisted_clients": "person", "consent": { "service": true } }))
        .with_required_file("ceilings/software.cedar")
        .with_required_file("roles/people.cedar")
        .with_required_file("guardrails/care.cedar");
    Subject { files, settings, world: corners_world() }
}

fn corners_world() -> World {
    let mut world = world();
    world.scopes = strings(&[
        "all:notes",
        "read:notes",
        "read:notes:open",
        "read:notes:asked",
        "notes.write",
        "write:notes", // which no token may say
        "purge:notes",
        "read:profile",
    ]);
    world.subjects = vec![
        person("ann"),
        person("bob"),
        client("indexer", &json!({})),
        client("crawler", &json!({})),
        client("scribe", &json!({ "sub_profile": "ai_agent" })),
    ];
    world.actors = vec![
        members(&json!({})),
        agent("scribe"),
        agent("rogue"),
        members(&json!({ "act": { "sub": "indexer", "sub_profile": "service" } })),
        members(&json!({ "act": { "sub": "scribe", "sub_profile": "ai_agent", "act": { "sub": "x" } } })),
        members(&json!({ "act": { "sub": "somebody" } })),
    ];
    world.claims = vec![
        ("roles".into(), lists(&[&["writer"], &["reader"], &[], &["unheard-of", "reader"]])),
        ("groups".into(), vec![json!([]), json!(["staff"])]),
        ("level".into(), vec![json!(2), json!(i64::MAX), Value::Null, json!("high")]),
        ("acr".into(), vec![json!("mfa"), json!("phr"), Value::Null]),
        ("auth_time".into(), vec![json!(NOW - 60), json!(NOW - 301), Value::Null]),
    ];
    let weights = [json!(1), json!(i64::MAX), json!("1"), Value::Null];
    let weights = weights.map(|weight| json!({ "weight": weight, "reason": Value::Null }));
    world.requests = vec![
        Asking::new("GetNote", notes()),
        Asking::new("PeekNote", notes()),
        Asking::new("SignNote", notes()).with_facts(weights.into()),
        Asking::new("PurgeNote", notes()),
        Asking::new("MailNote", notes()),
        Asking::new("GetPerson", people()),
        Asking::new("WhoAmI", vec![AskedResource::bare("Api", "self")]),
    ];
    world
}

/// The caller itself among them, of whom the application may say more than the token does.
fn people() -> Vec<AskedResource> {
    let level = |id: &str, level: Value| resource("User", id, json!({ "level": level, "tenant": Value::Null }));
    let of = |id: &str| {
        let levels = [level(id, json!(2)), level(id, json!(2)).within("Group", "suspended")];
        levels.into_iter().chain([level(id, Value::Null), AskedResource::bare("User", id)])
    };
    ["eve", "ann", "bob"].into_iter().flat_map(of).collect()
}

fn notes() -> Vec<AskedResource> {
    let mut all = Vec::new();
    for owner in ["ann", "bob"] {
        for (open, locked, size, folder) in [
            (true, json!(false), 1, "inbox"),
            (false, Value::Null, 1, "inbox"),
            (true, json!(true), 1, "inbox"),
            (true, Value::Null, i64::MAX, "inbox"), // `no-overflow` fails
            (true, Value::Null, 1, "secret"),
            (true, Value::Null, 1, "vault"), // which `entities.json` puts into `secret`
        ] {
            let attributes = json!({ "owner": owner, "open": open, "locked": locked, "size": size });
            all.push(resource("Note", "n1", attributes).within("Folder", folder));
        }
    }
    all
}

const SCHEMA: &str = r#"
@scope action "all:notes";
@scope action "read:notes" in ["all:notes"];
@scope @conditional action "read:notes:open" in ["read:notes"];
@scope @conditional action "read:notes:asked" in ["read:notes"];
@scope("notes.write") action "write:notes" in ["plain"];
action "plain" in ["all:notes"];
@scope @hidden action "purge:notes" in ["all:notes"];
@scope action "read:profile";
action "writing" in ["write:notes"];
action "careful";

entity Role in [Role];
entity Group;
entity AgentClass;
entity User in [Role, Group] { @claim("level") level?: Long, @claim("org_id") tenant?: String };
entity Service in [Role];
entity Agent in [AgentClass, Role];
entity Folder in [Folder];
entity Note in [Folder] { owner: User, open: Bool, locked?: Bool, size: Long };
entity Api enum ["self"];

@http("GET /notes/{note}") @deferred("decided on the note")
action "GetNote" in ["read:notes", "read:notes:open", "read:notes:asked"] appliesTo {
  principal: [User, Service, Agent], resource: [Note], context: Portcullis::Context
};
@http("GET /open/{note}") @deferred("decided on the note")
action "PeekNote" in ["read:notes:open", "read:notes:asked"] appliesTo {
  principal: [User], resource: [Note], context: Portcullis::Context
};
@http("PUT /notes/{note}") @deferred("decided on the note") @requires("read:profile")
action "SignNote" in ["writing", "careful"] appliesTo {
  principal: [User, Agent], resource: [Note],
  context: { auth: Portcullis::Auth, now: datetime, weight: Long, reason?: String }
};
@http("DELETE /notes/{note}") @deferred("decided on the note")
action "PurgeNote" in ["purge:notes", "careful"] appliesTo {
  principal: [User], resource: [Note], context: Portcullis::Context
};
@http("POST /notes/{note}/mail") @deferred("decided on the note")
action "MailNote" in ["write:notes"] appliesTo {
  principal: [User, Agent], resource: [Note], context: Portcullis::Context
};
@http("GET /people/{user}") @deferred("decided on the person")
action "GetPerson" in ["read:profile"] appliesTo {
  principal: [User, Service, Agent], resource: [User], context: Portcullis::Context
};
@http("GET /me") @resource("Api::\"self\"") @no_consent("says what the token says") @requires("read:profile")
action "WhoAmI" appliesTo { principal: [User, Service, Agent], resource: [Api], context: Portcullis::Context };
"#;

const CONSENT: &str = r#"
@id("open-ones") permit (principal, action in Action::"read:notes:open", resource is Note) when { resource.open };
@id("small-ones") @obligation("count") permit (principal, action in Action::"read:notes:open", resource is Note)
when { resource.size + 1 < 100 };
@id("asked") @confirm("user") @obligation("log:asked, count")
permit (principal, action in Action::"read:notes:asked", resource)
when { context.auth has approval && context.auth.approval.by == principal };
"#;

const ROLES: &str = r#"
@id("readers") @obligation("redact:owner")
permit (principal in Role::"reader", action in [Action::"GetNote", Action::"PeekNote"], resource);
@id("staff") permit (principal in Group::"staff", action == Action::"GetNote", resource);
@id("owners") permit (principal is User, action, resource is Note) when { resource.owner == principal };
@id("weighty") permit (principal in Role::"writer", action == Action::"SignNote", resource)
when { context.weight + 1 > 0 };
@id("high") permit (principal is User, action == Action::"GetNote", resource)
when { principal has level && principal.level + 1 > 2 };
@id("robots") permit (principal is Service, action == Action::"GetNote", resource);
@id("agents") permit (principal is Agent, action in [Action::"GetNote", Action::"SignNote"], resource);
@id("anybody") permit (principal, action == Action::"WhoAmI", resource is Api);
@id("peers") permit (principal, action == Action::"GetPerson", resource) when { resource has level && resource.level < 100 };
@id("never-vault") forbid (principal, action == Action::"GetNote", resource in Folder::"vault");
"#;

const CEILINGS: &str = r#"
@id("trusted-agents") permit (principal in AgentClass::"trusted", action, resource);
@id("indexer") @obligation("tell:indexer") permit (principal == Service::"indexer", action == Action::"GetNote", resource);
@id("agents-mail-when-asked") @confirm("user") permit (principal is Agent, action == Action::"MailNote", resource)
when { context.auth has approval };
@id("near-agents-only") forbid (principal is Agent, action == Action::"SignNote", resource)
when { context.auth has actor && context.auth.actor.depth > 1 };
"#;

const GUARDRAILS: &str = r#"
@id("locked") @message("This note is locked.")
forbid (principal, action in Action::"careful", resource is Note) when { resource has locked && resource.locked };
@id("secret-folder") forbid (principal, action in [Action::"SignNote", Action::"PurgeNote"], resource in Folder::"secret");
@id("suspended") forbid (principal, action == Action::"GetPerson", resource in Group::"suspended");
@id("no-overflow") forbid (principal, action == Action::"GetNote", resource is Note) when { resource.size + 1 < 0 };
@id("fresh") @max_age("5m") forbid (principal, action == Action::"PurgeNote", resource)
unless { context.auth has authenticated_at && context.now.durationSince(context.auth.authenticated_at) <= duration("5m") };
@id("strong") @step_up("mfa phr") forbid (principal, action == Action::"PurgeNote", resource)
unless { context.auth has acr && ["mfa", "phr"].contains(context.auth.acr) };
@id("bound") @require_binding("dpop") forbid (principal, action == Action::"PurgeNote", resource)
unless { context.auth.binding.contains(Portcullis::Binding::"dpop") };
@id("ask-first") @confirm("user") forbid (principal, action == Action::"MailNote", resource)
unless { context.auth has approval && context.auth.approval.by == principal };
"#;

const ENTITIES: &str = r#"[
  { "uid": {"type": "Role", "id": "reader"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Role", "id": "writer"}, "attrs": {}, "parents": [{"type": "Role", "id": "reader"}] },
  { "uid": {"type": "AgentClass", "id": "trusted"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Agent", "id": "scribe"}, "attrs": {}, "parents": [{"type": "AgentClass", "id": "trusted"}] },
  { "uid": {"type": "Folder", "id": "secret"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Folder", "id": "inbox"}, "attrs": {}, "parents": [] },
  { "uid": {"type": "Folder", "id": "vault"}, "attrs": {}, "parents": [{"type": "Folder", "id": "secret"}] },
  { "uid": {"type": "User", "id": "bob"}, "attrs": {"tenant": "static"}, "parents": [{"type": "Role", "id": "reader"}] }
]"#;
