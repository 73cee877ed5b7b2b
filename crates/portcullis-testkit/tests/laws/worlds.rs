//! The bundles on which the laws are checked, and what scenarios about them are made of.

use std::path::Path;
use std::sync::Arc;

use portcullis_core::{Bundle, BundleFiles, BundleSettings, LoadError, Profile, Source, SourceSettings, UnixTime};
use portcullis_testkit::{AskedResource, Asking, Reference, World};
use serde_json::{Map, Value, json};

/// A bundle with its world.
pub(crate) struct Subject {
    pub(crate) files: BundleFiles,
    pub(crate) settings: BundleSettings,
    pub(crate) world: World,
}

impl Subject {
    pub(crate) fn load(&self) -> Result<Arc<Bundle>, LoadError> {
        Bundle::load(&self.files, self.settings.clone())
    }

    #[track_caller]
    pub(crate) fn bundle(&self) -> Arc<Bundle> {
        self.load().unwrap_or_else(|error| panic!("{error}"))
    }

    #[track_caller]
    pub(crate) fn reference(&self) -> Reference {
        Reference::new(&self.files, &self.settings).unwrap()
    }
}

pub(crate) const NOW: i64 = 1_767_268_800; // noon of 2026-01-01

pub(crate) fn now() -> UnixTime {
    UnixTime::from_secs(NOW).unwrap()
}

pub(crate) fn all() -> [Subject; 3] {
    [projects(), assistant(), crate::corners::corners()]
}

/// `policies/projects`: roles, relations, tenancy, step-up, proof of possession.
pub(crate) fn projects() -> Subject {
    let settings = settings(json!({
        "person_clients": ["web", "mobile"], "agent_clients": ["drafter", "summariser"], "unlisted_clients": "agent",
        "consent": { "user": ["web"] },
    }));
    let settings = settings
        .with_empty_layer(portcullis_core::Layer::Consent)
        .with_required_file("guardrails/care.cedar")
        .with_required_file("guardrails/tenancy.cedar");
    let settings = ["Account", "Project", "Workspace"].into_iter().fold(settings, BundleSettings::with_supplied);
    Subject { files: read("projects"), settings, world: projects_world() }
}

fn projects_world() -> World {
    let mut world = world();
    world.tenant_claim = Some("org_id".to_owned());
    world.scopes = strings(&["manage:projects", "read:projects", "write:projects", "manage:billing", "read:profile"]);
    world.subjects = vec![
        person("vic"),
        person("olga"),
        person("col"),
        client("nightly-report", &json!({})),
        client("crawler", &json!({})),
        client("archivist", &json!({ "sub_profile": "ai_agent" })),
        client("rogue", &json!({ "sub_profile": "ai_agent" })),
    ];
    world.actors = vec![
        members(&json!({})),
        members(&json!({})),
        members(&json!({})),
        agent("summariser"),
        agent("drafter"),
        agent("rogue"),
        members(&json!({ "act": { "sub": "sue", "sub_profile": "user" } })),
        members(&json!({ "act": { "sub": "nightly-report", "sub_profile": "service" } })),
        members(&json!({ "act": { "sub": "drafter", "sub_profile": "ai_agent", "act": { "sub": "rogue" } } })),
        members(&json!({ "client_id": "drafter" })),
        // No client that is listed, and an agent that `entities.json` names.
        members(&json!({ "client_id": "archivist" })),
        members(&json!({ "client_id": "unheard-of" })),
    ];
    world.claims = vec![
        ("roles".into(), lists(&[&["billing", "admin"], &["admin"], &["editor"], &["viewer"], &[], &["billing"]])),
        ("org_id".into(), vec![json!("acme"), json!("acme"), json!("acme"), json!("umbrella"), Value::Null]),
        ("acr".into(), vec![json!("urn:acme:mfa"), json!("urn:acme:phr"), json!("urn:acme:pwd"), Value::Null]),
        ("auth_time".into(), [60, 300, 301, -30, -3_600].map(|ago| json!(NOW - ago)).into()),
        ("email".into(), vec![Value::Null, json!("ann@example.com")]),
    ];
    let workspaces = || ["acme", "umbrella"].map(|tenant| resource("Workspace", "w1", json!({ "tenant": tenant })));
    let accounts = || ["acme", "umbrella"].map(|tenant| resource("Account", "a1", json!({ "tenant": tenant })));
    let changes = [json!(["title"]), json!(["title", "owner"]), json!([]), json!("title")];
    let changes = changes.map(|changed| json!({ "changed": changed })).into_iter().chain([Value::Null]);
    let me = ["vic", "olga", "col"].map(|id| AskedResource::bare("User", id));
    world.requests = vec![
        Asking::new("GetProject", projects_of_all_kinds()),
        Asking::new("UpdateProject", projects_of_all_kinds()).with_facts(changes.collect()),
        Asking::new("DeleteProject", projects_of_all_kinds()),
        Asking::new("ShareProject", projects_of_all_kinds()),
        Asking::new("ListProjects", workspaces().into()),
        Asking::new("CreateProject", workspaces().into()),
        Asking::new("ExportReport", workspaces().into()),
        Asking::new("GetBilling", accounts().into()),
        Asking::new("UpdateBilling", accounts().into()),
        Asking::new("UpdateBilling", accounts().into()),
        Asking::new("GetProfile", me.into()),
        Asking::new("WhoAmI", ["projects", "others"].map(|id| AskedResource::bare("Api", id)).into()),
        // Groups, scopes and strangers are never the action of a request.
        Asking::new("viewing", projects_of_all_kinds()),
        Asking::new("read:projects", projects_of_all_kinds()),
        Asking::new("GetProjects", projects_of_all_kinds()),
        Asking::new("GetProject", workspaces().into()),
    ];
    world
}

fn projects_of_all_kinds() -> Vec<AskedResource> {
    let mut all = Vec::new();
    for (owner, collaborators) in [("olga", json!([])), ("ann", json!(["col", "vic"])), ("vic", json!([]))] {
        for (tenant, archived) in [("acme", false), ("acme", true), ("umbrella", false)] {
            let attributes =
                json!({ "owner": owner, "collaborators": collaborators, "tenant": tenant, "archived": archived });
            all.push(resource("Project", "apollo", attributes).within("Workspace", "w1"));
        }
    }
    all
}

/// `policies/assistant`: agents, scopes with conditions, confirmation.
pub(crate) fn assistant() -> Subject {
    let settings = settings(json!({
        "person_clients": ["web"], "agent_clients": ["claire", "peek"], "unlisted_clients": "agent",
    }));
    let settings = settings.with_required_file("ceilings/agents.cedar").with_required_file("guardrails/mail.cedar");
    Subject { files: read("assistant"), settings, world: assistant_world() }
}

fn assistant_world() -> World {
    let mut world = world();
    world.scopes = strings(&[
        "read:calendar",
        "read:calendar:next-7-days",
        "write:drafts",
        "send:email",
        "send:email:requires-confirmation",
        "approve:actions",
    ]);
    world.subjects = vec![
        members(&json!({ "iss": ISSUER, "sub": "ann", "client_id": "web", "exp": NOW + 600 })),
        members(&json!({ "iss": ISSUER, "sub": "bob", "client_id": "web", "exp": NOW + 600 })),
        client("claire", &json!({ "sub_profile": "ai_agent" })),
        client("cron", &json!({})),
    ];
    world.actors = vec![
        members(&json!({})),
        agent("claire"),
        agent("peek"),
        members(&json!({ "client_id": "claire" })),
        members(&json!({ "client_id": "peek" })),
        members(&json!({ "client_id": "unheard-of" })),
        members(&json!({ "act": { "sub": "claire", "sub_profile": "ai_agent", "act": { "sub": "peek" } } })),
    ];
    world.claims = vec![
        ("acr".into(), vec![json!("urn:acme:mfa"), json!("urn:acme:pwd"), Value::Null]),
        ("auth_time".into(), [60, 600, 601, -30].map(|ago| json!(NOW - ago)).into()),
        ("amr".into(), vec![Value::Null, json!(["pwd"])]),
    ];
    let calendars = || ["ann", "bob"].map(|owner| resource("Calendar", owner, json!({ "owner": owner })));
    let windows = [("2026-01-01T12:00:00Z", "2026-01-08T12:00:00Z"), ("2026-01-02T00:00:00Z", "2026-01-09T00:00:00Z")];
    let windows = windows.map(|(from, to)| json!({ "window": { "from": from, "to": to } }));
    let messages = [
        (json!(["bob@example.com"]), json!(0)),
        (json!(["bob@example.com", "eve@example.com"]), json!(0)),
        (json!([]), json!(2)),
        (json!(["eve@example.com"]), json!("two")),
    ];
    let messages = messages.map(|(to, attachments)| json!({ "message": { "to": to, "attachments": attachments } }));
    let drafts = || {
        ["ann", "bob"].map(|owner| resource("Draft", owner, json!({ "owner": owner, "contacts": ["bob@example.com"] })))
    };
    let people = || ["ann", "bob"].map(|id| AskedResource::bare("User", id));
    world.requests = vec![
        Asking::new("GetEvent", events()),
        Asking::new("ListEvents", calendars().into()).with_facts(windows.into()),
        Asking::new("SendEmail", drafts().into()).with_facts(messages.into()),
        Asking::new("EditDraft", drafts().into()),
        Asking::new("CreateDraft", people().into()),
        Asking::new("FetchApproval", people().into()),
        Asking::new("ApproveAction", people().into()),
        Asking::new("ListPending", people().into()),
        Asking::new("reading-calendars", events()),
    ];
    world
}

fn events() -> Vec<AskedResource> {
    let mut all = Vec::new();
    // In the window, at its end, after it, before it.
    for day in ["2026-01-04T12:00:00Z", "2026-01-08T12:00:00Z", "2026-01-08T12:00:01Z", "2025-12-31T12:00:00Z"] {
        for (owner, private) in [("ann", false), ("ann", true), ("bob", false)] {
            let attributes = json!({ "owner": owner, "private": private, "start": day, "end": day });
            all.push(resource("Event", "e1", attributes).within("Calendar", owner));
        }
    }
    all
}

pub(crate) fn world() -> World {
    World::new("main", now())
}

pub(crate) fn settings(source: Value) -> BundleSettings {
    let settings: SourceSettings = serde_json::from_value(source).unwrap();
    BundleSettings::new(vec![Source::new("main", settings, Profile::rfc9068()).unwrap()])
}

pub(crate) fn resource(entity_type: &str, id: &str, attributes: Value) -> AskedResource {
    AskedResource::bare(entity_type, id).with_attributes(attributes)
}

pub(crate) fn person(sub: &str) -> Map<String, Value> {
    members(&json!({ "iss": ISSUER, "sub": sub, "client_id": "mobile", "exp": NOW + 600 }))
}

pub(crate) fn client(sub: &str, more: &Value) -> Map<String, Value> {
    let mut claims = members(&json!({ "iss": ISSUER, "sub": sub, "client_id": sub, "iat": NOW, "exp": NOW + 600 }));
    claims.extend(members(more));
    claims
}

pub(crate) fn agent(sub: &str) -> Map<String, Value> {
    members(&json!({ "act": { "sub": sub, "sub_profile": "ai_agent" } }))
}

pub(crate) fn members(object: &Value) -> Map<String, Value> {
    object.as_object().unwrap().clone()
}

pub(crate) fn strings(names: &[&str]) -> Vec<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

/// The lists, and none.
pub(crate) fn lists(lists: &[&[&str]]) -> Vec<Value> {
    lists.iter().map(|list| json!(list)).chain([Value::Null]).collect()
}

fn read(name: &str) -> BundleFiles {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    BundleFiles::from_dir(dir).unwrap_or_else(|error| panic!("{error}"))
}

const ISSUER: &str = "https://issuer.example.com";
