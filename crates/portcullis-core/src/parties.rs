//! The principals of a request, with everything that policies may know of them.

use std::borrow::Cow;
use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::OnceLock;

use cedar_policy::{Entities, Entity, EntityUid, RestrictedExpression};
use serde_json::Value;

use crate::bundle::{Bundle, NAMESPACE, Named, PrincipalKey};
use crate::caller::{Actor, Caller, Listing};
use crate::claims::Kind;
use crate::session::{PrincipalFacts, SessionError};
use crate::typed::Origin;

/// The principals of a request.
#[derive(Debug)]
pub(crate) struct Parties {
    pub(crate) subject: Party,
    pub(crate) actor: Option<Party>,
    store: OnceLock<Result<Entities, String>>,
}

/// A principal with all of its ancestors.
#[derive(Debug)]
pub(crate) struct Party {
    /// `None` for nobody.
    kind: Option<Kind>,
    uid: EntityUid,
    entity: Entity,
    ancestors: HashSet<EntityUid>,
    /// The names by which heads of policies can mean it.
    names: Vec<Named>,
    /// The classes of agents that policies find it in.
    classes: Vec<String>,
    /// Whether `entities.json` says which these are, whatever the token says.
    is_listed: bool,
}

impl Party {
    pub(crate) fn kind(&self) -> Option<Kind> {
        self.kind
    }

    pub(crate) fn uid(&self) -> &EntityUid {
        &self.uid
    }

    pub(crate) fn entity(&self) -> &Entity {
        &self.entity
    }

    pub(crate) fn ancestors(&self) -> &HashSet<EntityUid> {
        &self.ancestors
    }

    pub(crate) fn key(&self) -> PrincipalKey<'_> {
        PrincipalKey { uid: &self.uid, names: &self.names }
    }

    pub(crate) fn classes(&self) -> &[String] {
        &self.classes
    }

    pub(crate) fn is_listed(&self) -> bool {
        self.is_listed
    }
}

impl Parties {
    /// Nobody, for public actions.
    pub(crate) fn anonymous(bundle: &Bundle) -> Option<Self> {
        let name = format!("{NAMESPACE}::Anonymous");
        let uid = bundle.types.entity(&name)?.this.uid("anonymous").ok()?;
        let (entity, ancestors) = (Entity::with_uid(uid.clone()), HashSet::new());
        let names = bundle.principal_names.of(&uid, &ancestors);
        let subject = Party { kind: None, uid, entity, ancestors, names, classes: Vec::new(), is_listed: false };
        Some(Self { subject, actor: None, store: OnceLock::new() })
    }

    /// Whether somebody involved is not a user in person.
    pub(crate) fn include_software(&self) -> bool {
        self.actor.is_some() || self.subject.kind() != Some(Kind::User)
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Party> {
        std::iter::once(&self.subject).chain(&self.actor)
    }

    /// Their entities, as a store to which a question adds its own.
    pub(crate) fn store(&self) -> Result<&Entities, String> {
        let make = || {
            let parties = self.iter().map(Party::entity).cloned();
            Entities::from_entities(parties, None).map_err(|error| error.to_string())
        };
        self.store.get_or_init(make).as_ref().map_err(Clone::clone)
    }

    pub(crate) fn new(bundle: &Bundle, caller: &Caller, known: &PrincipalFacts) -> Result<Self, SessionError> {
        let subject = caller.subject();
        let builder = PartyBuilder::new(bundle, subject.kind, &subject.id)?;
        let subject = builder.with_claims(caller)?.with_class(subject.class.as_deref()).with_known(known)?.build()?;
        let actor = match caller.actor() {
            Some(actor) => {
                Some(PartyBuilder::new(bundle, actor.kind, &actor.id)?.with_class(actor.class.as_deref()).build()?)
            }
            None => None,
        };
        Ok(Self { subject, actor, store: OnceLock::new() })
    }
}

struct PartyBuilder<'a> {
    bundle: &'a Bundle,
    kind: Kind,
    uid: EntityUid,
    parents: HashSet<EntityUid>,
    attributes: HashMap<String, RestrictedExpression>,
    /// Entity types of which the memberships are not known.
    unknown: BTreeSet<&'static str>,
    /// Whether `entities.json` may speak of this principal.
    known: bool,
}

impl<'a> PartyBuilder<'a> {
    fn new(bundle: &'a Bundle, kind: Kind, id: &str) -> Result<Self, SessionError> {
        let shape = bundle.types.entity(kind.entity_type());
        let uid = shape.and_then(|shape| shape.this.uid(id).ok()).ok_or_else(|| SessionError::Principal {
            entity_type: kind.entity_type().to_owned(),
            problem: "the schema does not declare it".to_owned(),
        })?;
        Ok(Self {
            bundle,
            kind,
            uid,
            parents: HashSet::new(),
            attributes: HashMap::new(),
            unknown: BTreeSet::new(),
            known: true,
        })
    }

    /// Adds what the token says of the subject.
    fn with_claims(mut self, caller: &Caller) -> Result<Self, SessionError> {
        let lists = [
            ("Role", caller.roles()),
            ("Group", caller.groups()),
            ("Permission", caller.permissions()),
            ("Entitlement", caller.entitlements()),
        ];
        for (entity_type, list) in lists {
            match list {
                Listing::Known(ids) => ids.iter().for_each(|id| self.join(entity_type, id)),
                Listing::Unknown if self.may_join(entity_type) => drop(self.unknown.insert(entity_type)),
                Listing::Unknown => {}
            }
        }
        let bundle = self.bundle;
        let shape = bundle.types.entity_shape(self.kind.entity_type());
        for (attribute, declared) in shape.into_iter().flat_map(|shape| &shape.attributes) {
            let Some(claim) = declared.annotations.get("claim") else {
                continue;
            };
            // `null` is a value of the wrong type, not an absent claim.
            let Some(value) = claim_at(caller, &claim_path(claim)) else { continue };
            let error =
                |problem: String| SessionError::Claim { claim: claim.clone(), attribute: attribute.clone(), problem };
            let typed =
                declared.ty.of_json(value, Origin::Claim).map_err(|problem| error(problem.problem().to_string()))?;
            let typed = typed.ok_or_else(|| error("is null".to_owned()))?;
            self.attributes.insert(attribute.clone(), typed);
        }
        if let Some(tenant) = caller.tenant()
            && !self.attributes.contains_key("tenant")
            && shape.is_some_and(|shape| shape.attributes.contains_key("tenant"))
        {
            self.attributes.insert("tenant".to_owned(), RestrictedExpression::new_string(tenant.to_owned()));
        }
        Ok(self)
    }

    /// Adds what the application knows of the subject.
    fn with_known(mut self, known: &PrincipalFacts) -> Result<Self, SessionError> {
        for (entity_type, id) in &known.memberships {
            self.join(entity_type, id);
        }
        self.unknown.retain(|entity_type| !known.complete.contains(*entity_type));
        let error =
            |problem: String| SessionError::Principal { entity_type: self.kind.entity_type().to_owned(), problem };
        for (attribute, value) in &known.attributes {
            let shape = self.bundle.types.entity_shape(self.kind.entity_type());
            let declared = shape.and_then(|shape| shape.attributes.get(attribute));
            let declared = declared.ok_or_else(|| error(format!("no attribute `{attribute}` is declared")))?;
            let typed = declared.ty.of_json(value, Origin::Resource);
            let typed = typed.map_err(|problem| error(format!("attribute `{attribute}` {}", problem.problem())))?;
            self.attributes.extend(typed.map(|typed| (attribute.clone(), typed)));
        }
        Ok(self)
    }

    /// Adds the class that the token gives an agent.
    fn with_class(mut self, class: Option<&str>) -> Self {
        if let Some(class) = class {
            self.join(AGENT_CLASS, class);
            // A client that nobody looked at must not become an agent of the same name, and get its class.
            self.known = class != Actor::UNLISTED;
        }
        self
    }

    /// Whether principals of this kind may be members of entities of this type.
    fn may_join(&self, entity_type: &str) -> bool {
        self.bundle.types.entity_parents(self.kind.entity_type()).iter().any(|parent| parent == entity_type)
    }

    /// Adds a membership. What the schema does not allow, or `entities.json` does not keep, no policy can name.
    fn join(&mut self, entity_type: &str, id: &str) {
        let kept = self.bundle.entities.kept().get(entity_type);
        if !self.may_join(entity_type) || kept.is_some_and(|ids| !ids.contains(id)) {
            return;
        }
        let uid = self.bundle.types.entity(entity_type).and_then(|parent| parent.this.uid(id).ok());
        self.parents.extend(uid);
    }

    /// Closes the ancestors. `entities.json` wins for identities that it names: its memberships replace the token's, its
    /// attributes take precedence.
    fn build(mut self) -> Result<Party, SessionError> {
        let (bundle, entity_type) = (self.bundle, self.kind.entity_type());
        let mut ancestors = HashSet::new();
        let known = bundle.entities.get(&self.uid).filter(|_| self.known);
        let is_listed = known.is_some();
        if let Some((known, above)) = known {
            let (_, attributes, _) = known.clone().into_inner();
            self.attributes.extend(attributes);
            ancestors.extend(above.iter().cloned());
        } else {
            if let Some(unknown) = self.unknown.iter().find(|unknown| bundle.tests_membership(unknown)) {
                return Err(SessionError::UnknownMemberships { entity_type: (*unknown).to_owned() });
            }
            for parent in self.parents {
                bundle.entities.close(&parent, &mut ancestors);
                ancestors.insert(parent);
            }
        }
        let problem = |problem: String| SessionError::Principal { entity_type: entity_type.to_owned(), problem };
        let shape = bundle.types.entity_shape(entity_type).into_iter().flat_map(|shape| &shape.attributes);
        for (attribute, _) in shape.filter(|(_, declared)| declared.required) {
            if !self.attributes.contains_key(attribute) {
                return Err(problem(format!("attribute `{attribute}` is required, and nobody supplies it")));
            }
        }
        let of_class = |above: &&EntityUid| above.type_name().to_string() == AGENT_CLASS;
        let classes = ancestors.iter().filter(of_class).map(|class| class.id().unescaped().to_owned()).collect();
        let names = bundle.principal_names.of(&self.uid, &ancestors);
        let entity = Entity::new(self.uid.clone(), self.attributes, ancestors.clone())
            .map_err(|error| problem(error.to_string()))?;
        Ok(Party { kind: Some(self.kind), uid: self.uid, entity, ancestors, names, classes, is_listed })
    }
}

/// The members that lead to the claim that `@claim` names: one name, or a JSON Pointer (RFC 6901).
pub(crate) fn claim_path(claim: &str) -> Vec<Cow<'_, str>> {
    match claim.strip_prefix('/') {
        Some(pointer) => pointer.split('/').map(|part| part.replace("~1", "/").replace("~0", "~").into()).collect(),
        None => vec![claim.into()],
    }
}

/// The value to which `path` leads in the claims of `caller`.
pub(crate) fn claim_at<'a>(caller: &'a Caller, path: &[Cow<'_, str>]) -> Option<&'a Value> {
    let (first, rest) = path.split_first()?;
    rest.iter().try_fold(caller.claims().get(first.as_ref())?, |value, part| match value {
        Value::Array(items) => items.get(part.parse::<usize>().ok()?),
        _ => value.get(part.as_ref()),
    })
}

/// The entity type that agents are classified by.
const AGENT_CLASS: &str = "AgentClass";
