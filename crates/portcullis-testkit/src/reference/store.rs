//! Entities and contexts, the slow way: everything is written as JSON, and Cedar parses, checks and closes it.

use std::collections::BTreeSet;

use cedar_policy::{Context, Entities, EntityUid, Schema};
use portcullis_core::{Actor, Caller, Credential, Kind, Layer, Listing, UnixTime};
use serde_json::{Map, Value, json};

use super::Reference;
use crate::decider::Verdict;
use crate::scenario::Scenario;

/// What does not fit the schema.
pub(super) enum Unfit {
    /// The token, so that there is no session.
    Token,
    /// The request.
    Request,
}

impl Unfit {
    pub(super) fn verdict(self) -> Verdict {
        match self {
            Self::Token => Verdict::refused(),
            Self::Request => Verdict::unfit(),
        }
    }
}

impl Reference {
    /// Whether the principals fit the schema: without them there is no session.
    pub(super) fn check_principals(&self, caller: &Caller) -> Result<(), Unfit> {
        let entities = self.principals(caller)?;
        let schema = self.declared.schema(Layer::Roles);
        Entities::from_json_value(entities.into(), Some(schema)).map(drop).map_err(|_| Unfit::Token)
    }

    /// Everything that exists: the static entities, the principals of `caller`, the resource. Cedar adds the actions.
    pub(super) fn entities(
        &self,
        caller: Option<&Caller>,
        scenario: &Scenario,
        schema: &Schema,
    ) -> Result<Entities, Unfit> {
        let mut entities = match caller {
            Some(caller) => self.principals(caller)?,
            None => self.static_entities.clone(),
        };
        let resource = &scenario.resource;
        match place_of(&entities, &resource.entity_type, &resource.id).and_then(|place| entities.get(place)) {
            Some(known) if caller.is_some_and(|caller| is_party(caller, &resource.entity_type, &resource.id)) => {
                self.check_principal_as_resource(known, scenario, schema)?;
            }
            // What is static is what `entities.json` says.
            Some(_) => {}
            None => entities.extend(self.resource(scenario)?),
        }
        Entities::from_json_value(entities.into(), Some(schema)).map_err(|_| Unfit::Request)
    }

    /// The resource, as the application states it; `None` for an id alone, where that is all that anybody asks for.
    fn resource(&self, scenario: &Scenario) -> Result<Option<Value>, Unfit> {
        let resource = &scenario.resource;
        let shape = self.declared.entity_type(&resource.entity_type).ok_or(Unfit::Request)?;
        let Some(stated) = &resource.attributes else {
            let enough = self.declared.is_id_alone(&resource.entity_type) || !self.reads_resource(&scenario.action);
            return if enough { Ok(None) } else { Err(Unfit::Request) };
        };
        let typed = shape.get("shape").map_or_else(|| json!({}), |shape| self.declared.typed(shape, stated));
        let parents = resource.parents.iter().map(|(ty, id)| uid(ty, id)).collect();
        Ok(Some(entity(&resource.entity_type, &resource.id, typed, parents)))
    }

    /// A principal that is the resource, too, is what it is as a principal: if the application says more of it, a `forbid` that
    /// reads it would be disarmed.
    fn check_principal_as_resource(
        &self,
        principal: &Value,
        scenario: &Scenario,
        schema: &Schema,
    ) -> Result<(), Unfit> {
        if !self.reads_resource(&scenario.action) {
            return Ok(());
        }
        let Some(stated) = self.resource(scenario).ok().flatten() else { return Ok(()) };
        let closed = |entity: &Value| {
            let others = self.static_entities.iter().filter(|other| other.get("uid") != entity.get("uid")).cloned();
            let all: Vec<Value> = others.chain([entity.clone()]).collect();
            Entities::from_json_value(all.into(), Some(schema)).map_err(|_| Unfit::Request)
        };
        let id = super::uid(&scenario.resource.entity_type, &scenario.resource.id)?;
        let above = |entities: &Entities| {
            entities.ancestors(&id).into_iter().flatten().map(ToString::to_string).collect::<BTreeSet<_>>()
        };
        let attributes = |entity: &Value| {
            let attributes = entity.get("attrs").and_then(Value::as_object).into_iter().flatten();
            attributes.map(|(name, _)| name.clone()).collect::<BTreeSet<_>>()
        };
        let (said, known) = (closed(&stated)?, closed(principal)?);
        let no_news = attributes(&stated).is_subset(&attributes(principal)) && above(&said).is_subset(&above(&known));
        if no_news { Ok(()) } else { Err(Unfit::Request) }
    }

    /// The static entities and the principals.
    fn principals(&self, caller: &Caller) -> Result<Vec<Value>, Unfit> {
        let mut entities = self.static_entities.clone();
        let subject = caller.subject();
        // A client that nobody lists is nobody whom `entities.json` names, whatever it is called.
        if let Some(Actor { kind, id, .. }) = caller.actor().filter(|actor| is_unlisted(actor.class.as_deref())) {
            entities.retain(|entity| entity.get("uid") != Some(&uid(kind.entity_type(), id)));
        }
        let mut memberships = self.memberships(caller)?;
        memberships.extend(self.class(subject.kind, subject.class.as_deref()));
        self.add_principal(subject.kind, &subject.id, self.claimed(caller), memberships, &mut entities);
        if let Some(actor) = caller.actor() {
            let class = self.class(actor.kind, actor.class.as_deref()).into_iter().collect();
            self.add_principal(actor.kind, &actor.id, Map::new(), class, &mut entities);
        }
        Ok(entities)
    }

    /// The class that the token gives an agent.
    fn class(&self, kind: Kind, class: Option<&str>) -> Option<Value> {
        class
            .filter(|_| self.declared.can_be_in(kind.entity_type(), "AgentClass"))
            .map(|class| uid("AgentClass", class))
    }

    /// `entities.json` wins for identities that it names.
    fn add_principal(
        &self,
        kind: Kind,
        id: &str,
        attributes: Map<String, Value>,
        parents: Vec<Value>,
        entities: &mut Vec<Value>,
    ) {
        let ty = kind.entity_type();
        let Some(known) = place_of(entities, ty, id).and_then(|place| entities.get_mut(place)) else {
            entities.push(entity(ty, id, attributes.into(), parents));
            return;
        };
        let mut joined = attributes;
        joined.extend(known.get("attrs").and_then(Value::as_object).cloned().unwrap_or_default());
        let parents = known.get("parents").and_then(Value::as_array).cloned().unwrap_or_default();
        *known = entity(ty, id, joined.into(), parents);
    }

    /// What the token says of the subject's memberships.
    fn memberships(&self, caller: &Caller) -> Result<Vec<Value>, Unfit> {
        let subject = caller.subject();
        let named = place_of(&self.static_entities, subject.kind.entity_type(), &subject.id).is_some();
        let lists = [
            ("Role", caller.roles()),
            ("Group", caller.groups()),
            ("Permission", caller.permissions()),
            ("Entitlement", caller.entitlements()),
        ];
        let mut parents = Vec::new();
        for (ty, list) in lists {
            if !self.declared.can_be_in(subject.kind.entity_type(), ty) {
                continue;
            }
            match list {
                Listing::Known(ids) => parents.extend(ids.iter().map(|id| uid(ty, id))),
                // Some policy asks for a membership that nobody knows.
                Listing::Unknown if !named && self.policies_mention(&format!("{ty}::\"")) => return Err(Unfit::Token),
                Listing::Unknown => {}
            }
        }
        Ok(parents)
    }

    /// The subject's attributes that the schema takes from claims.
    fn claimed(&self, caller: &Caller) -> Map<String, Value> {
        let kind = caller.subject().kind;
        let claims = Value::Object(caller.claims().clone());
        let value = |claim: &str| if claim.starts_with('/') { claims.pointer(claim) } else { claims.get(claim) };
        let claimed = self.declared.claimed(kind).into_iter();
        let mut attributes: Map<String, Value> =
            claimed.filter_map(|(name, claim)| Some((name.to_owned(), value(claim)?.clone()))).collect();
        if let Some(tenant) = caller.tenant().filter(|_| self.declared.has_attribute(kind.entity_type(), "tenant")) {
            attributes.entry("tenant").or_insert_with(|| tenant.into());
        }
        attributes
    }

    /// What policies of `layer` read beside the entities.
    pub(super) fn context(
        &self,
        layer: Layer,
        caller: Option<&Caller>,
        scenario: &Scenario,
        action: &EntityUid,
    ) -> Result<Context, Unfit> {
        let declared = self.declared.context(&scenario.action).ok_or(Unfit::Request)?;
        let facts = match &scenario.facts {
            Value::Null => json!({}),
            facts => self.declared.typed(declared, facts),
        };
        let mut context = facts.as_object().cloned().ok_or(Unfit::Request)?;
        if context.contains_key("auth") || context.contains_key("now") {
            return Err(Unfit::Request);
        }
        if let Some(caller) = caller {
            context.insert("auth".to_owned(), self.auth(layer, caller, scenario)?);
        }
        context.insert("now".to_owned(), scenario.now.to_string().into());
        let schema = self.declared.schema(layer);
        let context = Context::from_json_value(context.into(), Some((schema, action))).map_err(|_| Unfit::Request)?;
        context.validate(schema, action).map_err(|_| Unfit::Request)?;
        Ok(context)
    }

    fn auth(&self, layer: Layer, caller: &Caller, scenario: &Scenario) -> Result<Value, Unfit> {
        let subject = caller.subject();
        let word = |ty: &str, id: &str| uid(&format!("Portcullis::{ty}"), id);
        let credential = match caller.credential() {
            Credential::ApiKey => "api_key",
            _ => "access_token",
        };
        let mut auth = json!({
            "issuer": caller.issuer(),
            "subject": { "kind": word("Kind", subject.kind.as_str()), "id": subject.id },
            "credential": word("Credential", credential),
            "expires_at": caller.expires_at().unwrap_or(UnixTime::LAST).to_string(),
            "binding": caller.bindings().iter().map(|binding| word("Binding", binding.as_str())).collect::<Vec<_>>(),
            "client": caller.client(),
            "tenant": caller.tenant(),
            "ip": caller.ip().map(|ip| ip.to_string()),
            "acr": caller.acr(),
            "amr": caller.amr(),
            "authenticated_at": login(caller, scenario.now).map(|at| at.to_string()),
        });
        let mut more = Map::new();
        if subject.kind == Kind::User {
            more.insert("user".to_owned(), uid("User", &subject.id));
        }
        if let Some((by, at)) = &scenario.approval {
            if subject.kind != Kind::User || *by != subject.id {
                return Err(Unfit::Request);
            }
            more.insert("approval".to_owned(), json!({ "by": uid("User", by), "at": at.to_string() }));
        }
        if let Some(actor) = caller.actor().filter(|_| layer == Layer::Ceilings) {
            let (kind, id) = (word("Kind", actor.kind.as_str()), &actor.id);
            let actor = match actor.class.as_ref().filter(|_| self.is_believed(actor)) {
                Some(class) => json!({ "kind": kind, "id": id, "depth": actor.depth, "class": class }),
                None => json!({ "kind": kind, "id": id, "depth": actor.depth }),
            };
            more.insert("actor".to_owned(), actor);
        }
        if let Value::Object(members) = &mut auth {
            members.extend(more);
            members.retain(|_, value| !value.is_null());
        }
        Ok(auth)
    }

    /// Whether the token is believed which class the actor is in: not where `entities.json` names it.
    fn is_believed(&self, actor: &Actor) -> bool {
        is_unlisted(actor.class.as_deref())
            || place_of(&self.static_entities, actor.kind.entity_type(), &actor.id).is_none()
    }
}

/// A login up to a minute ahead of our clock counts as now, a later one is not believed.
fn login(caller: &Caller, now: UnixTime) -> Option<UnixTime> {
    let at = caller.authenticated_at()?;
    if at.as_secs() > now.as_secs() + 60 { None } else { Some(at.min(now)) }
}

fn is_unlisted(class: Option<&str>) -> bool {
    class == Some(Actor::UNLISTED)
}

fn uid(ty: &str, id: &str) -> Value {
    json!({ "type": ty, "id": id })
}

fn entity(ty: &str, id: &str, attributes: Value, parents: Vec<Value>) -> Value {
    json!({ "uid": uid(ty, id), "attrs": attributes, "parents": parents })
}

/// Whether the entity is the subject or the actor.
fn is_party(caller: &Caller, ty: &str, id: &str) -> bool {
    let actor = caller.actor().map(|actor| (actor.kind, &actor.id));
    let mut parties = actor.into_iter().chain([(caller.subject().kind, &caller.subject().id)]);
    parties.any(|(kind, known)| kind.entity_type() == ty && known == id)
}

fn place_of(entities: &[Value], ty: &str, id: &str) -> Option<usize> {
    entities.iter().position(|entity| entity.get("uid") == Some(&uid(ty, id)))
}
