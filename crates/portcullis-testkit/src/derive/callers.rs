//! Tokens of every kind of caller, in the form of RFC 9068.

use std::collections::BTreeSet;

use portcullis_core::{Kind, SourceSettings, UnlistedClients};
use serde_json::{Map, Value, json};

use super::declared::Declared;
use super::values::{Values, distinct, sets};

/// What callers are made of.
#[derive(Debug)]
pub(super) struct Callers<'a> {
    pub(super) declared: &'a Declared,
    pub(super) values: &'a Values<'a>,
    pub(super) settings: &'a SourceSettings,
    /// With what the ids of this source's principals begin, where there are others.
    pub(super) prefix: Option<String>,
}

impl Callers<'_> {
    fn knows(&self, kind: Kind) -> bool {
        self.declared.knows(kind.entity_type())
    }

    /// The principals of this source that the bundle names, and two that it does not, as the source calls them.
    fn known(&self, kind: Kind) -> Vec<String> {
        let known = if self.knows(kind) { self.values.ids(kind.entity_type()) } else { Vec::new() };
        let known = known.into_iter().filter_map(|id| self.local(id));
        known.filter(|id| !STRANGERS.contains(&id.as_str())).collect()
    }

    /// The name at this source of the principal `id`; `None` if it is another source's.
    fn local(&self, id: String) -> Option<String> {
        let Some(prefix) = &self.prefix else { return Some(id) };
        match id.strip_prefix(prefix) {
            Some(local) => Some(local.replace("%7C", "|").replace("%25", "%")),
            None => (!id.contains('|')).then_some(id),
        }
    }

    /// The API keys of the services that the bundle names, and of one that it does not: what their verifier says of them.
    pub(super) fn keys(&self) -> Vec<Map<String, Value>> {
        if !self.knows(Kind::Service) {
            return Vec::new();
        }
        let now = self.values.now.as_secs();
        let owners = self.known(Kind::Service).into_iter().chain(["a-service".to_owned()]);
        let key = |owner: String| {
            object(json!({ "sub": owner, "client_id": owner, "jti": "k1", "iat": now - 60, "exp": now + 600 }))
        };
        owners.map(key).collect()
    }

    /// Clients through which people act: first one that sends scopes.
    fn clients_of_people(&self) -> Vec<String> {
        let people = &self.settings.person_clients;
        let (exempt, others): (Vec<_>, Vec<_>) =
            people.iter().cloned().partition(|client| self.settings.consent.user.contains(client));
        let unlisted = self.settings.unlisted_clients.is_none_or(|unlisted| unlisted == UnlistedClients::Person);
        others.into_iter().chain(unlisted.then(|| "app".to_owned())).chain(exempt).collect()
    }

    pub(super) fn subjects(&self) -> Vec<Map<String, Value>> {
        let mut subjects = Vec::new();
        if self.knows(Kind::User) {
            let clients = self.clients_of_people();
            let clients = if clients.is_empty() { vec!["app".to_owned()] } else { clients };
            for client in &clients {
                let people = self.known(Kind::User).into_iter();
                subjects.extend(people.map(|id| self.token(&id, json!({ "client_id": client }))));
            }
        }
        for (kind, stranger) in [(Kind::Service, "a-service"), (Kind::Agent, "an-agent")] {
            if self.knows(kind) {
                let profile = if kind == Kind::Agent { json!("ai_agent") } else { json!("service") };
                let ids = self.known(kind).into_iter().chain([stranger.to_owned()]);
                subjects.extend(ids.map(|id| self.token(&id, json!({ "client_id": id, "sub_profile": profile }))));
            }
        }
        subjects
    }

    fn token(&self, sub: &str, more: Value) -> Map<String, Value> {
        let now = self.values.now.as_secs();
        let mut token = object(json!({ "iss": ISSUER, "sub": sub, "iat": now - 60, "exp": now + 600 }));
        token.extend(object(more));
        token
    }

    /// Nobody, everybody the bundle names, strangers of each kind, chains, and clients that are agents.
    pub(super) fn actors(&self) -> Vec<Map<String, Value>> {
        let mut acts = Vec::new();
        for kind in [Kind::Agent, Kind::Service] {
            let profile = if kind == Kind::Agent { "ai_agent" } else { "service" };
            let stranger = if kind == Kind::Agent { "an-agent" } else { "a-service" };
            let ids = self.known(kind).into_iter().chain([stranger.to_owned()]);
            acts.extend(ids.map(|id| json!({ "sub": id, "sub_profile": profile })));
        }
        acts.push(json!({ "sub": "support", "sub_profile": "user" }));
        acts.push(json!({ "sub": "somebody" }));
        if let (Some(first), Some(stranger)) = (acts.first().cloned(), acts.last().cloned()) {
            for (mut outer, inner) in [(first.clone(), stranger.clone()), (stranger, first)] {
                if let Some(outer) = outer.as_object_mut() {
                    outer.insert("act".to_owned(), inner);
                }
                acts.push(outer);
            }
        }
        // Also those that are called like an agent of the bundle, and that the source does not list.
        let clients: BTreeSet<String> =
            self.settings.agent_clients.iter().cloned().chain(self.known(Kind::Agent)).collect();
        let clients = clients.into_iter().chain(["a-client".to_owned()]);
        let clients = clients.map(|client| object(json!({ "client_id": client })));
        // In most scenarios nobody acts: `World` takes the first half of the time, and half of the rest go to people.
        let nobody = std::iter::once(Map::new());
        nobody.chain(acts.into_iter().map(|act| object(json!({ "act": act })))).chain(clients).collect()
    }

    /// Lists of grants, facts of the login, and what principals have from claims.
    pub(super) fn claims(&self) -> Vec<(String, Vec<Value>)> {
        let mut claims = Vec::new();
        for (claim, entity_type) in [("roles", "Role"), ("groups", "Group"), ("entitlements", "Entitlement")] {
            let kinds =
                Kind::ALL.iter().filter(|kind| self.declared.parents(kind.entity_type()).contains(&entity_type));
            if kinds.count() > 0 {
                let ids: Vec<Value> = self.values.ids(entity_type).into_iter().map(Value::from).collect();
                let mut lists = vec![Value::Array(ids.clone())];
                lists.extend(sets(&ids));
                lists.extend([json!(["unheard-of"]), Value::Null]);
                claims.push((claim.to_owned(), lists));
            }
        }
        let texts = |name: &str| self.values.strings(name).into_iter().map(Value::from);
        claims.push(("acr".to_owned(), texts("acr").chain([Value::Null]).collect()));
        claims.push(("auth_time".to_owned(), self.logins()));
        let methods: Vec<Value> = texts("amr").collect();
        claims.push(("amr".to_owned(), [Value::Null].into_iter().chain(sets(&methods)).collect()));
        let mut seen = BTreeSet::new();
        for kind in Kind::ALL {
            for member in self.declared.attributes(kind.entity_type()) {
                let Some(claim) = member.claim.filter(|claim| seen.insert(claim.clone())) else { continue };
                let mut values = self.values.of(&member.name, &member.shape);
                values.push(Value::Null);
                claims.push((claim, values));
            }
        }
        claims
    }

    /// A minute ago, each age that policies know, a second more, one in the future.
    fn logins(&self) -> Vec<Value> {
        let now = self.values.now.as_secs();
        let ages = self.values.mentions.durations.iter().map(|age| i64::try_from(age.as_secs()).unwrap_or(i64::MAX));
        let ages = ages.flat_map(|age| [age, age.saturating_add(1)]);
        let ages = distinct([60].into_iter().chain(ages).chain([-3_600]));
        let times = ages.into_iter().map(|age| json!(now.saturating_sub(age).max(0)));
        times.chain([Value::Null]).collect()
    }
}

/// The claim that fills the attribute `tenant` of some principal.
pub(super) fn tenant_claim(declared: &Declared) -> Option<String> {
    let attributes = Kind::ALL.into_iter().flat_map(|kind| declared.attributes(kind.entity_type()));
    attributes.filter(|attribute| attribute.name == "tenant").find_map(|attribute| attribute.claim)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

/// Ids that no bundle is expected to name.
const STRANGERS: [&str; 2] = ["an-agent", "a-service"];

pub(super) const ISSUER: &str = "https://issuer.example.com";
