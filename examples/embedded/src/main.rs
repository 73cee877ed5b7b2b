//! The engine alone: claims in, decision out, without a web framework, a network or a clock.
//!
//! ```text
//! cargo run -p embedded
//! ```

use std::borrow::Cow;
use std::error::Error;
use std::sync::Arc;

use portcullis_core::{
    Bundle, BundleFiles, BundleSettings, Decision, Denial, Engine, Facts, Grant, Layer, Obligation, ObligationError,
    Parents, Permit, Profile, Request, Resource, ResourceData, Source, SourceSettings, UnixTime, VerifiedClaims,
};
use serde::Serialize;
use serde_json::{Value, json};

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new(bundle()?);
    let project = Project { id: "apollo", tenant: "acme", owner: "olga", collaborators: &["carl"], archived: false };
    let resource = ResourceData::of(&project)?;
    let now = UnixTime::from_secs(1_767_268_800).ok_or("no time")?;

    for Asked { who, claims, action, facts } in questions() {
        // Whoever calls this vouches for the claims: a message broker has verified the token, or `portcullis-token` has.
        let claims = VerifiedClaims::assume_verified("main", claims.as_object().cloned().unwrap_or_default());
        let session = engine.session(&claims)?;
        let request = Request::new(action, &resource, now).with_facts(Facts::from_json(&facts)?);
        // `session.decide(&request)` decides the same, and explains nothing.
        let explanation = session.explain(&request);
        println!("{who}\n{explanation}");
        match explanation.into_decision() {
            Decision::Allow(grant) => work(&permit(grant)?),
            Decision::Deny(denial) => ask_for_more(&denial),
        }
        println!();
    }
    Ok(())
}

/// What an allow demands is done first; without that there is no permit. Nothing is demanded here, so nothing is known.
fn permit(grant: Grant) -> Result<Permit, Box<dyn Error>> {
    let unknown = |obligation: &Obligation, _: &Grant| Err(ObligationError::new(obligation, "is unknown"));
    Ok(grant.discharge(&unknown).map_err(|undone| format!("{undone:?}"))?)
}

/// What the program is for. It cannot be called without a permit.
fn work(permit: &Permit) {
    let (kind, id) = permit.resource();
    println!("  done: {} on {kind} {id}", permit.action());
}

/// The remedy as data: what a program that talks to people would ask them for.
fn ask_for_more(denial: &Denial) {
    let Some(remedy) = denial.remedy() else { return };
    let scopes: Vec<String> = remedy.needed_scopes().iter().map(ToString::to_string).collect();
    println!("  ask for: scopes {scopes:?}, another login: {}", remedy.step_up().is_some());
}

/// The policies of `policies/projects`, with what its settings say of the issuer of the claims.
fn bundle() -> Result<Arc<Bundle>, Box<dyn Error>> {
    let files = BundleFiles::from_dir(concat!(env!("CARGO_MANIFEST_DIR"), "/../../policies/projects"))?;
    let issuer: SourceSettings = serde_json::from_value(json!({
        "person_clients": ["mobile"],
        "unlisted_clients": "agent",
        "absent_lists": "empty",
    }))?;
    let settings = BundleSettings::new(vec![Source::new("main", issuer, Profile::rfc9068())?])
        .with_empty_layer(Layer::Consent)
        .with_required_file("guardrails/care.cedar")
        .with_required_file("guardrails/tenancy.cedar")
        .with_supplied("Account")
        .with_supplied("Project")
        .with_supplied("Workspace");
    Ok(Bundle::load(&files, settings)?)
}

struct Asked {
    who: &'static str,
    claims: Value,
    action: &'static str,
    facts: Value,
}

fn questions() -> [Asked; 4] {
    let claims = |sub: &str, scope: &str, more: Value| {
        let mut claims = json!({
            "iss": "https://issuer.example.com", "sub": sub, "client_id": "mobile", "scope": scope, "org_id": "acme",
            "exp": 1_767_272_340, "auth_time": 1_767_260_000, "acr": "urn:acme:mfa",
        });
        if let (Some(claims), Value::Object(more)) = (claims.as_object_mut(), more) {
            claims.extend(more);
        }
        claims
    };
    let agent = json!({ "act": { "sub": "summariser", "sub_profile": "ai_agent" } });
    let title = json!({ "changed": ["title"] });
    [
        Asked {
            who: "a collaborator changes the title",
            claims: claims("carl", "write:projects", json!({})),
            action: "UpdateProject",
            facts: title.clone(),
        },
        Asked {
            who: "the same, by an agent that only reads",
            claims: claims("carl", "write:projects", agent),
            action: "UpdateProject",
            facts: title,
        },
        Asked {
            who: "the owner deletes it, hours after the login and without the scope for it",
            claims: claims("olga", "read:projects", json!({})),
            action: "DeleteProject",
            facts: json!({}),
        },
        Asked {
            who: "an admin of another company reads it",
            claims: claims("eve", "read:projects", json!({ "org_id": "umbrella", "roles": ["admin"] })),
            action: "GetProject",
            facts: json!({}),
        },
    ]
}

#[derive(Serialize)]
struct Project {
    id: &'static str,
    tenant: &'static str,
    owner: &'static str,
    collaborators: &'static [&'static str],
    archived: bool,
}

impl Resource for Project {
    const TYPE: &'static str = "Project";

    fn id(&self) -> Cow<'_, str> {
        self.id.into()
    }

    fn parents(&self) -> Parents {
        [("Workspace", "space")].into()
    }
}
