//! Takes one path of the engine as often as it is told to.
//!
//! Callgrind counts the instructions of it. They depend on no other program and on no clock, so a few per cent more are a
//! change of the code and not of the weather: `cargo xtask instructions`.

use std::hint::black_box;
use std::process::ExitCode;

use portcullis_core::{
    Bundle, BundleFiles, BundleSettings, Engine, Layer, LoadError, Parents, Profile, Request, ResourceData, Session,
    Source, SourceSettings, UnixTime, VerifiedClaims,
};
use serde_json::{Value, json};

type Error = Box<dyn std::error::Error>;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let done = match arguments.as_slice() {
        [path, times] => times.parse().map_err(Error::from).and_then(|times| take(path, times)),
        [] => {
            PATHS.iter().for_each(|path| println!("{path}"));
            return ExitCode::SUCCESS;
        }
        _ => Err("usage: instructions [PATH TIMES]".into()),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

const PATHS: [&str; 8] = [
    "allow/heads_alone",
    "allow/heads_alone_among_300_policies",
    "allow/one_condition_three_guardrails",
    "allow/the_same_by_an_agent",
    "deny/above_the_ceiling",
    "deny/with_a_remedy",
    "early/allowed",
    "session/of_a_person",
];

fn take(path: &str, times: u32) -> Result<(), Error> {
    let now = UnixTime::from_secs(NOW).ok_or("no such time")?;
    let engine = Engine::new(bundle(if path.ends_with("among_300_policies") { 300 } else { 0 })?);
    let claims =
        |claims: &Value| VerifiedClaims::assume_verified("main", claims.as_object().cloned().unwrap_or_default());
    let session = |of: &Value| engine.session(&claims(of));
    let attributes = json!({ "tenant": "acme", "owner": "ann", "archived": false });
    let loaded = ResourceData::from_json("Project", "apollo", &attributes, Parents::none())?;
    let bare = ResourceData::bare("Project", "apollo");
    let decide = |session: &Session, action: &str, resource: &ResourceData, allowed: bool| {
        // A fast wrong answer is no result. A copy is a resource that nobody has asked about.
        counted(times, &mut || {
            let resource = resource.clone();
            session.decide(black_box(&Request::new(action, &resource, now))).is_allow() == allowed
        })
    };
    let (person, reader) = (person("openid read:projects write:projects"), person("openid read:projects"));
    match path {
        "allow/heads_alone" | "allow/heads_alone_among_300_policies" => {
            decide(&session(&person)?, "GetProject", &bare, true)
        }
        "allow/one_condition_three_guardrails" => decide(&session(&person)?, "UpdateProject", &loaded, true),
        "allow/the_same_by_an_agent" => decide(&session(&acting_for(&person))?, "UpdateProject", &loaded, true),
        "deny/above_the_ceiling" => decide(&session(&acting_for(&person))?, "DeleteProject", &loaded, false),
        "deny/with_a_remedy" => decide(&session(&reader)?, "UpdateProject", &loaded, false),
        "early/allowed" => {
            let session = session(&person)?;
            counted(times, &mut || session.deny_early(black_box("UpdateProject"), now).is_none())
        }
        "session/of_a_person" => {
            let claims = claims(&person);
            counted(times, &mut || engine.session(black_box(&claims)).is_ok())
        }
        _ => Err(format!("there is no path `{path}`").into()),
    }
}

/// What callgrind is told to count: nothing of how a bundle loads, which differs from process to process.
#[inline(never)]
fn counted(times: u32, path: &mut dyn FnMut() -> bool) -> Result<(), Error> {
    if (0..times).all(|_| black_box(path())) { Ok(()) } else { Err("the fixture is broken".into()) }
}

/// A person who edits, and whose token carries `scope`.
fn person(scope: &str) -> Value {
    json!({
        "iss": "https://as.example.com", "sub": "ann", "client_id": "web", "scope": scope, "iat": NOW - 60,
        "exp": NOW + 3540, "auth_time": NOW - 60, "acr": "urn:acme:mfa", "org_id": "acme", "roles": ["editor", "viewer"],
    })
}

/// The same, by an agent.
fn acting_for(person: &Value) -> Value {
    let mut claims = person.clone();
    if let Some(claims) = claims.as_object_mut() {
        claims.insert("client_id".to_owned(), "scribe".into());
        claims.insert("act".to_owned(), json!({ "sub": "scribe", "sub_profile": "ai_agent" }));
    }
    claims
}

/// The bundle of the other benches, with `others` policies more that concern other actions.
fn bundle(others: usize) -> Result<std::sync::Arc<Bundle>, Error> {
    let (mut schema, mut roles) = (SCHEMA.to_owned(), ROLES.to_owned());
    for other in 0..others {
        let name = format!("Other{other}");
        schema.push_str(&format!(
            r#"action "{name}" in ["read:projects"]
                 appliesTo {{ principal: [User, Agent], resource: [Project], context: Portcullis::Context }};"#
        ));
        roles.push_str(&format!(
            r#"@id("{name}") permit (principal in Role::"{name}", action == Action::"{name}", resource);"#
        ));
    }
    let files = BundleFiles::new()
        .with_file("schema.cedarschema", schema)
        .with_file("roles/people.cedar", roles)
        .with_file("ceilings/agents.cedar", include_str!("../../src/bundle/ceilings.cedar"))
        .with_file("guardrails/projects.cedar", include_str!("../../src/bundle/guardrails.cedar"));
    let settings: SourceSettings =
        serde_json::from_value(json!({ "unlisted_clients": "agent", "person_clients": ["web"] }))?;
    let source = Source::new("main", settings, Profile::rfc9068())?;
    let settings = BundleSettings::new(vec![source])
        .with_empty_layer(Layer::Consent)
        .with_required_file("guardrails/projects.cedar")
        .without_entities();
    Bundle::load(&files, settings).map_err(|error: LoadError| error.to_string().into())
}

const SCHEMA: &str = include_str!("../../src/bundle/schema.cedarschema");
const ROLES: &str = include_str!("../../src/bundle/roles.cedar");

const NOW: i64 = 1_767_226_000;
