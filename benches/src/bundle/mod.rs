//! A bundle about projects, as small or large as wanted.

use std::fmt::Write as _;

use portcullis_core::{
    Bundle, BundleFiles, BundleSettings, Engine, Layer, Parents, Profile, ResourceData, Session, Source, SourceSettings,
};
use serde_json::{Value, json};

use crate::must;
use crate::tokens::{ALIAS, verified};

/// An engine for the bundle, filled up to `policies` policies.
///
/// Those that are added concern other roles and other actions: ten for an action, as in a bundle that has grown, until there
/// are a hundred actions.
///
/// # Panics
///
/// If the bundle does not load.
#[must_use]
pub fn engine(policies: usize) -> Engine {
    Engine::new(must(Bundle::load(&files(policies), settings())))
}

/// The files of such a bundle.
#[must_use]
pub fn files(policies: usize) -> BundleFiles {
    let (mut schema, mut roles) = (SCHEMA.to_owned(), ROLES.to_owned());
    let actions = other_actions(policies);
    for action in 0..actions {
        let applies = "principal: [User, Agent], resource: [Project], context: Portcullis::Context";
        let _ = writeln!(schema, r#"action "Other{action}" in ["read:projects"] appliesTo {{ {applies} }};"#);
    }
    for other in 0..policies.saturating_sub(OWN_POLICIES) {
        let action = other % actions;
        let head = format!(r#"principal in Role::"role-{other}", action == Action::"Other{action}", resource"#);
        let _ = writeln!(roles, r#"@id("other-{other}") permit ({head});"#);
    }
    BundleFiles::new()
        .with_file(SCHEMA_FILE, schema)
        .with_file(ROLES_FILE, roles)
        .with_file("ceilings/agents.cedar", include_str!("ceilings.cedar"))
        .with_file(GUARDRAILS, include_str!("guardrails.cedar"))
}

/// How many other actions there are. Cedar validates each policy for each action, so with a hundred of them the largest
/// bundle would take minutes to load.
fn other_actions(policies: usize) -> usize {
    if policies <= 10_000 { (policies / 10).clamp(1, 100) } else { 20 }
}

/// The settings of such a bundle.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn settings() -> BundleSettings {
    BundleSettings::new(vec![source()])
        .with_empty_layer(Layer::Consent)
        .with_required_file(GUARDRAILS)
        .without_entities()
}

/// Whose tokens are read, and how.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn source() -> Source {
    let settings = json!({ "unlisted_clients": "agent", "person_clients": ["web"] });
    let settings: SourceSettings = must(serde_json::from_value(settings));
    must(Source::new(ALIAS, settings, Profile::rfc9068()))
}

/// `files` with `text` at the end of the file at `path`.
#[must_use]
pub fn extended(files: BundleFiles, path: &str, text: &str) -> BundleFiles {
    let before = files.get(path).unwrap_or_default().to_owned();
    files.with_file(path, format!("{before}\n{text}\n"))
}

/// Prepares the caller with these claims.
///
/// # Panics
///
/// If the claims do not make a caller.
#[must_use]
pub fn session(engine: &Engine, claims: &Value) -> Session {
    must(engine.session(&verified(claims)))
}

/// A project of the person in the benches, with three attributes.
///
/// # Panics
///
/// Never.
#[must_use]
pub fn project() -> ResourceData {
    let attributes = json!({ "tenant": "acme", "owner": "ann", "archived": false });
    must(ResourceData::from_json("Project", "apollo", &attributes, Parents::none()))
}

/// The same project by its id alone, as a router knows it.
#[must_use]
pub fn bare_project() -> ResourceData {
    ResourceData::bare("Project", "apollo")
}

const SCHEMA: &str = include_str!("schema.cedarschema");

const ROLES: &str = include_str!("roles.cedar");

/// Where the schema stands.
pub const SCHEMA_FILE: &str = "schema.cedarschema";

/// Where the roles stand.
pub const ROLES_FILE: &str = "roles/people.cedar";

/// Where the guardrails stand.
pub const GUARDRAILS: &str = "guardrails/projects.cedar";

/// In the files beside this one.
const OWN_POLICIES: usize = 8;
