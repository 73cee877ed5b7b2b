//! A bundle loads or is refused; what loads decides, allows nothing without roles, and cannot lose a file unnoticed.
// GEN-10

use std::collections::BTreeSet;
use std::sync::Arc;

use portcullis::{Bundle, BundleFiles, Engine, Layer, ResourceData};
use portcullis_core::{Request, VerifiedClaims};
use serde_json::json;

use crate::{PART, bare_settings, now, text};

pub(super) fn run(octets: &[u8]) {
    let mut files = BundleFiles::new();
    let names = FILES.iter().zip(text(octets).split(PART)).filter(|(_, text)| !text.is_empty());
    for (name, text) in names {
        files = files.with_file(*name, text);
    }
    match load(&files) {
        Ok(bundle) => {
            assert_eq!(bundle.hash(), files.hash());
            allowed(&bundle);
            for (name, _) in files.iter().filter(|(name, _)| name.ends_with(".cedar")) {
                let without = files.clone().without_file(name);
                assert!(Bundle::load(&without, expecting(&files)).is_err(), "a lost file went unnoticed");
            }
            let without_roles = files.clone().without_file(ROLES);
            if let Ok(bundle) = load(&without_roles) {
                let open: BTreeSet<String> =
                    bundle.actions().filter(|action| action.is_public()).map(|action| action.name().to_owned()).collect();
                assert!(allowed(&bundle).is_subset(&open), "allowed without a role");
            }
        }
        Err(refused) => assert!(!refused.problems().is_empty(), "refused without a reason"),
    }
}

/// Loads `files`, with the layers that they have.
fn load(files: &BundleFiles) -> Result<Arc<Bundle>, portcullis::LoadError> {
    Bundle::load(files, expecting(files))
}

/// Settings for the layers of `files`, and no others.
fn expecting(files: &BundleFiles) -> portcullis::BundleSettings {
    let is_there = |layer: &Layer| files.iter().any(|(name, _)| name.starts_with(&format!("{}/", layer.folder())));
    let empty = Layer::ALL.into_iter().filter(|layer| !is_there(layer));
    let settings = empty.fold(bare_settings(), |settings, layer| settings.with_empty_layer(layer));
    let forbidding = files.iter().filter(|(_, text)| text.contains("forbid"));
    let is_supplied = files.get("schema.cedarschema").is_some_and(|schema| schema.contains("entity Note"));
    let settings = if is_supplied { settings.with_supplied("Note") } else { settings };
    let settings = forbidding.fold(settings, |settings, (name, _)| settings.with_required_file(name));
    if files.get(ENTITIES).is_some() { settings } else { settings.without_entities() }
}

/// The actions that somebody is allowed, asked for a few callers.
fn allowed(bundle: &Arc<Bundle>) -> BTreeSet<String> {
    let engine = Engine::new(Arc::clone(bundle));
    let note = ResourceData::bare("Note", "1");
    let sessions = CALLERS.map(|(subject, client)| {
        let claims = json!({ "iss": "https://as.example.com", "sub": subject, "client_id": client, "scope": SCOPES });
        engine.session(&VerifiedClaims::assume_verified("main", claims.as_object().unwrap().clone())).ok()
    });
    let mut allowed = BTreeSet::new();
    for action in bundle.actions() {
        let request = Request::new(action.name(), &note, now());
        let mut decisions = sessions.iter().map(|session| engine.decide(session.as_ref(), &request));
        if decisions.any(|decision| decision.is_allow()) {
            allowed.insert(action.name().to_owned());
        }
    }
    allowed
}

/// The files, in the order of the parts of an input.
const FILES: [&str; 6] =
    ["schema.cedarschema", ROLES, "guardrails/g.cedar", "ceilings/c.cedar", "consent/s.cedar", ENTITIES];

const ROLES: &str = "roles/r.cedar";

const ENTITIES: &str = "entities.json";

/// Subjects and clients: a person, a service, nobody that the issuer names.
const CALLERS: [(&str, &str); 3] = [("ann", "web"), ("billing", "billing"), ("", "")];

const SCOPES: &str = "read:notes write:notes notes";
