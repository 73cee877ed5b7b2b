//! A [`World`] made of nothing but a bundle.

mod callers;
mod declared;
mod mentions;
mod values;

use std::collections::BTreeMap;

use portcullis_core::{Action, Bundle, BundleFiles, Credential, Kind, Source};
use serde_json::{Map, Value, json};

use crate::cases::Cases;
use crate::scenario::{AskedResource, Token};
use crate::strategies::{Asking, World};
use callers::Callers;
use declared::Declared;
use values::{Values, distinct};

pub(crate) use declared::Declared as Schema;
pub(crate) use mentions::Mentions;

/// Why scenarios cannot be derived from a bundle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DeriveError {
    /// A file of the bundle cannot be read as it is read here.
    #[error("scenarios cannot be derived: {reason}")]
    Unreadable {
        /// Why.
        reason: String,
    },
    /// No source reads tokens in the form of RFC 9068, in which scenarios are written.
    #[error(
        "scenarios cannot be derived: their tokens have the form of RFC 9068, and no source reads it (source `{source_alias}`: \
         {reason}); fill a `World` by hand"
    )]
    OtherForm {
        /// The first source.
        source_alias: String,
        /// What it makes of such a token.
        reason: String,
    },
}

impl World {
    /// Scenarios about the bundle in `files`, which loads as `bundle`.
    ///
    /// Resources and facts have the types that the schema declares, with values around those that policies compare with: a word
    /// that a policy names and one that none does, a time at a limit and a second beyond it. Callers are people, services
    /// and agents, those that the bundle names and strangers, alone and for each other.
    ///
    /// Tokens have the form of RFC 9068, of all sources that read it, most of them of the first. A source whose profile reads
    /// another form, or has names of scopes of its own, is left out. Where a source takes everybody for a service, its
    /// credentials are API keys.
    ///
    /// # Errors
    ///
    /// If no source reads such tokens.
    pub fn of_bundle(files: &BundleFiles, bundle: &Bundle) -> Result<Self, DeriveError> {
        let unreadable = |reason| DeriveError::Unreadable { reason };
        let declared = Declared::read(files.get("schema.cedarschema").unwrap_or_default()).map_err(unreadable)?;
        let mentions = Mentions::of(files).map_err(unreadable)?;
        let source = readable_source(bundle)?;
        let mut values = Values { mentions: &mentions, ids: ids(files, &declared, &mentions)?, now: Cases::now() };
        let several = bundle.sources().aliases().count() > 1;
        let callers = |source: &'_ Source, values: &'_ Values<'_>| -> Credentials {
            let prefix = several.then(|| format!("{}|", source.alias()));
            let callers = Callers { declared: &declared, values, settings: source.settings(), prefix };
            Credentials {
                subjects: callers.subjects(),
                actors: callers.actors(),
                claims: callers.claims(),
                keys: callers.keys(),
            }
        };
        let Credentials { subjects, actors, claims, .. } = callers(source, &values);
        let mut world = Self::new(source.alias(), values.now);
        for other in sources(bundle).filter(|other| other.alias() != source.alias()) {
            let credentials = callers(other, &values);
            if reads_keys(bundle, other) {
                let key = |claims| Token { credential: Credential::ApiKey, ..Token::new(other.alias(), claims) };
                world.others.extend(credentials.keys.into_iter().map(key));
            } else if probe(bundle, other).is_ok() {
                world.others.extend(credentials.subjects.into_iter().map(|claims| Token::new(other.alias(), claims)));
            }
        }
        let own = subjects.iter().map(|subject| Token::new(source.alias(), subject.clone()));
        for token in own.chain(world.others.iter().cloned()) {
            // With several sources, ids name them. Resources do, too.
            let Ok(caller) = bundle.sources().read(token.verified()) else { continue };
            let ids = values.ids.entry(caller.subject().kind.entity_type().to_owned()).or_default();
            ids.retain(|id| Some(id.as_str()) != token.claims.get("sub").and_then(Value::as_str));
            if !ids.contains(&caller.subject().id) {
                ids.push(caller.subject().id.clone());
            }
        }
        let wire_names: Vec<String> = bundle.scopes().iter().map(|scope| scope.wire_name().to_string()).collect();
        // What the schema calls a scope is unknown where tokens call it otherwise.
        let names = bundle.scopes().iter().map(|scope| scope.name().to_string());
        let unknown = names.filter(|name| !wire_names.contains(name));
        world.scopes = wire_names.iter().cloned().chain(unknown).collect();
        (world.subjects, world.actors, world.claims) = (subjects, actors, claims);
        world.tenant_claim = callers::tenant_claim(&declared);
        world.ips = values.peers();
        world.requests = requests(bundle, &declared, &values);
        Ok(world)
    }
}

/// What callers of one source show.
struct Credentials {
    subjects: Vec<Map<String, Value>>,
    actors: Vec<Map<String, Value>>,
    claims: Vec<(String, Vec<Value>)>,
    keys: Vec<Map<String, Value>>,
}

fn sources(bundle: &Bundle) -> impl Iterator<Item = &Source> {
    bundle.sources().aliases().filter_map(|alias| bundle.sources().get(alias))
}

/// The first source that takes a token in the form of RFC 9068 for what it is.
fn readable_source(bundle: &Bundle) -> Result<&Source, DeriveError> {
    let mut first = None;
    for source in sources(bundle) {
        match probe(bundle, source) {
            Ok(()) => return Ok(source),
            Err(reason) if first.is_none() => {
                first = Some(DeriveError::OtherForm { source_alias: source.alias().to_owned(), reason });
            }
            Err(_) => {}
        }
    }
    Err(first.unwrap_or(DeriveError::Unreadable { reason: "the bundle has no source".to_owned() }))
}

/// Reads a token of a service, which every source with this profile may confer, and compares.
fn probe(bundle: &Bundle, source: &Source) -> Result<(), String> {
    let settings = source.settings();
    if !settings.scope_names.is_empty() || settings.actor_profile_required {
        return Err("it has names of scopes of its own, or demands actor profiles".to_owned());
    }
    if reads_keys(bundle, source) {
        return Err("it takes everybody for a service".to_owned());
    }
    let now = Cases::now().as_secs();
    let claims = json!({
        "iss": callers::ISSUER, "sub": "probe", "client_id": "probe", "sub_profile": "service", "scope": "a b",
        "roles": ["r"], "iat": now, "exp": now + 600,
    });
    let claims = claims.as_object().cloned().unwrap_or_default();
    let caller =
        bundle.sources().read(Token::new(source.alias(), claims).verified()).map_err(|error| error.to_string())?;
    let scopes = caller.scopes().is_some_and(|scopes| scopes == ["a", "b"]);
    if caller.subject().kind == Kind::Service && caller.client() == Some("probe") && scopes {
        Ok(())
    } else {
        Err("it reads other claims".to_owned())
    }
}

/// Whether `source` takes everybody for a service, as that of API keys does.
fn reads_keys(bundle: &Bundle, source: &Source) -> bool {
    let claims = json!({ "sub": "probe", "client_id": "another", "sub_profile": "user", "scope": "a b" });
    let claims = claims.as_object().cloned().unwrap_or_default();
    let token = Token { credential: Credential::ApiKey, ..Token::new(source.alias(), claims) };
    bundle.sources().read(token.verified()).is_ok_and(|caller| caller.subject().kind == Kind::Service)
}

/// The entities that `entities.json` and policies name, those of principals with people whom nobody names.
fn ids(
    files: &BundleFiles,
    declared: &Declared,
    mentions: &Mentions,
) -> Result<BTreeMap<String, Vec<String>>, DeriveError> {
    let mut ids: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for (ty, known) in &mentions.entities {
        ids.entry(ty.clone()).or_default().extend(known.iter().cloned());
    }
    let text = files.get("entities.json").unwrap_or("[]");
    let entities: Vec<Value> = serde_json::from_str(text)
        .map_err(|error| DeriveError::Unreadable { reason: format!("entities.json: {error}") })?;
    for entity in &entities {
        let part = |key: &str| entity.get("uid")?.get(key)?.as_str().map(str::to_owned);
        if let (Some(ty), Some(id)) = (part("type"), part("id")) {
            ids.entry(ty).or_default().push(id);
        }
    }
    if declared.knows("User") {
        ids.entry("User".to_owned()).or_default().extend(["ann".to_owned(), "bob".to_owned()]);
    }
    for kind in Kind::ALL {
        ids.entry(kind.entity_type().to_owned()).or_default();
    }
    Ok(ids.into_iter().map(|(ty, ids)| (ty, distinct(ids))).collect())
}

fn requests(bundle: &Bundle, declared: &Declared, values: &Values<'_>) -> Vec<Asking> {
    let mut requests = Vec::new();
    for action in bundle.actions() {
        let mut facts = vec![Value::Null];
        let members = declared.facts(action.name());
        if !members.is_empty() {
            facts = values.records(&members);
            facts.extend([Value::Null, json!({ "unheard-of": true })]);
        }
        let mut resources = resources(action, declared, values);
        if resources.is_empty() {
            // Of a public action without `appliesTo`.
            resources.push(AskedResource::bare("", ""));
        }
        requests.push(Asking::new(action.name(), resources).with_facts(facts));
    }
    // What nobody can ask for, and what there is not.
    let wrong = AskedResource::bare("Nothing", "nothing");
    let any = requests.iter().find_map(|asking| asking.resources.first().cloned()).unwrap_or(wrong.clone());
    let names = declared
        .groups()
        .filter(|name| bundle.action(name).is_none())
        .take(1)
        .map(str::to_owned)
        .chain(["NoSuchAction".to_owned()]);
    let unfit: Vec<Asking> = names.map(|name| Asking::new(name, vec![any.clone()])).collect();
    let mistyped = bundle.actions().find(|action| !action.is_public());
    requests.extend(unfit);
    requests.extend(mistyped.map(|action| Asking::new(action.name(), vec![wrong])));
    requests
}

/// Resources of every type that `action` applies to.
fn resources(action: &Action, declared: &Declared, values: &Values<'_>) -> Vec<AskedResource> {
    let mut resources = Vec::new();
    for entity_type in action.resource_types().map(ToString::to_string) {
        let enumerated = declared.enumerated(&entity_type);
        let ids = if enumerated.is_empty() { values.ids(&entity_type) } else { enumerated };
        let members = declared.attributes(&entity_type);
        let is_principal = Kind::ALL.iter().any(|kind| kind.entity_type() == entity_type);
        let parents = declared.parents(&entity_type);
        let nothing_else = members.is_empty() && parents.is_empty();
        if is_principal || nothing_else {
            resources.extend(ids.iter().map(|id| AskedResource::bare(&entity_type, id)));
        }
        if nothing_else {
            continue;
        }
        let first = ids.first().cloned().unwrap_or_default();
        let whole = |id: &str, attributes| AskedResource::bare(&entity_type, id).with_attributes(attributes);
        let records = values.records(&members);
        // Principals are told apart by more than what is loaded of them, other resources are not.
        let all = if is_principal { ids.as_slice() } else { std::slice::from_ref(&first) };
        let wholes = || all.iter().cycle().zip(&records).map(|(id, attributes)| whole(id, attributes.clone()));
        resources.extend(wholes());
        let plain = records.first().cloned().unwrap_or_else(|| json!({}));
        for (ty, id) in parents.iter().flat_map(|ty| values.ids(ty).into_iter().map(move |id| (*ty, id))) {
            resources.extend(wholes().take(MOST_INSIDE).map(|whole| whole.within(ty, &id)));
        }
        resources.extend(ids.iter().skip(1).map(|id| whole(id, plain.clone())));
        resources.push(AskedResource::bare(&entity_type, &first));
        resources.push(whole(&first, json!({ "unheard-of": true })));
    }
    resources
}

/// Resources that are in something, for each place.
const MOST_INSIDE: usize = 12;
